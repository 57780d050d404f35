"""Which documents and settlements count later than they belong: their month was closed when they came.

Their journals are adjustments in the first open month, until their month is opened again. What is owed as
of a day is the sum of the postings by then, so it follows their journals.
Source: product.md sections 8 and 10.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import literal, select

from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.column_types import Key
from workflows.store.id_lists import among, id_list

JOURNAL = "journal:"
adjustment, entry, leg = t.ledger_adjustment, t.ledger_transaction, t.ledger_posting
a = t.payment_allocation.c


def counted_later(tx: Transaction, until: datetime) -> set[str]:
    """The ids of what belongs before an instant (aware UTC) and counts from then on, or later.

    These are invoices, credit notes, payments and allocations: the records that have a journal.
    """
    e = entry.c
    of_money = select(leg.c.transaction_id).where(leg.c.transaction_id == e.id, leg.c.account == "receivable")
    found = (
        select(e.id, e.idempotency_key, e.effective_at)
        .join(adjustment, adjustment.c.transaction_id == e.id)
        .where(
            adjustment.c.belongs_at < until,
            e.effective_at >= until,
            e.idempotency_key.like(f"{JOURNAL}%"),
            of_money.exists(),
        )
    )
    late = {row.id: row.idempotency_key.removeprefix(JOURNAL) for row in tx.connection.execute(found)}
    return set(late.values()) - {late[one] for one in _moved_back(tx, late, until)}


def reopened_minor(tx: Transaction, until: datetime, late: Iterable[str]) -> dict[str, int]:
    """What allocations among those that count later settle before an instant, by invoice, in minor units."""
    ids = set(late)
    if not ids:
        return {}
    rows = tx.connection.execute(
        select(a.id, a.invoice_id, a.payment_id, a.credit_note_id, a.reverses_id, a.amount_minor).where(
            a.effective_at < until
        )
    )
    sums: dict[str, int] = {}
    for row in rows:
        if row.id in ids or (row.reverses_id is None and ids & {row.payment_id, row.credit_note_id}):
            sums[row.invoice_id] = sums.get(row.invoice_id, 0) + row.amount_minor
    return sums


def _moved_back(tx: Transaction, transactions: Iterable[str], until: datetime) -> set[str]:
    """Those of some adjustments that were moved to before an instant when their month was opened again."""
    back: set[str] = set()
    current = {one: one for one in transactions}
    e = entry.c
    while current:
        ids = {"ids": id_list(sorted(current), is_sqlite=tx.is_sqlite)}
        other = entry.alias("moved")
        moved = other.c
        found = (
            select(e.id, moved.id.label("moved_id"), moved.effective_at)
            .join(other, moved.idempotency_key == literal("redate:to:", Key) + e.id)
            .where(among(e.id, "ids", is_sqlite=tx.is_sqlite))
        )
        rows = tx.connection.execute(found, ids).all()
        back |= {current[row.id] for row in rows if row.effective_at < until}
        current = {row.moved_id: current[row.id] for row in rows if row.effective_at >= until}
    return back
