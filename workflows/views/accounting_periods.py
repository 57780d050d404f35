"""Accounting periods as they are shown."""

from dataclasses import field
from datetime import datetime

from workflows.views import MoneyView
from workflows.views.base import View, view


@view
class PeriodView(View):
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


@view
class PeriodEvent(View):
    """Who closed or reopened a period, when and why; `action` is `closed` or `reopened`."""

    at: datetime
    action: str
    actor: str
    reason: str | None


@view
class PeriodDetail(PeriodView):
    """One accounting period with its history, the latest first."""

    history: list[PeriodEvent]


@view
class ChecklistPoint(View):
    """A step of the checklist of a month: how many records are open, and whether that is done.

    `name` is unapproved_entries, to_invoice, drafts, bank_entries, failed_jobs, failed_messages, or revenue,
    which counts contracts whose revenue closing will post; `amounts` is that revenue.
    """

    name: str
    count: int
    is_done: bool
    amounts: list[MoneyView] = field(default_factory=list)


@view
class PeriodChecklist(View):
    """What is to be done before a month is closed; with steps that are not done, closing takes a reason."""

    period: str
    points: list[ChecklistPoint]
    is_done: bool


@view
class AdjustmentView(View):
    """A change of a closed accounting period (YYYY-MM), which is effective at the start of the open one."""

    period: str
    effective_at: datetime
