"""Reading the price list: products with their prices, past, current and to come."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, exists, func, or_, select

from engine.periods import local_date
from engine.price_list import PRODUCT_KINDS, price_on
from workflows.core.actors import OFFICE
from workflows.core.errors import NotFound, invalid
from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.languages.shipped_rules import rule_file_text
from workflows.languages.texts import gettext
from workflows.selling.price_list import list_price
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, MOST_LIMIT, MoneyView, Page
from workflows.views.selling import PriceView, ProductView

d, p = t.product.c, t.product_price.c
ORDERS = {
    "code": Sort(d.code),
    "label": Sort(func.lower(d.label)),
    "created_at": Sort(d.created_at),
}
PRICED = ("now", "not_now")


def read_product(tx: Transaction, product_id: str) -> ProductView:
    """One product with its prices. Raises: NotAllowed; NotFound."""
    tx.require(*OFFICE)
    row = tx.connection.execute(select(t.product).where(d.id == product_id)).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such product."), remedy=gettext("Look it up in the price list."))
    return _views(tx, [row])[0]


def list_products(
    tx: Transaction,
    *,
    q: str | None = None,
    code: str | None = None,
    kind: str | None = None,
    contract_type: str | None = None,
    priced: str | None = None,
    order: str = "code",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[ProductView]:
    """A page of products; `q` searches codes and labels.

    `priced` is now for those with a price in the desk's currency today, not_now for the others.
    Raises: NotAllowed; InvalidInput for a filter, an order or a cursor.
    """
    tx.require(*OFFICE)
    statement = select(t.product)
    if q is not None:
        statement = statement.where(matches(q, d.code, d.label))
    if code is not None:
        statement = statement.where(d.code == code)
    if kind is not None:
        if kind not in PRODUCT_KINDS:
            raise invalid(
                "/kind",
                gettext("%(kind)s is not a valid kind.", kind=repr(kind)),
                gettext("Use one of %(product_kinds)s.", product_kinds=", ".join(PRODUCT_KINDS)),
            )
        statement = statement.where(d.kind == kind)
    if contract_type is not None:
        statement = statement.where(d.contract_type == contract_type)
    if priced is not None:
        if priced not in PRICED:
            raise invalid(
                "/priced",
                gettext("%(priced)s is not a filter.", priced=repr(priced)),
                gettext("Use one of %(priced)s.", priced=", ".join(PRICED)),
            )
        today = local_date(tx.now, tx.settings.zone)
        current = exists(
            select(p.id).where(
                p.product_id == d.id,
                p.currency == tx.settings.currency,
                p.first_on <= today,
                or_(p.until_on.is_(None), p.until_on > today),
            )
        )
        statement = statement.where(current if priced == "now" else ~current)
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders=ORDERS,
        by_id=d.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    return page.with_items(_views(tx, page.items))


def all_products(tx: Transaction, **filters: Any) -> Iterator[ProductView]:
    """Every product in the order of its code, read page by page; filters as in `list_products`.

    Raises: NotAllowed, before the first one is read.
    """
    tx.require(*OFFICE)

    def read() -> Iterator[ProductView]:
        cursor: str | None = None
        while True:
            page = list_products(tx, **filters, limit=MOST_LIMIT, cursor=cursor)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    return read()


def _views(tx: Transaction, rows: Sequence[Row[Any]]) -> list[ProductView]:
    prices: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    wanted = select(t.product_price).where(p.product_id.in_([row.id for row in rows]))
    for price in tx.connection.execute(wanted.order_by(p.currency, p.first_on)):
        prices[price.product_id].append(price)
    return [_view(tx, row, prices[row.id]) for row in rows]


def _view(tx: Transaction, row: Row[Any], prices: Sequence[Row[Any]]) -> ProductView:
    today = local_date(tx.now, tx.settings.zone)
    current = price_on(map(list_price, prices), tx.settings.currency, today)
    terms = tx.rules.contract_types.get(row.contract_type) if row.contract_type else None
    return ProductView(
        id=row.id,
        code=row.code,
        label=row.label,
        kind=row.kind,
        contract_type=row.contract_type,
        contract_type_label=rule_file_text(terms.label) if terms else row.contract_type,
        draws=terms.draws if terms else None,
        quantity=row.quantity,
        unit=row.unit,
        tax_rate=row.tax_rate,
        offered=row.offered,
        current_price=MoneyView(current.amount_minor, current.currency) if current else None,
        prices=[
            PriceView(
                id=one.id,
                price=MoneyView(one.amount_minor, one.currency),
                first_on=one.first_on,
                last_on=list_price(one).last_on,
                standing=list_price(one).standing(today),
                created_at=one.created_at,
                created_by=one.created_by,
            )
            for one in prices
        ],
        created_at=row.created_at,
        version=row.version,
    )
