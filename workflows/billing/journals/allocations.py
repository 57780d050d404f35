"""Writing what settles an invoice. What is open of it is the caller's to change with it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from engine.invoices import AllocationKind
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.ids import new_id

a = t.payment_allocation


def allocate(
    tx: Transaction,
    invoice_id: str,
    kind: AllocationKind,
    amount_minor: int,
    *,
    effective_at: datetime | None = None,
    payment_id: str | None = None,
    credit_id: str | None = None,
    credit_note_id: str | None = None,
    tax_minor: int | None = None,
    reason: str | None = None,
) -> str:
    """Write what settles a part of an invoice, from an instant on (now). Returns its id."""
    allocation_id = new_id()
    tx.add(
        a,
        id=allocation_id,
        invoice_id=invoice_id,
        kind=kind,
        payment_id=payment_id,
        credit_id=credit_id,
        credit_note_id=credit_note_id,
        amount_minor=amount_minor,
        tax_minor=tax_minor,
        effective_at=effective_at or tx.now,
        recorded_at=tx.recorded_at,
        recorded_by=tx.actor.name,
        reason=reason,
    )
    return allocation_id


def take_back(tx: Transaction, row: Row[Any], *, at: datetime | None = None) -> str:
    """Write the reversal of what settled a part of an invoice, from an instant on (now). Returns its id."""
    allocation_id = new_id()
    tx.add(
        a,
        id=allocation_id,
        invoice_id=row.invoice_id,
        kind=row.kind,
        payment_id=row.payment_id,
        credit_id=row.credit_id,
        credit_note_id=row.credit_note_id,
        amount_minor=-row.amount_minor,
        tax_minor=-row.tax_minor if row.tax_minor is not None else None,
        reverses_id=row.id,
        effective_at=at or tx.now,
        recorded_at=tx.recorded_at,
        recorded_by=tx.actor.name,
        reason=row.reason,
    )
    return allocation_id


def settled_by(tx: Transaction, invoice_id: str) -> dict[AllocationKind, int]:
    """What has settled an invoice, by kind, in minor units; kinds that sum to nothing are left out."""
    sums: dict[AllocationKind, int] = {}
    for row in tx.connection.execute(select(a.c.kind, a.c.amount_minor).where(a.c.invoice_id == invoice_id)):
        sums[row.kind] = sums.get(row.kind, 0) + row.amount_minor
    return {kind: amount for kind, amount in sums.items() if amount}


def open_since(tx: Transaction, invoice_id: str, open_minor: int, needed_minor: int) -> datetime | None:
    """Since when at least so much of an invoice has been open, of which `open_minor` is now; None: ever.

    A payment that is recorded late does not count in a time in which another one had settled it.
    """
    rows = tx.connection.execute(
        select(a.c.effective_at, func.sum(a.c.amount_minor).label("amount"))
        .where(a.c.invoice_id == invoice_id)
        .group_by(a.c.effective_at)
        .order_by(a.c.effective_at.desc())
    )
    for row in rows:
        open_minor += int(row.amount)
        if open_minor < needed_minor:
            at: datetime = row.effective_at
            return at
    return None
