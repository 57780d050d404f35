"""The part of the audit that compares the allocations of work with its entries and with the postings.

Whether the right contract paid is found by planning the draw-down again, in
`lifecycle/contracts/audit_draw_down`.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import and_, case, func, or_, select, true

from workflows.core.transaction import Transaction
from workflows.ledger.adjustments import belongs_at
from workflows.ledger.differences import Difference
from workflows.store import tables as t
from workflows.store.column_types import Instant

DRAWING_KINDS = ("draw", "hold", "borrow", "carry", "ignore", "overage")
"""The kinds of transactions that are the posting of an allocation."""
CAUSE = "work_entry:"
entry, leg, mirror = t.ledger_transaction, t.ledger_posting, t.ledger_transaction.alias("mirror")
a, e, adjustment = t.work_allocation, t.work_entry, t.ledger_adjustment


def audit_allocations(tx: Transaction) -> Iterator[Difference]:
    """Compare allocations with the chargeable minutes of their entries, and with their postings."""
    yield from _entries(tx)
    yield from _unposted(tx)
    yield from _unsettled(tx)
    yield from _unallocated(tx)


def _entries(tx: Transaction) -> Iterator[Difference]:
    """Entries whose current allocations are not their chargeable minutes.

    A deleted or rejected entry has none. One that was charged while contracts were off has none either.
    """
    allocated = (
        select(func.sum(a.c.minutes))
        .where(a.c.work_entry_id == e.c.id, a.c.reversed_at.is_(None))
        .correlate(e)
        .scalar_subquery()
    )
    is_allocated = or_(allocated.is_not(None), e.c.charged_by["draws"].as_boolean() == true())
    wanted = case((and_(t.COUNTED_WORK, is_allocated), e.c.chargeable_minutes), else_=0)
    found = func.coalesce(allocated, 0)
    sums: Any = select(e.c.id, wanted.label("wanted"), found.label("found")).where(wanted != found)
    for row in tx.connection.execute(sums):
        yield Difference("work entry's allocations", row.id, row.wanted, int(row.found))


def _unposted(tx: Transaction) -> Iterator[Difference]:
    """Allocations that no transaction posts as they are; time covered without a draw has none."""
    was_held = or_(a.c.held, a.c.settlement_id.is_not(None))
    account = case((a.c.kind != "grant", a.c.kind), (was_held, "held"), else_="consumed")
    posts_it = (
        select(leg.c.transaction_id)
        .where(
            leg.c.transaction_id == a.c.transaction_id,
            leg.c.account == account,
            leg.c.amount == func.coalesce(a.c.amount_minor, a.c.minutes),
            leg.c.unit == func.coalesce(a.c.currency, "minutes"),
            or_(a.c.kind != "grant", leg.c.owner == a.c.grant_id),
        )
        .exists()
    )
    is_reversed = select(mirror.c.id).where(mirror.c.reverses_id == a.c.transaction_id).exists()
    posted = and_(
        entry.c.id.is_not(None),
        entry.c.cause == CAUSE + a.c.work_entry_id,
        belongs_at() == a.c.effective_at,
        entry.c.contract_id.is_not_distinct_from(a.c.contract_id),
        posts_it,
        is_reversed == a.c.reversed_at.is_not(None),
        or_(~a.c.held, a.c.settlement_id.is_(None)),
    )
    agrees = case(
        (a.c.kind == "covered", and_(a.c.transaction_id.is_(None), a.c.contract_id.is_not(None))),
        else_=posted,
    )
    rows = (
        select(a.c.id, a.c.contract_id, a.c.kind, a.c.minutes, a.c.transaction_id, entry.c.sequence)
        .select_from(a.outerjoin(entry, entry.c.id == a.c.transaction_id).outerjoin(adjustment))
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


def _unsettled(tx: Transaction) -> Iterator[Difference]:
    """Allocations of approved entries that no settlement consumes as they were held."""
    consumed, adjusted = leg.alias("consumed"), adjustment.alias("adjusted")
    consumes_it = (
        select(consumed.c.transaction_id)
        .where(
            consumed.c.transaction_id == a.c.settlement_id,
            consumed.c.account == "consumed",
            consumed.c.amount == func.coalesce(a.c.amount_minor, a.c.minutes),
            consumed.c.unit == func.coalesce(a.c.currency, "minutes"),
            consumed.c.owner == a.c.grant_id,
        )
        .exists()
    )
    is_reversed = select(mirror.c.id).where(mirror.c.reverses_id == a.c.settlement_id).exists()
    agrees = and_(
        entry.c.kind == "settle",
        func.coalesce(adjusted.c.belongs_at, entry.c.effective_at, type_=Instant()) == a.c.effective_at,
        entry.c.contract_id.is_not_distinct_from(a.c.contract_id),
        consumes_it,
        is_reversed == a.c.reversed_at.is_not(None),
    )
    rows = (
        select(a.c.id, a.c.contract_id, a.c.minutes, a.c.settlement_id, entry.c.sequence)
        .select_from(
            a.outerjoin(entry, entry.c.id == a.c.settlement_id).outerjoin(
                adjusted, adjusted.c.transaction_id == entry.c.id
            )
        )
        .where(a.c.settlement_id.is_not(None), func.coalesce(agrees, False) != true())
    )
    for row in tx.connection.execute(rows):
        yield Difference(
            "allocation is not what was settled",
            row.id,
            f"grant {row.minutes}",
            None,
            contract=row.contract_id,
            transaction=row.settlement_id,
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
