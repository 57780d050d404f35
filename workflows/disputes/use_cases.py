"""Use cases of disputes: open, accept, decline.

While a dispute is open, its work entry is not billed and its invoice not dunned (`lifecycle.open_disputes`).
Accepting one changes the work, the contract or the invoice by the use cases that do so anyway.
Source: product.md section 10.
"""

from typing import Any

from sqlalchemy import ColumnElement, Row, or_, select

from workflows.billing.issuing.credit_notes import credit_issued
from workflows.commands.billing import CreditInvoice, CreditLineGiven
from workflows.commands.contracts import Adjust
from workflows.commands.disputes import AcceptDispute, DeclineDispute, OpenDispute
from workflows.commands.fields import MoneyGiven
from workflows.commands.work import ChangeWork
from workflows.contracts.use_cases import adjust
from workflows.core.actors import OFFICE, STAFF
from workflows.core.erased import require_not_erased
from workflows.core.errors import Conflict, InvalidInput, NotFound, StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.disputes.notices import notify_decided, notify_opened
from workflows.disputes.subjects import Subject, find_subject, left_of_line
from workflows.languages.texts import SOURCE, Language, gettext, in_language, known_language
from workflows.languages.words import word
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.work.use_cases import correct_work

DECIDERS = OFFICE
OPENERS = (*STAFF, "customer")
d = t.dispute


def open_dispute(tx: Transaction, command: OpenDispute) -> str:
    """Object to a work entry, a line of a statement or a line of an issued invoice; returns the dispute's id.

    A customer objects, or staff for them.
    Raises:
        NotAllowed: a technician objects to a line of an invoice.
        NotFound: there is no such record, or the actor may not see it.
        StateForbids: the entry is rejected, or nothing of the line is left to be credited.
        Conflict: a dispute about it is open already.
        CustomerErased: who would object has been erased.
    """
    tx.require(*OPENERS)
    found = find_subject(tx, command)
    _refuse_second(tx, found)
    party = found.party if tx.actor.is_staff else {"customer_id": tx.actor.customer}
    require_not_erased(tx, party.get("customer_id"))
    dispute_id = new_id()
    tx.add(
        d,
        id=dispute_id,
        **found.columns,
        **party,
        subject=found.values,
        reason=command.reason,
        opened_at=tx.now,
        opened_by=tx.actor.name,
        state="open",
    )
    tx.audit("dispute", dispute_id, "opened", about=found.columns["kind"], reason=command.reason)
    notify_opened(tx, dispute_row(tx, dispute_id))
    return dispute_id


def _refuse_second(tx: Transaction, found: Subject) -> None:
    """Raises: Conflict if a dispute about the same is open; the subject is locked."""
    names = ("work_entry_id", "transaction_id", "invoice_line_id")
    same: list[ColumnElement[bool]] = [
        d.c[name] == found.columns[name] for name in names if found.columns.get(name) is not None
    ]
    if tx.connection.execute(select(d.c.id).where(d.c.state == "open", or_(*same))).first() is not None:
        raise Conflict(
            gettext("A dispute about this is open already."),
            remedy=gettext("Wait until it is decided."),
            state="open",
        )


def accept_dispute(tx: Transaction, dispute_id: str, command: AcceptDispute) -> str:
    """Accept an open dispute; returns its id.

    Work is charged again and drawn again, with fewer minutes or as not billable; what any other line of a
    statement took is given back by an adjustment; a line of an invoice is credited. What is gone by now is
    left as it is.
    Raises:
        NotAllowed: the actor is no administrator, supervisor or finance.
        NotFound: there is no such dispute.
        StateForbids: it is decided, or what it is about cannot be changed in its state.
        InvalidInput: `minutes` or `amount` does not fit what it is about.
    """
    tx.require(*DECIDERS)
    row = _locked_open(tx, dispute_id)
    _refuse_unfit(row, command)
    changed: dict[str, Any] = {}
    credit_note: str | None = None
    if row.kind == "invoice_line":
        credit_note = _credit(tx, row, command)
    elif row.work_entry_id is not None:
        changed = _change_entry(tx, row, command)
    else:
        changed = _give_back(tx, row, command)
    _decide(tx, row, "accepted", command.reason, changed=changed or None, credit_note_id=credit_note)
    return dispute_id


def decline_dispute(tx: Transaction, dispute_id: str, command: DeclineDispute) -> str:
    """Decline an open dispute, with a reason that the customer reads; returns its id.

    Raises: NotAllowed; NotFound; StateForbids if it is decided.
    """
    tx.require(*DECIDERS)
    row = _locked_open(tx, dispute_id)
    _decide(tx, row, "declined", command.reason)
    return dispute_id


def dispute_row(tx: Transaction, dispute_id: str) -> Row[Any]:
    """The row of a dispute, for staff. Raises: NotFound."""
    row = tx.connection.execute(select(d).where(d.c.id == dispute_id)).one_or_none()
    if row is None:
        raise no_dispute()
    return row


def no_dispute() -> NotFound:
    """The error for a dispute that does not exist, or that the actor may not see."""
    return NotFound(gettext("There is no such dispute."), remedy=gettext("Look at the list of disputes."))


def _locked_open(tx: Transaction, dispute_id: str) -> Row[Any]:
    row = tx.connection.execute(
        select(d).where(d.c.id == dispute_id).with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise no_dispute()
    if row.state != "open":
        raise StateForbids(
            gettext("The dispute is %(state)s already.", state=word(row.state)),
            remedy="",
            state=row.state,
            allowed_actions=[],
        )
    return row


def _refuse_unfit(row: Row[Any], command: AcceptDispute) -> None:
    if command.amount is not None and row.kind != "invoice_line":
        raise invalid(
            "/amount", gettext("Only a line of an invoice is credited."), gettext("Leave the amount out.")
        )
    if command.minutes is not None and row.work_entry_id is None:
        raise invalid(
            "/minutes", gettext("The dispute is not about work."), gettext("Leave the minutes out.")
        )


def _change_entry(tx: Transaction, row: Row[Any], command: AcceptDispute) -> dict[str, Any]:
    """Leave the minutes of an entry that are accepted. Raises: InvalidInput; as `correct_work`."""
    e = t.work_entry
    entry = tx.connection.execute(
        select(e).where(e.c.id == row.work_entry_id).where(t.COUNTED_WORK)
    ).one_or_none()
    if entry is None:
        return {}
    minutes = command.minutes or 0
    if minutes and minutes >= entry.worked_minutes:
        raise invalid(
            "/minutes",
            gettext("The entry has %(minutes)s minutes.", minutes=entry.worked_minutes),
            gettext("Give fewer, or none to make it not billable."),
        )
    reason = _reason(row, command)
    if minutes:
        change = ChangeWork(minutes=minutes, worked_at=entry.started_at, reason=reason)
    else:
        why = reason if entry.billable else entry.not_billable_reason
        change = ChangeWork(billable=False, not_billable_reason=why, reason=reason)
    correct_work(tx, entry.id, change)
    return {"minutes_left": minutes}


def _give_back(tx: Transaction, row: Row[Any], command: AcceptDispute) -> dict[str, Any]:
    """Give back to a contract what a line took that is not of work; a line that added stays as it is."""
    taken = -int(row.subject["moved"])
    if taken <= 0:
        return {}
    unit = row.subject["unit"]
    given = MoneyGiven(amount_minor=taken, currency=row.subject["currency"]) if unit == "money" else taken
    adjust(tx, row.contract_id, Adjust.model_validate({unit: given, "reason": _reason(row, command)}))
    return {"returned": taken}


def _reason(row: Row[Any], command: AcceptDispute, language: Language = SOURCE) -> str:
    """Why something is changed: as given, else because of the dispute, in a language."""
    with in_language(language):
        return command.reason or gettext("Dispute accepted: %(reason)s", reason=row.reason)[:2000]


def _credit(tx: Transaction, row: Row[Any], command: AcceptDispute) -> str | None:
    """Credit the line of an invoice; None where nothing of it is left. Raises: InvalidInput; StateForbids."""
    line = t.invoice_line
    source = tx.connection.execute(select(line).where(line.c.id == row.invoice_line_id)).one()
    if left_of_line(tx, source) <= 0:
        return None
    wanted = CreditLineGiven(line=source.id, amount=command.amount)
    i = t.invoice.c
    written_in = tx.connection.execute(select(i.language).where(i.id == row.invoice_id)).scalar()
    reason = _reason(row, command, known_language(written_in) or SOURCE)
    try:
        return credit_issued(tx, row.invoice_id, CreditInvoice(reason=reason, lines=[wanted]))
    except InvalidInput as error:
        if str(error.values.get("pointer", "")).startswith("/lines"):
            raise invalid("/amount", error.detail, error.remedy) from error
        raise


def _decide(tx: Transaction, row: Row[Any], state: str, reason: str | None, **columns: Any) -> None:
    decision = {"decided_at": tx.now, "decided_by": tx.actor.name, "decision_reason": reason}
    tx.change(d, row.id, state=state, **decision, **columns)
    details = {"reason": reason} if reason else {}
    tx.audit("dispute", row.id, state, **details, **(columns.get("changed") or {}))
    notify_decided(tx, dispute_row(tx, row.id))
