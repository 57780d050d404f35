"""The ledger's own room: append and read, nothing else.

Postings go in before their transaction or with it: as it comes, the database checks that they sum to zero.
Stored balances follow in the same database transaction; their CHECKs keep them from going below zero.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.ledger import GRANT_ACCOUNTS, LedgerTransaction, Posting, reversal_of
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.compiled_statements import Prepared
from workflows.store.ids import new_id

_MOVE_GRANT = Prepared(
    update(t.grant_balance)
    .where(t.grant_balance.c.grant_id == bindparam("grant"))
    .values(
        available=t.grant_balance.c.available + bindparam("d_available"),
        held=t.grant_balance.c.held + bindparam("d_held"),
        consumed=t.grant_balance.c.consumed + bindparam("d_consumed"),
        expired=t.grant_balance.c.expired + bindparam("d_expired"),
    )
)


def record(
    tx: Transaction,
    entry: LedgerTransaction,
    *,
    contract_id: str | None = None,
    service_request_id: str | None = None,
) -> str:
    """Append one transaction and move the stored balances; answers its id.

    Raises: IntegrityError when a balance would go below zero or the idempotency key was taken.
    """
    transaction_id = new_id()
    for leg, posting in enumerate(entry.postings):
        tx.add(
            t.ledger_posting,
            transaction_id=transaction_id,
            leg=leg,
            owner=posting.owner,
            account=posting.account,
            unit=posting.unit,
            amount=posting.amount,
            effective_at=entry.effective_at,
        )
    tx.add(
        t.ledger_transaction,
        id=transaction_id,
        kind=entry.kind,
        effective_at=entry.effective_at,
        recorded_at=tx.recorded_at,
        cause=entry.cause,
        actor=tx.actor.name,
        why=entry.why,
        idempotency_key=entry.key,
        reverses_id=entry.reverses,
        contract_id=contract_id,
        service_request_id=service_request_id,
    )
    # last: whoever moves a balance holds its service request and contract, which the row refers to, already
    _move_balances(tx, entry.postings)
    return transaction_id


def reverse(tx: Transaction, transaction_id: str, *, cause: str, why: str) -> str:
    """Append the mirror of a transaction, effective when it was; answers the reversal's id."""
    row = tx.connection.execute(
        select(t.ledger_transaction).where(t.ledger_transaction.c.id == transaction_id)
    ).one()
    original = LedgerTransaction(
        row.kind, row.effective_at, read_postings(tx, transaction_id), row.cause, row.why, row.idempotency_key
    )
    mirrored = reversal_of(transaction_id, original, cause=cause, why=why)
    return record(tx, mirrored, contract_id=row.contract_id, service_request_id=row.service_request_id)


def read_postings(tx: Transaction, transaction_id: str) -> tuple[Posting, ...]:
    """The legs of one transaction, in order."""
    legs = t.ledger_posting
    rows = tx.connection.execute(
        select(legs.c.owner, legs.c.account, legs.c.unit, legs.c.amount)
        .where(legs.c.transaction_id == transaction_id)
        .order_by(legs.c.leg)
    )
    return tuple(Posting(*row) for row in rows)


def carried_minutes(tx: Transaction, holder: str, at: datetime | None = None) -> int:
    """Minutes carried for a holder, now or as of an instant."""
    if at is None or at >= tx.now:
        stored = select(t.carried_balance.c.minutes).where(t.carried_balance.c.holder == holder)
        return tx.connection.execute(stored).scalar() or 0
    return carried_by_holder(tx, [holder], at).get(holder, 0)


def carried_by_holder(tx: Transaction, holders: Iterable[str], at: datetime | None = None) -> dict[str, int]:
    """Minutes carried for each of the holders that has any, now or as of an instant: one statement."""
    keys = sorted(set(holders))
    if not keys:
        return {}
    stored, leg = t.carried_balance, t.ledger_posting
    if at is None or at >= tx.now:
        sums = select(stored.c.holder, stored.c.minutes.label("minutes")).where(stored.c.holder.in_(keys))
    else:
        sums = (
            select(leg.c.owner.label("holder"), func.sum(leg.c.amount).label("minutes"))
            .where(leg.c.owner.in_(keys), leg.c.account == "carried", leg.c.effective_at <= at)
            .group_by(leg.c.owner)
        )
    return {row.holder: int(row.minutes) for row in tx.connection.execute(sums)}


def carried_from(tx: Transaction, holder: str, at: datetime) -> int:
    """Minutes carried for a holder by `at` that nothing has taken since: the least balance from then on.

    What is taken at an earlier instant than now must leave enough for whatever was taken after it.
    """
    if not carried_minutes(tx, holder):
        return 0
    leg = t.ledger_posting
    rows = tx.connection.execute(
        select(leg.c.effective_at, func.sum(leg.c.amount).label("amount"))
        .where(leg.c.owner == holder, leg.c.account == "carried")
        .group_by(leg.c.effective_at)
        .order_by(leg.c.effective_at)
    )
    balance = least = 0
    for row in rows:
        balance += int(row.amount)
        least = balance if row.effective_at <= at else min(least, balance)
    return max(0, least)


def _move_balances(tx: Transaction, postings: Sequence[Posting]) -> None:
    grants: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(GRANT_ACCOUNTS, 0))
    for posting in postings:
        if posting.account in GRANT_ACCOUNTS:
            grants[posting.owner][posting.account] += posting.amount
        elif posting.account == "carried":
            _move_carried(tx, posting.owner, posting.amount)
    for grant_id, moved in sorted(grants.items()):
        changes = {f"d_{account}": amount for account, amount in moved.items()}
        tx.run(_MOVE_GRANT, {"grant": grant_id, **changes})


def _move_carried(tx: Transaction, holder: str, minutes: int) -> None:
    """Move a holder's carried minutes. An upsert checks its insert first, so taking is an update."""
    balance = t.carried_balance
    if minutes < 0:
        tx.connection.execute(
            update(balance).where(balance.c.holder == holder).values(minutes=balance.c.minutes + minutes)
        )
        return
    dialect = sqlite if tx.is_sqlite else postgresql
    upsert = dialect.insert(balance).values(holder=holder, minutes=minutes)
    tx.connection.execute(
        upsert.on_conflict_do_update(
            index_elements=["holder"], set_={"minutes": balance.c.minutes + upsert.excluded.minutes}
        )
    )
