"""The open invoices as bank matching sees them: who pays, what is open, and until when less is enough."""

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, select

from engine.bank_matching import OpenInvoice
from engine.payments import early_payment_discount, last_discount_day
from workflows.billing.invoicing.parties import party_of
from workflows.billing.payments.payable import in_parts, payable_invoices
from workflows.core.transaction import Transaction
from workflows.store import tables as t

i = t.invoice
IS_OPEN = and_(i.c.kind == "invoice", i.c.state == "issued", i.c.open_minor > 0)
COLUMNS: tuple[ColumnElement[Any], ...] = (
    i.c.id,
    i.c.number,
    i.c.open_minor,
    i.c.currency,
    i.c.customer_id,
    i.c.org_unit_id,
    i.c.buyer["name"].as_string(),
    i.c.order_number,
)
SHORTEST_REFERENCE = 5
"""Characters of an order number that names an invoice: a shorter one, such as 2026, stands in any text."""
Party = tuple[str, str]
"""Who pays: "customer" or "org_unit", and the id."""


def read_open_invoices(
    tx: Transaction, currencies: Collection[str], *, ibans: Iterable[str], earliest_on: date
) -> tuple[list[OpenInvoice], dict[str, Party]]:
    """The invoices that are open in these currencies, and who pays each.

    `ibans` are accounts of payers: those that paid an entry before are recognized. `earliest_on` is the first
    day of the receipts: a discount for early payment that had ended by then is left out.
    """
    found = select(*COLUMNS).where(IS_OPEN, i.c.currency.in_(currencies))
    accounts = _accounts(tx, ibans)
    early = _early_terms(tx, currencies, earliest_on)
    invoices, parties = [], {}
    # there may be very many: each row is taken apart once, and no column is read that few of them need
    for row in tx.connection.execute(found):
        invoice_id, number, open_minor, currency, customer, org_unit, name, order_number = row
        party = ("customer", customer) if customer is not None else ("org_unit", org_unit)
        parties[invoice_id] = party
        early_minor, early_until = early.get(invoice_id, (None, None))
        invoices.append(
            OpenInvoice(
                invoice_id,
                number,
                open_minor,
                currency,
                name or "",
                accounts.get(party, ""),
                order_number if order_number and len(order_number) >= SHORTEST_REFERENCE else "",
                early_minor,
                early_until,
            )
        )
    return invoices, parties


def _accounts(tx: Transaction, ibans: Iterable[str]) -> dict[Party, str]:
    """Which of these accounts belongs to which payer, as earlier entries that were recorded say."""
    entry, link, payment, reversal = t.bank_entry, t.bank_entry_payment, t.payment, t.payment_reversal
    columns: tuple[Column[Any], ...] = (entry.c.party_iban, payment.c.customer_id, payment.c.org_unit_id)
    accounts: dict[Party, str] = {}
    for part in in_parts(sorted({one for one in ibans if one})):
        found = (
            select(*columns)
            .distinct()
            .join(link, link.c.entry_id == entry.c.id)
            .join(payment, payment.c.id == link.c.payment_id)
            .outerjoin(reversal, reversal.c.payment_id == payment.c.id)
            .where(entry.c.party_iban.in_(part), reversal.c.payment_id.is_(None))
            .order_by(entry.c.party_iban)
        )
        accounts |= {party_of(row): row.party_iban for row in tx.connection.execute(found)}
    return accounts


def _early_terms(
    tx: Transaction, currencies: Collection[str], earliest_on: date
) -> dict[str, tuple[int, date]]:
    """What settles invoices whose discount for early payment has not ended by then, and until when."""
    found = select(i).where(IS_OPEN, i.c.currency.in_(currencies), i.c.early_payment_days.is_not(None))
    rows = [
        row
        for row in tx.connection.execute(found)
        if row.issued_on + timedelta(days=row.early_payment_days) >= earliest_on
    ]
    terms = {}
    for invoice in payable_invoices(tx, rows):
        discounts = early_payment_discount(invoice, invoice.issued_on)
        if invoice.early_payment is not None and discounts:
            less_minor = sum(one.base_minor + one.tax_minor for one in discounts)
            last_on = last_discount_day(invoice.issued_on, invoice.early_payment)
            terms[invoice.id] = (invoice.open_minor - less_minor, last_on)
    return terms
