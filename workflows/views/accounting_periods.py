"""Accounting periods as they are shown."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PeriodView:
    """A month (YYYY-MM) in the provider's time zone: open, or closed by whom, when and why.

    Its span is half-open. `adjustments` is how many ledger transactions that belong in it were recorded after
    it. `allowed_actions` has `close` or `reopen` where that is possible now.
    """

    period: str
    state: str
    starts_at: datetime
    ends_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    reason: str | None
    adjustments: int
    allowed_actions: list[str]


@dataclass(frozen=True, slots=True)
class PeriodEvent:
    """Who closed or reopened a period, when and why; `action` is `closed` or `reopened`."""

    at: datetime
    action: str
    actor: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class PeriodDetail(PeriodView):
    """One accounting period with its history, the latest first."""

    history: list[PeriodEvent]


@dataclass(frozen=True, slots=True)
class AdjustmentView:
    """A change of a closed accounting period (YYYY-MM), which is effective at the start of the open one."""

    period: str
    effective_at: datetime
