"""Issuing an invoice. Source: product.md section 10.

Numbers are gapless for each series and year: the counter's row is locked by the transaction that uses the
number, as its last step, and a transaction that is rolled back gives its number back. Locks are taken in one
order: who pays (only if they have credit to use, or an order with a budget), the invoice, the counter.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import Row, bindparam, literal_column, select

from engine.invoice_document import Party
from engine.invoicing import TaxRate
from engine.periods import first_instant_of, local_date
from workflows.billing.documents.files import e_invoice_columns
from workflows.billing.invoicing.actions import ISSUERS
from workflows.billing.invoicing.checks import require_confirmed
from workflows.billing.invoicing.drafts import SUBJECT, require_draft
from workflows.billing.invoicing.parties import (
    buyer_and_language,
    lock_party,
    party_fields,
    party_of,
    seller_of,
)
from workflows.billing.invoicing.rows import line_rows, locked_invoice, no_invoice, sells_something
from workflows.billing.issuing.notices import notify_issued
from workflows.billing.journals.credit import payer_has_credit, use_credit
from workflows.billing.journals.posting import document_journal, post_document
from workflows.core.currencies import given_up_text
from workflows.core.errors import StateForbids
from workflows.core.numbering import next_number
from workflows.core.transaction import Transaction
from workflows.languages.formats import day_text
from workflows.languages.texts import gettext
from workflows.lifecycle.open_disputes import entry_is_disputed
from workflows.notifications.recipients import language_or
from workflows.register.billing_details import payer_has_order_budget
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared, next_version

i = t.invoice
SERIES = {"invoice": "INV", "credit_note": "CN"}
BOTH_VAT_IDS = ("AE", "K")
"""Tax categories for which the customer owes the tax: both parties are named by their VAT ids."""


def issue_invoice(tx: Transaction, invoice_id: str) -> str:
    """Issue a draft: it gets its number, its day and its due day, and never changes. Returns its id.

    Credit of the customer is used on it, the oldest first.
    Raises:
        NotAllowed: the actor is neither finance nor an administrator.
        NotFound: there is no such invoice.
        StateForbids: it is no draft; it is unusual and not confirmed (`reasons`); a dispute about work that
            it bills is open; or something is missing or refused by the rules for e-invoices, which `missing`
            lists.
    """
    tx.require(*ISSUERS)
    _issue(tx, invoice_id, is_charge=False)
    return invoice_id


def issue_charge(tx: Transaction, invoice_id: str) -> str:
    """Issue the draft of a charge that is not subject to VAT, such as a fee; returns its number.

    Its tax is none of the settings' rates, it is no e-invoice, and nobody has to confirm it: what it is
    charged for is decided elsewhere. Raises: NotFound; StateForbids.
    """
    return _issue(tx, invoice_id, is_charge=True)


def _issue(tx: Transaction, invoice_id: str, *, is_charge: bool) -> str:
    paying = _PAYING.first(tx.connection, {"invoice": invoice_id})
    if paying is None:
        raise no_invoice()
    party, uses_credit = party_of(paying), paying.has_credit
    if uses_credit or paying.has_order_budget:
        lock_party(tx, *party)
    row = locked_invoice(tx, invoice_id)
    require_draft(row, "issued")
    if not is_charge:
        require_confirmed(tx, row)
    lines = line_rows(tx, invoice_id)
    _refuse_disputed(tx, row, lines)
    (buyer, language), seller = buyer_and_language(tx, *party), seller_of(tx.settings)
    issued_on = local_date(tx.now, tx.settings.zone)
    due_on = row.due_on or issued_on + timedelta(days=tx.settings.invoice_due_days)
    if not is_charge:
        _refuse_given_up_currency(tx, row)
        _refuse_incomplete(tx, row, lines, buyer, seller)
    if due_on < issued_on:
        late = gettext("The invoice would be due on %(day)s, before it is issued.", day=day_text(due_on))
        raise StateForbids(
            late,
            remedy=gettext("Change the due day of the draft."),
            state=row.state,
            missing=[{"field": "due_on", "detail": late}],
        )
    # credit that came since then is for the next invoice: who pays is not locked
    open_minor = use_credit(tx, party, row) if uses_credit else row.open_minor
    language_of_mail = language_or(tx, buyer.email, lambda: language)
    # one statement with all that is written once the number is known, since others wait for its counter
    with tx.batch(t.audit_event.c.id):
        number = finish_issue(
            tx,
            row,
            lines,
            seller=seller,
            buyer=party_fields(buyer),
            due_on=due_on,
            overdue_at=first_instant_of(due_on + timedelta(days=1), tx.settings.zone),
            open_minor=open_minor,
            as_e_invoice=not is_charge,
        )
        notify_issued(tx, row, number, buyer, language_of_mail, due_on=due_on, open_minor=open_minor)
    return number


def finish_issue(
    tx: Transaction, row: Row[Any], lines: Sequence[Row[Any]], *, as_e_invoice: bool = True, **columns: Any
) -> str:
    """Give a draft its number and freeze it; only messages are written afterwards. Returns the number.

    `row` and `lines` are its rows. Raises: StateForbids if it is issued as an e-invoice and the published
    rules do not accept it.
    """
    issued_on = local_date(tx.now, tx.settings.zone)
    series = f"{SERIES[row.kind]}-{issued_on.year}"
    columns |= {"issued_at": tx.now, "issued_on": issued_on}
    # before the number is taken, since others wait for its counter
    if as_e_invoice:
        columns |= e_invoice_columns(tx, row, number=series, **columns)
    journal = document_journal(tx, row, lines)
    number = next_number(tx, series)
    tx.audit(SUBJECT, row.id, "issued", number=number)
    tx.change(
        i,
        row.id,
        state="issued",
        number=number,
        issued_by=tx.actor.name,
        version=next_version(i),
        **columns,
    )
    post_document(tx, row, number, journal)
    return number


def _refuse_given_up_currency(tx: Transaction, row: Row[Any]) -> None:
    """Raise StateForbids for a draft in a currency that was given up since it was written."""
    given_up = given_up_text(tx, row.currency)
    if given_up is not None:
        raise StateForbids(
            given_up[0],
            remedy=gettext("Void the draft, and write it in the currency of today."),
            state=row.state,
            missing=[{"field": "currency", "detail": given_up[0]}],
        )


def _refuse_disputed(tx: Transaction, row: Row[Any], lines: Sequence[Row[Any]]) -> None:
    """Raise StateForbids while a dispute about work that a draft bills is open."""
    if not sells_something(lines):
        return
    disputed = _disputed().first(tx.connection, {"invoice": row.id})
    if disputed is not None:
        raise StateForbids(
            gettext(
                "The draft bills work on %(number)s to which the customer objects.", number=disputed.number
            ),
            remedy=gettext("Decide the dispute first."),
            state=row.state,
        )


@cache
def _disputed() -> Prepared:
    """The first service request with a disputed work entry among those that an invoice bills."""
    line, charge, r, e = t.invoice_line, t.overage_charge, t.service_request, t.work_entry
    return Prepared(
        select(r.c.number)
        .join(e, e.c.service_request_id == r.c.id)
        .join(charge, charge.c.work_entry_id == e.c.id)
        .join(line, line.c.sold_item_id == charge.c.sold_item_id)
        .where(line.c.invoice_id == bindparam("invoice", type_=Id), entry_is_disputed(e.c.id))
        .order_by(r.c.number)
        .limit(literal_column("1"))
    )


_PAYING = Prepared(
    select(
        i.c.customer_id,
        i.c.org_unit_id,
        payer_has_credit().label("has_credit"),
        payer_has_order_budget().label("has_order_budget"),
    ).where(i.c.id == bindparam("invoice", type_=Id))
)
"""Who pays an invoice, which never changes, and whether there is anything for which to lock them."""


def _refuse_incomplete(
    tx: Transaction, row: Row[Any], lines: Sequence[Row[Any]], buyer: Party, seller: dict[str, str]
) -> None:
    """Raise StateForbids if the seller, the buyer or a tax rate is not as it must be on an invoice."""
    missing: list[tuple[str, str]] = []
    if any(one.tax_category in BOTH_VAT_IDS for one in lines):
        if not seller["vat_id"]:
            missing.append(("company.vat_id", gettext("The company's VAT id is missing in the settings.")))
        if not buyer.vat_id:
            lack = gettext("The VAT id of %(name)s is missing in the billing details.", name=buyer.name)
            missing.append(("buyer.vat_id", lack))
    rates = {name: tx.settings.tax_rate(name) for name in {one.tax_name for one in lines}}
    for number, one in enumerate(lines, 1):
        rate = rates[one.tax_name]
        as_written = TaxRate(one.tax_category, one.tax_percent, one.tax_reason)
        if rate is None or rate.rate != as_written:
            text = (
                gettext(
                    "The tax rate %(name)s of line %(line)s no longer exists.", name=one.tax_name, line=number
                )
                if rate is None
                else gettext(
                    "The tax rate %(name)s of line %(line)s has changed.", name=one.tax_name, line=number
                )
            )
            missing.append((f"lines.{number}", text))
    if missing:
        raise StateForbids(
            gettext(
                "The invoice cannot be issued: %(reasons)s", reasons=" ".join(text for _, text in missing)
            ),
            remedy=gettext("Correct this, save the draft again, and issue it."),
            state=row.state,
            missing=[{"field": field, "detail": text} for field, text in missing],
        )
