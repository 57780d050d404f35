"""Reading recurring sales: a list, one with its next periods, and previews of a new one and of an end.

Source: product.md section 10.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select

from engine.periods import local_date
from engine.recurring_sales import SALE_STATES, SalePeriod, periods_from
from workflows.billing.invoicing.parties import party_of
from workflows.billing.sold.recurring_sales import (
    create_recurring_sale,
    end_recurring_sale,
    ended_periods,
    locked_sale,
    no_sale,
    terms_of,
)
from workflows.commands.selling import EndRecurringSale, NewRecurringSale
from workflows.core.actors import OFFICE
from workflows.core.errors import invalid
from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.register.holder_names import holder_names, paid_by_name
from workflows.store import tables as t
from workflows.store.column_types import decimal_text
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.billing import EndPreview, RecurringSaleView, SalePeriodView

rs, c = t.recurring_sale, t.contract
ORDERS = {
    "number": Sort(rs.c.number),
    "starts_on": Sort(rs.c.starts_on),
    "next_due": Sort(rs.c.next_due_at, nullable=True),
    "amount": Sort(rs.c.amount_minor),
    "description": Sort(func.lower(rs.c.description)),
}
UPCOMING = 12
"""How many of the next periods are shown."""


def list_recurring_sales(
    tx: Transaction,
    *,
    q: str | None = None,
    customer: str | None = None,
    org_unit: str | None = None,
    contract: str | None = None,
    state: str | None = None,
    order: str = "number",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[RecurringSaleView]:
    """A page of recurring sales; `q` searches numbers, descriptions and who pays, `state` is as of today.

    Raises: NotAllowed; InvalidInput for a state, an order or a cursor.
    """
    tx.require(*OFFICE)
    statement = _sales()
    if q is not None:
        by_number = matches(q, rs.c.number, rs.c.description)
        statement = statement.where(or_(by_number, paid_by_name(tx, q, rs)))
    for column, wanted in (
        (rs.c.customer_id, customer),
        (rs.c.org_unit_id, org_unit),
        (rs.c.contract_id, contract),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if state is not None:
        if state not in SALE_STATES:
            raise invalid(
                "/state",
                gettext("%(state)s is not possible.", state=repr(state)),
                gettext("Use one of %(sale_states)s.", sale_states=", ".join(SALE_STATES)),
            )
        statement = statement.where(_states(tx)[state])
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders=ORDERS,
        by_id=rs.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    names = holder_names(tx, {party_of(row) for row in page.items})
    return page.with_items([_view(tx, row, names, 1) for row in page.items])


def read_recurring_sale(tx: Transaction, sale_id: str) -> RecurringSaleView:
    """One recurring sale with its next periods. Raises: NotAllowed; NotFound."""
    tx.require(*OFFICE)
    row = tx.connection.execute(_sales().where(rs.c.id == sale_id)).one_or_none()
    if row is None:
        raise no_sale()
    return _view(tx, row, holder_names(tx, {party_of(row)}), UPCOMING)


def preview_recurring_sale(tx: Transaction, command: NewRecurringSale) -> RecurringSaleView:
    """The sale with its first periods: it is agreed, and taken back. Raises: as the use case."""
    point = tx.connection.begin_nested()
    try:
        return read_recurring_sale(tx, create_recurring_sale(tx, command))
    finally:
        point.rollback()


def preview_end(tx: Transaction, sale_id: str, command: EndRecurringSale) -> EndPreview:
    """What an end would do: it is done, and taken back. Raises: as the use case."""
    point = tx.connection.begin_nested()
    try:
        tx.require(*OFFICE)
        row = locked_sale(tx, sale_id)
        periods = ended_periods(tx, row, command.last_on + timedelta(days=1))
        return EndPreview(read_recurring_sale(tx, end_recurring_sale(tx, sale_id, command)), periods)
    finally:
        point.rollback()


def _sales() -> Select[Any]:
    contract = (
        c.c.number.label("contract_number"),
        c.c.cancelled_at,
        c.c.ended_at.label("contract_ended_at"),
        c.c.expires_at,
    )
    return select(rs, *contract).select_from(rs.outerjoin(c, c.c.id == rs.c.contract_id))


def _states(tx: Transaction) -> Mapping[str, ColumnElement[bool]]:
    """SQL: the state of a sale as of today. One that goes with a contract has ended once that is over."""
    today = local_date(tx.now, tx.settings.zone)
    over = or_(
        and_(rs.c.until_on.is_not(None), rs.c.until_on <= today),
        c.c.cancelled_at.is_not(None),
        c.c.ended_at.is_not(None),
        func.coalesce(c.c.expires_at <= tx.now, False),
    )
    return {
        "ended": over,
        "to_come": and_(~over, rs.c.starts_on > today),
        "running": and_(~over, rs.c.starts_on <= today),
    }


def _state(tx: Transaction, row: Row[Any], today: date) -> str:
    """The same as `_states`."""
    contract_is_over = (
        row.cancelled_at is not None
        or row.contract_ended_at is not None
        or (row.expires_at is not None and row.expires_at <= tx.now)
    )
    if contract_is_over or (row.until_on is not None and row.until_on <= today):
        return "ended"
    return "to_come" if row.starts_on > today else "running"


def _view(
    tx: Transaction, row: Row[Any], names: Mapping[tuple[str, str], str], most: int
) -> RecurringSaleView:
    today = local_date(tx.now, tx.settings.zone)

    def money(amount_minor: int) -> MoneyView:
        return MoneyView(amount_minor, row.currency)

    def period(one: SalePeriod) -> SalePeriodView:
        return SalePeriodView(
            one.from_on, one.until_on - timedelta(days=1), one.due_on, money(one.amount_minor)
        )

    return RecurringSaleView(
        id=row.id,
        number=row.number,
        customer=row.customer_id,
        org_unit=row.org_unit_id,
        party_name=names.get(party_of(row), ""),
        contract=row.contract_id,
        contract_number=row.contract_number,
        product=row.product_id,
        description=row.description,
        quantity=decimal_text(row.quantity),
        unit=row.unit,
        unit_price=money(row.unit_price_minor),
        amount=money(row.amount_minor),
        tax_rate=row.tax_name,
        every=row.every,
        timing=row.timing,
        billing_day=row.billing_day,
        starts_on=row.starts_on,
        last_on=row.until_on - timedelta(days=1) if row.until_on is not None else None,
        state=_state(tx, row, today),
        made_until=row.made_until_on - timedelta(days=1) if row.made_until_on is not None else None,
        upcoming=[period(one) for one in periods_from(terms_of(tx, row), row.made_until_on, most)],
        created_at=row.created_at,
        created_by=row.created_by,
        end_reason=row.end_reason,
        version=row.version,
    )
