"""Movements of a statement that are pending: held for work that awaits approval.

Source: product.md section 7 (Approval of entries).
"""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, case, func, select

from workflows.core.transaction import Transaction
from workflows.store import tables as t

PENDING = "not approved yet"
IDS_PER_STATEMENT = 400
entry, leg = t.ledger_transaction, t.ledger_posting


def held_for_work() -> ColumnElement[int]:
    """SQL: the minutes or minor units that a ledger transaction puts on hold, grouped over its legs.

    What a reversed settlement puts back is not among it: the release that follows takes it.
    """
    is_hold = and_(
        leg.c.account == "held", leg.c.unit != "incidents", leg.c.amount > 0, entry.c.kind != "reversal"
    )
    return func.coalesce(func.sum(case((is_hold, leg.c.amount), else_=0)), 0)


def pending_among(tx: Transaction, holds: Iterable[str]) -> set[str]:
    """Those of the transactions that put time or money on hold that were neither settled nor reversed."""
    ids = sorted(set(holds))
    decided: set[str] = set()
    for start in range(0, len(ids), IDS_PER_STATEMENT):
        part = ids[start : start + IDS_PER_STATEMENT]
        keys = [f"{what}:{one}" for one in part for what in ("settle", "reverse")]
        found = tx.connection.execute(
            select(entry.c.idempotency_key).where(entry.c.idempotency_key.in_(keys))
        ).scalars()
        decided |= {key.partition(":")[2] for key in found}
    return set(ids) - decided
