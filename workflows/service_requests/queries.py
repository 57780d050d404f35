"""Reading service requests: one, and lists with filters.

Source: product.md section 9.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, false, or_, select

from engine.contracts import Limits
from engine.coverage import CandidateContract, CoverageDecision
from engine.periods import local_date
from engine.service_requests import FINISHED_STATES, PRIORITIES, STATES
from workflows.core.errors import NotFound, invalid
from workflows.core.paging import PageWanted, Sort, count_rows
from workflows.core.search import MOST_FOUND, Search, find_ids, parse
from workflows.core.transaction import Transaction
from workflows.coverage.reasons import why_text
from workflows.coverage.up_to_date import contracts_up_to_date
from workflows.languages.texts import gettext
from workflows.lifecycle.service_requests.access import (
    Named,
    may_name,
    surviving_id,
    visible_requests,
)
from workflows.lifecycle.service_requests.merged import surviving_number
from workflows.lifecycle.service_requests.parties import Parties
from workflows.lifecycle.service_requests.sla_targets import (
    NOT_COUNTED,
    MinutesLeft,
    minutes_left,
    minutes_left_at_first,
    next_due_at,
    next_target_at,
    resolution_state,
    response_state,
)
from workflows.lifecycle.service_requests.states import allowed_triggers
from workflows.register.records import own_org_units
from workflows.service_requests.closing import auto_closed_at, up_to_date_request
from workflows.service_requests.coverage_status import contract_over
from workflows.service_requests.request_rows import (
    ROWS,
    limits_of,
    listed_rows,
    read_again,
    read_one,
    read_rows,
)
from workflows.service_requests.rows_as_seen import rows_as_seen
from workflows.service_requests.urgency import AT_RISK_HOURS, NOW, SOON, URGENCY
from workflows.store import tables as t
from workflows.store.column_types import Id, text_constant
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.service_requests import (
    CoverageView,
    ServiceRequestView,
)

r, c = t.service_request, t.contract
_UNFINISHED = r.c.state.not_in([text_constant(state) for state in FINISHED_STATES])
QUEUES = ("mine", "unassigned", "waiting", "at_risk", "unfinished")
ORDERS = {
    "opened_at": Sort(r.c.opened_at),
    "next_due_at": Sort(next_due_at(), nullable=True),
    "resolution_due_at": Sort(r.c.resolution_due_at, nullable=True),
    "number": Sort(r.c.number),
    "urgency": URGENCY,
}
_ORDERS_AT_RISK = {**ORDERS, "next_due_at": Sort(next_target_at())}
"""Every request at risk has a target, and its clock runs: sorted by the target itself, its index is in order.
"""


def read_service_request(tx: Transaction, service_request_id: str) -> ServiceRequestView:
    """One service request; changes that are due are made first.

    Raises: NotFound, also if the actor may not see it. Source: product.md section 9.
    """
    row = _one(tx, service_request_id)
    with up_to_date_request(tx, row) as fresh:
        current = row if fresh is tx else _one(fresh, service_request_id)
        with contracts_up_to_date(fresh, _contracts_due(fresh, [current])) as newest:
            current = current if newest is fresh else _one(newest, service_request_id)
            return _views(newest, [current], minutes=minutes_left(newest, current))[0]


def list_service_requests(
    tx: Transaction,
    *,
    queue: str | None = None,
    state: str | None = None,
    priority: str | None = None,
    customer: str | None = None,
    item: str | None = None,
    org_unit: str | None = None,
    technician: str | None = None,
    contract: str | None = None,
    outcome: str | None = None,
    number: str | None = None,
    q: str | None = None,
    order: str = "-opened_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[ServiceRequestView]:
    """A page of the service requests that the actor may see; `org_unit` includes all units below it.

    The order `urgency` puts first what a desk should do first (`workflows.service_requests.urgency`).
    A filter by a record that may not be named to the actor finds nothing. The number of a merged request
    finds the one that is left.
    Raises: InvalidInput for `queue`, `state`, `priority`, `order` or `cursor`.
    """
    _known("/state", state, STATES)
    _known("/priority", priority, PRIORITIES)
    given = {
        "priority": priority,
        "customer": customer,
        "item": item,
        "technician": technician,
        "contract": contract,
        "outcome": outcome,
        "number": surviving_number(tx, number) if number is not None else None,
    }
    values = {name: value for name, value in given.items() if value is not None}
    conditions = [_EQUALS[name] for name in values]
    values |= queue_values(tx)
    if state is not None:
        conditions.append(_IN_STATE[state])
        values["state"] = state
    if queue is not None:
        conditions.append(in_queue(queue))
    others = _other_conditions(tx, item=item, org_unit=org_unit, contract=contract, q=q)
    orders = _ORDERS_AT_RISK if queue == "at_risk" else ORDERS
    wanted = PageWanted.read(orders, order, limit, cursor)
    which = (*conditions, *others)
    rows = read_rows(tx, which, wanted.shape, values | wanted.values, reusable=not others)
    total = count_rows(tx, listed_rows(which), values) if counted else None
    page = wanted.page(rows, lambda row: row, total=total)
    with contracts_up_to_date(tx, _contracts_due(tx, page.items)) as fresh:
        current = page.items if fresh is tx else read_again(fresh, page.items)
        return page.with_items(_views(fresh, current))


def _contracts_due(tx: Transaction, rows: Sequence[Any]) -> set[str]:
    """The covering contracts of rows of which a change is due: what is left is not stored yet."""
    due_at = {row.decision_contract_id: row.contract_next_due_at for row in rows}
    return {contract for contract, at in due_at.items() if at is not None and at <= tx.now}


def _other_conditions(
    tx: Transaction, *, item: str | None, org_unit: str | None, contract: str | None, q: str | None
) -> list[ColumnElement[bool]]:
    """SQL: the conditions that depend on who asks, or on what a search finds."""
    conditions = [] if tx.actor.is_staff else [visible_requests(tx)]
    filters: dict[Named, str | None] = {"item": item, "org_unit": org_unit, "contract": contract}
    if not all(may_name(tx, kind, one) for kind, one in filters.items() if one is not None):
        conditions.append(false())
    if org_unit is not None:
        conditions.append(r.c.org_unit_id.in_(_branch(tx, org_unit)))
    if q:
        conditions.append(_found_by(tx, q))
    return conditions


_NOTHING = dict.fromkeys(ROWS.selected_columns.keys()) | {
    "before_contracts": False,
    "worked_minutes": 0,
    "chargeable_minutes": 0,
    "version": 1,
}


def view_of_logged(
    tx: Transaction,
    values: Mapping[str, Any],
    parties: Parties,
    decision: CoverageDecision,
    chosen: CandidateContract,
    left: Limits | None,
) -> ServiceRequestView:
    """The view of a service request that was just logged and covered, from the values written.

    It equals what a query by `ROWS` would return.
    """
    contract = chosen.contract
    row: Any = SimpleNamespace(
        **{
            **_NOTHING,
            **values,
            "customer_name": parties.customer_name,
            "item_number": parties.item_number,
            "item_name": parties.item_name,
            "org_unit_name": parties.org_unit_name,
            "decision_rule": decision.rule,
            "decision_why": decision.why,
            "decision_contract_id": contract.id,
            "contract_number": contract.number,
            "contract_type": contract.type,
            "contract_draws": chosen.draws,
            "contract_starts_at": contract.starts_at,
            "contract_expires_at": contract.expires_at,
            "contract_time_zone": contract.time_zone,
            "contract_cancelled_at": contract.cancelled_at,
            "contract_ended_at": contract.ended_at,
        }
    )
    return _view(tx, row, left, minutes_left_at_first(tx, row))


def _views(
    tx: Transaction, rows: Sequence[Any], *, minutes: MinutesLeft = NOT_COUNTED
) -> list[ServiceRequestView]:
    rows = rows if tx.actor.is_staff else rows_as_seen(tx, rows)
    return [_view(tx, row, limits_of(row), minutes) for row in rows]


def _view(tx: Transaction, row: Row[Any], left: Any, minutes: MinutesLeft) -> ServiceRequestView:
    closed_at = auto_closed_at(tx, row)
    state = row.state if closed_at is None else "closed"
    return ServiceRequestView(
        id=row.id,
        number=row.number,
        subject=row.subject,
        description=row.description,
        customer=row.customer_id,
        customer_name=row.customer_name,
        item=row.item_id,
        item_number=row.item_number,
        item_name=row.item_name,
        org_unit=row.org_unit_id,
        org_unit_name=row.org_unit_name,
        priority=row.priority,
        work_type=row.work_type,
        channel=row.channel,
        state=state,
        on_hold_reason=row.on_hold_reason,
        technician=row.technician_id,
        technician_name=row.technician_name,
        coverage=_coverage(tx, row, left),
        before_contracts=row.before_contracts,
        opened_at=row.opened_at,
        started_at=row.started_at,
        responded_at=row.responded_at,
        resolved_at=row.resolved_at,
        closed_at=closed_at or row.closed_at,
        resolution=row.resolution,
        auto_close_at=row.auto_close_at if closed_at is None else None,
        sla=row.sla,
        response_due_at=row.response_due_at,
        response_due_data=row.response_due_data,
        response_state=response_state(row, tx.now),
        response_minutes_left=minutes.response,
        resolution_due_at=row.resolution_due_at,
        resolution_due_data=row.resolution_due_data,
        resolution_state=resolution_state(row, tx.now),
        resolution_minutes_left=minutes.resolution,
        paused_at=row.paused_at,
        worked_minutes=row.worked_minutes,
        chargeable_minutes=row.chargeable_minutes,
        allowed_triggers=allowed_triggers(state, tx.actor.role),
        created_by=row.created_by,
        version=row.version,
        merged_into=row.merged_into_id,
    )


def _one(tx: Transaction, service_request_id: str) -> Any:
    visible = None if tx.actor.is_staff else visible_requests(tx)
    row = read_one(tx, service_request_id, visible)
    if row is None:
        raise NotFound(
            gettext("There is no such service request."),
            remedy=gettext("Look it up by its number in the list."),
        )
    if row.merged_into_id is None:
        return row
    return read_one(tx, surviving_id(tx, row.merged_into_id), visible) or row


def _branch(tx: Transaction, org_unit: str) -> Select[Any]:
    """SQL: the ids of an org unit and of all below it, as far as they may be named to the actor."""
    line = t.org_unit_line
    below = select(line.c.org_unit_id).where(line.c.ancestor_id == org_unit)
    return (
        below if tx.actor.is_staff else below.where(line.c.org_unit_id.in_(own_org_units(tx.actor.customer)))
    )


def _found_by(tx: Transaction, q: str) -> ColumnElement[bool]:
    """SQL: number, subject or customer have the words; customers search by their own address only."""
    search = parse(q)
    found = find_ids(tx, r, search)
    by_words = search.matches(r) if found is None else r.c.id.in_(found)
    if not tx.actor.is_staff:
        return or_(by_words, and_(r.c.customer_id == tx.actor.customer, _is_of_customer(search)))
    customers = find_ids(tx, t.customer, search)
    if customers == set():
        return by_words
    by_customer = _is_of_customer(search) if customers is None else r.c.customer_id.in_(customers)
    if found is None or customers is None:
        return or_(search.matches(r), by_customer)
    # looked up first: with an OR of two conditions SQLite would read the whole list in its order
    theirs = set(tx.connection.execute(select(r.c.id).where(by_customer).limit(MOST_FOUND + 1)).scalars())
    return or_(search.matches(r), by_customer) if len(theirs) > MOST_FOUND else r.c.id.in_(found | theirs)


def _is_of_customer(search: Search) -> ColumnElement[bool]:
    """SQL: the words of a search are those of the request's customer."""
    return r.c.customer_id.in_(select(t.customer.c.id).where(search.matches(t.customer)))


def _coverage(tx: Transaction, row: Row[Any], left: Limits | None) -> CoverageView | None:
    if row.decision_id is None:
        return None
    ends = row.contract_expires_at
    last_day = (
        local_date(ends - timedelta(microseconds=1), ZoneInfo(row.contract_time_zone)) if ends else None
    )
    return CoverageView(
        decision=row.decision_id,
        outcome=row.outcome,
        rule=row.decision_rule,
        why=why_text(row.decision_why),
        contract=row.decision_contract_id,
        contract_number=row.contract_number,
        contract_type=row.contract_type,
        contract_ends_on=last_day,
        minutes_left=left.minutes_available if left and row.contract_draws == "minutes" else None,
        incidents_left=left.incidents_available if left and row.contract_draws == "incidents" else None,
        money_left=(
            MoneyView(left.money_available, row.contract_currency)
            if left and row.contract_draws == "money"
            else None
        ),
        contract_over=contract_over(tx, row, left) if row.outcome == "covered" else None,
    )


def in_queue(queue: str) -> ColumnElement[bool]:
    """SQL: the service request is in a queue of the actor, with the parameters of `queue_values`.

    Raises: InvalidInput for an unknown queue.
    """
    _known("/queue", queue, QUEUES)
    return _IN_QUEUE[queue]


def queue_values(tx: Transaction) -> dict[str, Any]:
    """The parameters of the conditions and orders of queues."""
    return {"me": tx.actor.id, "now": tx.now, "soon": tx.now + timedelta(hours=AT_RISK_HOURS)}


_EQUALS: dict[str, ColumnElement[bool]] = {
    name: column == bindparam(name, type_=column.type)
    for name, column in (
        ("priority", r.c.priority),
        ("customer", r.c.customer_id),
        ("item", r.c.item_id),
        ("technician", r.c.technician_id),
        ("contract", r.c.contract_id),
        ("outcome", r.c.outcome),
        ("number", r.c.number),
    )
}
"""Each condition is one object: statements that are made of the same ones are compiled once."""

_IS_STATE = r.c.state == bindparam("state", type_=r.c.state.type)
_IS_OVERDUE = and_(r.c.state == "resolved", r.c.auto_close_at <= NOW)
_IN_STATE: dict[str, ColumnElement[bool]] = {
    **dict.fromkeys(STATES, _IS_STATE),
    "closed": or_(_IS_STATE, _IS_OVERDUE),
    "resolved": and_(_IS_STATE, ~_IS_OVERDUE),
}
"""SQL: the service request is in the state `state` now, even if the auto-close job is late."""

_IS_DUE_SOON: ColumnElement[bool] = next_target_at() <= SOON
_IN_QUEUE: dict[str, ColumnElement[bool]] = {
    "mine": and_(_UNFINISHED, r.c.technician_id == bindparam("me", type_=Id)),
    "unassigned": and_(_UNFINISHED, r.c.technician_id.is_(None)),
    "waiting": r.c.state == text_constant("pending_no_contract"),
    "at_risk": and_(_UNFINISHED, r.c.paused_at.is_(None), _IS_DUE_SOON),
    "unfinished": _UNFINISHED,
}


def _known(pointer: str, value: str | None, values: Iterable[str]) -> None:
    if value is not None and value not in values:
        raise invalid(
            pointer,
            gettext("%(value)s is not a valid value.", value=repr(value)),
            gettext("Use one of %(values)s.", values=", ".join(values)),
        )
