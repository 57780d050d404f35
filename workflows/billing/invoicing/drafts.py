"""Drafts of invoices: writing and changing them. Source: product.md section 10."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, update

from engine.invoicing import DiscountTerms
from workflows.billing.invoicing.draft_parts import (
    DraftLine,
    checked_totals,
    delete_parts,
    draft_discount,
    draft_line,
    totals_columns,
    write_parts,
)
from workflows.billing.invoicing.parties import checked_party, party_of
from workflows.billing.invoicing.rows import discounts_of, lines_of, locked_invoice, sold_by
from workflows.commands.billing import ChangeInvoice, InvoiceTerms, NewInvoice
from workflows.core.actors import OFFICE
from workflows.core.currencies import require_currency
from workflows.core.errors import StateForbids, VersionChanged, invalid
from workflows.core.tax_rates import named_tax_rate
from workflows.core.transaction import Transaction
from workflows.languages.texts import SOURCE, Language, gettext, known_language
from workflows.languages.words import word
from workflows.lifecycle.contracts.sold_items import party_columns
from workflows.register.billing_details import billing_row
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id

i, sold = t.invoice, t.sold_item
SUBJECT = "invoice"


def create_invoice(tx: Transaction, command: NewInvoice) -> str:
    """Write a draft for a customer or an org unit; returns its id.

    Order number, reference and language are those of the customer's billing details unless given.
    Raises:
        NotAllowed: the actor is no administrator, supervisor or finance.
        StateForbids: invoices are off.
        InvalidInput: the customer, a tax rate or something sold does not exist, an amount is in another
            currency, or a discount is more than what it is taken from.
    """
    tx.require(*OFFICE)
    require_invoicing(tx)
    kind, party_id = checked_party(tx, command.customer, command.org_unit)
    currency = command.currency or tx.settings.currency
    require_currency(tx, currency, "/currency")
    lines = [draft_line(tx, one, currency, f"/lines/{n}") for n, one in enumerate(command.lines)]
    discounts = [draft_discount(one, currency, f"/discounts/{n}") for n, one in enumerate(command.discounts)]
    return add_draft(tx, (kind, party_id), currency, lines, discounts, command)


def add_draft(
    tx: Transaction,
    party: tuple[str, str],
    currency: str,
    lines: Sequence[DraftLine],
    discounts: Sequence[DiscountTerms] = (),
    terms: InvoiceTerms | None = None,
) -> str:
    """Write a draft with these lines, and take what they invoice. Returns its id. Raises: InvalidInput."""
    totals = checked_totals(lines, discounts)
    invoice_id = new_id()
    columns = _defaults(tx, party) | _given_terms(terms or InvoiceTerms()) | totals_columns(totals)
    with tx.batch(i.c.id):
        tx.add(
            i,
            id=invoice_id,
            kind="invoice",
            state="draft",
            **party_columns(*party),
            currency=currency,
            **columns,
            created_at=tx.now,
            created_by=tx.actor.name,
        )
        if any(one.sold_item_id is not None for one in lines):
            # what is taken refers to the invoice
            tx.flush_pending()
            _take(tx, invoice_id, party, currency, lines)
        write_parts(tx, invoice_id, lines, totals)
        tx.audit(SUBJECT, invoice_id, "created", total=totals.total_minor, currency=currency)
    return invoice_id


def draft_language(tx: Transaction, party: tuple[str, str], terms: InvoiceTerms | None = None) -> Language:
    """The language that a new draft has, in which its lines are written: as given, else the customer's."""
    given = terms.given().get("language") if terms is not None else None
    return known_language(given or _defaults(tx, party)["language"]) or SOURCE


def change_invoice(
    tx: Transaction, invoice_id: str, command: ChangeInvoice, expected_version: int | None = None
) -> str:
    """Change a draft; lists that are given replace the whole lists. Returns its id.

    The tax of lines that stay is that of the settings now.
    Raises: NotAllowed; NotFound; VersionChanged; StateForbids unless it is the draft of an invoice;
    InvalidInput, as `create_invoice`.
    """
    tx.require(*OFFICE)
    row = locked_invoice(tx, invoice_id)
    if expected_version not in (None, row.version):
        raise VersionChanged(
            gettext("The draft has been changed in the meantime."),
            remedy=gettext("Read it again and repeat the change."),
            version=row.version,
        )
    require_draft(row, "changed")
    given = command.given()
    lines = _lines_after(tx, row, command)
    if command.discounts is not None:
        discounts = [
            draft_discount(one, row.currency, f"/discounts/{n}") for n, one in enumerate(command.discounts)
        ]
    else:
        discounts = discounts_of(tx, invoice_id)
    total = _write_anew(tx, row, lines, discounts, **_given_terms(command))
    tx.audit(SUBJECT, invoice_id, "changed", fields=sorted(given), total=total)
    return invoice_id


def rewrite_lines(tx: Transaction, row: Row[Any], lines: Sequence[DraftLine]) -> None:
    """Replace the lines of a draft whose row is locked; the rest of it stays. Raises: InvalidInput."""
    total = _write_anew(tx, row, lines, discounts_of(tx, row.id))
    tx.audit(SUBJECT, row.id, "changed", fields=["lines"], total=total)


def _write_anew(
    tx: Transaction,
    row: Row[Any],
    lines: Sequence[DraftLine],
    discounts: Sequence[DiscountTerms],
    **terms: Any,
) -> int:
    """Write lines and discounts of a draft in the place of those that it has; returns its total."""
    totals = checked_totals(lines, discounts)
    delete_parts(tx, row.id)
    _release(tx, row.id)
    _take(tx, row.id, party_of(row), row.currency, lines)
    write_parts(tx, row.id, lines, totals)
    tx.change(i, row.id, **terms, **totals_columns(totals), version=next_version(i))
    return totals.total_minor


def require_invoicing(tx: Transaction) -> None:
    """Raise StateForbids unless invoices and contracts are on."""
    if not tx.settings.invoicing:
        raise StateForbids(
            gettext("Invoices are off, so nothing is invoiced.")
            if tx.settings.contracts
            else gettext("Contracts are off, so nothing is invoiced."),
            remedy=gettext(
                "An administrator switches invoices on in the settings, and contracts by activating them."
            ),
            state="invoices_off",
        )


def require_draft(row: Row[Any], done: str) -> None:
    """Raise StateForbids unless the row is a draft of an invoice; `done` is what cannot be done to it."""
    if row.state == "draft":
        return
    number = row.number or gettext("This draft")
    remedy = (
        gettext("Correct it by a credit note.") if row.state == "issued" and row.kind == "invoice" else ""
    )
    raise StateForbids(
        gettext(
            "%(number)s cannot be %(done)s: it is %(state)s.",
            number=number,
            done=word(done),
            state=word(row.state),
        ),
        remedy=remedy,
        state=row.state,
        number=row.number,
    )


def release_sold(tx: Transaction, invoice_id: str) -> None:
    """Let what an invoice sold be invoiced again."""
    _release(tx, invoice_id)


def _lines_after(tx: Transaction, row: Row[Any], command: ChangeInvoice) -> list[DraftLine]:
    if command.lines is not None:
        return [draft_line(tx, one, row.currency, f"/lines/{n}") for n, one in enumerate(command.lines)]
    return [
        _with_rate_of_today(tx, line, f"/lines/{position}")
        for position, line in enumerate(lines_of(tx, row.id))
    ]


def _with_rate_of_today(tx: Transaction, line: DraftLine, pointer: str) -> DraftLine:
    rate = named_tax_rate(tx, line.tax_name, f"{pointer}/tax_rate")
    return replace(line, tax_name=rate.name, tax=rate.rate)


def _defaults(tx: Transaction, party: tuple[str, str]) -> dict[str, Any]:
    details = billing_row(tx, *party)
    return {
        "order_number": details.order_number if details is not None else None,
        "buyer_reference": details.buyer_reference if details is not None else None,
        "language": (details.language if details is not None else None) or "en",
    }


def _given_terms(terms: InvoiceTerms) -> dict[str, Any]:
    """The columns of the terms that were given; an empty text removes one."""
    given = terms.given()
    columns: dict[str, Any] = {
        name: given[name] or None
        for name in ("due_on", "order_number", "buyer_reference", "note", "terms")
        if name in given
    }
    if given.get("language") is not None:
        columns["language"] = given["language"]
    if "early_payment" in given:
        early = terms.early_payment
        columns["early_payment_days"] = early.days if early is not None else None
        columns["early_payment_percent"] = Decimal(early.percent) if early is not None else None
    return columns


def _take(
    tx: Transaction, invoice_id: str, party: tuple[str, str], currency: str, lines: Sequence[DraftLine]
) -> None:
    """Mark what the lines invoice as taken by this invoice, once. Raises: InvalidInput naming the line."""
    taken: set[str] = set()
    for position, line in enumerate(lines):
        if line.sold_item_id is None:
            continue
        pointer = f"/lines/{position}/sold"
        row = sold_by(tx, line.sold_item_id)
        if row is None or party_of(row) != party:
            raise invalid(
                pointer,
                gettext("Nothing with this id was sold to this customer."),
                gettext("Look it up first."),
            )
        if row.currency != currency:
            raise invalid(
                pointer,
                gettext("It was sold in %(currency)s.", currency=row.currency),
                gettext("Invoice it in that currency."),
            )
        free = update(sold).where(
            sold.c.id == row.id, sold.c.invoice_id.is_(None), sold.c.waived_at.is_(None)
        )
        if row.id in taken or not tx.connection.execute(free.values(invoice_id=invoice_id)).rowcount:
            raise invalid(
                pointer,
                gettext("It is on an invoice already, or is not to be invoiced."),
                gettext("Leave it out."),
            )
        taken.add(row.id)


def _release(tx: Transaction, invoice_id: str) -> None:
    tx.connection.execute(
        update(sold).where(sold.c.invoice_id == invoice_id).values(invoice_id=None, released_at=tx.now)
    )
