"""The draft of the invoice for a quote that was accepted: the same lines, discounts, tax and total."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, and_, select, update

from engine.invoicing import TaxRate
from engine.periods import local_date
from workflows.billing.invoicing.draft_parts import DraftLine
from workflows.billing.invoicing.drafts import add_draft
from workflows.billing.invoicing.parties import party_of
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.sold_items import party_columns
from workflows.selling.quote_lines import line_rows
from workflows.store import tables as t


def draft_invoice(tx: Transaction, quote: Row[Any], version: Row[Any]) -> str | None:
    """Write the draft for a version whose contracts have been made; returns its id, None without a price.

    Whoever the quote is for pays for its contracts, also where another holds them.
    """
    rows = line_rows(tx, version.id)
    if version.total_minor == 0:
        return None
    party = party_of(quote)
    made = _contracts(tx, [row.id for row in rows])
    sold = _sold_items(tx, [contract.id for contract in made.values()], party)
    lines = [_line(row, made.get(row.id), sold) for row in rows]
    invoice_id = add_draft(tx, party, quote.currency, lines)
    tx.add(t.quote_invoice, quote_id=quote.id, invoice_id=invoice_id)
    return invoice_id


def _line(row: Row[Any], contract: Row[Any] | None, sold: dict[str, str]) -> DraftLine:
    first, last = _service_days(contract) if contract is not None else (None, None)
    number = f"{contract.number} " if contract is not None else ""
    return DraftLine(
        description=f"{number}{row.description}",
        quantity=row.quantity,
        unit_price_minor=row.unit_price_minor,
        tax_name=row.tax_name,
        tax=TaxRate(row.tax_category, row.tax_percent, row.tax_reason),
        discount_percent=row.discount_percent,
        service_from=first,
        service_to=last,
        sold_item_id=sold.get(contract.id) if contract is not None else None,
    )


def _contracts(tx: Transaction, line_ids: list[str]) -> dict[str, Row[Any]]:
    """The contracts that lines made, by the id of the line."""
    made, c = t.quote_contract.c, t.contract
    rows = tx.connection.execute(
        select(c, made.line_id)
        .join(t.quote_contract, made.contract_id == c.c.id)
        .where(made.line_id.in_(line_ids))
    )
    return {row.line_id: row for row in rows}


def _sold_items(tx: Transaction, contract_ids: list[str], party: tuple[str, str]) -> dict[str, str]:
    """What is to be invoiced of contracts, by the id of the contract; it is then the party's to pay."""
    s = t.sold_item
    is_of_these = and_(s.c.contract_id.in_(contract_ids), s.c.kind == "contract")
    tx.connection.execute(update(s).where(is_of_these).values(**party_columns(*party)))
    rows = tx.connection.execute(select(s.c.contract_id, s.c.id).where(is_of_these))
    return {row.contract_id: row.id for row in rows}


def _service_days(contract: Row[Any]) -> tuple[date | None, date | None]:
    """The first and the last day of a contract; neither where it has no end."""
    if contract.expires_at is None:
        return None, None
    zone = ZoneInfo(contract.time_zone)
    last = local_date(contract.expires_at - timedelta(microseconds=1), zone)
    return local_date(contract.starts_at, zone), last
