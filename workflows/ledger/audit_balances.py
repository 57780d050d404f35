"""The part of the audit that adds up postings: balances of grants and holders, incidents held, reversals."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, func, literal_column, or_, select

from engine.ledger import GRANT_ACCOUNTS
from workflows.core.transaction import Transaction
from workflows.ledger.differences import Difference
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared
from workflows.store.id_lists import among, id_list

BATCH = 1_000
entry, leg = t.ledger_transaction, t.ledger_posting
balance, grant = t.grant_balance, t.contract_grant


def audit_balances(tx: Transaction) -> Iterator[Difference]:
    """Recompute the stored balances from the postings, and check what must agree with them."""
    yield from _grants(tx)
    yield from _negative(tx)
    yield from _carried(tx)
    yield from _holds(tx)
    yield from _reversals(tx)


# ------------------------------------------------------------------ grants


def _grants(tx: Transaction) -> Iterator[Difference]:
    """Compare the balances of each grant with its postings, in batches by the ids of the grants."""
    after = ""
    while rows := _BATCH_OF_GRANTS.all(tx.connection, {"after": after}):
        ids = {"ids": id_list([row.id for row in rows], is_sqlite=tx.is_sqlite)}
        sums: dict[str, dict[str, int]] = {}
        for owner, account, amount in _sums(tx.is_sqlite).tuples(tx.connection, ids):
            sums.setdefault(owner, {})[account] = int(amount)
        granted = {owner: int(amount) for owner, amount in _granted(tx.is_sqlite).tuples(tx.connection, ids)}
        for row in rows:
            yield from _check_grant(row, sums.get(row.id, {}), granted.get(row.id, 0))
        after = rows[-1].id
    orphans = select(balance).where(~select(grant.c.id).where(grant.c.id == balance.c.grant_id).exists())
    for row in tx.connection.execute(orphans):
        yield Difference(
            "balance without a grant", row.grant_id, row.available, None, contract=row.contract_id
        )


def _check_grant(row: Any, sums: dict[str, int], granted: int) -> Iterator[Difference]:
    def fault(what: str, stored: int | str | None, posted: int | str | None) -> Difference:
        return Difference(what, row.id, stored, posted, contract=row.contract_id)

    # what keeps a month's rest is granted nothing; its quantity is the most that it may get
    if (row.quantity if row.rest_of_id is None else 0) != granted:
        yield fault("grant quantity", row.quantity, granted)
    if row.rest_of_id is not None and -sums.get("sold", 0) > row.quantity:
        yield fault("grant keeps more than its cap", row.quantity, -sums.get("sold", 0))
    if row.grant_id is None:
        yield fault("grant without a balance", None, sums.get("available", 0))
        return
    for account in GRANT_ACCOUNTS:
        stored, posted = getattr(row, account), sums.get(account, 0)
        if stored != posted:
            yield fault(f"grant {account}", stored, posted)
    if sum(sums.get(account, 0) for account in GRANT_ACCOUNTS) != -sums.get("sold", 0):
        yield fault("grant holds what was not sold", row.quantity, -sums.get("sold", 0))
    for column in ("contract_id", "unit", "currency", "priority"):
        stored_text, of_grant = getattr(row, f"balance_{column}"), getattr(row, column)
        if stored_text != of_grant:
            yield fault(f"{column} of a grant's balance", stored_text, of_grant)


_BATCH_OF_GRANTS = Prepared(
    select(
        grant.c.id,
        grant.c.contract_id,
        grant.c.unit,
        grant.c.currency,
        grant.c.quantity,
        grant.c.rest_of_id,
        grant.c.priority,
        balance.c.priority.label("balance_priority"),
        balance.c.grant_id,
        balance.c.contract_id.label("balance_contract_id"),
        balance.c.unit.label("balance_unit"),
        balance.c.currency.label("balance_currency"),
        *(balance.c[account] for account in GRANT_ACCOUNTS),
    )
    .select_from(grant.outerjoin(balance, balance.c.grant_id == grant.c.id))
    .where(grant.c.id > bindparam("after", type_=Id, required=True))
    .order_by(grant.c.id)
    .limit(literal_column(str(BATCH)))
)


@cache
def _sums(is_sqlite: bool) -> Prepared:
    """The postings of grants, by grant and account."""
    return Prepared(
        select(leg.c.owner, leg.c.account, func.sum(leg.c.amount).label("amount"))
        .where(among(leg.c.owner, "ids", is_sqlite=is_sqlite))
        .group_by(leg.c.owner, leg.c.account)
    )


@cache
def _granted(is_sqlite: bool) -> Prepared:
    """What was granted by the transaction of each grant."""
    return Prepared(
        select(leg.c.owner, func.sum(leg.c.amount).label("amount"))
        .join(entry, entry.c.id == leg.c.transaction_id)
        .join(grant, grant.c.id == leg.c.owner)
        .where(
            among(leg.c.owner, "ids", is_sqlite=is_sqlite),
            leg.c.unit == func.coalesce(grant.c.currency, grant.c.unit),
            leg.c.account == "available",
            leg.c.amount > 0,
            entry.c.kind == "grant",
        )
        .group_by(leg.c.owner)
    )


# ------------------------------------------------------------------ others


def _negative(tx: Transaction) -> Iterator[Difference]:
    sums = (
        select(leg.c.owner, leg.c.account, func.sum(leg.c.amount).label("amount"))
        .where(leg.c.account.in_([*GRANT_ACCOUNTS, "carried"]))
        .group_by(leg.c.owner, leg.c.account)
        .having(func.sum(leg.c.amount) < 0)
    )
    for row in tx.connection.execute(sums):
        yield Difference(f"{row.account} is below zero", row.owner, 0, int(row.amount))


def _carried(tx: Transaction) -> Iterator[Difference]:
    stored = t.carried_balance
    sums = (
        select(leg.c.owner, func.sum(leg.c.amount).label("amount"))
        .where(leg.c.account == "carried")
        .group_by(leg.c.owner)
        .subquery()
    )
    minutes = func.coalesce(stored.c.minutes, 0)
    differing = (
        select(sums.c.owner, minutes.label("minutes"), sums.c.amount)
        .select_from(sums.outerjoin(stored, stored.c.holder == sums.c.owner))
        .where(minutes != sums.c.amount)
        .order_by(sums.c.owner)
    )
    for row in tx.connection.execute(differing):
        yield Difference("carried minutes", row.owner, row.minutes, int(row.amount))
    posted = select(leg.c.owner).where(leg.c.owner == stored.c.holder, leg.c.account == "carried").exists()
    for row in tx.connection.execute(select(stored).where(stored.c.minutes != 0, ~posted)):
        yield Difference("carried minutes", row.holder, row.minutes, 0)


def _holds(tx: Transaction) -> Iterator[Difference]:
    """Check that each grant has as many incidents held as there are holds on it."""
    hold = t.incident_hold
    holds = (
        select(func.count())
        .where(
            hold.c.contract_id == balance.c.contract_id,
            hold.c.state == "held",
            hold.c.grant_id == balance.c.grant_id,
        )
        .correlate(balance)
        .scalar_subquery()
    )
    counted = select(balance.c.grant_id, balance.c.contract_id, balance.c.held, holds.label("holds")).where(
        balance.c.unit == "incidents", holds != balance.c.held
    )
    for row in tx.connection.execute(counted):
        yield Difference("incidents held", row.grant_id, row.held, row.holds, contract=row.contract_id)


def _reversals(tx: Transaction) -> Iterator[Difference]:
    """Check that each reversal mirrors the reversed transaction, leg by leg."""
    mirror = leg.alias("mirror")
    broken = (
        select(
            entry.c.id, entry.c.contract_id, entry.c.sequence, leg.c.amount, mirror.c.amount.label("mirrored")
        )
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
    for row in tx.connection.execute(broken):
        yield Difference(
            "reversal does not mirror",
            row.id,
            row.amount,
            row.mirrored,
            contract=row.contract_id,
            transaction=row.id,
            sequence=row.sequence,
        )
