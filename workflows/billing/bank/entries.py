"""What people decide about entries of bank statements: which invoices one pays, or that it pays none.

Locks are taken in one order: the entry, who pays, their invoices. Source: product.md section 10.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from engine.bank_statements import RECORDED, EntryState
from workflows.billing.bank.open_invoices import Party
from workflows.billing.bank.statements import received_with
from workflows.billing.invoicing.actions import CASHIERS
from workflows.billing.invoicing.parties import lock_party, party_of
from workflows.billing.payments.use_cases import record_receipt, require_issued
from workflows.commands.bank_statements import AssignEntry, SetAside
from workflows.core.errors import NotFound, StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.languages.formats import money_text
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version

SUBJECT = "bank_entry"
e, i, link = t.bank_entry, t.invoice, t.bank_entry_payment


def assign_entry(tx: Transaction, entry_id: str, command: AssignEntry) -> str:
    """Record an entry as payments of invoices, as `AssignEntry` says. Returns its id.

    Raises:
        NotAllowed: the actor is not finance.
        NotFound: there is no such entry.
        StateForbids: it is no receipt, or payments are recorded for it; an invoice is not issued.
        InvalidInput: an invoice does not exist or is in another currency; invoices of several payers without
            amounts; amounts that do not sum to that of the entry.
    """
    tx.require(*CASHIERS)
    row = _undecided_entry(tx, entry_id)
    parties = _check(tx, row, command)
    for party in sorted(set(parties.values())):
        lock_party(tx, *party)
    amounts = [one.amount.amount_minor for one in command.invoices if one.amount is not None]
    ids = [one.invoice for one in command.invoices]
    divided = (
        [([invoice], amount) for invoice, amount in zip(ids, amounts, strict=True)]
        if amounts
        else [(ids, row.amount_minor)]
    )
    for invoices, amount_minor in divided:
        received = received_with(tx, amount_minor, row.booked_on, row.texts, row.reference)
        payment = record_receipt(tx, parties[invoices[0]], invoices, received)
        tx.add(link, entry_id=row.id, payment_id=payment)
    _decide(tx, row, "assigned", command.reason)
    return entry_id


def set_aside_entry(tx: Transaction, entry_id: str, command: SetAside) -> str:
    """Decide that an entry pays no invoice; it can still be assigned. Returns its id.

    Raises: NotAllowed; NotFound; StateForbids as `assign_entry`.
    """
    tx.require(*CASHIERS)
    _decide(tx, _undecided_entry(tx, entry_id), "set_aside", command.reason)
    return entry_id


def entry_row(tx: Transaction, entry_id: str, *, to_change: bool = False) -> Row[Any]:
    """The row of an entry, locked if it is to be changed. Raises: NotFound."""
    found = select(e).where(e.c.id == entry_id)
    if to_change:
        found = found.with_for_update(key_share=True)
    row = tx.connection.execute(found).one_or_none()
    if row is None:
        raise NotFound(
            gettext("There is no such entry."), remedy=gettext("Look it up on its bank statement.")
        )
    return row


def standing_payments(tx: Transaction, entries: Sequence[str]) -> dict[str, list[str]]:
    """The payments recorded for each of these entries that were not reversed."""
    reversal = t.payment_reversal
    found = (
        select(link.c.entry_id, link.c.payment_id)
        .outerjoin(reversal, reversal.c.payment_id == link.c.payment_id)
        .where(link.c.entry_id.in_(entries), reversal.c.payment_id.is_(None))
        .order_by(link.c.payment_id)
    )
    payments: dict[str, list[str]] = {}
    for row in tx.connection.execute(found):
        payments.setdefault(row.entry_id, []).append(row.payment_id)
    return payments


def may_decide(row: Row[Any], payments: Sequence[str]) -> bool:
    """Whether an entry can be assigned or set aside: a receipt without payments that stand."""
    return row.state != "not_receipt" and not payments


def _undecided_entry(tx: Transaction, entry_id: str) -> Row[Any]:
    row = entry_row(tx, entry_id, to_change=True)
    payments = standing_payments(tx, [entry_id]).get(entry_id, [])
    if may_decide(row, payments):
        return row
    if row.state == "not_receipt":
        raise StateForbids(
            gettext("The entry is not a receipt: it is a debit, or takes an earlier entry back."),
            remedy=gettext("Reverse the payment that came back, where it is one."),
            state=row.state,
        )
    raise StateForbids(
        gettext("Payments are recorded for this entry already; it is %(state)s.", state=word(row.state)),
        remedy=gettext("Reverse them first, to assign it anew."),
        state=row.state,
        payments=payments,
    )


def _check(tx: Transaction, row: Row[Any], command: AssignEntry) -> dict[str, Party]:
    """Who pays each invoice. Raises: InvalidInput, StateForbids."""
    ids = [one.invoice for one in command.invoices]
    found = {one.id: one for one in tx.connection.execute(select(i).where(i.c.id.in_(ids)))}
    for place, invoice_id in enumerate(ids):
        invoice, pointer = found.get(invoice_id), f"/invoices/{place}/invoice"
        if invoice is None:
            raise invalid(pointer, gettext("There is no such invoice."), gettext("Look it up by its number."))
        require_issued(invoice)
        if invoice.currency != row.currency:
            raise invalid(
                pointer,
                gettext(
                    "%(number)s is in %(currency)s, and the entry in %(row_currency)s.",
                    number=invoice.number,
                    currency=invoice.currency,
                    row_currency=row.currency,
                ),
                gettext("Choose an invoice in %(currency)s.", currency=row.currency),
            )
    parties = {key: party_of(one) for key, one in found.items()}
    _check_amounts(row, command, parties)
    return parties


def _check_amounts(row: Row[Any], command: AssignEntry, parties: dict[str, Party]) -> None:
    given = [one.amount for one in command.invoices if one.amount is not None]
    if not given:
        if len(set(parties.values())) > 1:
            raise invalid(
                "/invoices",
                gettext("The invoices are of several customers."),
                gettext("Give the amount of each invoice."),
            )
        return
    for place, one in enumerate(given):
        if one.currency not in (None, row.currency):
            raise invalid(
                f"/invoices/{place}/amount/currency",
                gettext("The entry is in %(currency)s.", currency=row.currency),
                gettext("Give the amount in %(currency)s.", currency=row.currency),
            )
    total = sum(one.amount_minor for one in given)
    if total != row.amount_minor:
        raise invalid(
            "/invoices",
            gettext(
                "The amounts sum to %(amount)s, and the entry is %(amount2)s.",
                amount=money_text(total, row.currency),
                amount2=money_text(row.amount_minor, row.currency),
            ),
            gettext("Divide the whole amount. What is too much for an invoice becomes credit."),
        )


def _decide(tx: Transaction, row: Row[Any], state: EntryState, reason: str) -> None:
    tx.change(
        e,
        row.id,
        state=state,
        decided_at=tx.now,
        decided_by=tx.actor.name,
        decision_reason=reason or None,
        version=next_version(e),
    )
    action = "payments recorded" if state in RECORDED else "set aside"
    tx.audit(SUBJECT, row.id, action, **({"reason": reason} if reason else {}))
