"""The part of the audit that compares the allocations of work with its entries and with the postings.

The draw-down itself is not repeated here: whether the right contract paid is for a replay of the entries.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import and_, case, func, or_, select, true

from workflows.core.transaction import Transaction
from workflows.ledger.differences import Difference
from workflows.store import tables as t

DRAWING_KINDS = ("draw", "carry", "ignore", "overage")
"""The kinds of transactions that are the posting of an allocation."""
CAUSE = "work_entry:"
entry, leg, mirror = t.ledger_transaction, t.ledger_posting, t.ledger_transaction.alias("mirror")
a, e = t.work_allocation, t.work_entry


def audit_allocations(tx: Transaction) -> Iterator[Difference]:
    """Compare allocations with the chargeable minutes of their entries, and with their postings."""
    yield from _entries(tx)
    yield from _unposted(tx)
    yield from _unallocated(tx)


def _entries(tx: Transaction) -> Iterator[Difference]:
    """Entries whose current allocations are not their chargeable minutes.

    A deleted entry has none. One that was charged while contracts were off has none either.
    """
    allocated = (
        select(func.sum(a.c.minutes))
        .where(a.c.work_entry_id == e.c.id, a.c.reversed_at.is_(None))
        .correlate(e)
        .scalar_subquery()
    )
    is_allocated = or_(allocated.is_not(None), e.c.charged_by["draws"].as_boolean() == true())
    wanted = case((and_(e.c.deleted_at.is_(None), is_allocated), e.c.chargeable_minutes), else_=0)
    found = func.coalesce(allocated, 0)
    sums: Any = select(e.c.id, wanted.label("wanted"), found.label("found")).where(wanted != found)
    for row in tx.connection.execute(sums):
        yield Difference("work entry's allocations", row.id, row.wanted, int(row.found))


def _unposted(tx: Transaction) -> Iterator[Difference]:
    """Allocations that no transaction posts as they are; time covered without a draw has none."""
    account = case((a.c.kind == "grant", "consumed"), else_=a.c.kind)
    posts_it = (
        select(leg.c.transaction_id)
        .where(
            leg.c.transaction_id == a.c.transaction_id,
            leg.c.account == account,
            leg.c.amount == a.c.minutes,
            or_(a.c.kind != "grant", leg.c.owner == a.c.grant_id),
        )
        .exists()
    )
    is_reversed = select(mirror.c.id).where(mirror.c.reverses_id == a.c.transaction_id).exists()
    posted = and_(
        entry.c.id.is_not(None),
        entry.c.cause == CAUSE + a.c.work_entry_id,
        entry.c.effective_at == a.c.effective_at,
        entry.c.contract_id.is_not_distinct_from(a.c.contract_id),
        posts_it,
        is_reversed == a.c.reversed_at.is_not(None),
    )
    agrees = case(
        (a.c.kind == "covered", and_(a.c.transaction_id.is_(None), a.c.contract_id.is_not(None))),
        else_=posted,
    )
    rows = (
        select(a.c.id, a.c.contract_id, a.c.kind, a.c.minutes, a.c.transaction_id, entry.c.sequence)
        .select_from(a.outerjoin(entry, entry.c.id == a.c.transaction_id))
        .where(func.coalesce(agrees, False) != true())
    )
    for row in tx.connection.execute(rows):
        yield Difference(
            "allocation is not what was posted",
            row.id,
            f"{row.kind} {row.minutes}",
            None,
            contract=row.contract_id,
            transaction=row.transaction_id,
            sequence=row.sequence,
        )


def _unallocated(tx: Transaction) -> Iterator[Difference]:
    """Transactions that drew for an entry without exactly one allocation of it."""
    allocations = (
        select(func.count())
        .where(
            a.c.work_entry_id == func.substr(entry.c.cause, len(CAUSE) + 1), a.c.transaction_id == entry.c.id
        )
        .correlate(entry)
        .scalar_subquery()
    )
    rows = select(entry.c.id, entry.c.contract_id, entry.c.sequence, allocations.label("found")).where(
        entry.c.kind.in_(DRAWING_KINDS), entry.c.cause.startswith(CAUSE), allocations != 1
    )
    for row in tx.connection.execute(rows):
        yield Difference(
            "allocations of what was posted for an entry",
            row.id,
            row.found,
            1,
            contract=row.contract_id,
            transaction=row.id,
            sequence=row.sequence,
        )
