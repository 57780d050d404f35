"""The jobs of contract alerts: ends ahead and thresholds, and the projected exhaustion.

A threshold is given with the entry that crosses it; the job finds those that are crossed because the
thresholds of the settings have changed. Source: product.md sections 3 and 11.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.exc import DBAPIError

from engine.contract_alerts import days_ahead
from engine.errors import DeskError
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.alerts import (
    ALERTED_STATES,
    alert_end,
    alert_exhaustion,
    alert_use,
)
from workflows.lifecycle.contracts.loaded import load_contract
from workflows.lifecycle.contracts.open_grants import is_open_at
from workflows.reports.running_out import list_running_out
from workflows.store import tables as t
from workflows.store.column_types import Instant

log = structlog.get_logger()
a, b, c = t.alert.c, t.grant_balance.c, t.contract.c


def contract_alerts(desk: Desk, at: datetime) -> int:
    """Give the warnings before an end that are due by `at`, in order, then thresholds. Returns how many."""
    count = 0
    for due_at, contract_id, days in _ends_due(desk, at):
        count += _perform(desk, contract_id, partial(_alert_end, days=days), due_at, "contract_alerts")
    for contract_id in _crossing(desk, at):
        count += _perform(desk, contract_id, _alert_use, at, "contract_alerts")
    return count


def exhaustion_alerts(desk: Desk, at: datetime) -> int:
    """Warn of the contracts that are likely to be used up soon, as of `at`. Returns how many."""
    usual = desk.config.settings.exhaustion_alert_days or 0
    by_type = _exhaustion_days_by_type(desk)
    with desk.read() as tx:
        now = tx.now
        found = list_running_out(tx, within_days=max(usual, *by_type.values(), 0), most=None)
    count = 0
    for one in found:
        days = by_type.get(one.type, usual)
        if one.runs_out_at > now + timedelta(days=days):
            continue
        alert = partial(_alert_exhaustion, days=days, runs_out_at=one.runs_out_at)
        count += _perform(desk, one.contract, alert, at, "exhaustion_alerts")
    return count


def _exhaustion_days_by_type(desk: Desk) -> dict[str, int]:
    """How many days ahead the contract types ask for a warning, by the keys of those that say so."""
    rules = desk.config.rule_set
    types = rules.contract_types.values() if rules is not None else ()
    return {one.key: one.exhaustion_alert_days for one in types if one.exhaustion_alert_days is not None}


def next_end_alert(tx: Transaction) -> datetime | None:
    """When the next warning before the end of a contract is due, after now; None if none is."""
    instants = []
    for days in tx.settings.expiry_alert_days:
        ahead = timedelta(days=days)
        first = select(func.min(c.expires_at, type_=Instant())).where(
            c.expires_at > tx.now + ahead, c.state.in_(ALERTED_STATES), ~_has_successor()
        )
        expires_at: datetime | None = tx.connection.execute(first).scalar()
        if expires_at is not None:
            instants.append(expires_at - ahead)
    return min(instants, default=None)


# ------------------------------------------------------------------ what is due


def _ends_due(desk: Desk, at: datetime) -> list[tuple[datetime, str, int]]:
    """The warnings before an end that are due by `at` and were not given, in order: instant, contract, days.

    Of several that were due before the contract began, the nearest to the end is enough.
    """
    days = desk.config.settings.expiry_alert_days
    if not days:
        return []
    given = (
        select(a.contract_id, a.due_at, func.min(a.level).label("level"))
        .where(a.kind == "expiring", a.due_at > at)
        .group_by(a.contract_id, a.due_at)
        .subquery()
    )
    wanted = (
        select(c.id, c.expires_at, c.activated_at, given.c.level)
        .join(given, and_(given.c.contract_id == c.id, given.c.due_at == c.expires_at), isouter=True)
        .where(c.expires_at > at, c.expires_at <= at + timedelta(days=max(days)))
        .where(c.state.in_(ALERTED_STATES), ~_has_successor())
        .where(or_(given.c.level.is_(None), given.c.level > min(days)))
    )
    with desk.database.read() as connection:
        rows = connection.execute(wanted).all()
    return sorted(due for row in rows for due in _due_of(row, days, at))


def _due_of(row: Any, days: list[int], at: datetime) -> list[tuple[datetime, str, int]]:
    due = [one for one in days_ahead(row.expires_at, days, at) if row.level is None or one < row.level]
    began_at = row.activated_at
    later = [one for one in due if row.expires_at - timedelta(days=one) > began_at]
    at_the_start = [one for one in due if one not in later][:1]
    return [
        (max(row.expires_at - timedelta(days=one), began_at), row.id, one) for one in (*at_the_start, *later)
    ]


def _crossing(desk: Desk, at: datetime) -> list[str]:
    """The contracts that have crossed a threshold that was not given."""
    thresholds = desk.config.settings.alert_thresholds
    if not thresholds:
        return []
    used = func.sum(b.held + b.consumed)
    purchased = func.sum(b.available + b.held + b.consumed)
    # the highest threshold that is crossed, as `engine.contract_alerts.used_percent` says
    highest = case(
        *((used * 100 >= purchased * one, literal(one)) for one in sorted(thresholds, reverse=True)), else_=0
    )
    crossing = (
        select(c.id)
        .join(t.grant_balance, b.contract_id == c.id)
        .where(c.state.in_(ALERTED_STATES), is_open_at(literal(at, Instant())))
        .group_by(c.id, c.alerted_percent)
        .having(purchased > 0, highest > func.coalesce(c.alerted_percent, 0))
        .order_by(c.id)
    )
    with desk.database.read() as connection:
        return list(connection.execute(crossing).scalars())


@cache
def _has_successor() -> ColumnElement[bool]:
    successor = t.contract.alias("successor")
    return (
        select(successor.c.id)
        .where(successor.c.renewal_of_id == c.id, successor.c.cancelled_at.is_(None))
        .correlate(t.contract)
        .exists()
    )


# ------------------------------------------------------------------ one contract


def _perform(desk: Desk, contract_id: str, alert: Callable[..., bool], at: datetime, job: str) -> int:
    """Run `alert` for a contract in a transaction of its own, as of `at`; one that fails is skipped."""
    try:
        return int(desk.perform(SYSTEM, partial(alert, contract_id=contract_id), at=at, job=job))
    except (DeskError, DBAPIError) as error:
        log.error("job: record skipped", job=job, record=contract_id, error=str(error))
        return 0


def _alert_end(tx: Transaction, *, contract_id: str, days: int) -> bool:
    return alert_end(tx, load_contract(tx, contract_id), days)


def _alert_use(tx: Transaction, *, contract_id: str) -> bool:
    loaded = load_contract(tx, contract_id)
    before = loaded.alerted_percent
    alert_use(tx, loaded, tx.now)
    return loaded.alerted_percent != before


def _alert_exhaustion(tx: Transaction, *, contract_id: str, days: int, runs_out_at: datetime) -> bool:
    return alert_exhaustion(tx, load_contract(tx, contract_id), days, runs_out_at)
