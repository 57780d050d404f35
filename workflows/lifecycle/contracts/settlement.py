"""How a contract's stored state and balances are brought up to an instant.

Dates and balances decide a contract's state (`engine.coverage.contract_state`); what is stored follows.
`sync_contract_state` is run by whatever moves a balance and by the jobs at each due instant, and may be run
any number of times. Source: product.md sections 5 and 8.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from engine.contracts import Contract, StateAt
from engine.coverage import contract_state
from engine.drawdown import in_burn_order
from engine.ledger import LedgerTransaction, Posting, move
from engine.periods import months_between
from workflows.core.transaction import Transaction
from workflows.ledger.journal import carried_from, record
from workflows.lifecycle.contracts.grants import (
    add_grant,
    expire_grants,
    limits_at,
    read_grants,
    update_grant_spans,
)
from workflows.lifecycle.contracts.rows import contract_value, lock_contract
from workflows.notifications.messages import notify_contract_event
from workflows.store import tables as t

ENDED = ("expired", "exhausted", "cancelled")


def end_by_cancelling(tx: Transaction, row: Row[Any], reason: str | None) -> None:
    """Cancel a contract whose row is locked. What is held of it is for the caller to release, then sweep."""
    tx.change(
        t.contract,
        row.id,
        state="cancelled",
        cancelled_at=tx.now,
        cancel_reason=reason,
        next_due_at=None,
        version=t.contract.c.version + 1,
    )
    tx.audit("contract", row.id, "cancelled", reason=reason)
    update_grant_spans(tx, replace(contract_value(row), cancelled_at=tx.now))
    expire_grants(tx, row.id, tx.now, for_good=True)


def sync_contract_state(tx: Transaction, contract_id: str, at: datetime | None = None) -> bool:
    """Bring state, allocations, carried minutes and expiries up to `at`; true when it became active.

    What is done as of an earlier instant (a late close) takes back no beginning and no end known since.
    Source: product.md section 5.
    """
    row = lock_contract(tx, contract_id)
    contract = contract_value(row)
    known = [row.activated_at, contract.window.until if row.state in ("expired", "cancelled") else None]
    at = max([at or tx.now, *(one for one in known if one is not None)])
    state = _state(tx, contract, at)
    becomes_active = state.state == "active" or (state.state == "exhausted" and row.activated_at is None)
    becomes_active = becomes_active and row.state != "active"
    changes: dict[str, Any] = {}
    if becomes_active:
        if row.activated_at is None:
            changes["activated_at"] = at
            _allocate_months(tx, contract)
        draw_carried(tx, contract, row.draws, at)
        state = _state(tx, contract, at)
    expire_grants(tx, contract_id, at)
    changes["next_due_at"] = _next_due_at(tx, contract, state, at)
    if state.state != row.state:
        changes |= {"state": state.state, "version": t.contract.c.version + 1}
    tx.change(t.contract, contract_id, **changes)
    if state.state != row.state:
        _audit_state(tx, contract, state, at)
        notify_contract_event(tx, contract, state.state)
    return becomes_active and state.state == "active"


def _audit_state(tx: Transaction, contract: Contract, state: StateAt, at: datetime) -> None:
    """Add the new state to the audit trail, as of the instant from which the contract is in it."""
    since = (contract.window.until or at) if state.state == "expired" else at
    reason = {"reason": state.pending_reason} if state.pending_reason else {}
    tx.audit_at(since, "contract", contract.id, state.state, **reason)


def _state(tx: Transaction, contract: Contract, at: datetime) -> StateAt:
    return contract_state(contract, limits_at(read_grants(tx, contract.id), at), at, tx.rules)


def _allocate_months(tx: Transaction, contract: Contract) -> None:
    """Grant each month's allocation of a contract that is sold by the month, for its whole period."""
    wanted = select(t.contract.c.monthly_minutes).where(t.contract.c.id == contract.id)
    monthly_minutes = tx.connection.execute(wanted).scalar_one()
    if monthly_minutes is None or contract.expires_at is None:
        return
    months = months_between(contract.starts_at, contract.expires_at, tx.settings.zone)
    for number, month in enumerate(months, 1):
        add_grant(
            tx,
            contract,
            unit="minutes",
            quantity=monthly_minutes,
            kind="allocation",
            effective_at=month.start,
            expires_at=month.end,
            reason=f"Allocation of month {number}",
        )


def draw_carried(tx: Transaction, contract: Contract, draws: str, at: datetime) -> None:
    """Take what the holder had carried by `at` first, in burn order, from a contract that became valid then.

    A subscription covers them without drawing; packs and per-request contracts leave them to the next.
    """
    carried = carried_from(tx, contract.holder.key, at)
    if not carried or draws == "incidents" or contract.holder.kind == "service_request":
        return
    drawn = f"contract:{contract.id}"
    postings: list[Posting] = []
    taken = 0
    if draws == "nothing":
        taken = carried
    else:
        grants = [one.grant for one in read_grants(tx, contract.id)]
        for grant in in_burn_order(grants, contract.window, at):
            amount = min(grant.available, carried - taken)
            if amount:
                postings += move("minutes", amount, (grant.id, "available"), (grant.id, "consumed"))
                taken += amount
    if not taken:
        return
    postings += move("minutes", taken, (contract.holder.key, "carried"), (drawn, "carried_drawn"))
    record(
        tx,
        LedgerTransaction(
            "draw_carried",
            at,
            tuple(postings),
            cause=f"contract:{contract.id}",
            why="Time carried over from before this contract",
        ),
        contract_id=contract.id,
    )


def _next_due_at(tx: Transaction, contract: Contract, state: StateAt, at: datetime) -> datetime | None:
    """The next instant at which dates alone change the state or a balance; None when nothing will."""
    if state.state == "cancelled" or contract.ended_at is not None:
        return None
    instants = [contract.expires_at]
    if state.pending_reason == "awaiting_start":
        instants.append(contract.starts_at)
    if state.state in ("active", "exhausted"):
        for one in read_grants(tx, contract.id):
            instants += [one.opens_at, one.closes_at]
    return min((one for one in instants if one is not None and one > at), default=None)
