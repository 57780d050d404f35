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
_Posting = tuple[Leg, int]
"""A posting, and when it is effective, in microseconds since 1970."""
entry, leg, head = t.ledger_transaction, t.ledger_posting, t.ledger_chain
adjustment = t.ledger_adjustment


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
        wanted = {"ids": id_list(ids, is_sqlite=tx.is_sqlite)}
        postings = _postings(statements.legs.tuples(tx.connection, wanted))
        adjusted = {row[0]: row[1] for row in statements.adjustments.tuples(tx.connection, wanted)}
        ended: list[_Place] = []
        for row in rows:
            found = postings.get(row[0], ())
            counts.transactions += 1
            counts.postings += len(found)
            if row[CHAIN] != place.chain_id:
                if place.sequence:
                    ended.append(place)
                place = _Place(row[CHAIN])
            yield from _check(row, found, adjusted.get(row[0]), place)
            place.sequence, place.hash, place.contract = row[SEQUENCE], row[HASH], row[CONTRACT]
        yield from _check_heads(tx, ended, counts)
        after = (rows[-1][CHAIN], rows[-1][SEQUENCE], rows[-1][0])
        if progress is not None:
            progress(counts.transactions, total)
    if place.sequence:
        yield from _check_heads(tx, [place], counts)
    yield from _without_transactions(tx)


ID, KIND, EFFECTIVE, RECORDED, CAUSE, KEY, REVERSES, CONTRACT, REQUEST, CHAIN, SEQUENCE, HASH, JOB = range(13)
"""The columns of a transaction as it is read."""


def _check(
    row: Sequence[Any], postings: Sequence[_Posting], belongs_at: int | None, place: _Place
) -> Iterable[Difference]:
    """The faults of one transaction, which follows `place`; an adjustment has the instant it belongs at."""
    expected = place.sequence + 1
    is_in_place = row[SEQUENCE] == expected and (row[CONTRACT] is None or row[CONTRACT] == row[CHAIN])
    if is_in_place and _is_balanced(row, postings):
        computed = _hash(row, postings, belongs_at, place)
        return () if computed == row[HASH] else [_changed(row, computed)]
    return _faults(row, postings, belongs_at, place)


def _faults(
    row: Sequence[Any], postings: Sequence[_Posting], belongs_at: int | None, place: _Place
) -> Iterator[Difference]:
    """The faults of a transaction that is out of place or not balanced."""
    yield from _faults_of_sums(row, postings)
    if row[CONTRACT] is not None and row[CONTRACT] != row[CHAIN]:
        yield _fault(row, "transaction is not in the chain of its contract", row[CHAIN], row[CONTRACT])
    expected = place.sequence + 1
    if row[SEQUENCE] > expected:
        missing = row[SEQUENCE] - expected
        found = _fault(row, f"{missing} missing before this transaction", row[SEQUENCE], expected)
        yield replace(found, record=row[CHAIN])
        return
    if row[SEQUENCE] < expected:
        yield _fault(row, "sequence number is used twice", row[SEQUENCE], expected)
        return
    computed = _hash(row, postings, belongs_at, place)
    if computed != row[HASH]:
        yield _changed(row, computed)


def _fault(
    row: Sequence[Any], what: str, stored: int | str | None = None, posted: int | str | None = None
) -> Difference:
    return Difference(
        what, row[ID], stored, posted, contract=row[CONTRACT], transaction=row[ID], sequence=row[SEQUENCE]
    )


def _changed(row: Sequence[Any], computed: bytes) -> Difference:
    return _fault(row, "transaction was changed: its hash differs", row[HASH].hex(), computed.hex())


def _is_balanced(row: Sequence[Any], postings: Sequence[_Posting]) -> bool:
    """Whether it has two postings of one unit, as nearly all, that sum to zero and are effective with it.

    False for others, which may be right as well.
    """
    if len(postings) != 2:
        return False
    (one, one_at), (other, other_at) = postings
    return one[3:] == (other[3], -other[4]) and one_at == other_at == row[EFFECTIVE]


def _faults_of_sums(row: Sequence[Any], postings: Sequence[_Posting]) -> Iterator[Difference]:
    if not postings:
        yield _fault(row, "transaction without postings")
        return
    sums: dict[str, int] = {}
    for (_, _, _, unit, amount), effective_at in postings:
        sums[unit] = sums.get(unit, 0) + amount
        if effective_at != row[EFFECTIVE]:
            yield _fault(row, "posting is not effective with its transaction")
    for unit, amount in sums.items():
        if amount:
            yield _fault(row, f"transaction does not sum to zero in {unit}", 0, amount)


def _hash(row: Sequence[Any], postings: Sequence[_Posting], belongs_at: int | None, place: _Place) -> bytes:
    text = content_text(
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
        [leg for leg, _ in postings],
        belongs_at,
        row[JOB],
    )
    return next_hash(place.hash, content_hash(text))


def _postings(rows: Iterable[Sequence[Any]]) -> dict[str, list[_Posting]]:
    found: dict[str, list[_Posting]] = {}
    for transaction, leg, owner, account, unit, amount, effective_at in rows:
        found.setdefault(transaction, []).append(((leg, owner, account, unit, amount), effective_at))
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
    """Heads of chains that have no transaction, and postings and adjustments that belong to none."""
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
    no_entry = ~select(entry.c.id).where(entry.c.id == adjustment.c.transaction_id).exists()
    for row in tx.connection.execute(select(adjustment).where(no_entry)):
        what = "adjustment without its transaction"
        yield Difference(what, row.transaction_id, None, None, transaction=row.transaction_id)


# ------------------------------------------------------------------ statements

_AFTER = ("after_chain", "after_sequence", "after_id")


@dataclass(frozen=True, slots=True)
class _Statements:
    transactions: Prepared
    legs: Prepared
    heads: Prepared
    adjustments: Prepared


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
        Prepared(
            select(
                adjustment.c.transaction_id,
                microseconds(adjustment.c.belongs_at, is_sqlite=is_sqlite).label("belongs_at"),
            ).where(among(adjustment.c.transaction_id, "ids", is_sqlite=is_sqlite))
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
            entry.c.job,
        )
        .where(tuple_(*order) > tuple_(*after))
        .order_by(*order)
        .limit(literal_column(str(BATCH)))
    )
