"""The invoice of a request's own contract that is cancelled unpaid, or since another one was taken up.

What was invoiced for the request's own contract is taken back in the transaction that cancels it: a line of a
draft is removed, and with the last one the draft; an issued invoice gets a credit note, and is void where
that is all of it and nothing was paid. Locks are taken in one order: who pays, the invoices, then the request
and its contract. Source: product.md sections 9 (cancel) and 10.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import Row, exists, select

from workflows.billing.invoicing.drafts import rewrite_lines
from workflows.billing.invoicing.parties import lock_party, party_of
from workflows.billing.invoicing.rows import line_rows, lines_of, locked_invoice
from workflows.billing.issuing.credit_notes import credited_before, notes_of, write_credit_note
from workflows.billing.issuing.voiding import void_invoice
from workflows.billing.journals.allocations import settled_by
from workflows.billing.sold.to_invoice import audit_sold
from workflows.commands.billing import CreditInvoice, CreditLineGiven, VoidInvoice
from workflows.core.errors import InvalidInput
from workflows.core.transaction import Transaction
from workflows.coverage.search import NOT_TAKEN_UP, is_untaken
from workflows.languages.texts import SOURCE, gettext, in_language, known_language, mark
from workflows.service_requests.unpaid import UnpaidStep, take_unpaid_step, unpaid_due
from workflows.store import tables as t

s, c, i = t.sold_item, t.contract, t.invoice


def take_unpaid_step_and_credit(tx: Transaction, request_id: str, step: UnpaidStep) -> bool:
    """Warn of an unpaid request, or cancel it and take its invoice back, if that is due as of now.

    For the job. Returns whether it was due. Raises: StateForbids if the credit note cannot be issued.
    """
    if step == "cancel":
        _lock_invoices(tx, request_id)
        is_due = any(one.step == step and one.due_at <= tx.now for one in unpaid_due(tx, request_id))
        # before its contract is cancelled, all of the price is still to be delivered
        for item in _sold(tx, request_id) if is_due else ():
            unpaid = mark("Service request %(number)s was cancelled: it was not paid.")
            _take_back(tx, item, unpaid)
    return take_unpaid_step(tx, request_id, step)


def untaken_on_invoices(tx: Transaction) -> list[str]:
    """What was sold as own contracts of requests that were cancelled without being taken up, and is invoiced.

    By the ids of the sold items. What was credited since then, or is written off, is left out. For the job.
    """
    note = t.invoice.alias("note")
    credited = exists().where(note.c.corrects_id == i.c.id, note.c.issued_at >= c.c.cancelled_at)
    found = (
        select(s.c.id)
        .join(c, c.c.id == s.c.contract_id)
        .join(i, i.c.id == s.c.invoice_id)
        .where(c.c.made_by_rule, c.c.state == "cancelled", c.c.cancel_reason == NOT_TAKEN_UP)
        .where(s.c.kind == "contract", i.c.state.in_(("draft", "issued")), i.c.written_off_minor == 0)
        .where(~credited)
        .order_by(s.c.id)
    )
    return list(tx.connection.execute(found).scalars())


def take_back_untaken(tx: Transaction, sold_item_id: str) -> bool:
    """Take such a contract off its draft, or credit it. For the job; returns whether it still was to be.

    Raises: StateForbids if the credit note cannot be issued.
    """
    found = select(s, c.c.number).join(c, c.c.id == s.c.contract_id).where(s.c.id == sold_item_id)
    item = tx.connection.execute(found).one()
    lock_party(tx, *party_of(item))
    if item.invoice_id is not None:
        locked_invoice(tx, item.invoice_id)
    if sold_item_id not in untaken_on_invoices(tx):
        return False
    _take_back(tx, item, mark("%(number)s was not taken up."))
    return True


def _sold(tx: Transaction, request_id: str) -> list[Row[Any]]:
    """What was sold as the own contracts that the request's cancellation will cancel, with its number."""
    found = (
        select(s, t.service_request.c.number)
        .join(c, c.c.id == s.c.contract_id)
        .join(t.service_request, t.service_request.c.id == c.c.holder_id)
        .where(is_untaken(request_id), s.c.kind == "contract", s.c.waived_at.is_(None))
        .order_by(s.c.id)
    )
    return list(tx.connection.execute(found))


def _lock_invoices(tx: Transaction, request_id: str) -> None:
    """Lock who pays for a request's own contracts, and then their invoices, in the order of their ids."""
    sold = _sold(tx, request_id)
    for party in sorted({party_of(one) for one in sold if one.invoice_id is not None}):
        lock_party(tx, *party)
    for invoice_id in sorted({one.invoice_id for one in sold if one.invoice_id is not None}):
        locked_invoice(tx, invoice_id)


def _take_back(tx: Transaction, item: Row[Any], why: str) -> None:
    """Take what was sold off its invoice and off the list of what is to be invoiced; `why` has its number."""
    row = locked_invoice(tx, item.invoice_id) if item.invoice_id is not None else None
    if row is not None and row.written_off_minor:
        return
    language = (known_language(row.language) if row is not None else None) or SOURCE
    with in_language(language):
        reason = gettext(why, number=item.number)
    if row is not None and row.state == "draft":
        _leave_out(tx, row, item.id, reason)
    elif row is not None:
        _credit(tx, row, item.id, reason)
    left = tx.connection.execute(select(s).where(s.c.id == item.id).with_for_update()).one()
    if left.invoice_id is None and left.waived_at is None:
        tx.change(s, left.id, waived_at=tx.now, waived_by=tx.actor.name, waive_reason=reason)
        audit_sold(tx, left, "not to be invoiced", reason=reason)


def _leave_out(tx: Transaction, row: Row[Any], sold_item_id: str, reason: str) -> None:
    """Remove the line from a draft; void the draft where nothing is left, or its discounts would be more."""
    lines = [one for one in lines_of(tx, row.id) if one.sold_item_id != sold_item_id]
    if lines:
        try:
            rewrite_lines(tx, row, lines)
        except InvalidInput:
            lines = []
    if not lines:
        void_invoice(tx, row.id, VoidInvoice(reason=reason))


def _credit(tx: Transaction, row: Row[Any], sold_item_id: str, reason: str) -> None:
    """Credit the line of an issued invoice; void the invoice where that is all of it."""
    assert row.issued_at is not None
    # a job that is late acts in the past: the invoice may have been issued since
    at = replace(tx, now=max(tx.now, row.issued_at))
    lines, notes = line_rows(tx, row.id), notes_of(tx, row.id)
    mine = [one for one in lines if one.sold_item_id == sold_item_id]
    if len(mine) == len(lines) and not notes and not settled_by(tx, row.id):
        void_invoice(at, row.id, VoidInvoice(reason=reason))
        return
    before = credited_before(tx, notes)
    left = [CreditLineGiven(line=one.id) for one in mine if one.net_minor > before.get(one.id, 0)]
    if left:
        write_credit_note(at, row, CreditInvoice(reason=reason, lines=left))
