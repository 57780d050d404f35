"""The results of a replay as they are shown: whole minutes, money in minor units."""

from dataclasses import field
from datetime import datetime
from typing import Literal

from workflows.views import MoneyView
from workflows.views.base import View, view

Change = Literal["outcome", "contract", "terms", "charge"]


@view
class ResultView(View):
    """The result of a decision. `type` is that of the contract that a rule creates or takes."""

    outcome: str
    rule: str
    contract: str | None
    contract_number: str | None
    type: str | None


@view
class InvoiceChangeView(View):
    """What an invoice bills of the replayed work and contracts, and what it would; net, in minor units.

    `invoice` is None for what is not on an invoice yet, or would be on another one; `number` is None for a
    draft, too.
    """

    invoice: str | None
    number: str | None
    currency: str
    before_minor: int
    after_minor: int
    change_minor: int


@view
class DifferenceView(View):
    """One decision that would differ, or whose work would be charged differently.

    The minutes are those worked while the decision was in force, by what paid for them: grant, covered,
    carried, ignored, overage, or not_worked for a service request that would have waited. The prices are
    those of the work by rate cards; None in a replay of an older program.
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
    price_before: MoneyView | None = None
    price_after: MoneyView | None = None
    invoices: list[InvoiceChangeView] = field(default_factory=list)


@view
class MoveView(View):
    """Decisions that would change from one result to the same other one, with minutes and money moved."""

    before: ResultView
    after: ResultView
    decisions: int
    moved_minutes: int
    overage_change_minor: int


@view
class OverageView(View):
    """Overage billed, or the price of work by rate cards, in one currency, before and after."""

    currency: str
    before_minor: int
    after_minor: int
    change_minor: int


@view
class SummaryView(View):
    """The totals of a replay.

    `differ` counts decisions with another result; `by_another_rule` those with the same result by another
    rule, which are not among the differences; `charged_otherwise` those that differ only in the charge of
    their work. `moved_minutes` are chargeable minutes that another contract, or none, would pay. `prices` are
    those of all this work by rate cards. `invoices` are those that would differ, the largest changes first.
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
    prices: list[OverageView] = field(default_factory=list)
    invoices: list[InvoiceChangeView] = field(default_factory=list)
    invoices_left_out: int = 0


@view
class ReplayView(View):
    """A replay that was started: its progress, and its totals when it is done.

    `lost` is true if the process that runs it has sent no heartbeat: a job will run it again. `error` says
    why it failed, or who cancelled it.
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


@view
class ReplayResult(View):
    """A replay that is done, with its first differences; `more` is true if there are others."""

    id: str
    summary: SummaryView
    differences: list[DifferenceView]
    more: bool
