"""Bringing a contract's stored state and balances up to an instant.

Dates and balances decide a contract's state (`engine.coverage.contract_state`); the stored state follows.
`sync_contract_state` runs after every change of a balance, and in the jobs at each due instant; running it
again changes nothing. Source: product.md sections 5 and 8.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from engine.contracts import METERED, OVER_STATES, Contract, StateAt
from engine.coverage import contract_state
from workflows.core.transaction import Transaction
from workflows.ledger.journal import carried_minutes
from workflows.lifecycle.contracts.alerts import alert_use
from workflows.lifecycle.contracts.connected_work import changed_since
from workflows.lifecycle.contracts.grants import expire_grants, update_grant_spans
from workflows.lifecycle.contracts.loaded import LoadedContract, load_contract
from workflows.lifecycle.contracts.monthly_grants import allocate_months
from workflows.lifecycle.contracts.redraw import redraw
from workflows.lifecycle.contracts.rows import contract_value
from workflows.notifications.messages import notify_contract_event
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version


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
        version=next_version(t.contract),
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
    stored_state, due_at = loaded.state, loaded.next_due_at
    ended_at = loaded.contract.window.until if stored_state in OVER_STATES else None
    at = max([at or tx.now, *(one for one in (loaded.activated_at, ended_at) if one is not None)])
    state = _state(tx, loaded, at)
    in_force = state.state in ("active", "exhausted")
    is_new = in_force and loaded.activated_at is None
    becomes_active = (state.state == "active" or is_new) and stored_state != "active"
    if is_new:
        allocate_months(tx, loaded)
        loaded.change(tx, activated_at=at)
    if becomes_active or (in_force and _gets_a_grant(loaded, due_at, at)):
        _draw_carried(tx, loaded, min(at, due_at or at), is_new=is_new)
    elif loaded.carry_over is not None and due_at is not None and due_at <= at:
        # a contract that has ended: its months ended before, which no job has seen
        _redraw_since(tx, loaded, due_at)
    _sync_state(tx, loaded, at)
    return becomes_active and loaded.state == "active"


def _sync_state(tx: Transaction, loaded: LoadedContract, at: datetime) -> None:
    """Store the state of a contract at `at`, after what is left in its closed grants has expired."""
    before = loaded.state
    state = _state(tx, loaded, at)
    loaded.expire(tx, at, for_good=state.state == "cancelled")
    loaded.change(tx, next_due_at=_next_due_at(loaded, state, at), state=state.state)
    alert_use(tx, loaded, at)
    if state.state != before:
        _audit_state(tx, loaded.contract, state, at)
        notify_contract_event(tx, loaded.contract, state.state)


def _audit_state(tx: Transaction, contract: Contract, state: StateAt, at: datetime) -> None:
    """Add the new state to the audit trail, as of the instant from which the contract is in it."""
    since = (contract.window.until or at) if state.state == "expired" else at
    reason = {"reason": state.pending_reason} if state.pending_reason else {}
    tx.audit_at(since, "contract", contract.id, state.state, **reason)


def _state(tx: Transaction, loaded: LoadedContract, at: datetime) -> StateAt:
    return contract_state(loaded.contract, loaded.limits_at(at), at, tx.rules)


def _draw_carried(tx: Transaction, loaded: LoadedContract, at: datetime, *, is_new: bool) -> None:
    """Draw what the holder carries, from a contract that has become valid or has got another grant by `at`.

    A contract that is new to the desk may have begun in the past: then it also pays, by cascade, for work
    since its start.
    """
    contract = loaded.contract
    if loaded.draws == "incidents" or contract.holder.kind == "service_request":
        return
    since = min(at, contract.window.start) if is_new else at
    # work at this very instant, recorded before, may cascade to it
    touches_nothing = not tx.settings.cascade and not carried_minutes(tx, contract.holder.key)
    if since >= tx.now and loaded.carry_over is None and touches_nothing:
        return
    _redraw_since(tx, loaded, since)


def _redraw_since(tx: Transaction, loaded: LoadedContract, since: datetime) -> None:
    """Draw again from an instant on, and bring the other contracts that this concerns up to now."""
    touched = redraw(tx, changed_since(loaded.id, since), loaded.group)
    for contract_id in sorted(touched - {loaded.id}):
        _sync_state(tx, loaded.group[contract_id], tx.now)


def _gets_a_grant(loaded: LoadedContract, since: datetime | None, at: datetime) -> bool:
    """Whether a grant has opened between the last instant that was due and `at`."""
    if since is None or since > at or loaded.draws not in METERED:
        return False
    return any(since <= one.opens_at <= at and one.opens_at != one.closes_at for one in loaded.grants)


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
