"""The line of an invoice that bills time: what it says, and the work that it is made of.

Source: product.md section 10 (overage to bill).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select

from engine.accounting_periods import first_day_of
from engine.overage import quantity_and_price
from engine.periods import last_day_of_month
from engine.quantities import hours_text
from workflows.billing.documents.wording import amount_words
from workflows.billing.invoicing.draft_parts import DraftLine
from workflows.core.settings import TaxRateSetting
from workflows.core.transaction import Transaction
from workflows.languages.texts import Language, gettext, in_language
from workflows.languages.texts import language as current_language
from workflows.reports.parties import in_parts
from workflows.store import tables as t

MOST_NAMED = 8
"""A line names no more service requests than this."""
s, item, charge = t.sold_item, t.overage_item, t.overage_charge


@dataclass(frozen=True, slots=True)
class OverageText:
    """What a line says and charges, in minor units; the days of service are those of its month, inclusive."""

    description: str
    quantity: Decimal
    unit: str
    unit_price_minor: int
    discount_minor: int
    service_from: date
    service_to: date

    @property
    def net_minor(self) -> int:
        return int(self.quantity * self.unit_price_minor) - self.discount_minor

    def line(self, sold_item_id: str, rate: TaxRateSetting) -> DraftLine:
        """A new line of a draft, taxed at a rate of the settings."""
        return DraftLine(
            description=self.description,
            quantity=self.quantity,
            unit=self.unit,
            unit_price_minor=self.unit_price_minor,
            tax_name=rate.name,
            tax=rate.rate,
            discount_minor=self.discount_minor,
            service_from=self.service_from,
            service_to=self.service_to,
            sold_item_id=sold_item_id,
        )


def overage_texts(
    tx: Transaction, sold_item_ids: Iterable[str], language: Language
) -> dict[str, OverageText]:
    """The lines of time to be billed, by sold item; of those among the ids that are others, none.

    `language` is that of the invoice.
    """
    found: dict[str, OverageText] = {}
    for part in in_parts(sold_item_ids):
        items = tx.connection.execute(
            select(item, s.c.contract_id, s.c.currency, t.contract.c.number)
            .join(s, s.c.id == item.c.sold_item_id)
            .join(t.contract, t.contract.c.id == s.c.contract_id)
            .where(item.c.sold_item_id.in_(part))
        ).all()
        charges: dict[str, list[Row[Any]]] = {}
        for row in tx.connection.execute(_charges().where(charge.c.sold_item_id.in_(part))):
            charges.setdefault(row.sold_item_id, []).append(row)
        with in_language(language):
            found |= {one.sold_item_id: _text(one, charges.get(one.sold_item_id, [])) for one in items}
    return found


def _charges() -> Any:
    return (
        select(charge, t.service_request.c.number)
        .join(t.work_entry, t.work_entry.c.id == charge.c.work_entry_id)
        .join(t.service_request, t.service_request.c.id == t.work_entry.c.service_request_id)
        .order_by(t.service_request.c.number, charge.c.id)
    )


def _text(one: Row[Any], charges: Sequence[Row[Any]]) -> OverageText:
    key = (one.contract_id, one.month, one.rate_minor)
    own = [row for row in charges if (row.contract_id, row.month, row.rate_minor) == key]
    others = [row for row in charges if (row.contract_id, row.month, row.rate_minor) != key]
    minutes, amount_minor = sum(row.minutes for row in own), sum(row.amount_minor for row in own)
    quantity, unit, price_minor = quantity_and_price(minutes, one.rate_minor, amount_minor)
    first_day = first_day_of(one.month)
    assert first_day is not None
    description = gettext(
        "%(contract)s: time beyond the contract, %(month)s, %(hours)s h at %(rate)s an hour (%(requests)s)",
        contract=one.number,
        month=_month(one.month),
        hours=hours_text(minutes),
        rate=f"{one.currency} {amount_words(one.rate_minor, one.currency)}",
        requests=_requests(own),
    )
    reduced_minor = -sum(row.amount_minor for row in others)
    if reduced_minor:
        description = gettext(
            "%(line)s, less %(hours)s h billed before for %(months)s (%(requests)s)",
            line=description,
            hours=hours_text(-sum(row.minutes for row in others)),
            months=", ".join(_month(month) for month in sorted({row.month for row in others})),
            requests=_requests(others),
        )
    return OverageText(
        description=description,
        quantity=quantity,
        unit=unit,
        unit_price_minor=price_minor,
        discount_minor=reduced_minor,
        service_from=first_day,
        service_to=last_day_of_month(first_day),
    )


def _requests(charges: Sequence[Row[Any]]) -> str:
    """The numbers of the service requests with work in some charges that is not taken back."""
    minutes: dict[str, int] = {}
    for row in charges:
        minutes[row.number] = minutes.get(row.number, 0) + row.minutes
    numbers = [number for number, left in minutes.items() if left]
    more = len(numbers) - MOST_NAMED
    named = ", ".join(numbers[:MOST_NAMED])
    return gettext("%(named)s and %(count)s more", named=named, count=more) if more > 0 else named


def _month(month: str) -> str:
    """2026-03 is "March 2026"."""
    # not with the module: it is needed when time is billed
    from babel.dates import format_date

    first_day = first_day_of(month)
    return format_date(first_day, "MMMM y", locale=current_language()) if first_day is not None else month
