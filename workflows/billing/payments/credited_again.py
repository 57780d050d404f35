"""What credit notes settle of an invoice that is open again, since a payment of it was taken back.

A credit note that came after the payment took nothing off the invoice: it gave credit, and took back the
discount for early payment. Without the payment it settles the invoice, as it would have before the payment:
with what is left of that credit, and with what it took back of a discount that was never given after all.
Source: product.md section 10.
"""

from sqlalchemy import select

from workflows.billing.invoicing.rows import locked_invoice
from workflows.billing.journals.allocations import allocate, settled_by
from workflows.billing.journals.credit import use_credit_of_notes
from workflows.billing.journals.posting import discount_taken_back, post_discount_given_again
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version

i = t.invoice


def settle_by_credit_notes(tx: Transaction, invoice_id: str) -> None:
    """Settle an invoice that is open again by its credit notes; who pays and the invoice are locked."""
    row = locked_invoice(tx, invoice_id)
    issued = select(i.c.id).where(i.c.corrects_id == invoice_id, i.c.state == "issued")
    notes = tx.connection.execute(issued.order_by(i.c.issued_at, i.c.id)).scalars().all()
    if not notes or not row.open_minor:
        return
    open_minor = row.open_minor
    if not settled_by(tx, invoice_id).get("early_payment"):
        for note_id in notes:
            discount_minor, taxes = discount_taken_back(tx, note_id)
            if discount_minor > 0:
                allocate(tx, invoice_id, "credit_note", discount_minor, credit_note_id=note_id)
                post_discount_given_again(tx, row, note_id, discount_minor, taxes)
                open_minor -= discount_minor
    open_minor = use_credit_of_notes(tx, row, notes, open_minor)
    if open_minor != row.open_minor:
        tx.change(i, invoice_id, open_minor=open_minor, version=next_version(i))
