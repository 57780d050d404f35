"""The only writer of the ledger: every posting is appended here, singly or for a set of grants.

Postings are inserted before their transaction or by the same statement: when the transaction is inserted, the
database checks that they sum to zero. Each transaction is appended to a hash chain (`hash_chain`). Stored
balances are updated in the same database transaction; their CHECK constraints refuse a balance below zero.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.ledger import GRANT_ACCOUNTS, Account, Kind, LedgerTransaction, Posting
from workflows.core.transaction import Transaction
from workflows.ledger.adjustments import belongs_at, each_in_open_period, in_open_period
from workflows.ledger.hash_chain import append_for_each, chained_rows
from workflows.store import tables as t
from workflows.store.compiled_statements import Prepared
from workflows.store.ids import new_id, new_ids_from
from workflows.store.multi_table_insert import NewRow

MAX_IDS_PER_STATEMENT = 900
"""Old builds of SQLite allow 999 parameters in a statement."""
_GRANT_BALANCE = t.grant_balance.c


@dataclass(frozen=True, slots=True)
class EntryPerGrant:
    """A ledger transaction for each of many grants: the fields of `LedgerTransaction` as SQL expressions.

    The expressions are of the columns of `grant_balance`; each posting is owned by its row's grant. That they
    sum to zero is checked by the database alone.
    """

    kind: Kind
    effective_at: ColumnElement[datetime]
    postings: tuple[Posting, ...]
    cause: ColumnElement[str]
    why: str | ColumnElement[str]
    key: ColumnElement[str] | None = None
    reverses: ColumnElement[str] | None = None
    belongs_at: ColumnElement[datetime] | None = None
    """The instant at which each belongs, where it is in a closed accounting period for some."""


def record(
    tx: Transaction,
    entry: LedgerTransaction,
    *,
    contract_id: str | None = None,
    service_request_id: str | None = None,
    allocation: Mapping[str, Any] | None = None,
) -> str:
    """Append one transaction and update the stored balances. Returns the id of the transaction.

    One that would be effective in a closed accounting period is recorded as an adjustment. `allocation` is
    the row of `work_allocation` that it posts, without its `transaction_id`: both are stored together.
    Raises: IntegrityError when a balance would fall below zero or the idempotency key has been used.
    """
    transaction_id = new_id()
    entry, adjusts_at = in_open_period(tx, entry)
    rows = _rows(tx, transaction_id, entry, contract_id, service_request_id, adjusts_at)
    if allocation is not None:
        rows.append((t.work_allocation, {**allocation, "transaction_id": transaction_id}))
    # last: whoever changes a balance has already locked the service request and the contract of the row above
    rows += _balance_updates(entry.postings)
    tx.add_together(rows)
    _update_carried(tx, entry.postings)
    return transaction_id


def record_per_grant(
    tx: Transaction, entry: EntryPerGrant, *, grants: ColumnElement[bool], **balance_values: Any
) -> None:
    """Append one transaction for each grant that a condition on `grant_balance` selects; set-based `record`.

    A grant for which the amounts are zero gets no transaction. `balance_values` are set in the balances of
    all of the grants, by the statement that updates these. Raises: IntegrityError, as `record`.
    """
    amount: Any = entry.postings[0].amount
    moves_something = and_(grants, amount != 0)
    entry = each_in_open_period(tx, entry, moves_something)
    transaction_id = new_ids_from(_GRANT_BALANCE.grant_id)
    tx.add_for_each(moves_something, t.ledger_posting, *_posting_rows(transaction_id, entry))
    values = _transaction_row(tx, transaction_id, entry, _GRANT_BALANCE.contract_id, None)
    append_for_each(tx, moves_something, values, entry.postings, entry.belongs_at)
    if entry.belongs_at is not None:
        adjusted: ColumnElement[bool] = entry.effective_at != entry.belongs_at
        adjustment = {"transaction_id": transaction_id, "belongs_at": entry.belongs_at}
        tx.add_for_each(and_(moves_something, adjusted), t.ledger_adjustment, adjustment)
    changes = [(posting.account, posting.amount) for posting in entry.postings]
    tx.connection.execute(
        update(t.grant_balance).where(grants).values(**_changed_accounts(changes), **balance_values)
    )


def _rows(
    tx: Transaction,
    transaction_id: str,
    entry: LedgerTransaction,
    contract_id: str | None,
    service_request_id: str | None,
    adjusts_at: datetime | None,
) -> list[NewRow]:
    """The rows of a transaction with its postings and the head of its chain, in the order of writing.

    `adjusts_at` is when it belongs, where that is in a closed accounting period.
    """
    values = _transaction_row(tx, transaction_id, entry, contract_id, service_request_id)
    postings: list[NewRow] = [(t.ledger_posting, row) for row in _posting_rows(transaction_id, entry)]
    return postings + chained_rows(tx, values, entry.postings, adjusts_at)


def _posting_rows(transaction_id: Any, entry: LedgerTransaction | EntryPerGrant) -> list[dict[str, Any]]:
    return [
        {
            "transaction_id": transaction_id,
            "leg": leg,
            "owner": posting.owner,
            "account": posting.account,
            "unit": posting.unit,
            "amount": posting.amount,
            "effective_at": entry.effective_at,
        }
        for leg, posting in enumerate(entry.postings)
    ]


def _transaction_row(
    tx: Transaction,
    transaction_id: Any,
    entry: LedgerTransaction | EntryPerGrant,
    contract_id: Any,
    service_request_id: str | None,
) -> dict[str, Any]:
    return {
        "id": transaction_id,
        "kind": entry.kind,
        "effective_at": entry.effective_at,
        "recorded_at": tx.recorded_at,
        "cause": entry.cause,
        "job": tx.job,
        "actor": tx.actor.name,
        "why": entry.why,
        "idempotency_key": entry.key,
        "reverses_id": entry.reverses,
        "contract_id": contract_id,
        "service_request_id": service_request_id,
    }


@dataclass(frozen=True, slots=True)
class Recorded:
    """A transaction of the ledger, with the ids of the records that it refers to."""

    entry: LedgerTransaction
    contract_id: str | None
    service_request_id: str | None


def read_transactions(tx: Transaction, ids: Sequence[str]) -> dict[str, Recorded]:
    """Transactions with their legs in order, by id; an adjustment with the instant at which it belongs."""
    entry, leg, adjustment = t.ledger_transaction, t.ledger_posting, t.ledger_adjustment
    found: dict[str, Recorded] = {}
    for start in range(0, len(ids), MAX_IDS_PER_STATEMENT):
        part = ids[start : start + MAX_IDS_PER_STATEMENT]
        legs: dict[str, list[Posting]] = defaultdict(list)
        in_order = select(leg.c.transaction_id, leg.c.owner, leg.c.account, leg.c.unit, leg.c.amount).where(
            leg.c.transaction_id.in_(part)
        )
        for row in tx.connection.execute(in_order.order_by(leg.c.transaction_id, leg.c.leg)):
            legs[row.transaction_id].append(Posting(row.owner, row.account, row.unit, row.amount))
        rows = (
            select(entry, belongs_at().label("belongs_at"))
            .select_from(entry.outerjoin(adjustment, adjustment.c.transaction_id == entry.c.id))
            .where(entry.c.id.in_(part))
        )
        for row in tx.connection.execute(rows):
            found[row.id] = Recorded(
                LedgerTransaction(
                    row.kind, row.belongs_at, tuple(legs[row.id]), row.cause, row.why, row.idempotency_key
                ),
                row.contract_id,
                row.service_request_id,
            )
    return found


def record_without_balances(
    tx: Transaction,
    entry: LedgerTransaction,
    like: Recorded,
    *,
    adjusts_at: datetime | None = None,
) -> None:
    """Append one of two transactions that together move nothing, so that no stored balance changes.

    It refers to the same records as `like`. `adjusts_at` is the instant at which it belongs, where that is
    not when it is effective.
    """
    transaction_id = new_id()
    entry, closed_at = in_open_period(tx, entry)
    adjusts_at = adjusts_at if adjusts_at is not None else closed_at
    tx.add_together(_rows(tx, transaction_id, entry, like.contract_id, like.service_request_id, adjusts_at))


def carried_minutes(tx: Transaction, holder: str, at: datetime | None = None) -> int:
    """Whole minutes carried for a holder, now or as of an instant."""
    if at is None or at >= tx.now:
        stored = select(t.carried_balance.c.minutes).where(t.carried_balance.c.holder == holder)
        return tx.connection.execute(stored).scalar() or 0
    return carried_by_holder(tx, [holder], at).get(holder, 0)


def carried_by_holder(tx: Transaction, holders: Iterable[str], at: datetime | None = None) -> dict[str, int]:
    """Whole minutes carried for each of the holders that has any, now or as of an instant; one statement."""
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


def lowest_balance_since(tx: Transaction, owner: str, account: Account, at: datetime) -> int:
    """The lowest balance of an account from an instant (aware UTC) on, by all its postings; 0 at least.

    As much can be taken from it as of that instant, without any later balance falling below zero.
    """
    leg = t.ledger_posting
    rows = tx.connection.execute(
        select(leg.c.effective_at, func.sum(leg.c.amount).label("amount"))
        .where(leg.c.owner == owner, leg.c.account == account)
        .group_by(leg.c.effective_at)
        .order_by(leg.c.effective_at)
    )
    balance = least = 0
    for row in rows:
        balance += int(row.amount)
        least = balance if row.effective_at <= at else min(least, balance)
    return max(0, least)


def _changed_accounts(changes: Iterable[tuple[Account, Any]]) -> dict[str, ColumnElement[int]]:
    """The new values of a grant's accounts, as SQL expressions; amounts are whole units, plus or minus."""
    values: dict[str, ColumnElement[int]] = {}
    for account, amount in changes:
        values[account] = values.get(account, _GRANT_BALANCE[account]) + amount
    return values


_UPDATE_GRANT = Prepared(
    update(t.grant_balance)
    .where(_GRANT_BALANCE.grant_id == bindparam("grant"))
    .values(_changed_accounts((account, bindparam(f"d_{account}")) for account in GRANT_ACCOUNTS))
)


def _balance_updates(postings: Sequence[Posting]) -> list[NewRow]:
    grants: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(GRANT_ACCOUNTS, 0))
    for posting in postings:
        if posting.account in GRANT_ACCOUNTS:
            grants[posting.owner][posting.account] += posting.amount
    return [
        (
            _UPDATE_GRANT,
            {"grant": grant_id, **{f"d_{account}": amount for account, amount in moved.items()}},
        )
        for grant_id, moved in sorted(grants.items())
    ]


def _update_carried(tx: Transaction, postings: Sequence[Posting]) -> None:
    for posting in postings:
        if posting.account == "carried":
            _add_carried(tx, posting.owner, posting.amount)


def _add_carried(tx: Transaction, holder: str, minutes: int) -> None:
    """Add to a holder's carried minutes, or take from them (`minutes` below zero).

    Taking is a plain update: an upsert would check the row to insert, which is below zero, first.
    """
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
