"""What a replay finds, as it is shown: whole minutes, money in minor units."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from workflows.views import MoneyView

Change = Literal["outcome", "contract", "terms", "charge"]


@dataclass(frozen=True, slots=True)
class ResultView:
    """What a decision comes to. `type` is of the contract that a rule makes, or of the one it takes."""

    outcome: str
    rule: str
    contract: str | None
    contract_number: str | None
    type: str | None


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """One decision that would differ, or whose work would be charged otherwise.

    The minutes are those worked while the decision stood, by what paid for them: grant, covered, carried,
    ignored, overage, or not_worked for a request that would have waited.
    """

    decision: str
    service_request: str | None
    number: str | None
    decided_at: datetime
    cause: str
    changes: list[Change]
    before: ResultView
    after: ResultView
    worked_minutes: int
    chargeable_before: int
    chargeable_after: int
    minutes_before: dict[str, int]
    minutes_after: dict[str, int]
    overage_before: MoneyView
    overage_after: MoneyView


@dataclass(frozen=True, slots=True)
class MoveView:
    """Decisions that would differ in the same way: from one result to another, and what that moves."""

    before: ResultView
    after: ResultView
    decisions: int
    moved_minutes: int
    overage_change_minor: int


@dataclass(frozen=True, slots=True)
class OverageView:
    """What is billed for time over, as it was and as it would be."""

    currency: str
    before_minor: int
    after_minor: int
    change_minor: int


@dataclass(frozen=True, slots=True)
class SummaryView:
    """The sums of a replay.

    `differ` counts decisions that come to something else; `by_another_rule` those that come to the same by
    another rule, which are not among the differences; `charged_otherwise` those that differ by what their
    work is charged alone. `moved_minutes` are chargeable minutes that another contract, or none, would pay.
    """

    decisions: int
    differ: int
    by_another_rule: int
    charged_otherwise: int
    worked_minutes: int
    moved_minutes: int
    minutes_before: dict[str, int]
    minutes_after: dict[str, int]
    overage: list[OverageView]
    moves: list[MoveView]
    moves_left_out: int


@dataclass(frozen=True, slots=True)
class ReplayView:
    """A replay that was asked for: how far it is, and its sums when it is done.

    `lost` tells that the process which ran it is silent: a job takes it up again. `error` says why it
    failed, or who stopped it.
    """

    id: str
    state: Literal["running", "done", "failed", "cancelled"]
    version: str
    from_at: datetime
    to_at: datetime
    asked_by: str
    asked_at: datetime
    decisions_done: int
    decisions: int | None
    summary: SummaryView | None
    error: str | None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A replay that is done, with its first differences; `more` tells that there are others."""

    id: str
    summary: SummaryView
    differences: list[DifferenceView]
    more: bool
