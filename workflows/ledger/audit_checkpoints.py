"""The part of the audit that verifies the checkpoints, also against one that was stored elsewhere."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Row, select

from engine.hash_chain import checkpoint_content, next_hash
from workflows.core.transaction import Transaction
from workflows.ledger.checkpoints import (
    CHECKPOINTS,
    ROWS_AT_ONCE,
    GivenCheckpoint,
    last_of_each,
    root_of,
)
from workflows.ledger.differences import Counts, Difference
from workflows.ledger.hash_chain import microseconds_of
from workflows.store import tables as t

c, h, head = t.ledger_checkpoint, t.ledger_checkpoint_head, t.ledger_chain


def audit_checkpoints(
    tx: Transaction, counts: Counts, against: GivenCheckpoint | None
) -> Iterator[Difference]:
    """Check the chain of the checkpoints, their heads, the root of the newest, and the one given."""
    last: Row[Any] | None = None
    for row in _streamed(tx, select(c).order_by(c.c.number)):
        counts.checkpoints += 1
        yield from _check_link(row, last)
        last = row
    yield from _check_last(tx, last)
    yield from _moved_heads(tx)
    yield from _changed_heads(tx)
    if last is not None:
        yield from _check_root(tx, last.number, last.root)
    if against is not None:
        yield from _check_given(tx, against)


def _check_link(row: Row[Any], last: Row[Any] | None) -> Iterator[Difference]:
    """Check that a checkpoint follows the one before."""
    expected = 1 if last is None else last.number + 1
    if row.number != expected:
        yield Difference("checkpoint is missing", f"checkpoint {expected}", row.number, expected)
        return
    content = checkpoint_content(
        row.number,
        microseconds_of(row.taken_at),
        row.chains,
        row.transactions,
        row.moved,
        row.moved_root,
        row.root,
    )
    computed = next_hash(None if last is None else last.hash, content)
    if computed != row.hash:
        what = "checkpoint was changed: its hash differs"
        yield Difference(what, f"checkpoint {row.number}", row.hash.hex(), computed.hex())


def _check_last(tx: Transaction, last: Row[Any] | None) -> Iterator[Difference]:
    """Check that the newest checkpoint is the head of their chain."""
    stored = tx.connection.execute(select(head).where(head.c.id == CHECKPOINTS)).one_or_none()
    at_head = (0, b"") if stored is None else (stored.sequence, stored.hash)
    newest = (0, b"") if last is None else (last.number, last.hash)
    if at_head == newest:
        return
    # either of both may have been changed, or the newest checkpoint was removed
    names = (
        [CHECKPOINTS] if at_head[0] == newest[0] else [CHECKPOINTS, f"checkpoint {max(at_head, newest)[0]}"]
    )
    for name in names:
        yield Difference(
            "newest checkpoint is not the head of the checkpoints",
            name,
            f"{at_head[0]} {at_head[1].hex()}" if stored is not None else None,
            f"{newest[0]} {newest[1].hex()}" if last is not None else None,
        )


def _moved_heads(tx: Transaction) -> Iterator[Difference]:
    """Check that the heads stored with each checkpoint are those that it names."""
    stored = select(h.c.chain_id, h.c.sequence, h.c.hash, h.c.checkpoint_number)
    rows = _streamed(tx, stored.order_by(h.c.checkpoint_number, h.c.chain_id))
    numbers: set[int] = set()
    for number, group in groupby(rows, key=lambda row: row.checkpoint_number):
        numbers.add(number)
        moved = root_of((row.chain_id, row.sequence, row.hash) for row in group)
        yield from _check_moved(tx, number, moved.chains, moved.root)
    # a checkpoint of which all heads were removed
    for row in _streamed(tx, select(c.c.number).where(c.c.moved > 0).order_by(c.c.number)):
        if row.number not in numbers:
            yield from _check_moved(tx, row.number, 0, b"")


def _check_moved(tx: Transaction, number: int, count: int, root: bytes) -> Iterator[Difference]:
    checkpoint = tx.connection.execute(
        select(c.c.moved, c.c.moved_root).where(c.c.number == number)
    ).one_or_none()
    if checkpoint is None:
        yield Difference("heads of a checkpoint that is missing", f"checkpoint {number}", count, None)
    elif (checkpoint.moved, checkpoint.moved_root) != (count, root):
        yield Difference(
            "heads of a checkpoint were changed", f"checkpoint {number}", checkpoint.moved, count
        )


def _changed_heads(tx: Transaction) -> Iterator[Difference]:
    """Check that each stored head is still a transaction of its chain."""
    entry = t.ledger_transaction
    is_there = (
        select(entry.c.id)
        .where(entry.c.chain_id == h.c.chain_id, entry.c.sequence == h.c.sequence, entry.c.hash == h.c.hash)
        .exists()
    )
    for row in tx.connection.execute(select(h).where(~is_there)):
        what = f"chain differs from checkpoint {row.checkpoint_number}"
        yield Difference(
            what, row.chain_id, row.hash.hex(), None, contract=row.chain_id, sequence=row.sequence
        )


def _check_root(tx: Transaction, number: int, root: bytes) -> Iterator[Difference]:
    """Recompute a checkpoint's root from the heads that were stored by then."""
    stored = select(h.c.chain_id, h.c.sequence, h.c.hash).where(h.c.checkpoint_number <= number)
    rows = _streamed(tx, stored.order_by(h.c.chain_id, h.c.sequence))
    found = root_of(last_of_each(rows))
    if found.root != root:
        what = "root of a checkpoint differs from the chain heads"
        yield Difference(what, f"checkpoint {number}", root.hex(), found.root.hex())


def _check_given(tx: Transaction, given: GivenCheckpoint) -> Iterator[Difference]:
    """Compare with a checkpoint that was stored elsewhere: nothing before it may have changed."""
    name = f"checkpoint {given.number}"
    row = tx.connection.execute(select(c).where(c.c.number == given.number)).one_or_none()
    if row is None:
        yield Difference("the given checkpoint is missing here", name, None, given.root.hex())
        return
    for what, stored, wanted in (
        ("root", row.root.hex(), given.root.hex()),
        ("hash", row.hash.hex(), given.hash.hex()),
        ("instant", row.taken_at.isoformat(), given.taken_at.isoformat()),
        ("number of chains", row.chains, given.chains),
        ("number of transactions", row.transactions, given.transactions),
    ):
        if stored != wanted:
            yield Difference(f"{what} differs from the given checkpoint", name, stored, wanted)
    yield from _check_root(tx, given.number, given.root)


def _streamed(tx: Transaction, statement: Any) -> Any:
    options = {"stream_results": True, "max_row_buffer": ROWS_AT_ONCE}
    return tx.connection.execute(statement, execution_options=options)
