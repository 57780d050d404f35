"""The overview of finance: payments awaited, contracts that end, balances, and time that no contract paid."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from workflows.core.actors import OFFICE
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.states import awaits_payment, state_as_of
from workflows.reports.overview import count_ending, month_start, uncovered_minutes
from workflows.store import tables as t

c = t.contract


@dataclass(frozen=True, slots=True)
class Posted:
    """What was sold, used and expired unused since the month began, by the instants at which it happened.

    A correction counts in the month that it corrects, or where that is closed in the first open one, so that
    a closed month always has the same figures. `unit` is minutes, or the currency of money, whose amounts are
    in its minor unit.
    """

    unit: str
    sold: int
    used: int
    expired: int


@dataclass(frozen=True, slots=True)
class FinanceOverview:
    """Counts as of now; `ending_without_successor` are those of `ending` that have not been renewed.

    `uncovered_minutes` are this month's chargeable minutes that no contract paid, by kind. `posted_money` has
    an entry for each currency in which something happened.
    """

    awaiting_payment: int
    ending: int
    ending_without_successor: int
    used_up: int
    uncovered_minutes: dict[str, int]
    month_starts_at: datetime
    posted: Posted
    posted_money: list[Posted]


def read_finance_overview(tx: Transaction) -> FinanceOverview:
    """The counts of finance's overview. Raises: NotAllowed for technicians and customers."""
    tx.require(*OFFICE)
    month = month_start(tx)
    successor = t.contract.alias("successor")
    renewed = select(successor.c.id).where(
        successor.c.renewal_of_id == c.c.id, successor.c.cancelled_at.is_(None)
    )
    posted = _posted(tx, month)
    monthly = [key for key, one in tx.rules.contract_types.items() if one.allocation == "monthly"]
    return FinanceOverview(
        awaiting_payment=_count(tx, select(func.count()).select_from(c).where(awaits_payment(tx.now))),
        ending=count_ending(tx),
        ending_without_successor=count_ending(tx, ~renewed.exists()),
        used_up=_count(
            tx,
            select(func.count())
            .select_from(c)
            .where(state_as_of(tx.now, never_used_up=monthly) == "exhausted"),
        ),
        uncovered_minutes=uncovered_minutes(tx, month),
        month_starts_at=month,
        posted=posted.pop("minutes", Posted("minutes", 0, 0, 0)),
        posted_money=[posted[currency] for currency in sorted(posted)],
    )


def _posted(tx: Transaction, month_starts_at: datetime) -> dict[str, Posted]:
    """What happened since an instant (aware UTC) until now, by the unit: minutes and currencies."""
    entry, leg = t.ledger_transaction, t.ledger_posting
    rows = tx.connection.execute(
        select(leg.c.unit, leg.c.account, func.sum(leg.c.amount))
        .join(entry, entry.c.id == leg.c.transaction_id)
        .where(
            entry.c.effective_at >= month_starts_at,
            entry.c.effective_at <= tx.now,
            leg.c.unit != "incidents",
            leg.c.account.in_(("sold", "consumed", "expired")),
        )
        .group_by(leg.c.unit, leg.c.account)
    )
    sums: dict[str, dict[str, int]] = {}
    for unit, account, amount in rows:
        sums.setdefault(unit, {})[account] = int(amount)
    return {
        unit: Posted(unit, -one.get("sold", 0), one.get("consumed", 0), one.get("expired", 0))
        for unit, one in sums.items()
    }


def _count(tx: Transaction, statement: Select[Any]) -> int:
    return int(tx.connection.execute(statement).scalar_one())
