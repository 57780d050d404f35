"""Bringing a contract's stored state and balances up to an instant.

Dates and balances decide a contract's state (`engine.coverage.contract_state`); the stored state follows.
`sync_contract_state` runs after every change of a balance, and in the jobs at each due instant; running it
again changes nothing. Source: product.md sections 5 and 8.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from engine.contracts import OVER_STATES, Contract, StateAt
from engine.coverage import contract_state
from engine.drawdown import in_burn_order
from engine.ledger import LedgerTransaction, Posting, move
from engine.periods import months_between
from workflows.core.transaction import Transaction
from workflows.ledger.journal import carried_from
from workflows.lifecycle.contracts.grants import add_grant, expire_grants, update_grant_spans
from workflows.lifecycle.contracts.loaded import LoadedContract, load_contract
from workflows.lifecycle.contracts.rows import contract_value
from workflows.notifications.messages import notify_contract_event
from workflows.store import tables as t


def end_by_cancelling(tx: Transaction, row: Row[Any], reason: str | None, at: datetime | None = None) -> None:
    """Cancel a contract whose row is locked, now or as of an earlier instant, and expire what is available.

    Incidents that it holds are the caller's to release, and to expire afterwards. Raises: IntegrityError.
    """
    at = at or tx.now
    tx.change(
        t.contract,
        row.id,
        state="cancelled",
        cancelled_at=at,
        cancel_reason=reason,
        next_due_at=None,
        version=t.contract.c.version + 1,
    )
    tx.audit_at(at, "contract", row.id, "cancelled", reason=reason)
    update_grant_spans(tx, replace(contract_value(row), cancelled_at=at))
    expire_grants(tx, row.id, tx.now, for_good=True)


def sync_contract_state(tx: Transaction, contract_id: str, at: datetime | None = None) -> bool:
    """Lock a contract and bring it up to `at`, as `sync_loaded` does. Raises: NotFound."""
    return sync_loaded(tx, load_contract(tx, contract_id), at)


def sync_loaded(tx: Transaction, loaded: LoadedContract, at: datetime | None = None) -> bool:
    """Bring state, allocations, carried minutes and expiries of a locked contract up to `at` (now).

    Returns whether it became active. An instant before a known beginning or end of the contract, as of a late
    close, counts as that beginning or end. Source: product.md section 5.
    """
    contract, stored_state = loaded.contract, loaded.state
    ended_at = contract.window.until if stored_state in OVER_STATES else None
    at = max([at or tx.now, *(one for one in (loaded.activated_at, ended_at) if one is not None)])
    state = _state(tx, loaded, at)
    becomes_active = state.state == "active" or (state.state == "exhausted" and loaded.activated_at is None)
    becomes_active = becomes_active and stored_state != "active"
    activated_at = loaded.activated_at
    if becomes_active:
        if activated_at is None:
            activated_at = at
            _allocate_months(tx, loaded)
        draw_carried(tx, loaded, at)
        state = _state(tx, loaded, at)
    loaded.expire(tx, at, for_good=state.state == "cancelled")
    loaded.change(
        tx,
        activated_at=activated_at,
        next_due_at=_next_due_at(loaded, state, at),
        state=state.state,
    )
    if state.state != stored_state:
        _audit_state(tx, contract, state, at)
        notify_contract_event(tx, contract, state.state)
    return becomes_active and state.state == "active"


def _audit_state(tx: Transaction, contract: Contract, state: StateAt, at: datetime) -> None:
    """Add the new state to the audit trail, as of the instant from which the contract is in it."""
    since = (contract.window.until or at) if state.state == "expired" else at
    reason = {"reason": state.pending_reason} if state.pending_reason else {}
    tx.audit_at(since, "contract", contract.id, state.state, **reason)


def _state(tx: Transaction, loaded: LoadedContract, at: datetime) -> StateAt:
    return contract_state(loaded.contract, loaded.limits_at(at), at, tx.rules)


def _allocate_months(tx: Transaction, loaded: LoadedContract) -> None:
    """Grant each month's allocation of a contract that is sold by the month, for its whole period."""
    contract, minutes = loaded.contract, loaded.monthly_minutes
    if minutes is None or contract.expires_at is None:
        return
    months = months_between(contract.starts_at, contract.expires_at, contract.zone)
    for number, month in enumerate(months, 1):
        add_grant(
            tx,
            contract,
            unit="minutes",
            quantity=minutes,
            kind="allocation",
            effective_at=month.start,
            expires_at=month.end,
            reason=f"Allocation of month {number}",
        )
    loaded.forget_grants()


def draw_carried(tx: Transaction, loaded: LoadedContract, at: datetime) -> None:
    """Draw the minutes that the holder had carried by `at` from a contract that became valid then.

    In burn order, before anything else. A subscription covers them without drawing; packs and per-request
    contracts leave them to the holder's next contract. If the contract has ended since, what expired unused
    can be drawn. Source: product.md section 7 (Rollover).
    """
    contract = loaded.contract
    carried = carried_from(tx, contract.holder.key, at)
    if not carried or loaded.draws == "incidents" or contract.holder.kind == "service_request":
        return
    cause = f"contract:{contract.id}"
    postings: list[Posting] = []
    taken = 0
    if loaded.draws == "nothing":
        taken = carried
    else:
        grants = [one.drawable for one in loaded.grants]
        for grant in in_burn_order(grants, contract.window, at):
            amount = min(grant.available, carried - taken)
            if amount:
                loaded.restore(tx, grant.id, amount, cause=cause)
                postings += move("minutes", amount, (grant.id, "available"), (grant.id, "consumed"))
                taken += amount
    if not taken:
        return
    postings += move("minutes", taken, (contract.holder.key, "carried"), (cause, "carried_drawn"))
    why = "Time carried over from before this contract"
    loaded.record(tx, LedgerTransaction("draw_carried", at, tuple(postings), cause=cause, why=why))


def _next_due_at(loaded: LoadedContract, state: StateAt, at: datetime) -> datetime | None:
    """The next instant at which dates alone change the state or a balance; None where there is none."""
    contract = loaded.contract
    if state.state == "cancelled" or contract.ended_at is not None:
        return None
    if loaded.amends_at is not None and loaded.amends_at <= at:
        return loaded.amends_at  # not applied yet
    instants = [contract.expires_at, contract.cancelled_at, loaded.amends_at]
    if state.pending_reason == "awaiting_start":
        instants.append(contract.starts_at)
    if state.pending_reason == "awaiting_enable":
        instants.append(contract.enabled_at)
    if state.state in ("active", "exhausted"):
        instants.append(loaded.next_edge_after(at))
    return min((one for one in instants if one is not None and one > at), default=None)
