"""What a customer may object to: found, visible to the actor, locked, and with its values as they are now.

A line of a statement that was drawn for a work entry is one subject with the entry.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, case, func, or_, select

from workflows.billing.invoicing.queries import invoice_row
from workflows.billing.invoicing.rows import locked_invoice
from workflows.billing.issuing.credit_notes import credited_before, notes_of
from workflows.commands.disputes import OpenDispute
from workflows.contracts.acceptance import statement_unit
from workflows.contracts.access import contract_row
from workflows.core.errors import NotFound, StateForbids
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.rows import lock_contract
from workflows.lifecycle.invoice_access import visible_invoices
from workflows.lifecycle.service_requests.access import visible_row
from workflows.store import tables as t
from workflows.views import MoneyView
from workflows.work.entries import read_entry_row

entry, leg = t.ledger_transaction, t.ledger_posting


@dataclass(frozen=True, slots=True)
class Subject:
    """What is objected to: the columns of a dispute that name it, its values, and who is concerned."""

    columns: dict[str, Any]
    values: dict[str, Any]
    party: dict[str, Any] = field(default_factory=dict)


def find_subject(tx: Transaction, command: OpenDispute, *, locked: bool = True) -> Subject:
    """The subject of a new dispute, locked unless it is only shown.

    Raises: NotAllowed; NotFound; StateForbids.
    """
    if command.work_entry is not None:
        return _entry_subject(tx, command.work_entry, locked)
    if command.statement_line is not None:
        return _line_subject(tx, command.statement_line, locked)
    return _invoice_line_subject(tx, command.invoice_line or "", locked)


def _entry_subject(tx: Transaction, entry_id: str, locked: bool) -> Subject:
    e = t.work_entry
    found = tx.connection.execute(select(e.c.service_request_id).where(e.c.id == entry_id)).scalar()
    request = visible_row(tx, found) if found is not None else None
    if request is None:
        raise _no_entry()
    row = read_entry_row(tx, entry_id, locked=locked)
    if row.state == "rejected":
        if not tx.actor.is_staff:
            raise _no_entry()
        raise StateForbids(gettext("The entry is rejected: it is not charged."), remedy="", state=row.state)
    return Subject(
        {"kind": "work_entry", "work_entry_id": entry_id, "service_request_id": row.service_request_id},
        _entry_values(row),
        {"customer_id": request.customer_id},
    )


def _entry_values(row: Row[Any]) -> dict[str, Any]:
    return {
        "at": row.started_at.isoformat(),
        "worked_minutes": row.worked_minutes,
        "chargeable_minutes": row.chargeable_minutes,
        "billable": row.billable,
    }


def _no_entry() -> NotFound:
    return NotFound(
        gettext("There is no such work entry."), remedy=gettext("Look at the service request's list of work.")
    )


def _line_subject(tx: Transaction, transaction_id: str, locked: bool) -> Subject:
    found = tx.connection.execute(
        select(entry).where(entry.c.id == transaction_id, entry.c.effective_at <= tx.now)
    ).one_or_none()
    no_line = NotFound(
        gettext("There is no such line of a statement."),
        remedy=gettext("Look at the statement of the contract."),
    )
    if found is None or found.contract_id is None:
        raise no_line
    try:
        contract = contract_row(tx, found.contract_id)
    except NotFound:
        raise no_line from None
    entry_id = entry_of_line(tx, transaction_id)
    worked = _counted_entry(tx, entry_id, locked) if entry_id is not None else None
    if worked is None and locked:
        lock_contract(tx, contract.id)
    unit = statement_unit(contract)
    return Subject(
        {
            "kind": "statement_line",
            "transaction_id": transaction_id,
            "work_entry_id": worked.id if worked is not None else None,
            "contract_id": contract.id,
            "service_request_id": found.service_request_id,
        },
        {
            **(_entry_values(worked) if worked is not None else {}),
            "at": found.effective_at.isoformat(),
            "movement": found.kind,
            "moved": moved_by(tx, transaction_id, contract),
            "unit": unit,
            "currency": contract.currency if unit == "money" else None,
        },
        _line_party(tx, found, contract),
    )


def _counted_entry(tx: Transaction, entry_id: str, locked: bool) -> Row[Any] | None:
    """The entry that a line was drawn for; None for one that was deleted or rejected since."""
    e = t.work_entry
    wanted = select(e).where(e.c.id == entry_id).where(t.COUNTED_WORK)
    if locked:
        wanted = wanted.with_for_update(key_share=True)
    return tx.connection.execute(wanted).one_or_none()


def entry_of_line(tx: Transaction, transaction_id: str) -> str | None:
    """The one work entry that a ledger transaction holds or draws for; None for any other movement."""
    a = t.work_allocation.c
    ids = tx.connection.execute(
        select(a.work_entry_id)
        .where(or_(a.transaction_id == transaction_id, a.settlement_id == transaction_id))
        .distinct()
        .limit(2)
    ).scalars()
    found = list(ids)
    return found[0] if len(found) == 1 else None


def moved_by(tx: Transaction, transaction_id: str, contract: Row[Any]) -> int:
    """What a ledger transaction moves of what is available, in the contract's unit."""
    unit = statement_unit(contract)
    unit = contract.currency if unit == "money" else unit
    counts = case((leg.c.account == "available", leg.c.amount), else_=0)
    total = select(func.coalesce(func.sum(counts), 0)).where(
        leg.c.transaction_id == transaction_id, leg.c.unit == unit
    )
    return int(tx.connection.execute(total).scalar_one())


def _line_party(tx: Transaction, line: Row[Any], contract: Row[Any]) -> dict[str, Any]:
    """Who is concerned by a line: the customer of its request, else the holder of the contract."""
    r, i = t.service_request.c, t.item.c
    request_id = line.service_request_id
    if request_id is None and contract.holder_kind == "service_request":
        request_id = contract.holder_id
    if request_id is not None:
        customer = tx.connection.execute(select(r.customer_id).where(r.id == request_id)).scalar()
        return {"customer_id": customer}
    if contract.holder_kind == "item":
        owner = tx.connection.execute(
            select(i.owner_customer_id, i.owner_org_unit_id).where(i.id == contract.holder_id)
        ).one()
        return {"customer_id": owner.owner_customer_id, "org_unit_id": owner.owner_org_unit_id}
    return {f"{contract.holder_kind}_id": contract.holder_id}


def _invoice_line_subject(tx: Transaction, line_id: str, locked: bool) -> Subject:
    line, i = t.invoice_line, t.invoice
    visible = visible_invoices(tx)
    found = tx.connection.execute(
        select(line).join(i, i.c.id == line.c.invoice_id).where(line.c.id == line_id, visible)
    ).one_or_none()
    if found is None:
        raise NotFound(
            gettext("There is no such line of an invoice."),
            remedy=gettext("Look at the lines of the invoice."),
        )
    invoice = locked_invoice(tx, found.invoice_id) if locked else invoice_row(tx, found.invoice_id)
    if invoice.kind != "invoice" or invoice.state != "issued":
        standing = gettext("a credit note") if invoice.kind == "credit_note" else word(invoice.state)
        raise StateForbids(
            gettext(
                "Nobody can object to a line of %(number)s: it is %(standing)s.",
                number=invoice.number or gettext("A draft"),
                standing=standing,
            ),
            remedy=gettext("Change a draft instead.") if invoice.state == "draft" else "",
            state=invoice.state,
        )
    if left_of_line(tx, found) <= 0:
        raise StateForbids(
            gettext("Nothing of this line is left to be credited."), remedy="", state=invoice.state
        )
    net = MoneyView(found.net_minor, invoice.currency)
    return Subject(
        {"kind": "invoice_line", "invoice_line_id": line_id, "invoice_id": invoice.id},
        {
            "description": found.description,
            "net": {"amount_minor": net.amount_minor, "currency": net.currency},
        },
        {"customer_id": invoice.customer_id, "org_unit_id": invoice.org_unit_id},
    )


def left_of_line(tx: Transaction, line: Row[Any]) -> int:
    """What of an invoice line's net has not been credited yet, in minor units."""
    before = credited_before(tx, notes_of(tx, line.invoice_id)).get(line.id, 0)
    return int(line.net_minor - before)
