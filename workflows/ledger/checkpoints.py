"""Checkpoints: a root over all chain heads on a day, which can be sent to where this desk cannot change it.

A checkpoint stores the heads that have moved since the one before, so that the heads of any checkpoint are
known: of each chain, the last that was stored by then. Checkpoints are a chain too, so that none of them can
be changed or removed unseen. Source: product.md section 8.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Text, cast, func, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.hash_chain import MerkleRoot, checkpoint_content, head_leaf, next_hash
from workflows.core.actors import OFFICE
from workflows.core.errors import NotFound, invalid
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.ledger.hash_chain import microseconds_of
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, Page

CHECKPOINTS = "checkpoints"
"""The chain of the checkpoints themselves, in the table of the heads."""
CHECKPOINT_LOCK = 0x636865636B
ROWS_AT_ONCE = 5_000
_TEXT = re.compile(
    r"coverdesk-checkpoint-1 number=(?P<number>[0-9]{1,18}) taken_at=(?P<taken_at>[0-9T:.-]+)Z "
    r"chains=(?P<chains>[0-9]{1,18}) transactions=(?P<transactions>[0-9]{1,18}) "
    r"root=(?P<root>[0-9a-f]{64}) hash=(?P<hash>[0-9a-f]{64})"
)
c, h, head = t.ledger_checkpoint, t.ledger_checkpoint_head, t.ledger_chain


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """A checkpoint: the root over the heads of `chains` chains, with `transactions` in them, at an instant.

    `root` and `hash` are hexadecimal; `hash` also covers the checkpoints before. `text` is what to store
    elsewhere: an audit against it proves that nothing before the checkpoint was changed.
    """

    number: int
    taken_at: datetime
    chains: int
    transactions: int
    root: str
    hash: str
    text: str


@dataclass(frozen=True, slots=True)
class GivenCheckpoint:
    """A checkpoint as it was sent out."""

    number: int
    taken_at: datetime
    chains: int
    transactions: int
    root: bytes
    hash: bytes


def take_checkpoint(tx: Transaction) -> int | None:
    """Store a checkpoint of all chains, unless there is one of this day (UTC) or later. Returns its number.

    None where it is not due, or no chain has begun. Raises: IntegrityError.
    """
    last = _locked_last(tx)
    if last is not None and last.taken_at.date() >= tx.now.date():
        return None
    number = 1 if last is None else last.number + 1
    _store_moved(tx, number)
    moved = _root(_heads_of(tx, number))
    every = _root(_current_heads(tx))
    if not every.chains:
        return None
    content = checkpoint_content(
        number,
        microseconds_of(tx.now),
        every.chains,
        every.transactions,
        moved.chains,
        moved.root,
        every.root,
    )
    values = {
        "number": number,
        "taken_at": tx.now,
        "chains": every.chains,
        "transactions": every.transactions,
        "moved": moved.chains,
        "moved_root": moved.root,
        "root": every.root,
        "hash": next_hash(None if last is None else last.hash, content),
    }
    tx.connection.execute(insert(c).values(values))
    dialect = sqlite if tx.is_sqlite else postgresql
    new = dialect.insert(head).values(id=CHECKPOINTS, sequence=number, hash=values["hash"])
    moved_head = {"sequence": new.excluded.sequence, "hash": new.excluded.hash}
    tx.connection.execute(new.on_conflict_do_update(index_elements=["id"], set_=moved_head))
    return number


def list_checkpoints(
    tx: Transaction,
    *,
    order: str = "-number",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[CheckpointView]:
    """A page of checkpoints, newest first, for the roles that may read the ledger.

    Raises: NotAllowed; InvalidInput for an unknown order or cursor.
    """
    tx.require(*OFFICE)
    return read_page(
        tx,
        select(c),
        _view,
        orders={"number": Sort(c.c.number)},
        by_id=cast(c.c.number, Text),
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def find_checkpoint(tx: Transaction, number: int | None = None) -> CheckpointView:
    """The checkpoint with a number, or the newest. Raises: NotAllowed; NotFound."""
    tx.require(*OFFICE)
    wanted = select(c).order_by(c.c.number.desc()).limit(1)
    if number is not None:
        wanted = wanted.where(c.c.number == number)
    row = tx.connection.execute(wanted).one_or_none()
    if row is None:
        which = "There is no checkpoint yet." if number is None else f"There is no checkpoint {number}."
        raise NotFound(
            which, remedy="Run `coverdesk run-job take_checkpoint`, or see the list of checkpoints."
        )
    return _view(row)


def parse_checkpoint(text: str) -> GivenCheckpoint:
    """The checkpoint in a text, which may have more around it. Raises: InvalidInput."""
    found = {match.group() for match in _TEXT.finditer(text)}
    if len(found) != 1:
        problem = "No checkpoint" if not found else "More than one checkpoint"
        raise invalid(
            "/against",
            f"{problem} was found in the text.",
            "Give one line as `coverdesk checkpoint` prints it, beginning with coverdesk-checkpoint-1.",
        )
    match = _TEXT.search(text)
    assert match is not None
    try:
        taken_at = datetime.fromisoformat(match["taken_at"]).replace(tzinfo=UTC)
    except ValueError:
        raise invalid(
            "/against", "The checkpoint's taken_at is not an instant.", "Give the line unchanged."
        ) from None
    return GivenCheckpoint(
        int(match["number"]),
        taken_at,
        int(match["chains"]),
        int(match["transactions"]),
        bytes.fromhex(match["root"]),
        bytes.fromhex(match["hash"]),
    )


@dataclass(frozen=True, slots=True)
class Root:
    """The root over some chain heads, and how many chains and transactions they have."""

    root: bytes
    chains: int
    transactions: int


def root_of(heads: Iterable[tuple[str, int, bytes]]) -> Root:
    """The root over heads (chain, sequence, hash) that are sorted by chain."""
    merkle, transactions = MerkleRoot(), 0
    for chain_id, sequence, last in heads:
        merkle.add(head_leaf(chain_id, sequence, last))
        transactions += sequence
    return Root(merkle.root(), merkle.count, transactions)


def last_of_each(rows: Iterable[Any]) -> Iterator[tuple[str, int, bytes]]:
    """The last head of each chain, of rows (chain, sequence, hash) sorted by chain and sequence."""
    for _, group in groupby(rows, key=lambda row: row[0]):
        *_, last = group
        yield last[0], last[1], last[2]


def _root(heads: Iterable[Any]) -> Root:
    return root_of((row[0], row[1], row[2]) for row in heads)


def _locked_last(tx: Transaction) -> Row[Any] | None:
    """The last checkpoint, under a lock by which two machines take one after another."""
    if not tx.is_sqlite:
        # there is no row to lock before the first one
        tx.connection.execute(select(func.pg_advisory_xact_lock(CHECKPOINT_LOCK)))
    return tx.connection.execute(select(c).order_by(c.c.number.desc()).limit(1)).one_or_none()


def _store_moved(tx: Transaction, number: int) -> None:
    """Store the heads that no checkpoint has yet, as one statement sees them."""
    is_stored = (
        select(h.c.chain_id).where(h.c.chain_id == head.c.id, h.c.sequence == head.c.sequence).exists()
    )
    moved = select(head.c.id, head.c.sequence, head.c.hash, literal(number)).where(
        head.c.id != CHECKPOINTS, ~is_stored
    )
    names = ["chain_id", "sequence", "hash", "checkpoint_number"]
    tx.connection.execute(insert(h).from_select(names, moved))


def _heads_of(tx: Transaction, number: int) -> Any:
    """The heads that a checkpoint stored, sorted by chain."""
    stored = select(h.c.chain_id, h.c.sequence, h.c.hash).where(h.c.checkpoint_number == number)
    return _streamed(tx, stored.order_by(h.c.chain_id))


def _current_heads(tx: Transaction) -> Any:
    """The last stored head of each chain, sorted by chain."""
    last = select(func.max(h.c.sequence)).where(h.c.chain_id == head.c.id).correlate(head).scalar_subquery()
    stored = (
        select(h.c.chain_id, h.c.sequence, h.c.hash)
        .join(head, head.c.id == h.c.chain_id)
        .where(h.c.sequence == last)
    )
    return _streamed(tx, stored.order_by(head.c.id))


def _streamed(tx: Transaction, statement: Any) -> Any:
    options = {"stream_results": True, "max_row_buffer": ROWS_AT_ONCE}
    return tx.connection.execute(statement, execution_options=options)


def _view(row: Row[Any]) -> CheckpointView:
    taken_at = row.taken_at.replace(tzinfo=None).isoformat()
    root, hash_ = row.root.hex(), row.hash.hex()
    return CheckpointView(
        row.number,
        row.taken_at,
        row.chains,
        row.transactions,
        root,
        hash_,
        f"coverdesk-checkpoint-1 number={row.number} taken_at={taken_at}Z chains={row.chains} "
        f"transactions={row.transactions} root={root} hash={hash_}",
    )
