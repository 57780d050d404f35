"""Voiding a draft, or an issued invoice of which nothing has happened. Source: product.md section 10."""

from typing import Any

from sqlalchemy import Row

from workflows.billing.invoicing.actions import ISSUERS
from workflows.billing.invoicing.drafts import SUBJECT, release_sold
from workflows.billing.invoicing.parties import lock_party, party_of
from workflows.billing.invoicing.rows import locked_invoice, party_row
from workflows.billing.issuing.credit_notes import notes_of, write_credit_note
from workflows.billing.journals.allocations import settled_by
from workflows.commands.billing import CreditInvoice, VoidInvoice
from workflows.core.actors import OFFICE
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.languages.texts import SOURCE, gettext, in_language, known_language
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version

i = t.invoice


def void_invoice(tx: Transaction, invoice_id: str, command: VoidInvoice) -> str:
    """Void a draft, or an issued invoice that was neither paid, corrected nor processed; returns its id.

    A draft never gets a number. An issued invoice is taken back by a credit note for the whole of it. What
    it invoiced can be invoiced again.
    Raises:
        NotAllowed: the actor is no administrator, supervisor or finance; a supervisor voids drafts only.
        NotFound: there is no such invoice.
        StateForbids: it is a credit note, void already, or something was paid, credited or processed.
    """
    tx.require(*OFFICE)
    lock_party(tx, *party_of(party_row(tx, invoice_id)))
    row = locked_invoice(tx, invoice_id)
    if row.state == "issued":
        tx.require(*ISSUERS)
    _refuse(tx, row)
    if row.state == "issued":
        # a credit note says what it is for, also where nobody gave a reason
        with in_language(known_language(row.language) or SOURCE):
            reason = command.reason or gettext("%(number)s is void.", number=row.number)
        write_credit_note(tx, row, CreditInvoice(reason=reason), voids=True)
    tx.change(
        i,
        invoice_id,
        state="void",
        voided_at=tx.now,
        voided_by=tx.actor.name,
        void_reason=command.reason,
        version=next_version(i),
    )
    release_sold(tx, invoice_id)
    tx.audit(SUBJECT, invoice_id, "voided", reason=command.reason)
    return invoice_id


def _refuse(tx: Transaction, row: Row[Any]) -> None:
    why = ""
    if row.state == "void":
        why = gettext("it is void already")
    elif row.kind == "credit_note":
        why = gettext("it is a credit note")
    elif row.delivered_at is not None:
        why = gettext("it has been processed")
    elif settled_by(tx, row.id) or notes_of(tx, row.id):
        why = gettext("a part of it has been paid or credited")
    if why:
        raise StateForbids(
            gettext(
                "%(number)s cannot be voided: %(why)s.", number=row.number or gettext("The draft"), why=why
            ),
            remedy=gettext("Write a credit note for what is wrong.") if row.state == "issued" else "",
            state=row.state,
        )
