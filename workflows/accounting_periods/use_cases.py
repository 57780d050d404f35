"""Use cases of accounting periods: close one, and open it again.

On PostgreSQL whoever writes the ledger shares a lock, which closing takes alone: a transaction is either
recorded before the period is closed, or as an adjustment after it. SQLite has one writer at a time.
Source: product.md sections 2, 7 and 8.
"""

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import delete, func, select

from engine.accounting_periods import ClosedPeriod, PointsOpen, check_reopening, first_day_of, period_to_close
from engine.periods import last_day_of_month
from workflows.accounting_periods.checklist import POINTS, open_points, period_points
from workflows.billing.journals.revenue import lock_deferring_contracts, recognize_revenue, take_back_revenue
from workflows.commands.accounting_periods import ChangePeriod
from workflows.core.actors import SYSTEM, Role
from workflows.core.config_version import bump_generation, config_in_force
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_due
from workflows.languages.texts import gettext
from workflows.ledger.redating import redate_adjustments
from workflows.lifecycle.contracts.rows import lock_contracts
from workflows.store import tables as t
from workflows.store.triggers import PERIODS_LOCK

ACCOUNTANTS: tuple[Role, ...] = ("finance", "administrator")
SUBJECT = "accounting_period"
p, c = t.accounting_period, t.contract


def close_period(tx: Transaction, month: str, command: ChangePeriod) -> str:
    """Close a month (YYYY-MM): from now on nothing is recorded in it. Returns the month.

    What is due of contracts before its end is done first, so that the month is complete, and the revenue of
    what was delivered by then is posted.
    Raises:
        NotAllowed: the actor is neither finance nor an administrator.
        NotFound: it is no month.
        PeriodClosed, PeriodGap, PeriodNotOver: it cannot be closed now.
        PointsOpen: points of its checklist are not done, and no reason is given.

    Source: product.md sections 7 and 10.
    """
    tx.require(*ACCOUNTANTS)
    first_day = first_day_or_not_found(month)
    # of two people who close at once, the second waits here and then finds the period closed
    config_in_force(tx, to_change=True)
    period = period_to_close(first_day, last_closed(tx), zone=tx.settings.zone, now=tx.now)
    _settle_all_due(tx, period.ends_at)
    lock_deferring_contracts(tx)
    _lock_alone(tx)
    _settle_all_due(tx, period.ends_at)
    not_done = open_points(period_points(tx, period.ends_at, last_day_of_month(first_day)))
    if not_done and not (command.reason or "").strip():
        raise PointsOpen(
            gettext(
                "Steps of the checklist of %(month)s are not done: %(not_done)s.",
                month=month,
                not_done=", ".join(gettext("“%(text)s”", text=gettext(POINTS[one])) for one in not_done),
            ),
            remedy=gettext("Do them first, or give a reason to close the month nevertheless."),
            period=month,
            points=not_done,
        )
    recognize_revenue(tx, month, period.ends_at)
    tx.add(
        p,
        month=month,
        starts_at=period.starts_at,
        ends_at=period.ends_at,
        closed_at=tx.now,
        closed_by=tx.actor.name,
        reason=command.reason,
    )
    bump_generation(tx)
    tx.audit(SUBJECT, month, "closed", **_reason(command), **({"open": not_done} if not_done else {}))
    return month


def reopen_period(tx: Transaction, month: str, command: ChangePeriod) -> str:
    """Open the last closed month (YYYY-MM) again. Returns the month.

    Its adjustments are moved back to the instants at which they belong, and its revenue is taken back: it is
    posted when the month is closed again.
    Raises:
        NotAllowed: the actor is neither finance nor an administrator.
        NotFound: it is no month.
        PeriodOpen, LaterPeriodClosed: it cannot be reopened now.

    Source: product.md section 7.
    """
    tx.require(*ACCOUNTANTS)
    first_day_or_not_found(month)
    config_in_force(tx, to_change=True)
    period = check_reopening(month, last_closed(tx))
    _lock_adjusted_contracts(tx, period.ends_at)
    lock_deferring_contracts(tx)
    _lock_alone(tx)
    tx.connection.execute(delete(p).where(p.c.month == month))
    bump_generation(tx)
    tx.config = tx.runner.configs.load(tx.connection, tx.config)
    redate_adjustments(tx, period.ends_at, month)
    take_back_revenue(tx, month)
    tx.audit(SUBJECT, month, "reopened", **_reason(command))
    return month


def last_closed(tx: Transaction) -> ClosedPeriod | None:
    """The last closed period; None while none is closed."""
    row = tx.connection.execute(select(p).order_by(p.c.ends_at.desc()).limit(1)).one_or_none()
    return ClosedPeriod(row.month, row.starts_at, row.ends_at) if row is not None else None


def first_day_or_not_found(month: str) -> date:
    """The first day of a month written YYYY-MM. Raises: NotFound."""
    first_day = first_day_of(month)
    if first_day is None:
        raise NotFound(
            gettext("There is no accounting period %(month)s.", month=repr(month[:20])),
            remedy=gettext("Write a month such as 2026-03."),
        )
    return first_day


def _settle_all_due(tx: Transaction, before: datetime) -> None:
    """Make the changes of contracts that are due before an instant, as the jobs do."""
    system = replace(tx, actor=SYSTEM)
    due = select(c.c.id).where(c.c.next_due_at < before).order_by(c.c.id)
    for contract_id in tx.connection.execute(due).scalars().all():
        settle_due(system, contract_id)


def _lock_alone(tx: Transaction) -> None:
    """Wait for all who are writing the ledger, and keep others from it until this transaction ends."""
    if not tx.is_sqlite:
        tx.connection.execute(select(func.pg_advisory_xact_lock(PERIODS_LOCK)))


def _lock_adjusted_contracts(tx: Transaction, effective_at: datetime) -> None:
    """Lock the contracts of adjustments before the ledger, in the order in which others lock them."""
    a, entry = t.ledger_adjustment, t.ledger_transaction
    of_adjustments = (
        select(entry.c.contract_id)
        .distinct()
        .join(a, a.c.transaction_id == entry.c.id)
        .where(entry.c.effective_at == effective_at, entry.c.contract_id.is_not(None))
    )
    ids = sorted(tx.connection.execute(of_adjustments).scalars())
    if ids:
        lock_contracts(tx, ids)


def _reason(command: ChangePeriod) -> dict[str, str]:
    return {"reason": command.reason} if command.reason else {}
