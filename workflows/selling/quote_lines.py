"""The lines of a quote: from what was given to rows with prices, tax and totals, as on invoices."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row, select

from engine.contracts import Unit
from engine.errors import DeskError
from engine.invoicing import LineTerms, TaxRate, Totals, document_totals
from engine.periods import local_date
from engine.quantities import hours_text
from engine.quotes import QuoteLineKind
from workflows.commands.contracts import NewContract
from workflows.commands.fields import MOST_MINOR, MoneyGiven
from workflows.commands.quotes import QuoteLineGiven
from workflows.core.errors import InvalidInput, invalid
from workflows.core.tax_rates import named_tax_rate
from workflows.core.transaction import Transaction
from workflows.languages.formats import amount_text
from workflows.languages.shipped_rules import rule_file_text
from workflows.languages.texts import Language, gettext, in_language
from workflows.lifecycle.contracts.creation import Origin, sell
from workflows.lifecycle.contracts.given_terms import minor_units, quantities_given
from workflows.lifecycle.contracts.sale_prices import contract_price, product_price, product_row
from workflows.lifecycle.contracts.type_terms import type_in_force
from workflows.register.holder_names import holder_names
from workflows.store import tables as t
from workflows.store.column_types import decimal_text
from workflows.store.ids import new_id

CONTRACT_UNIT = "contract"
NOT_IN_TERMS = ("price", "discount_percent", "enable", "service_request", "sold_items")
"""Fields of a contract that a line has itself, or that an acceptance decides."""


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """A line to be written; the price is in minor units of the quote's currency."""

    kind: QuoteLineKind
    description: str
    quantity: Decimal
    unit: str
    unit_price_minor: int
    discount_percent: Decimal | None
    tax_name: str
    tax: TaxRate
    product_id: str | None = None
    contract_terms: dict[str, Any] | None = None

    @property
    def terms(self) -> LineTerms:
        return LineTerms(self.quantity, self.unit_price_minor, self.tax, self.discount_percent)


def quote_line(tx: Transaction, given: QuoteLineGiven, pointer: str, language: Language) -> QuoteLine:
    """A line as given, with the price list's price where none was, described in a language where it was not.

    Raises: InvalidInput for a contract that could not be sold so, a product or tax rate that does not exist,
    a missing price, another currency than the desk's, or a discount of more than 100 percent.
    """
    percent = Decimal(given.discount_percent) if given.discount_percent is not None else None
    if percent is not None and percent > 100:
        raise invalid(
            f"{pointer}/discount_percent",
            gettext("A discount is at most 100 percent."),
            gettext("Give less."),
        )
    tax_pointer = f"{pointer}/tax_rate"
    rate = named_tax_rate(tx, given.tax_rate or tx.settings.tax_rates[0].name, tax_pointer)
    price = minor_units(tx, given.unit_price, f"{pointer}/unit_price")
    line = QuoteLine(
        kind="item",
        description=given.description or "",
        quantity=Decimal(given.quantity),
        unit=given.unit or "piece",
        unit_price_minor=price or 0,
        discount_percent=percent,
        tax_name=rate.name,
        tax=rate.rate,
    )
    if given.contract is not None:
        line = _contract_line(tx, line, given.contract, price, pointer)
        if not given.description:
            with in_language(language):
                line = replace(line, description=_described(tx, given.contract))
    elif given.product is not None:
        line = _product_line(tx, line, given, price, pointer)
    if given.tax_rate is None and line.tax_name != rate.name:
        rate = named_tax_rate(tx, line.tax_name, tax_pointer)
        line = replace(line, tax=rate.rate)
    if line.unit_price_minor * line.quantity > MOST_MINOR:
        raise invalid(
            f"{pointer}/quantity",
            gettext("The line amounts to too much."),
            gettext("Check quantity and price."),
        )
    return line


def totals_of(lines: Sequence[QuoteLine]) -> Totals:
    """The totals of a version. Raises: InvalidInput where they are beyond what can be stored."""
    totals = document_totals([one.terms for one in lines])
    if totals.total_minor > MOST_MINOR:
        raise invalid(
            "/lines", gettext("The quote amounts to too much."), gettext("Check quantities and prices.")
        )
    return totals


def write_lines(tx: Transaction, version_id: str, lines: Sequence[QuoteLine], totals: Totals) -> None:
    """Write the lines of a version that has none."""
    for position, line in enumerate(lines):
        tx.add(
            t.quote_line,
            id=new_id(),
            version_id=version_id,
            position=position,
            kind=line.kind,
            product_id=line.product_id,
            contract_terms=line.contract_terms,
            description=line.description,
            quantity=line.quantity,
            unit=line.unit,
            unit_price_minor=line.unit_price_minor,
            discount_percent=line.discount_percent,
            net_minor=totals.lines[position].net_minor,
            tax_name=line.tax_name,
            tax_category=line.tax.category,
            tax_percent=line.tax.percent,
            tax_reason=line.tax.reason,
        )


def stored_lines(tx: Transaction, version_id: str) -> list[QuoteLine]:
    """The lines of a version."""
    return [
        QuoteLine(
            kind=row.kind,
            description=row.description,
            quantity=row.quantity,
            unit=row.unit,
            unit_price_minor=row.unit_price_minor,
            discount_percent=row.discount_percent,
            tax_name=row.tax_name,
            tax=TaxRate(row.tax_category, row.tax_percent, row.tax_reason),
            product_id=row.product_id,
            contract_terms=row.contract_terms,
        )
        for row in line_rows(tx, version_id)
    ]


def line_rows(tx: Transaction, version_id: str) -> list[Row[Any]]:
    """The rows of a version's lines, in order."""
    line = t.quote_line
    wanted = select(line).where(line.c.version_id == version_id).order_by(line.c.position)
    return list(tx.connection.execute(wanted))


def contract_of_line(row: Row[Any], currency: str) -> NewContract:
    """The contract that an acceptance of a line makes, at the line's price. Raises: InvalidInput."""
    price = MoneyGiven(amount_minor=row.unit_price_minor, currency=currency)
    discount = decimal_text(row.discount_percent) if row.discount_percent is not None else None
    try:
        terms = NewContract.model_validate_json(json.dumps(row.contract_terms))
    except ValidationError as error:
        raise InvalidInput(
            gettext(
                "The terms of “%(description)s” are not valid any more: %(errors)s.",
                description=row.description,
                errors=error.errors()[0]["msg"],
            ),
            remedy=gettext("Change the quote, and send its next version."),
            pointer="",
        ) from None
    return terms.model_copy(update={"price": price, "discount_percent": discount})


def _contract_line(
    tx: Transaction, line: QuoteLine, terms: NewContract, price: int | None, pointer: str
) -> QuoteLine:
    given = terms.given()
    for name in NOT_IN_TERMS:
        if given.get(name) is not None:
            raise invalid(
                f"{pointer}/contract/{name}",
                gettext("The terms of a contract in a quote do not say this."),
                gettext("Give price and discount with the line; the acceptance decides the rest."),
            )
    _check_sale(tx, terms, f"{pointer}/contract")
    kind = type_in_force(tx, terms.type)
    quantity = _quantity(tx, terms, kind)
    starts_on = terms.starts_on or local_date(terms.starts_at or tx.now, tx.settings.zone)
    entry = contract_price(tx, "contract_type", kind.key, quantity, starts_on)
    if price is None:
        price = entry.amount_minor if entry is not None else kind.defaults.price_minor
        if price is None:
            raise invalid(
                f"{pointer}/unit_price",
                gettext(
                    "Neither the price list nor the type “%(label)s” has a price for it.",
                    label=rule_file_text(kind.label),
                ),
                gettext("Give a price."),
            )
    return replace(
        line,
        kind="contract",
        unit=CONTRACT_UNIT,
        tax_name=(entry.tax_rate if entry is not None else None) or line.tax_name,
        unit_price_minor=price,
        contract_terms=terms.model_dump(mode="json", exclude_unset=True),
    )


def _described(tx: Transaction, terms: NewContract) -> str:
    """A contract in the current language: "Support hours, 20:00 h for Ann"."""
    kind = type_in_force(tx, terms.type)
    quantity = _quantity(tx, terms, kind)
    holder = (terms.holder.kind, terms.holder.id)
    name = holder_names(tx, {holder})[holder]
    label = rule_file_text(kind.label)
    if not quantity:
        return gettext("%(type)s for %(holder)s", type=label, holder=name)
    amount = _amount(quantity, kind.draws, tx.settings.currency)
    return gettext("%(type)s, %(amount)s for %(holder)s", type=label, amount=amount, holder=name)


def _amount(quantity: int, draws: str, currency: str) -> str:
    """What a contract is sold with: "1:30 h", "5 incidents", "EUR 400.00"."""
    if draws == "minutes":
        return gettext("%(time)s h", time=hours_text(quantity))
    unit: Unit = "money" if draws == "money" else "incidents"
    return amount_text(quantity, unit, currency)


def _quantity(tx: Transaction, terms: NewContract, kind: Any) -> int | None:
    """What a contract is sold with, in what its type draws; None for nothing, or for grants of their own."""
    if kind.draws == "nothing" or terms.grants is not None:
        return None
    given = quantities_given(tx, terms)[kind.draws]
    found: int | None = given if given is not None else getattr(kind.defaults, kind.draws)
    return found


def _check_sale(tx: Transaction, terms: NewContract, pointer: str) -> None:
    """Check that the contract could be sold as it is: it is, and taken back.

    Raises: InvalidInput, with the pointer of the line.
    """
    point = tx.connection.begin_nested()
    try:
        sell(tx, terms, Origin())
    except DeskError as error:
        where = error.values.get("pointer", "")
        raise InvalidInput(error.detail, remedy=error.remedy, pointer=f"{pointer}{where}") from error
    finally:
        point.rollback()


def _product_line(
    tx: Transaction, line: QuoteLine, given: QuoteLineGiven, price: int | None, pointer: str
) -> QuoteLine:
    row = product_row(tx, str(given.product), f"{pointer}/product")
    if row.kind == "contract_type":
        raise invalid(
            f"{pointer}/product",
            gettext("%(code)s is a contract.", code=row.code),
            gettext("Give the terms of the contract instead."),
        )
    if price is None:
        today = local_date(tx.now, tx.settings.zone)
        price = product_price(tx, row, today, f"{pointer}/unit_price")
    return replace(
        line,
        description=line.description or row.label,
        unit=given.unit or row.unit,
        tax_name=row.tax_rate or line.tax_name,
        unit_price_minor=price,
        product_id=row.id,
    )
