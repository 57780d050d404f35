"""Where the prices of contracts came from when they were sold, and the price list's for contract types."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, or_, select

from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.views import MoneyView
from workflows.views.contracts import PriceOriginView, TypePriceView

p, d = t.product_price.c, t.product.c


def price_origins(tx: Transaction, rows: Sequence[Row[Any]]) -> dict[str, PriceOriginView]:
    """Where the prices of contracts came from, by the contract's id; without those that have none."""
    entries = {row.product_price_id for row in rows if row.product_price_id is not None}
    codes: dict[str, str] = {}
    if entries:
        named = select(p.id, d.code).join(t.product, d.id == p.product_id).where(p.id.in_(entries))
        codes = {row.id: row.code for row in tx.connection.execute(named)}
    return {
        row.id: PriceOriginView(
            source=row.price_source,
            product=codes.get(row.product_price_id),
            product_price=row.product_price_id,
            list_price=MoneyView(row.list_price_minor, row.currency or tx.settings.currency)
            if row.list_price_minor is not None
            else None,
            discount_percent=row.discount_percent,
        )
        for row in rows
        if row.price_source is not None
    }


def type_prices(tx: Transaction, day: date) -> Mapping[str, list[TypePriceView]]:
    """Prices of contract types on a day, in the desk's currency; those for any amount come first."""
    rows = tx.connection.execute(
        select(d.contract_type, d.code, d.quantity, p.amount_minor, p.currency)
        .join(t.product, d.id == p.product_id)
        .where(d.kind == "contract_type", p.currency == tx.settings.currency)
        .where(p.first_on <= day, or_(p.until_on.is_(None), p.until_on > day))
        .order_by(d.quantity.is_not(None), d.quantity, d.code)
    )
    found: defaultdict[str, list[TypePriceView]] = defaultdict(list)
    for row in rows:
        price = MoneyView(row.amount_minor, row.currency)
        found[row.contract_type].append(TypePriceView(row.code, row.quantity, price))
    return found
