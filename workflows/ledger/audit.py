"""The audit of the ledger: recompute every stored balance from the postings and check every sum.

Source: product.md section 8.
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from engine.ledger import GRANT_ACCOUNTS
from workflows.core.actors import OFFICE
from workflows.core.transaction import Transaction
from workflows.core.transaction_mode import Mode, TransactionState
from workflows.store import tables as t

MOST_DIFFERENCES = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored value that the postings contradict; amounts are in whole minutes or incidents."""

    what: str
    record: str
    stored: int | str | None
    posted: int | str | None


@dataclass(frozen=True, slots=True)
class AuditView:
    """The result of an audit, with at most the first 1,000 differences."""

    ok: bool
    transactions: int
    postings: int
    differences: list[Difference]


def audit_ledger(tx: Transaction) -> AuditView:
    """Recompute all balances from the postings and verify each transaction, without changing anything.

    Raises: NotAllowed for a role that does not read the ledger. Source: product.md section 8.
    """
    tx.require(*OFFICE)
    database = tx.runner.database

    def read(connection: Connection) -> AuditView:
        return _audit(replace(tx, state=TransactionState(connection, Mode.READ_ONLY, database)))

    return database.in_snapshot(read)


def _audit(tx: Transaction) -> AuditView:
    """Run all checks on one snapshot; with one per statement, concurrent writes would look like faults."""
    differences = [
        *_unbalanced(tx),
        *_audit_grants(tx),
        *_negative(tx),
        *_carried(tx),
        *_holds(tx),
        *_reversals(tx),
        *_entries(tx),
    ]
    entry, leg = t.ledger_transaction, t.ledger_posting
    return AuditView(
        ok=not differences,
        transactions=tx.connection.execute(select(func.count()).select_from(entry)).scalar_one(),
        postings=tx.connection.execute(select(func.count()).select_from(leg)).scalar_one(),
        differences=differences[:MOST_DIFFERENCES],
    )


def _unbalanced(tx: Transaction) -> list[Difference]:
    entry, leg = t.ledger_transaction, t.ledger_posting
    sums = (
        select(leg.c.transaction_id, leg.c.unit, func.sum(leg.c.amount).label("amount"))
        .group_by(leg.c.transaction_id, leg.c.unit)
        .having(func.sum(leg.c.amount) != 0)
    )
    found = [
        Difference(f"transaction does not sum to zero in {row.unit}", row.transaction_id, 0, int(row.amount))
        for row in tx.connection.execute(sums)
    ]
    empty = select(entry.c.id).where(
        ~select(leg.c.transaction_id).where(leg.c.transaction_id == entry.c.id).exists()
    )
    found += [
        Difference("transaction without postings", row.id, None, None) for row in tx.connection.execute(empty)
    ]
    late = (
        select(leg.c.transaction_id)
        .join(entry, entry.c.id == leg.c.transaction_id)
        .where(leg.c.effective_at != entry.c.effective_at)
    )
    return found + [
        Difference("posting is not effective with its transaction", row.transaction_id, None, None)
        for row in tx.connection.execute(late)
    ]


def _audit_grants(tx: Transaction) -> list[Difference]:
    leg, balance, grant = t.ledger_posting, t.grant_balance, t.contract_grant
    sums = {
        account: func.coalesce(func.sum(case((leg.c.account == account, leg.c.amount), else_=0)), 0).label(
            f"p_{account}"
        )
        for account in GRANT_ACCOUNTS
    }
    sold = _sum_of("sold").label("p_sold")
    rows = tx.connection.execute(
        select(balance, grant.c.id, grant.c.quantity, *sums.values(), sold)
        .select_from(grant.outerjoin(balance, grant.c.id == balance.c.grant_id))
        .outerjoin(leg, leg.c.owner == grant.c.id)
        .group_by(*balance.c, grant.c.id, grant.c.quantity)
    )
    found = []
    for row in rows:
        if row.grant_id is None:
            found.append(Difference("grant without a balance", row.id, None, int(row.p_available)))
            continue
        for account in GRANT_ACCOUNTS:
            stored, posted = getattr(row, account), int(getattr(row, f"p_{account}"))
            if stored != posted:
                found.append(Difference(f"grant {account}", row.grant_id, stored, posted))
        if sum(int(getattr(row, f"p_{account}")) for account in GRANT_ACCOUNTS) != -int(row.p_sold):
            found.append(
                Difference("grant holds what was not sold", row.grant_id, row.quantity, -int(row.p_sold))
            )
    return found


def _sum_of(account: str) -> ColumnElement[int]:
    leg = t.ledger_posting
    return func.coalesce(func.sum(case((leg.c.account == account, leg.c.amount), else_=0)), 0)


def _negative(tx: Transaction) -> list[Difference]:
    leg = t.ledger_posting
    sums = (
        select(leg.c.owner, leg.c.account, func.sum(leg.c.amount).label("amount"))
        .where(leg.c.account.in_([*GRANT_ACCOUNTS, "carried"]))
        .group_by(leg.c.owner, leg.c.account)
        .having(func.sum(leg.c.amount) < 0)
    )
    return [
        Difference(f"{row.account} is below zero", row.owner, 0, int(row.amount))
        for row in tx.connection.execute(sums)
    ]


def _carried(tx: Transaction) -> list[Difference]:
    leg, balance = t.ledger_posting, t.carried_balance
    sums = (
        select(leg.c.owner, func.sum(leg.c.amount).label("amount"))
        .where(leg.c.account == "carried")
        .group_by(leg.c.owner)
    )
    posted = {row.owner: int(row.amount) for row in tx.connection.execute(sums)}
    stored = {row.holder: row.minutes for row in tx.connection.execute(select(balance))}
    return [
        Difference("carried minutes", holder, stored.get(holder, 0), posted.get(holder, 0))
        for holder in sorted(posted.keys() | stored.keys())
        if stored.get(holder, 0) != posted.get(holder, 0)
    ]


def _holds(tx: Transaction) -> list[Difference]:
    """Check that each grant has as many incidents held as there are holds on it."""
    hold, balance = t.incident_hold, t.grant_balance
    counted = (
        select(balance.c.grant_id, balance.c.held, func.count(hold.c.id).label("holds"))
        .outerjoin(hold, and_(hold.c.grant_id == balance.c.grant_id, hold.c.state == "held"))
        .group_by(balance.c.grant_id, balance.c.held)
        .having(func.count(hold.c.id) != balance.c.held)
    )
    return [
        Difference("incidents held", row.grant_id, row.held, row.holds)
        for row in tx.connection.execute(counted)
    ]


def _reversals(tx: Transaction) -> list[Difference]:
    """Check that each reversal mirrors the reversed transaction, leg by leg."""
    entry, leg = t.ledger_transaction, t.ledger_posting
    mirror = leg.alias("mirror")
    broken = (
        select(entry.c.id, leg.c.amount, mirror.c.amount.label("mirrored"))
        .join(leg, leg.c.transaction_id == entry.c.reverses_id)
        .outerjoin(
            mirror,
            and_(
                mirror.c.transaction_id == entry.c.id,
                mirror.c.leg == leg.c.leg,
                mirror.c.owner == leg.c.owner,
                mirror.c.account == leg.c.account,
            ),
        )
        .where(or_(mirror.c.amount.is_(None), mirror.c.amount != -leg.c.amount))
    )
    return [
        Difference("reversal does not mirror", row.id, row.amount, row.mirrored)
        for row in tx.connection.execute(broken)
    ]


def _entries(tx: Transaction) -> list[Difference]:
    """Check that the allocations of each allocated work entry sum to its chargeable minutes."""
    e, a = t.work_entry, t.work_allocation
    sums: Any = (
        select(e.c.id, e.c.chargeable_minutes, func.sum(a.c.minutes).label("allocated"))
        .join(a, and_(a.c.work_entry_id == e.c.id, a.c.reversed_at.is_(None)))
        .where(e.c.deleted_at.is_(None))
        .group_by(e.c.id, e.c.chargeable_minutes)
        .having(func.sum(a.c.minutes) != e.c.chargeable_minutes)
    )
    return [
        Difference("work entry's allocations", row.id, row.chargeable_minutes, int(row.allocated))
        for row in tx.connection.execute(sums)
    ]
