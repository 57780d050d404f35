"""Service requests, their work and their history as they are shown. Whole minutes."""

from dataclasses import field
from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from engine.contracts import ExcludedTime
from engine.sla_clock import TargetState
from engine.work_approval import WorkEntryState
from workflows.views import MoneyView
from workflows.views.accounting_periods import AdjustmentView
from workflows.views.base import View, view

ChangedSince = Literal["rules", "rounding", "time_zone", "cascade"]
"""What work is charged by as it was when it was done, although the desk's is another today."""
MailState = Literal["waiting", "failed", "given_up", "delivered", "logged"]
ContractOver = Literal["expired", "cancelled", "ended", "exhausted"]


@view
class CoverageView(View):
    """The current decision in short: `contract` covers the request, was created for it, or is waited for.

    `contract_over` says why the covering contract no longer pays: expired, cancelled, ended with a service
    request, or exhausted. It is None while the contract pays, and if there is none.

    All of the contract is None if it may not be named to the user: a customer whose request is covered by a
    contract that another customer holds now.
    """

    decision: str
    outcome: str
    rule: str
    why: str
    contract: str | None
    contract_number: str | None
    contract_type: str | None
    contract_ends_on: date | None
    minutes_left: int | None
    incidents_left: int | None
    money_left: MoneyView | None
    contract_over: ContractOver | None = None


@view
class ServiceRequestView(View):
    """A service request; `coverage` is None if contracts were off when it was logged.

    `paused_at` is the instant at which the service level clock stopped: on hold, while waiting for a
    contract, and from the resolution on. Until it runs again, `response_due_at` and `resolution_due_at` of a
    target that is not done are as of that instant: they will move by the time for which it is stopped.
    Minutes left are working minutes of the level's calendar, rounded down: 0 for a missed target, None for
    one that is done or cancelled, and in lists. `response_due_data` and `resolution_due_data` are the
    versions of time zone and holiday data that gave the due instants; None where they are not known.

    `merged_into` is the id of the request into which a merged one was merged: only lists have such a one.

    For a customer, `item` and `org_unit` are None if they name what the customer may not see; `created_by` is
    "Another person" for an earlier customer of the service request.
    """

    id: str
    number: str
    subject: str
    description: str | None
    customer: str
    customer_name: str
    item: str | None
    item_number: str | None
    item_name: str | None
    org_unit: str | None
    org_unit_name: str | None
    priority: str
    work_type: str | None
    channel: str | None
    state: str
    on_hold_reason: str | None
    technician: str | None
    technician_name: str | None
    coverage: CoverageView | None
    before_contracts: bool
    opened_at: datetime
    started_at: datetime | None
    responded_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    resolution: str | None
    auto_close_at: datetime | None
    sla: str | None
    response_due_at: datetime | None
    response_due_data: str | None
    response_state: TargetState | None
    response_minutes_left: int | None
    resolution_due_at: datetime | None
    resolution_due_data: str | None
    resolution_state: TargetState | None
    resolution_minutes_left: int | None
    paused_at: datetime | None
    worked_minutes: int
    chargeable_minutes: int
    allowed_triggers: list[str]
    created_by: str
    version: int
    merged_into: str | None = None


@view
class AllocationView(View):
    """Chargeable minutes of a work entry and what pays for them; `amount` is what a grant of money pays.

    `held`: the grant holds them until the entry is approved.
    `contract`, its number and `grant` are None, too, if the contract may not be named to the user.
    `borrowed`: the minutes are drawn ahead on the month after the one of the work. `by_month`: what the
    contract lacked waits for its next months, and for the holder's next contract after the last of them.
    `why` says in words which contract excludes time that is not billed, and what it excludes.
    """

    kind: str
    contract: str | None
    contract_number: str | None
    grant: str | None
    minutes: int
    amount: MoneyView | None = None
    borrowed: bool = False
    held: bool = False
    by_month: bool = False
    why: str | None = None


@view
class SegmentView(View):
    """A part of a work entry with one percentage and one rate; `to` is None if all counts at `from`.

    `worked_minutes` and `rounded_minutes` are its shares of the entry's. `rate` is the price of an hour and
    `price` that of its chargeable minutes: None without a rate, and for users who see no prices. `rule` is
    the id of the charging rule, `rate_rule` that of the rate card; `why` is the reason of the charging rule.
    `excluded`: the rule excludes it from the covering contract. The next contract pays (`next_contract`), it
    is billed (`bill`), or nobody pays (`free`).
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(serialize_by_alias=True)

    from_: Annotated[datetime, Field(alias="from")]
    to: datetime | None
    worked_minutes: int
    rounded_minutes: int
    percent: int
    chargeable_minutes: int
    rule: str | None
    why: str | None
    rate: MoneyView | None
    rate_rule: str | None
    price: MoneyView | None
    excluded: ExcludedTime | None


@view
class WorkEntryView(View):
    """Time worked, the minutes charged and who pays; without `ended_at` all counts at `started_at`.

    `adjustment` is how a change of the entry would be recorded, where it lies in a closed accounting period.
    `price` is the sum of its segments' prices, None if one of them has none. `segments` is empty for an entry
    that is not billable; `not_billable_reason` is why, where it was given. `decided_by` and `decision_reason`
    are None for one that was approved at once, and for customers. `needs_reason`: only a supervisor may
    change it, with a reason. `unapproved_minutes` were logged beyond what the customer has approved; the
    reason is for staff.
    """

    id: str
    service_request: str
    technician: str
    technician_name: str
    started_at: datetime
    ended_at: datetime | None
    worked_minutes: int
    chargeable_minutes: int
    charge_why: str | None
    billable: bool
    not_billable_reason: str | None
    work_type: str | None
    note: str | None
    segments: list[SegmentView]
    price: MoneyView | None
    allocations: list[AllocationView]
    created_at: datetime
    version: int
    state: WorkEntryState
    decided_at: datetime | None
    decided_by: str | None
    decision_reason: str | None
    needs_reason: bool
    adjustment: AdjustmentView | None = None
    unapproved_minutes: int = 0
    unapproved_reason: str | None = None


@view
class ListedWorkView(View):
    """A work entry in a list over all service requests."""

    service_request_number: str
    subject: str
    customer: str
    customer_name: str
    entry: WorkEntryView


@view
class DecidedWorkView(View):
    """The entries that were approved or rejected together, in the order given."""

    items: list[WorkEntryView]


@view
class MovedWorkView(View):
    """Another work entry that would be drawn from elsewhere, with its allocations before and after.

    `moved_from` is the number of the service request that it leaves; None if it stays.
    """

    id: str
    service_request: str
    service_request_number: str
    started_at: datetime
    before: list[AllocationView]
    after: list[AllocationView]
    moved_from: str | None = None


@view
class RequiredApproval(View):
    """Work past what a contract pays, or past its limit, that the customer has not approved: in words, and
    what to do.

    `is_refused` is whether it cannot be saved; otherwise it would be marked as beyond approval.
    `service_request` is the id of the request that needs the approval. Minutes are whole; `missing_amount`
    is what the missing ones cost, for those who see prices. `service_requests` are the numbers of others
    whose work would be pushed past it.
    """

    detail: str
    remedy: str
    is_refused: bool
    service_request: str
    contract: str
    beyond_minutes: int
    approved_minutes: int
    missing_minutes: int
    missing_amount: MoneyView | None
    service_requests: list[str]


@view
class WorkPreview(View):
    """The draw-down that saving would make; `leaves` are the minutes left afterwards, by contract id.

    `leaves_money` is the money left of contracts in money, by contract id; empty for users who see no prices.
    `moves` are the entries that come after it and would be drawn from elsewhere. `adjustment` is set where
    minutes would move in a closed accounting period. `approval` is set where the customer would have to
    approve it first. `changed_since` names what it is charged by as it was when it was worked, and not as it
    is today.
    """

    worked_minutes: int
    chargeable_minutes: int
    charge_why: str | None
    segments: list[SegmentView]
    price: MoneyView | None
    allocations: list[AllocationView]
    leaves: dict[str, int]
    leaves_money: dict[str, MoneyView]
    moves: list[MovedWorkView]
    adjustment: AdjustmentView | None = None
    approval: RequiredApproval | None = None
    changed_since: list[ChangedSince] = field(default_factory=list)


@view
class RecalculatedView(View):
    """A work entry that today's terms would charge otherwise: minutes, price and allocations of both charges.

    The prices are None without a rate, and for users who see no prices.
    """

    id: str
    started_at: datetime
    worked_minutes: int
    chargeable_before: int
    chargeable_after: int
    charge_why: str | None
    price_before: MoneyView | None
    price_after: MoneyView | None
    before: list[AllocationView]
    after: list[AllocationView]


@view
class RecalculationView(View):
    """What charging all work of a service request by today's terms would change.

    `moves` are other entries that would be drawn from elsewhere.
    """

    entries: list[RecalculatedView]
    moves: list[MovedWorkView]


@view
class HistoryLine(View):
    """One state change of a service request, the logging first; `inferred` marks those an import added.

    The states are equal for a line that is no change of state: work that moved here or away, another request
    that was merged into this one, or split from it, or a reminder to the customer. `other_service_request` is
    that request, or the one that the work came from or went to, with its number: None if it may not be named
    to the user. `merged_number` is the number of the merged request to which the line belongs; None for the
    request's own.
    """

    at: datetime
    recorded_at: datetime
    trigger: str
    from_state: str | None
    to_state: str
    actor: str
    note: str | None
    reason: str | None
    inferred: bool
    merged_number: str | None = None
    other_service_request: str | None = None
    other_service_request_number: str | None = None


@view
class NoteView(View):
    """A comment; one that is not public is visible to staff only.

    `merged_number` is the number of the merged request on which it was written; None for the request's own.
    """

    id: str
    body: str
    public: bool
    author: str
    written_at: datetime
    merged_number: str | None = None


@view
class RequestMailView(View):
    """A mail about a service request: to whom, when it was written, and what became of it.

    `state` is waiting, failed (it is sent again), given_up, delivered, or logged, where there was no mail
    server. `merged_number` is as of a note.
    """

    id: str
    event: str
    recipient: str
    subject: str
    state: MailState
    written_at: datetime
    delivered_at: datetime | None
    merged_number: str | None = None


@view
class MergedView(View):
    """A service request that was merged into another one: when, by whom, and why.

    `into` is the id of the request into which it was merged, which may have been merged since, too.
    """

    id: str
    number: str
    subject: str
    into: str
    into_number: str
    merged_at: datetime
    merged_by: str
    reason: str | None
