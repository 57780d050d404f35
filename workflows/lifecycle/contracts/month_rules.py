"""The months of a contract as the engine plans them, and the ledger's side of what they keep and lend.

What a month keeps is moved from its grant to another one as of the month's end. What is drawn ahead on a
month is taken from its allocation as of the instant worked, and the month begins with so much less. A plan
says what both should be; only the difference to what is posted is posted.
Source: product.md sections 4, 7 and 8.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select

from engine.ledger import LedgerTransaction, move
from engine.payers import Month, Payer, RetainedRest, Slice
from engine.quantities import hours_text
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.grants import StoredGrant
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.store import tables as t

MAX_IDS_PER_STATEMENT = 900
entry, leg, a, g = t.ledger_transaction, t.ledger_posting, t.work_allocation, t.contract_grant


class PostedMonths(NamedTuple):
    """Whole minutes that are posted: retained, by the grant that keeps them; lent, by the month's grant."""

    retained: Mapping[str, int]
    lent: Mapping[str, int]


class RestChange(NamedTuple):
    """By how many minutes more (below zero: less) than posted a month's grant is to fill another one."""

    contract: str
    grant: str
    rest: str
    minutes: int
    retained_at: datetime


# ------------------------------------------------------------------ planning


def read_posted_months(tx: Transaction, loaded: Sequence[LoadedContract]) -> PostedMonths:
    """What the months of contracts have retained and lent, of those contracts that have rules for it."""
    keeping = [one.id for one in loaded if one.carry_over is not None]
    lending = [one.id for one in loaded if one.borrow is not None]
    return PostedMonths(_retained(tx, keeping) if keeping else {}, _lent(tx, lending) if lending else {})


def with_months(
    payer: Payer,
    loaded: LoadedContract,
    posted: PostedMonths,
    *,
    since: datetime | None = None,
    given_back: Iterable[Slice] = (),
) -> Payer:
    """A payer with its months, where these have rules.

    What months that end at `since` or later keep is planned anew: it goes back to them, except for what work
    that is not planned has drawn of it. `given_back` are the posted slices of the work to plan.
    """
    if not loaded.has_month_rules:
        return payer
    allocations = [one for one in loaded.grants if one.kind == "allocation" and one.rest_of is None]
    rests = {one.rest_of: one for one in loaded.grants if one.rest_of is not None}
    starts = {one.grant.id: _start(one) for one in allocations}
    lent = Counter(posted.lent)
    for piece in given_back:
        if piece.grant in starts and piece.effective_at < starts[piece.grant]:
            lent[piece.grant] -= piece.minutes
    available = {one.id: one.available for one in payer.grants}
    months = []
    for stored in sorted(allocations, key=_start):
        rest, retained = rests.get(stored.grant.id), 0
        if rest is not None and since is not None and _start(rest) >= since:
            again = available[rest.grant.id]
            retained = posted.retained.get(rest.grant.id, 0) - again
            available[stored.grant.id] += again
            available[rest.grant.id] = 0
        months.append(_month(loaded, stored, rest, retained=retained, lent=lent[stored.grant.id]))
    grants = tuple(replace(one, available=available[one.id]) for one in payer.grants)
    return replace(payer, grants=grants, months=tuple(months))


def rest_changes(
    planned: Iterable[RetainedRest],
    payers: Iterable[Payer],
    loaded: Iterable[LoadedContract],
    posted: PostedMonths,
    since: datetime,
) -> list[RestChange]:
    """What the rests of months that end at `since` or later are to be changed by.

    A month whose end does not come, since the contract was cancelled before, keeps what was withdrawn of its
    rest or is drawn by work that is not planned.
    """
    wanted = {month.rest: month.retained for one in payers for month in one.months if month.rest is not None}
    wanted |= {one.rest: one.minutes for one in planned}
    found = []
    for contract in loaded:
        for stored in contract.grants if contract.carry_over is not None else ():
            rest = stored.grant.id
            more = wanted.get(rest, 0) - posted.retained.get(rest, 0)
            if stored.rest_of is not None and more and _start(stored) >= since:
                found.append(RestChange(contract.id, stored.rest_of, rest, more, _start(stored)))
    return found


def ends_of_posted_months(loaded: Iterable[LoadedContract], posted: PostedMonths) -> Iterator[datetime]:
    """When the months of contracts ended of which a rest is posted."""
    for one in loaded:
        for stored in one.grants if one.carry_over is not None else ():
            if stored.rest_of is not None and posted.retained.get(stored.grant.id):
                yield _start(stored)


def _month(
    loaded: LoadedContract, stored: StoredGrant, rest: StoredGrant | None, *, retained: int, lent: int
) -> Month:
    starts_at, ends_at = _start(stored), stored.grant.expires_at
    assert ends_at is not None, "a month has an end"
    until = loaded.contract.expires_at
    lends = loaded.borrow is not None and (until is None or starts_at < until)
    return Month(
        stored.grant.id,
        starts_at,
        ends_at,
        rest.grant.id if rest is not None else None,
        rest.grant.quantity if rest is not None else 0,
        loaded.borrow.most_of(stored.grant.quantity) if loaded.borrow is not None and lends else 0,
        retained,
        lent,
    )


def _start(stored: StoredGrant) -> datetime:
    return stored.grant.effective_at or stored.opens_at


# ------------------------------------------------------------------ posting


def post_rest_changes(
    tx: Transaction, changes: Iterable[RestChange], contracts: LoadedContracts, *, cause: str
) -> None:
    """Post changes of what months keep, each as of its month's end. Raises: IntegrityError.

    Those that give back to a month come first. Minutes that have expired by now are restored before.
    """
    for one in sorted(changes, key=lambda change: (change.minutes > 0, change.retained_at)):
        contract, minutes = contracts[one.contract], abs(one.minutes)
        source, target = (one.grant, one.rest) if one.minutes > 0 else (one.rest, one.grant)
        contract.restore(tx, source, minutes, cause=cause)
        moved = move("minutes", minutes, (source, "available"), (source, "sold"))
        moved += move("minutes", minutes, (target, "sold"), (target, "available"))
        # no balance of the contract as a whole moves, so the text names the amount
        fate = "carried over to later months" if one.minutes > 0 else "no longer carried over"
        why = f"{hours_text(minutes)} {fate}"
        contract.record(tx, LedgerTransaction("carry_over", one.retained_at, moved, cause=cause, why=why))


def begins_of_months_ahead(contract: LoadedContract, piece: Slice) -> datetime | None:
    """When the month begins on which a slice of work draws ahead; None for a slice of any other grant."""
    if contract.borrow is None or piece.grant is None:
        return None
    stored = next(one for one in contract.grants if one.grant.id == piece.grant)
    is_ahead = stored.kind == "allocation" and stored.rest_of is None and piece.effective_at < _start(stored)
    return _start(stored) if is_ahead else None


def post_borrowed(
    tx: Transaction,
    piece: Slice,
    begins_at: datetime,
    contract: LoadedContract,
    *,
    cause: str,
    request: tuple[str, str],
    allocation: Mapping[str, Any],
) -> None:
    """Post a slice that draws ahead on the month that begins at an instant.

    `request` are the id and the number of the service request. `allocation`, as for `journal.record`, names
    the transaction that is the posting of the slice; the other one is effective when the month begins.
    Raises: IntegrityError.
    """
    grant_id, minutes = str(piece.grant), piece.minutes
    request_id, number = request
    drawn = LedgerTransaction(
        "borrow",
        piece.effective_at,
        move("minutes", minutes, (grant_id, "sold"), (grant_id, "held" if piece.held else "consumed")),
        cause=cause,
        why=f"Work on {number}: {hours_text(minutes)} drawn ahead on the next month",
    )
    transaction_id = contract.record(tx, drawn, service_request_id=request_id, allocation=allocation)
    less = LedgerTransaction(
        "repay",
        begins_at,
        move("minutes", minutes, (grant_id, "available"), (grant_id, "sold")),
        cause=cause,
        why=f"Work on {number}: drawn ahead in the month before",
        key=repayment_key(transaction_id),
    )
    contract.record(tx, less, service_request_id=request_id)


def repayments_of(tx: Transaction, borrowed: Sequence[str]) -> list[str]:
    """The ids of the transactions that repay those of some slices, by the ids of the latter."""
    keys = [repayment_key(one) for one in borrowed]
    found: list[str] = []
    for start in range(0, len(keys), MAX_IDS_PER_STATEMENT):
        part = keys[start : start + MAX_IDS_PER_STATEMENT]
        found += tx.connection.execute(select(entry.c.id).where(entry.c.idempotency_key.in_(part))).scalars()
    return found


def repayment_key(transaction_id: str) -> str:
    """The key of the transaction by which a month begins with less, by the one that drew ahead on it."""
    return f"repay:{transaction_id}"


# ------------------------------------------------------------------ reading


def lending_months(tx: Transaction, pieces: Iterable[Slice]) -> dict[str, datetime]:
    """When the months begin that slices draw on, by their grants, of the contracts whose months lend."""
    grants = sorted({piece.grant for piece in pieces if piece.kind == "grant" and piece.grant is not None})
    c, found = t.contract, {}
    for start in range(0, len(grants), MAX_IDS_PER_STATEMENT):
        months = (
            select(g.c.id, g.c.effective_at)
            .join(c, c.c.id == g.c.contract_id)
            .where(
                g.c.id.in_(grants[start : start + MAX_IDS_PER_STATEMENT]),
                g.c.kind == "allocation",
                g.c.rest_of_id.is_(None),
                c.c.borrow.is_not(None),
            )
        )
        found.update({row.id: row.effective_at for row in tx.connection.execute(months)})
    return found


def is_ahead(piece: Slice, months: Mapping[str, datetime]) -> bool:
    """Whether a slice draws ahead on its month, by the beginnings of months that lend."""
    begins_at = months.get(piece.grant or "")
    return begins_at is not None and piece.effective_at < begins_at


def _retained(tx: Transaction, contracts: Sequence[str]) -> dict[str, int]:
    retained = (
        select(leg.c.owner, func.sum(leg.c.amount).label("minutes"))
        .join(entry, entry.c.id == leg.c.transaction_id)
        .join(g, g.c.id == leg.c.owner)
        .where(
            g.c.contract_id.in_(contracts),
            g.c.rest_of_id.is_not(None),
            leg.c.account == "available",
            entry.c.kind == "carry_over",
        )
        .group_by(leg.c.owner)
    )
    return {row.owner: int(row.minutes) for row in tx.connection.execute(retained)}


def _lent(tx: Transaction, contracts: Sequence[str]) -> dict[str, int]:
    lent = (
        select(a.c.grant_id, func.sum(a.c.minutes).label("minutes"))
        .join(g, g.c.id == a.c.grant_id)
        .where(
            a.c.contract_id.in_(contracts),
            a.c.reversed_at.is_(None),
            a.c.effective_at < g.c.effective_at,
            g.c.kind == "allocation",
            g.c.rest_of_id.is_(None),
        )
        .group_by(a.c.grant_id)
    )
    return {row.grant_id: int(row.minutes) for row in tx.connection.execute(lent)}
