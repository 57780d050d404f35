"""Reading service requests: one, lists with filters, history and notes.

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
from engine.service_requests import PRIORITIES, REOPENABLE_STATES, STATES, UNFINISHED_STATES
from workflows.core.errors import NotFound, invalid
from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.grants import grants_by_contract, limits_at
from workflows.lifecycle.service_requests.access import (
    Named,
    PersonNames,
    may_name,
    require_visible,
    visible_requests,
)
from workflows.lifecycle.service_requests.parties import Parties
from workflows.lifecycle.service_requests.sla_targets import (
    NOT_COUNTED,
    MinutesLeft,
    minutes_left,
    minutes_left_at_first,
    next_due_at,
    resolution_state,
    response_state,
)
from workflows.lifecycle.service_requests.states import allowed_triggers
from workflows.register.records import own_org_units
from workflows.service_requests.closing import auto_closed_at, up_to_date_request
from workflows.service_requests.coverage_status import contract_over
from workflows.service_requests.rows_as_seen import rows_as_seen
from workflows.service_requests.urgency import AT_RISK_HOURS, urgency
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.service_requests import (
    CoverageView,
    HistoryLine,
    NoteView,
    ServiceRequestView,
)

r, d, c = t.service_request, t.coverage_decision, t.contract
QUEUES = ("mine", "unassigned", "waiting", "at_risk", "unfinished")
ORDERS = {
    "opened_at": Sort(r.c.opened_at),
    "next_due_at": Sort(next_due_at(), nullable=True),
    "resolution_due_at": Sort(r.c.resolution_due_at, nullable=True),
    "number": Sort(r.c.number),
}


def read_service_request(tx: Transaction, service_request_id: str) -> ServiceRequestView:
    """One service request; changes that are due are made first.

    Raises: NotFound, also if the actor may not see it. Source: product.md section 9.
    """
    row = _one(tx, service_request_id)
    with up_to_date_request(tx, row) as fresh:
        current = row if fresh is tx else _one(fresh, service_request_id)
        return _views(fresh, [current], minutes=minutes_left(fresh, current))[0]


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
    A filter by a record that may not be named to the actor finds nothing.
    Raises: InvalidInput for `queue`, `state`, `priority`, `order` or `cursor`.
    """
    statement = _ALL.where(visible_requests(tx))
    _known("/state", state, STATES)
    _known("/priority", priority, PRIORITIES)
    for column, value in (
        (r.c.priority, priority),
        (r.c.customer_id, customer),
        (r.c.item_id, item),
        (r.c.technician_id, technician),
        (r.c.contract_id, contract),
        (r.c.outcome, outcome),
        (r.c.number, number),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if state is not None:
        statement = statement.where(_in_state(tx, state))
    filters: dict[Named, str | None] = {"item": item, "org_unit": org_unit, "contract": contract}
    if not all(may_name(tx, kind, one) for kind, one in filters.items() if one is not None):
        statement = statement.where(false())
    if org_unit is not None:
        statement = statement.where(r.c.org_unit_id.in_(_branch(tx, org_unit)))
    if q:
        statement = statement.where(_found_by(tx, q))
    if queue is not None:
        statement = statement.where(in_queue(tx, queue))
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders={**ORDERS, "urgency": urgency(tx.now)},
        by_id=r.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    return page.with_items(_views(tx, page.items))


def history_of(tx: Transaction, service_request_id: str) -> list[HistoryLine]:
    """All state changes, the logging first; changes that are due are made first. Raises: NotFound."""
    row = require_visible(tx, service_request_id)
    h = t.service_request_history
    moves = select(h).where(h.c.service_request_id == service_request_id).order_by(h.c.at, h.c.id)
    with up_to_date_request(tx, row) as fresh:
        rows = fresh.connection.execute(moves).all()
    names = PersonNames(tx, [row.customer_id])
    return [
        HistoryLine(
            one.at,
            one.recorded_at,
            one.trigger,
            one.from_state,
            one.to_state,
            names[one.actor],
            one.note,
            one.reason,
            one.inferred,
        )
        for one in rows
    ]


def notes_of(tx: Transaction, service_request_id: str) -> list[NoteView]:
    """The comments, oldest first; customers see only public ones. Raises: NotFound."""
    request = require_visible(tx, service_request_id)
    n = t.service_request_note
    wanted = select(n).where(n.c.service_request_id == service_request_id).order_by(n.c.written_at, n.c.id)
    if not tx.actor.is_staff:
        wanted = wanted.where(n.c.public)
    rows = tx.connection.execute(wanted)
    names = PersonNames(tx, [request.customer_id])
    return [NoteView(row.id, row.body, row.public, names[row.author], row.written_at) for row in rows]


def _select() -> Select[Any]:
    return select(
        r,
        t.customer.c.name.label("customer_name"),
        t.item.c.number.label("item_number"),
        t.item.c.name.label("item_name"),
        t.org_unit.c.name.label("org_unit_name"),
        t.user_account.c.name.label("technician_name"),
        d.c.rule.label("decision_rule"),
        d.c.why.label("decision_why"),
        d.c.contract_id.label("decision_contract_id"),
        c.c.number.label("contract_number"),
        c.c.type.label("contract_type"),
        c.c.draws.label("contract_draws"),
        c.c.starts_at.label("contract_starts_at"),
        c.c.expires_at.label("contract_expires_at"),
        c.c.time_zone.label("contract_time_zone"),
        c.c.cancelled_at.label("contract_cancelled_at"),
        c.c.ended_at.label("contract_ended_at"),
    ).select_from(
        r.join(t.customer, t.customer.c.id == r.c.customer_id)
        .outerjoin(t.item, t.item.c.id == r.c.item_id)
        .outerjoin(t.org_unit, t.org_unit.c.id == r.c.org_unit_id)
        .outerjoin(t.user_account, t.user_account.c.id == r.c.technician_id)
        .outerjoin(d, d.c.id == r.c.decision_id)
        .outerjoin(c, c.c.id == d.c.contract_id)
    )


_ALL = _select()
_ONE = _ALL.where(r.c.id == bindparam("wanted_id", type_=Id))
_PREPARED = Prepared(_ONE)
"""Compiled once, because the response to every logging reads with it."""


_NOTHING = dict.fromkeys(_ALL.selected_columns.keys()) | {
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

    It equals what a query by `_ALL` would return.
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
    tx: Transaction, rows: Sequence[Row[Any]], *, minutes: MinutesLeft = NOT_COUNTED
) -> list[ServiceRequestView]:
    rows = rows if tx.actor.is_staff else rows_as_seen(tx, rows)
    # for a contract that has not started, use its balance at the start
    metered = {
        row.decision_contract_id: max(tx.now, row.contract_starts_at or tx.now)
        for row in rows
        if row.contract_draws in ("minutes", "incidents")
    }
    grants = grants_by_contract(tx, metered) if metered else {}
    left = {contract_id: limits_at(found, metered[contract_id]) for contract_id, found in grants.items()}
    return [_view(tx, row, left.get(row.decision_contract_id), minutes) for row in rows]


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
        response_state=response_state(row, tx.now),
        response_minutes_left=minutes.response,
        resolution_due_at=row.resolution_due_at,
        resolution_state=resolution_state(row, tx.now),
        resolution_minutes_left=minutes.resolution,
        paused_at=row.paused_at,
        worked_minutes=row.worked_minutes,
        chargeable_minutes=row.chargeable_minutes,
        allowed_triggers=allowed_triggers(state, tx.actor.role),
        created_by=row.created_by,
        version=row.version,
    )


def _one(tx: Transaction, service_request_id: str) -> Any:
    wanted = {"wanted_id": service_request_id}
    if tx.actor.is_staff:
        row = _PREPARED.first(tx.connection, wanted)
    else:
        row = tx.connection.execute(_ONE.where(visible_requests(tx)), wanted).one_or_none()
    if row is None:
        raise NotFound("There is no such service request.", remedy="Look it up by its number in the list.")
    return row


def _branch(tx: Transaction, org_unit: str) -> Select[Any]:
    """SQL: the ids of an org unit and of all below it, as far as they may be named to the actor."""
    line = t.org_unit_line
    below = select(line.c.org_unit_id).where(line.c.ancestor_id == org_unit)
    return (
        below if tx.actor.is_staff else below.where(line.c.org_unit_id.in_(own_org_units(tx.actor.customer)))
    )


def _found_by(tx: Transaction, q: str) -> ColumnElement[bool]:
    """SQL: the number, the subject or the customer matches; customers do not search by others' addresses."""
    found, by_email = matches(q, r.c.number, r.c.subject, t.customer.c.name), matches(q, t.customer.c.email)
    if not tx.actor.is_staff:
        by_email = and_(by_email, r.c.customer_id == tx.actor.customer)
    return or_(found, by_email)


def _in_state(tx: Transaction, state: str) -> ColumnElement[bool]:
    """SQL: the service request is in a state now, even if the auto-close job is late."""
    if state not in REOPENABLE_STATES:
        return r.c.state == state
    overdue = and_(r.c.state == "resolved", r.c.auto_close_at <= tx.now)
    return or_(r.c.state == "closed", overdue) if state == "closed" else and_(r.c.state == state, ~overdue)


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
        why=row.decision_why,
        contract=row.decision_contract_id,
        contract_number=row.contract_number,
        contract_type=row.contract_type,
        contract_ends_on=last_day,
        minutes_left=left.minutes_available if left and row.contract_draws == "minutes" else None,
        incidents_left=left.incidents_available if left and row.contract_draws == "incidents" else None,
        contract_over=contract_over(tx, row, left) if row.outcome == "covered" else None,
    )


def in_queue(tx: Transaction, queue: str) -> ColumnElement[bool]:
    """SQL: the service request is in a queue of the actor. Raises: InvalidInput for an unknown queue."""
    _known("/queue", queue, QUEUES)
    unfinished = r.c.state.in_(UNFINISHED_STATES)
    soon = tx.now + timedelta(hours=AT_RISK_HOURS)
    response_late = and_(r.c.responded_at.is_(None), r.c.response_due_at <= soon)
    return {
        "mine": and_(unfinished, r.c.technician_id == tx.actor.id),
        "unassigned": and_(unfinished, r.c.technician_id.is_(None)),
        "waiting": r.c.state == "pending_no_contract",
        "at_risk": and_(
            unfinished, r.c.paused_at.is_(None), or_(response_late, r.c.resolution_due_at <= soon)
        ),
        "unfinished": unfinished,
    }[queue]


def _known(pointer: str, value: str | None, values: Iterable[str]) -> None:
    if value is not None and value not in values:
        raise invalid(pointer, f"{value!r} is not a valid value.", f"Use one of {', '.join(values)}.")


def contract_numbers(tx: Transaction, ids: set[str]) -> dict[str, str]:
    """The numbers of contracts, by id."""
    if not ids:
        return {}
    rows = tx.connection.execute(select(c.c.id, c.c.number).where(c.c.id.in_(ids)))
    return {row.id: row.number for row in rows}
