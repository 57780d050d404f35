"""The part of the audit that reads every transaction: its sums, its hash, and its place in its chain.

Reads in batches by the index of the chains, so that the memory does not grow with the ledger.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, func, literal_column, select, tuple_

from engine.hash_chain import Leg, content_hash, content_text, next_hash
from workflows.core.transaction import Transaction
from workflows.ledger.checkpoints import CHECKPOINTS
from workflows.ledger.differences import Counts, Difference, Progress
from workflows.store import tables as t
from workflows.store.column_types import microseconds
from workflows.store.compiled_statements import Prepared
from workflows.store.id_lists import among, id_list

BATCH = 1_000
entry, leg, head = t.ledger_transaction, t.ledger_posting, t.ledger_chain


@dataclass(slots=True)
class _Place:
    """Where the audit is in the chains: the last transaction that was read of a chain."""

    chain_id: str = ""
    sequence: int = 0
    hash: bytes | None = None
    contract: str | None = None


def audit_chains(tx: Transaction, counts: Counts, progress: Progress | None) -> Iterator[Difference]:
    """Check every transaction, its place and hash in its chain, and the heads of the chains."""
    total = tx.connection.execute(select(func.count()).select_from(entry)).scalar_one()
    statements = _statements(tx.is_sqlite)
    place, after = _Place(), ("", 0, "")
    while rows := statements.transactions.tuples(tx.connection, dict(zip(_AFTER, after, strict=True))):
        ids = [row[0] for row in rows]
        legs = _legs(statements.legs.tuples(tx.connection, {"ids": id_list(ids, is_sqlite=tx.is_sqlite)}))
        ended: list[_Place] = []
        for row in rows:
            found = legs.get(row[0], ())
            counts.transactions += 1
            counts.postings += len(found)
            if row[CHAIN] != place.chain_id:
                if place.sequence:
                    ended.append(place)
                place = _Place(row[CHAIN])
            yield from _check(row, found, place)
            place.sequence, place.hash, place.contract = row[SEQUENCE], row[HASH], row[CONTRACT]
        yield from _check_heads(tx, ended, counts)
        after = (rows[-1][CHAIN], rows[-1][SEQUENCE], rows[-1][0])
        if progress is not None:
            progress(counts.transactions, total)
    if place.sequence:
        yield from _check_heads(tx, [place], counts)
    yield from _without_transactions(tx)


ID, KIND, EFFECTIVE, RECORDED, CAUSE, KEY, REVERSES, CONTRACT, REQUEST, CHAIN, SEQUENCE, HASH = range(12)
"""The columns of a transaction as it is read."""


def _check(row: Sequence[Any], legs: Sequence[Any], place: _Place) -> Iterator[Difference]:
    """The faults of one transaction, which follows `place`."""

    def fault(what: str, stored: int | str | None = None, posted: int | str | None = None) -> Difference:
        return Difference(
            what, row[ID], stored, posted, contract=row[CONTRACT], transaction=row[ID], sequence=row[SEQUENCE]
        )

    yield from _check_sums(row, legs, fault)
    if row[CONTRACT] is not None and row[CONTRACT] != row[CHAIN]:
        yield fault("transaction is not in the chain of its contract", row[CHAIN], row[CONTRACT])
    expected = place.sequence + 1
    if row[SEQUENCE] > expected:
        missing = row[SEQUENCE] - expected
        found = fault(f"{missing} missing before this transaction", row[SEQUENCE], expected)
        yield replace(found, record=row[CHAIN])
        return
    if row[SEQUENCE] < expected:
        yield fault("sequence number is used twice", row[SEQUENCE], expected)
        return
    content = content_hash(_content(row, [one[:5] for one in legs]))
    computed = next_hash(place.hash, content)
    if computed != row[HASH]:
        yield fault("transaction was changed: its hash differs", row[HASH].hex(), computed.hex())


def _check_sums(row: Sequence[Any], legs: Sequence[Any], fault: Any) -> Iterator[Difference]:
    if not legs:
        yield fault("transaction without postings")
        return
    sums: dict[str, int] = {}
    for one in legs:
        sums[one[3]] = sums.get(one[3], 0) + one[4]
        if one[5] != row[EFFECTIVE]:
            yield fault("posting is not effective with its transaction")
    for unit, amount in sums.items():
        if amount:
            yield fault(f"transaction does not sum to zero in {unit}", 0, amount)


def _content(row: Sequence[Any], legs: Iterable[Leg]) -> str:
    return content_text(
        row[CHAIN],
        row[ID],
        row[KIND],
        row[EFFECTIVE],
        row[RECORDED],
        row[CAUSE],
        row[KEY],
        row[REVERSES],
        row[CONTRACT],
        row[REQUEST],
        legs,
    )


def _legs(rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row[1:])
    return found


def _check_heads(tx: Transaction, ended: Sequence[_Place], counts: Counts) -> Iterator[Difference]:
    """Check that the head of each chain that has been read is its last transaction."""
    if not ended:
        return
    counts.chains += len(ended)
    ids = id_list([one.chain_id for one in ended], is_sqlite=tx.is_sqlite)
    rows = _statements(tx.is_sqlite).heads.tuples(tx.connection, {"ids": ids})
    heads = {row[0]: (row[1], row[2]) for row in rows}
    for one in ended:
        found = heads.get(one.chain_id)
        if found is None:
            yield Difference("chain without a head", one.chain_id, None, one.sequence, contract=one.contract)
        elif found[0] != one.sequence:
            what = "chain head is not at the last transaction"
            yield Difference(what, one.chain_id, found[0], one.sequence, contract=one.contract)
        elif found[1] != one.hash:
            last = one.hash.hex() if one.hash is not None else None
            what = "chain head has another hash than the last transaction"
            yield Difference(what, one.chain_id, found[1].hex(), last, contract=one.contract)


def _without_transactions(tx: Transaction) -> Iterator[Difference]:
    """Heads of chains that have no transaction, and postings that belong to none."""
    no_entry = ~select(entry.c.id).where(entry.c.chain_id == head.c.id).exists()
    for row in tx.connection.execute(select(head).where(no_entry, head.c.id != CHECKPOINTS)):
        yield Difference("chain head without a transaction", row.id, row.sequence, None, contract=row.id)
    no_entry = ~select(entry.c.id).where(entry.c.id == leg.c.transaction_id).exists()
    for row in tx.connection.execute(select(leg).where(no_entry)):
        yield Difference(
            "posting without its transaction",
            f"{row.transaction_id}, leg {row.leg}",
            row.amount,
            None,
            transaction=row.transaction_id,
        )


# ------------------------------------------------------------------ statements

_AFTER = ("after_chain", "after_sequence", "after_id")


@dataclass(frozen=True, slots=True)
class _Statements:
    transactions: Prepared
    legs: Prepared
    heads: Prepared


@cache
def _statements(is_sqlite: bool) -> _Statements:
    return _Statements(
        Prepared(_transactions(is_sqlite)),
        Prepared(
            select(
                leg.c.transaction_id,
                leg.c.leg,
                leg.c.owner,
                leg.c.account,
                leg.c.unit,
                leg.c.amount,
                microseconds(leg.c.effective_at, is_sqlite=is_sqlite).label("effective_at"),
            )
            .where(among(leg.c.transaction_id, "ids", is_sqlite=is_sqlite))
            .order_by(leg.c.transaction_id, leg.c.leg)
        ),
        Prepared(
            select(head.c.id, head.c.sequence, head.c.hash).where(
                among(head.c.id, "ids", is_sqlite=is_sqlite)
            )
        ),
    )


def _transactions(is_sqlite: bool) -> Select[Any]:
    """A batch of transactions after one, by chain and sequence; instants as whole microseconds."""
    order = (entry.c.chain_id, entry.c.sequence, entry.c.id)
    types = (entry.c.chain_id.type, BigInteger(), entry.c.id.type)
    after = [bindparam(name, type_=one, required=True) for name, one in zip(_AFTER, types, strict=True)]
    return (
        select(
            entry.c.id,
            entry.c.kind,
            microseconds(entry.c.effective_at, is_sqlite=is_sqlite).label("effective_at"),
            microseconds(entry.c.recorded_at, is_sqlite=is_sqlite).label("recorded_at"),
            entry.c.cause,
            entry.c.idempotency_key,
            entry.c.reverses_id,
            entry.c.contract_id,
            entry.c.service_request_id,
            entry.c.chain_id,
            entry.c.sequence,
            entry.c.hash,
        )
        .where(tuple_(*order) > tuple_(*after))
        .order_by(*order)
        .limit(literal_column(str(BATCH)))
    )
