"""Alerts about contracts, each given once: thresholds of use, the end ahead, and projected exhaustion.

`alert_use` runs with every change of a balance, and costs a comparison unless a threshold is crossed: the
contract's row has the highest one that was given. A threshold can be given again once a grant that has opened
since, such as a top-up or the next month's, has brought the use below it. Source: product.md sections 3, 11.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from engine.contract_alerts import ContractAlertKind, left_at, thresholds_crossed, used_percent
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.loaded import LoadedContract
from workflows.notifications.alerts import ContractNotice, notify_contract_alert
from workflows.register.holder_names import holder_name
from workflows.store import tables as t
from workflows.store.ids import new_id

ALERTED_STATES = ("active", "exhausted")
a, leg = t.alert.c, t.ledger_posting.c


def alert_use(tx: Transaction, loaded: LoadedContract, at: datetime) -> None:
    """Give the thresholds of use that a locked contract has crossed by `at`, or clear those it is below."""
    alerted = loaded.alerted_percent
    thresholds = tx.settings.alert_thresholds
    if loaded.draws == "nothing" or loaded.state not in ALERTED_STATES or not (thresholds or alerted):
        return
    totals = loaded.open_totals(at)
    crossed = thresholds_crossed(thresholds, used_percent(totals.purchased, totals.available))
    highest = crossed[-1] if crossed else None
    if highest == alerted:
        return
    if (highest or 0) < (alerted or 0):
        _clear(tx, loaded, at, above=highest or 0)
        return
    for threshold in crossed:
        if threshold > (alerted or 0):
            crossed_at = use_crossed_at(tx, loaded, at, left_at(totals.purchased, threshold))
            add_contract_alert(tx, loaded, "threshold", threshold, at=crossed_at, seen_at=at)
    loaded.change(tx, alerted_percent=highest)
    assert highest is not None, "a threshold was crossed"
    left = ContractNotice(
        "threshold",
        highest,
        holder_name(tx, loaded.contract.holder),
        loaded.draws,
        totals.available,
        totals.purchased,
        currency=loaded.currency,
        by_month=loaded.monthly_minutes is not None,
    )
    notify_contract_alert(tx, loaded.contract, left)


def add_contract_alert(
    tx: Transaction,
    loaded: LoadedContract,
    kind: ContractAlertKind,
    level: int,
    *,
    at: datetime,
    seen_at: datetime,
    due_at: datetime | None = None,
) -> None:
    """Store an alert of a locked contract: true as of `at`, found with the grants opened by `seen_at`."""
    tx.add(
        t.alert,
        id=new_id(),
        kind=kind,
        contract_id=loaded.id,
        level=level,
        grants_opened=grants_opened(loaded, seen_at),
        at=at,
        due_at=due_at,
        recorded_at=tx.recorded_at,
    )


def grants_opened(loaded: LoadedContract, at: datetime) -> int:
    """How many of a contract's grants have opened by `at`, those that have closed again included."""
    return sum(one.opens_at <= at for one in loaded.grants)


def _clear(tx: Transaction, loaded: LoadedContract, at: datetime, *, above: int) -> None:
    """Clear the thresholds above what is used for which a grant has opened since."""
    is_given = (a.contract_id == loaded.id, a.kind == "threshold", a.cleared_at.is_(None))
    rows = tx.connection.execute(select(a.id, a.level, a.grants_opened).where(*is_given)).all()
    opened = grants_opened(loaded, at)
    cleared = [row.id for row in rows if row.level > above and row.grants_opened < opened]
    if not cleared:
        return
    tx.connection.execute(update(t.alert).where(a.id.in_(cleared)).values(cleared_at=at))
    left = [row.level for row in rows if row.id not in cleared]
    loaded.change(tx, alerted_percent=max(left, default=None))


def use_crossed_at(tx: Transaction, loaded: LoadedContract, at: datetime, left: int) -> datetime:
    """The instant of the work by which no more than `left` was available of the grants open at `at`."""
    open_grants = [one for one in loaded.grants if one.window.contains(at)]
    purchased = sum(one.purchased for one in open_grants)
    moved = (
        select(leg.effective_at, func.sum(leg.amount))
        .where(leg.owner.in_([one.grant.id for one in open_grants]), leg.account.in_(("consumed", "held")))
        .group_by(leg.effective_at)
        .order_by(leg.effective_at)
    )
    used = 0
    for effective_at, amount in tx.connection.execute(moved):
        used += int(amount)
        if purchased - used <= left:
            crossed_at: datetime = effective_at
            return min(crossed_at, at)
    return at


def alert_end(tx: Transaction, loaded: LoadedContract, days: int) -> bool:
    """Warn that a locked contract ends within `days`, unless that was done; returns whether it was now.

    A contract that has been renewed, or has ended, needs no warning.
    """
    contract, expires_at = loaded.contract, loaded.contract.expires_at
    if loaded.state not in ALERTED_STATES or expires_at is None or expires_at <= tx.now:
        return False
    c = t.contract.c
    successor = select(c.id).where(c.renewal_of_id == loaded.id, c.cancelled_at.is_(None))
    same = select(a.id).where(
        a.contract_id == loaded.id, a.kind == "expiring", a.level <= days, a.due_at == expires_at
    )
    if tx.connection.execute(successor.union_all(same)).first() is not None:
        return False
    at = max(expires_at - timedelta(days=days), loaded.activated_at or contract.starts_at)
    add_contract_alert(tx, loaded, "expiring", days, at=at, seen_at=tx.now, due_at=expires_at)
    notice = ContractNotice("expiring", days, holder_name(tx, contract.holder), due_at=expires_at)
    notify_contract_alert(tx, contract, notice)
    return True


def alert_exhaustion(tx: Transaction, loaded: LoadedContract, days: int, runs_out_at: datetime) -> bool:
    """Warn that a locked contract is likely to be used up within `days`; returns whether that was done now.

    Once, until a grant has opened since: an earlier warning is cleared then.
    """
    if loaded.state != "active":
        return False
    is_given = (a.contract_id == loaded.id, a.kind == "exhaustion", a.cleared_at.is_(None))
    opened = grants_opened(loaded, tx.now)
    for row in tx.connection.execute(select(a.id, a.grants_opened).where(*is_given)).all():
        if row.grants_opened >= opened:
            return False
        tx.change(t.alert, row.id, cleared_at=tx.now)
    add_contract_alert(tx, loaded, "exhaustion", days, at=tx.now, seen_at=tx.now, due_at=runs_out_at)
    available = loaded.open_totals(tx.now).available
    notice = ContractNotice(
        "exhaustion",
        days,
        holder_name(tx, loaded.contract.holder),
        loaded.draws,
        available,
        due_at=runs_out_at,
        currency=loaded.currency,
        by_month=loaded.monthly_minutes is not None,
    )
    notify_contract_alert(tx, loaded.contract, notice)
    return True
