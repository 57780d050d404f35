"""Adjustments: what belongs in a closed accounting period and is recorded in the first open one.

A transaction that would be effective in a closed period is effective at the start of the first open one
instead, and names the period that it corrects. So balances as of an instant in a closed period never change,
and as of an instant in the open one they are as if no period were closed. Source: product.md section 7.
"""

import re
from bisect import bisect_right
from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Text, case, func, literal, select

from engine.ledger import LedgerTransaction
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.column_types import Instant
from workflows.store.triggers import PERIODS_LOCK

p, a, entry = t.accounting_period, t.ledger_adjustment, t.ledger_transaction
PREFIX = "Adjustment for"
NAMES_PERIOD = re.compile(rf"^({PREFIX} \d{{4}}-\d\d: )+")
Entry = TypeVar("Entry", bound=Any)


class Adjustment(NamedTuple):
    """The closed period (YYYY-MM) in which something belongs, and when it is effective instead."""

    period: str
    effective_at: datetime


class Adjustments:
    """How changes as of any instant are recorded; the closed periods are read once."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._closed: list[tuple[datetime, str]] | None = None

    def at(self, at: datetime | None) -> Adjustment | None:
        """How a change as of `at` (aware UTC) is recorded; None where its period is open."""
        closed_until = self._tx.config.closed_until
        if at is None or closed_until is None or at >= closed_until:
            return None
        if self._closed is None:
            closed = select(p.c.ends_at, p.c.month).order_by(p.c.ends_at)
            self._closed = [(row.ends_at, row.month) for row in self._tx.connection.execute(closed)]
        place = bisect_right(self._closed, at, key=itemgetter(0))
        return Adjustment(self._closed[place][1], closed_until) if place < len(self._closed) else None


def in_open_period(
    tx: Transaction, transaction: LedgerTransaction
) -> tuple[LedgerTransaction, datetime | None]:
    """The transaction as it is recorded, and the instant in a closed period at which it belongs, if any."""
    belongs_at = transaction.effective_at
    closed_until = tx.config.closed_until
    if closed_until is None or belongs_at >= closed_until:
        return transaction, None
    # another process may have opened the period again since the configuration was read
    tx.flush_pending()
    closed_until = lock_closed_until(tx)
    if closed_until is None or belongs_at >= closed_until:
        return transaction, None
    month = tx.connection.execute(select(_month_at(literal(belongs_at, Instant)))).scalar()
    why = f"{PREFIX} {month}: {transaction.why}"
    return replace(transaction, effective_at=closed_until, why=why), belongs_at


def each_in_open_period(tx: Transaction, transaction: Entry, where: ColumnElement[bool]) -> Entry:
    """The same for a transaction for each of many grants, whose instants are SQL expressions."""
    at = transaction.effective_at
    if tx.config.closed_until is None:
        return transaction
    closed_until = lock_closed_until(tx)
    if closed_until is None:
        return transaction
    until = literal(closed_until, Instant)
    if tx.connection.execute(select(literal(1)).where(where, at < until).limit(1)).first() is None:
        return transaction
    adjusted = literal(f"{PREFIX} ", Text) + _month_at(at) + literal(f": {transaction.why}", Text)
    return replace(
        transaction,
        effective_at=case((at < until, until), else_=at),
        why=case((at < until, adjusted), else_=literal(transaction.why, Text)),
        belongs_at=at,
    )


def lock_closed_until(tx: Transaction) -> datetime | None:
    """The end of the last closed period as committed; until this transaction ends, no other is closed."""
    tx.flush_pending()
    if not tx.is_sqlite:
        tx.connection.execute(select(func.pg_advisory_xact_lock_shared(PERIODS_LOCK)))
    found: datetime | None = tx.connection.execute(select(func.max(p.c.ends_at))).scalar()
    return found


def without_period(why: str) -> str:
    """What an adjustment says, without the period that it corrects."""
    return NAMES_PERIOD.sub("", why)


def belongs_at() -> ColumnElement[datetime]:
    """SQL: when a ledger transaction belongs, where it is joined with its adjustment, if it has one."""
    return func.coalesce(a.c.belongs_at, entry.c.effective_at, type_=Instant())


def _month_at(at: ColumnElement[datetime]) -> ColumnElement[str]:
    """SQL: the closed period of an instant; what lies before the first one was closed with it."""
    return select(p.c.month).where(p.c.ends_at > at).order_by(p.c.ends_at).limit(1).scalar_subquery()
