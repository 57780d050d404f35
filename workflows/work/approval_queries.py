"""Reading approvals: all for staff, for customers those of their own service requests.

States are computed from instants and what was used, here in SQL by the rule of `engine.approvals`.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select, true

from engine.approvals import APPROVAL_STATES, ApprovalState, approval_state
from workflows.core.actors import PRICE_ROLES, STAFF, SUPERVISORS
from workflows.core.errors import NotFound, invalid
from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.service_requests.access import Nameable
from workflows.lifecycle.service_requests.merged import merged_ids
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.approvals import ApprovalPreview, ApprovalView

p, a, u = t.approval.c, t.approval_answer.c, t.approval_use.c
r, c = t.service_request.c, t.customer.c
_USED = (
    select(
        u.approval_id,
        func.sum(u.minutes).label("used_minutes"),
        func.sum(u.amount_minor).label("used_minor"),
    )
    .group_by(u.approval_id)
    .subquery("used")
)
_USED_MINUTES = func.coalesce(_USED.c.used_minutes, 0)
_USED_MINOR = func.coalesce(_USED.c.used_minor, 0)
ORDERS = {"asked_at": Sort(p.asked_at), "lapses_at": Sort(p.lapses_at)}


def list_approvals(
    tx: Transaction,
    *,
    state: ApprovalState | None = None,
    service_request: str | None = None,
    customer: str | None = None,
    q: str | None = None,
    order: str = "-asked_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[ApprovalView]:
    """A page of approvals, newest first; those of a service request with those of requests merged into it.

    `q` searches number and subject of requests, customers and reasons.
    Raises: InvalidInput for `state`, `order`, `limit` or `cursor`.
    """
    wanted = _visible(tx)
    if state is not None:
        if state not in APPROVAL_STATES:
            raise invalid(
                "/state",
                gettext("%(state)s is not a valid state.", state=repr(state)),
                gettext("Use one of %(work_entry_states)s.", work_entry_states=", ".join(APPROVAL_STATES)),
            )
        wanted = wanted.where(_state(tx) == state)
    if service_request is not None:
        found = [service_request, *merged_ids(tx, service_request)]
        wanted = wanted.where(p.service_request_id.in_(found))
    if customer is not None:
        wanted = wanted.where(r.customer_id == customer)
    if q is not None:
        wanted = wanted.where(matches(q, r.number, r.subject, c.name, p.reason))
    page = read_page(
        tx,
        wanted,
        lambda row: row,
        orders=ORDERS,
        by_id=p.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    return page.with_items(_views(tx, page.items))


def read_approval(tx: Transaction, approval_id: str) -> ApprovalView:
    """One approval. Raises: NotFound, also if the actor may not see it."""
    row = tx.connection.execute(_visible(tx).where(p.id == approval_id)).one_or_none()
    if row is None:
        raise no_such_approval()
    return _views(tx, [row])[0]


def read_linked_approval(tx: Transaction, approval_id: str) -> ApprovalView:
    """One approval for whoever has its link."""
    return _views(tx, [tx.connection.execute(_select().where(p.id == approval_id)).one()], by_link=True)[0]


def approvals_of(tx: Transaction, service_request_id: str) -> list[ApprovalView]:
    """The approvals of a service request and of those merged into it that the actor may see, newest first."""
    rows = tx.connection.execute(
        _visible(tx)
        .where(p.service_request_id.in_([service_request_id, *merged_ids(tx, service_request_id)]))
        .order_by(p.asked_at.desc(), p.id.desc())
    )
    return _views(tx, rows.all())


def visible_approvals(tx: Transaction) -> ColumnElement[bool]:
    """SQL: the approvals that the actor may see: all for staff, and for customers their own requests'."""
    return true() if tx.actor.role in (*STAFF, "system") else r.customer_id == tx.actor.customer


def no_such_approval() -> NotFound:
    return NotFound(gettext("There is no such approval."), remedy=gettext("Look it up in the list."))


def _visible(tx: Transaction) -> Select[Any]:
    return _select().where(visible_approvals(tx))


def _select() -> Select[Any]:
    return (
        select(
            t.approval,
            r.number,
            r.subject,
            r.customer_id,
            c.name.label("customer_name"),
            a.answer,
            a.minutes.label("approved_minutes"),
            a.amount_minor.label("approved_minor"),
            a.answered_at,
            a.way,
            a.name.label("answered_by"),
            a.comment,
            _USED_MINUTES.label("used_minutes"),
            _USED_MINOR.label("used_minor"),
        )
        .join(t.service_request, r.id == p.service_request_id)
        .join(t.customer, c.id == r.customer_id)
        .outerjoin(t.approval_answer, a.approval_id == p.id)
        .outerjoin(_USED, _USED.c.approval_id == p.id)
    )


def _state(tx: Transaction) -> ColumnElement[str]:
    """SQL: `engine.approvals.approval_state` of an approval now."""
    has_rest = or_(a.minutes > _USED_MINUTES, a.amount_minor > _USED_MINOR)
    return case(
        (a.answer == "declined", "declined"),
        (and_(p.lapses_at <= tx.now, or_(a.answer.is_(None), has_rest)), "lapsed"),
        (a.answer.is_(None), "asked"),
        else_="approved",
    )


def _views(tx: Transaction, rows: Sequence[Row[Any]], *, by_link: bool = False) -> list[ApprovalView]:
    """Approvals as the actor sees them: a contract that may no longer be named to them loses its number."""
    contract = t.contract.c
    numbers = {row.preview.get("contract_number") for row in rows if row.preview.get("contract_number")}
    stored = select(contract.id, contract.number).where(contract.number.in_(numbers))
    found = tx.connection.execute(stored).all() if numbers and not (by_link or tx.actor.is_staff) else []
    nameable = Nameable(tx, {"contract": [one.id for one in found]})
    hidden = {one.number for one in found if not nameable.may("contract", one.id)}
    return [_view(tx, row, hidden, by_link=by_link) for row in rows]


def _view(tx: Transaction, row: Row[Any], hidden: set[str], *, by_link: bool) -> ApprovalView:
    used_minutes, used_minor = int(row.used_minutes), int(row.used_minor)
    rest_minutes = None if row.approved_minutes is None else row.approved_minutes - used_minutes
    rest_minor = None if row.approved_minor is None else row.approved_minor - used_minor
    state = approval_state(
        row.answer, row.lapses_at, has_rest=bool((rest_minutes or 0) > 0 or (rest_minor or 0) > 0), at=tx.now
    )
    own = tx.actor.role == "customer" and tx.actor.customer == row.customer_id
    return ApprovalView(
        id=row.id,
        service_request=row.service_request_id,
        service_request_number=row.number,
        subject=row.subject,
        customer=row.customer_id,
        customer_name=row.customer_name,
        state=state,
        minutes=row.minutes,
        amount=_money(row.amount_minor, row.currency),
        reason=row.reason,
        preview=_preview(row.preview, hidden, priced=by_link or tx.actor.role in PRICE_ROLES),
        asked_at=row.asked_at,
        asked_by=row.asked_by,
        lapses_at=row.lapses_at,
        answered_at=row.answered_at,
        approved_minutes=row.approved_minutes,
        approved_amount=_money(row.approved_minor, row.currency),
        used_minutes=used_minutes,
        used_amount=_money(used_minor if row.amount_minor is not None else None, row.currency),
        rest_minutes=rest_minutes,
        rest_amount=_money(rest_minor, row.currency),
        way=row.way,
        name=row.answered_by,
        comment=row.comment,
        may_answer=state == "asked" and (by_link or own or tx.actor.role in SUPERVISORS),
    )


def _preview(stored: dict[str, Any], hidden: set[str], *, priced: bool) -> ApprovalPreview:
    cost = _money(stored.get("cost_minor"), stored.get("currency")) if priced else None
    number = stored.get("contract_number")
    return ApprovalPreview(
        None if number in hidden else number,
        stored["worked_minutes"],
        stored["chargeable_minutes"],
        stored["beyond_minutes"],
        stored["unapproved_minutes"],
        cost,
    )


def _money(amount_minor: int | None, currency: str | None) -> MoneyView | None:
    return MoneyView(amount_minor, currency) if amount_minor is not None and currency is not None else None
