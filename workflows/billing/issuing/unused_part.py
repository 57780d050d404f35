"""The unused part of a contract that is cancelled early: what it is, and crediting it. Source: product.md 10.

The share that was delivered by the end is that of revenue (`delivered_shares`): by days, by minutes,
incidents or money, or the larger of both, as the contract's type says. Each line that sold something of the
contract is credited for the rest of it, less what was credited of it before.
"""

from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from engine.contracts import dated_state
from engine.invoices import CONTRACT_SOLD
from engine.recognition import unused_part_minor
from workflows.billing.invoicing.actions import ISSUERS
from workflows.billing.invoicing.parties import lock_party, party_of
from workflows.billing.invoicing.rows import locked_invoice
from workflows.billing.issuing.credit_notes import credited_before, notes_of, write_credit_note
from workflows.billing.journals.revenue import delivered_shares
from workflows.commands.billing import CreditInvoice, CreditLineGiven, CreditUnusedPart
from workflows.commands.contracts import CancelAndCredit
from workflows.commands.fields import MoneyGranted
from workflows.contracts.access import contract_row
from workflows.contracts.use_cases import cancel_contract
from workflows.core.actors import OFFICE
from workflows.core.errors import StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_due
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.rows import contract_value, lock_contract
from workflows.store import tables as t
from workflows.views import MoneyView
from workflows.views.billing import UnusedLineView, UnusedPartView

i, line, s = t.invoice, t.invoice_line, t.sold_item


class _Unused(NamedTuple):
    """A line of an issued invoice, what is to be credited of its net, and the first day that is unused."""

    row: Row[Any]
    credited_minor: int
    unused_minor: int
    unused_from: date | None


def read_unused_part(tx: Transaction, contract_id: str) -> UnusedPartView:
    """What of a contract's issued invoices is unused and not credited, line by line.

    Of a contract that has not ended, what would be unused if it ended now; of one that expired, nothing.
    Raises: NotAllowed; NotFound.
    """
    tx.require(*OFFICE)
    row = contract_row(tx, contract_id)
    ended_at = _ended_at(tx, row)
    lines = _unused(tx, row, ended_at or tx.now)
    return UnusedPartView(
        contract=row.id,
        number=row.number,
        ended_at=ended_at,
        lines=[
            UnusedLineView(
                invoice=one.row.invoice_id,
                invoice_number=one.row.invoice_number,
                line=one.row.id,
                description=one.row.description,
                net=MoneyView(one.row.net_minor, one.row.currency),
                credited=MoneyView(one.credited_minor, one.row.currency),
                unused=MoneyView(one.unused_minor, one.row.currency),
                unused_from=one.unused_from,
            )
            for one in lines
            if one.unused_minor
        ],
    )


def credit_unused_part(tx: Transaction, contract_id: str, command: CreditUnusedPart) -> str:
    """Credit the unused part of a cancelled contract, by a credit note for each invoice. Returns its id.

    What was paid of it becomes credit of the customer.
    Raises:
        NotAllowed: the actor is neither finance nor an administrator.
        NotFound: there is no such contract.
        StateForbids: it is not cancelled yet, or nothing unused is left to be credited.
    """
    tx.require(*ISSUERS)
    contract_row(tx, contract_id)
    _lock_invoices(tx, contract_id)
    lock_contract(tx, contract_id)
    settle_due(tx, contract_id)
    row = contract_row(tx, contract_id)
    ended_at = _ended_at(tx, row)
    if ended_at is None:
        raise StateForbids(
            gettext("%(number)s has not been cancelled, so nothing of it is left unused.", number=row.number),
            remedy=gettext("Cancel the contract first."),
            state=row.state,
        )
    if not _credit(tx, row, ended_at, command.reason):
        raise StateForbids(
            gettext("Nothing unused of %(number)s is left to be credited.", number=row.number),
            remedy=gettext("It was credited before, used up, or is on no issued invoice."),
            state=row.state,
        )
    return contract_id


def cancel_and_credit(
    tx: Transaction, contract_id: str, command: CancelAndCredit, *, expected_version: int | None = None
) -> str:
    """Cancel a contract and, if the command says so, credit its unused part at once; returns its id.

    Nothing to credit is no error then.
    Raises: as `cancel_contract`; NotAllowed if the actor may not credit; InvalidInput if it would be credited
        and ends at a later instant.
    """
    if command.credit_unused:
        tx.require(*ISSUERS)
        _lock_invoices(tx, contract_id)
    cancel_contract(tx, contract_id, command, expected_version=expected_version)
    if command.credit_unused:
        row = contract_row(tx, contract_id)
        ended_at = _ended_at(tx, row)
        if ended_at is None:
            raise invalid(
                "/credit_unused",
                gettext(
                    "%(number)s ends later, so what is left unused of it is not known yet.", number=row.number
                ),
                gettext("Leave it out, and credit the unused part once the contract has ended."),
            )
        _credit(tx, row, ended_at, command.reason or f"{row.number} was cancelled")
    return contract_id


def _ended_at(tx: Transaction, row: Row[Any]) -> datetime | None:
    """When a contract was cancelled; None while that has not happened."""
    is_cancelled = dated_state(contract_value(row), tx.now).state == "cancelled"
    ended_at: datetime | None = row.cancelled_at if is_cancelled else None
    return ended_at


def _credit(tx: Transaction, row: Row[Any], ended_at: datetime, reason: str) -> int:
    """Write the credit notes of what is unused; returns how many. Who pays and the invoices are locked."""
    by_invoice: dict[str, list[_Unused]] = {}
    for one in _unused(tx, row, ended_at):
        if one.unused_minor:
            by_invoice.setdefault(one.row.invoice_id, []).append(one)
    for invoice_id, lines in sorted(by_invoice.items()):
        given = [
            CreditLineGiven(line=one.row.id, amount=MoneyGranted(amount_minor=one.unused_minor))
            for one in lines
        ]
        days = {
            one.row.id: one.unused_from
            for one in lines
            if one.unused_from is not None and one.row.service_from is not None
        }
        write_credit_note(
            tx,
            locked_invoice(tx, invoice_id),
            CreditInvoice(reason=reason, lines=given),
            service_from=days,
            may_sell_again=False,
        )
    if by_invoice:
        tx.audit("contract", row.id, "unused part credited", invoices=sorted(by_invoice), reason=reason)
    return len(by_invoice)


def _unused(tx: Transaction, row: Row[Any], ended_at: datetime) -> list[_Unused]:
    """The lines of issued invoices that sold something of a contract, in order of their invoices."""
    if dated_state(contract_value(row), tx.now).state == "expired":
        return []
    columns: list[Any] = [line, i.c.number.label("invoice_number"), i.c.currency]
    joined = line.join(s, s.c.id == line.c.sold_item_id).join(i, i.c.id == line.c.invoice_id)
    found = tx.connection.execute(
        select(*columns)
        .select_from(joined)
        .where(
            s.c.contract_id == row.id,
            s.c.kind.in_(CONTRACT_SOLD),
            s.c.invoice_id == i.c.id,
            i.c.kind == "invoice",
            i.c.state == "issued",
        )
        .order_by(i.c.issued_at, i.c.id, line.c.position)
    ).all()
    sold = select(s).where(s.c.contract_id == row.id, s.c.kind.in_(CONTRACT_SOLD))
    items = tx.connection.execute(sold).all()
    shares = delivered_shares(tx, items, ended_at)
    credited: dict[str, int] = {}
    for invoice_id in {one.invoice_id for one in found}:
        credited |= credited_before(tx, notes_of(tx, invoice_id))
    return [_unused_of(one, credited.get(one.id, 0), *shares[one.sold_item_id]) for one in found]


def _unused_of(row: Row[Any], credited_minor: int, share: Any, unused_from: date | None) -> _Unused:
    unused_minor = unused_part_minor(row.net_minor, share, credited_minor=credited_minor)
    return _Unused(row, credited_minor, unused_minor, unused_from)


def _lock_invoices(tx: Transaction, contract_id: str) -> None:
    """Lock who pays for a contract, and its issued invoices, in the order of all locks."""
    columns: list[Any] = [i.c.id, i.c.customer_id, i.c.org_unit_id]
    found = tx.connection.execute(
        select(*columns)
        .join(s, s.c.invoice_id == i.c.id)
        .where(s.c.contract_id == contract_id, i.c.state == "issued")
        .distinct()
    ).all()
    for party in sorted({party_of(one) for one in found}):
        lock_party(tx, *party)
    for invoice_id in sorted(one.id for one in found):
        locked_invoice(tx, invoice_id)
