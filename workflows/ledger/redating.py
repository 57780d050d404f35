"""Moving adjustments back into an accounting period that is opened again.

An adjustment stays as it is. Its postings are recorded once more at the instant at which it belongs, and
mirrored where it is effective: no balance of today moves, and the balances as of every instant are as if the
period had not been closed. Source: product.md sections 7 and 8.
"""

from datetime import datetime

from sqlalchemy import func, literal, select

from engine.ledger import LedgerTransaction, mirrored
from workflows.core.transaction import Transaction
from workflows.ledger.adjustments import without_period
from workflows.ledger.journal import Recorded, read_transactions, record_without_balances
from workflows.store import tables as t
from workflows.store.column_types import Key

a, entry = t.ledger_adjustment, t.ledger_transaction


def redate_adjustments(tx: Transaction, effective_at: datetime, period: str) -> int:
    """Move all adjustments that are effective at the end of a reopened period; returns how many.

    Those of an earlier period that is still closed move to the start of the first open one.
    """
    moved = entry.alias("moved")
    already = select(moved.c.id).where(moved.c.idempotency_key == literal("redate:to:", Key) + entry.c.id)
    wanted = (
        select(entry.c.id)
        .join(a, a.c.transaction_id == entry.c.id)
        .where(
            entry.c.effective_at == effective_at,
            ~already.exists(),
            func.coalesce(entry.c.idempotency_key, literal("")).not_like("redate:from:%"),
        )
        .order_by(entry.c.recorded_at, entry.c.id)
    )
    ids = list(tx.connection.execute(wanted).scalars())
    for transaction_id, recorded in read_transactions(tx, ids).items():
        _redate(tx, transaction_id, recorded, effective_at, period)
    return len(ids)


def _redate(
    tx: Transaction, transaction_id: str, recorded: Recorded, effective_at: datetime, period: str
) -> None:
    cause, original = f"ledger_transaction:{transaction_id}", recorded.entry
    why = without_period(original.why)
    there = LedgerTransaction(
        "redate",
        original.effective_at,
        original.postings,
        cause,
        f"{period} was reopened: {why}",
        key=f"redate:to:{transaction_id}",
    )
    record_without_balances(tx, there, recorded)
    back = LedgerTransaction(
        "redate",
        effective_at,
        mirrored(original.postings),
        cause,
        f"Moved to {period}, which was reopened: {why}",
        key=f"redate:from:{transaction_id}",
    )
    record_without_balances(tx, back, recorded, adjusts_at=original.effective_at)
