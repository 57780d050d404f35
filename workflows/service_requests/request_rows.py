"""The rows of service requests with everything that a view of one names, read by one statement.

What is left of the covering contract is part of the row: three sums over its grants. Statements are compiled
once for each combination of conditions and order.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, or_, select

from engine.contracts import METERED, Limits
from workflows.core.paging import PageShape, paged
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.open_grants import is_open_at
from workflows.store import tables as t
from workflows.store.column_types import Id, Instant, number_constant, text_constant
from workflows.store.compiled_statements import Prepared

r, d, c = t.service_request, t.coverage_decision, t.contract
_NOW = bindparam("now", type_=Instant)
_SHOWN = [column for column in r.c if column.name not in ("search_words", "sla_clock_at")]


def _left(amount: ColumnElement[int], *units: str, when_open: bool) -> ColumnElement[int]:
    """SQL: the sum over the grants of the decision's contract in one of the units; None if it draws nothing.

    For a contract that has not started it is what is left at the start.
    """
    b = t.grant_balance.c
    zero = number_constant(0)
    total = select(func.coalesce(func.sum(amount), zero)).where(
        b.contract_id == c.c.id, or_(*(b.unit == text_constant(unit) for unit in units))
    )
    if when_open:
        total = total.where(is_open_at(case((c.c.starts_at > _NOW, c.c.starts_at), else_=_NOW)))
    return case((c.c.draws != text_constant("nothing"), total.correlate(c).scalar_subquery()))


def _metered_left() -> ColumnElement[int]:
    """SQL: the minutes or money left, with the first month of a contract that has not started.

    Its months are granted when it starts (`months_to_come`); the first one is all that it then has.
    """
    is_to_start = and_(c.c.enabled_at.is_not(None), c.c.activated_at.is_(None), c.c.starts_at > _NOW)
    awaits_payment = and_(c.c.payment_due, c.c.paid_at.is_(None))
    first = and_(c.c.monthly_minutes.is_not(None), is_to_start, ~awaits_payment)
    zero = number_constant(0)
    left = _left(t.grant_balance.c.available, *METERED, when_open=True)
    return (left + case((first, c.c.monthly_minutes), else_=zero)).label("metered_left")


ROWS: Select[Any] = select(
    *_SHOWN,
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
    c.c.currency.label("contract_currency"),
    c.c.next_due_at.label("contract_next_due_at"),
    _metered_left(),
    _left(t.grant_balance.c.available, "incidents", when_open=True).label("incidents_left"),
    _left(t.grant_balance.c.held, "incidents", when_open=False).label("incidents_held"),
).select_from(
    r.join(t.customer, t.customer.c.id == r.c.customer_id)
    .outerjoin(t.item, t.item.c.id == r.c.item_id)
    .outerjoin(t.org_unit, t.org_unit.c.id == r.c.org_unit_id)
    .outerjoin(t.user_account, t.user_account.c.id == r.c.technician_id)
    .outerjoin(d, d.c.id == r.c.decision_id)
    .outerjoin(c, c.c.id == d.c.contract_id)
)
"""Takes the parameter `now`."""

_LISTED = select(r.c.id)

_ONE = ROWS.where(r.c.id == bindparam("wanted_id", type_=Id))
_PREPARED = Prepared(_ONE)


def read_one(tx: Transaction, service_request_id: str, visible: ColumnElement[bool] | None = None) -> Any:
    """The row of one service request; None if there is none or it is not `visible`."""
    values = {"wanted_id": service_request_id, "now": tx.now}
    if visible is None:
        return _PREPARED.first(tx.connection, values)
    return tx.connection.execute(_ONE.where(visible), values).one_or_none()


def read_rows(
    tx: Transaction,
    conditions: tuple[ColumnElement[bool], ...],
    shape: PageShape,
    values: Mapping[str, Any],
    *,
    reusable: bool,
) -> list[Any]:
    """The rows of one page; `values` are the parameters of the conditions and of the page.

    `reusable`: the conditions are built once, and have no values of their own.
    """
    if reusable:
        return _page(conditions, shape).all(tx.connection, values)
    return list(tx.connection.execute(_paged_rows(conditions, shape), values).all())


def read_again(tx: Transaction, rows: Sequence[Any]) -> list[Any]:
    """The rows of a page as they are now, in the same order."""
    found = tx.connection.execute(ROWS.where(r.c.id.in_([row.id for row in rows])), {"now": tx.now})
    newest = {row.id: row for row in found}
    return [newest[row.id] for row in rows]


def listed_rows(conditions: tuple[ColumnElement[bool], ...]) -> Select[Any]:
    """The rows of all pages, without what a view of them needs: to count them."""
    return _LISTED.where(*conditions)


@lru_cache(maxsize=512)
def _page(conditions: tuple[ColumnElement[bool], ...], shape: PageShape) -> Prepared:
    return Prepared(_paged_rows(conditions, shape))


def _paged_rows(conditions: tuple[ColumnElement[bool], ...], shape: PageShape) -> Select[Any]:
    """The rows of a page. Where they have to be sorted, only those of the page are read as a whole."""
    if not shape.sort.then:
        return paged(ROWS.where(*conditions), shape, r.c.id)
    page = paged(listed_rows(conditions), shape, r.c.id).subquery()
    return paged(ROWS.where(r.c.id.in_(select(page.c.id))), shape._replace(beyond=None), r.c.id)


def limits_of(row: Any) -> Limits | None:
    """What is left of the contract of a row's decision; None if it draws nothing."""
    if row.metered_left is None:
        return None
    metered = int(row.metered_left)
    if row.contract_draws == "money":
        return Limits(money_available=metered)
    return Limits(metered, int(row.incidents_left), int(row.incidents_held))
