"""Use cases of contracts: create, enable, top up, adjust, renew, cancel.

Each is one transaction. A change of a contract's balance is followed by `settle_and_cover`, which opens the
service requests that waited for it. Source: product.md section 5.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from engine.contracts import OVER_STATES, Contract, Unit, amount_text, dated_state
from engine.drawdown import burn_order
from engine.ledger import LedgerTransaction, move
from workflows.commands.contracts import (
    Adjust,
    CancelContract,
    NewContract,
    Renew,
    TopUp,
)
from workflows.contracts.permitted_actions import DONE, SELLERS, is_renewable, possible_actions
from workflows.contracts.renewal import successor_number, successor_terms
from workflows.core.errors import Conflict, InvalidInput, StateForbids, VersionChanged, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.search import redraw_and_cover, search_covered_again, settle_and_cover
from workflows.coverage.waiting_list import lock_covered
from workflows.ledger.journal import record
from workflows.lifecycle.contracts.creation import (
    Origin,
    check_span,
    finance_only,
    minor_units,
    sell,
)
from workflows.lifecycle.contracts.grants import add_grant, expire_grants, read_grants, update_grant_spans
from workflows.lifecycle.contracts.redraw import Change
from workflows.lifecycle.contracts.rows import contract_value, lock_contract
from workflows.lifecycle.contracts.settlement import end_by_cancelling
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version


def create_contract(tx: Transaction, command: NewContract) -> str:
    """Sell a contract; returns its id. It is active at once if its dates, enabling and payment allow it.

    Raises:
        NotAllowed: the actor does not sell contracts.
        InvalidInput: the terms do not fit the type, or the holder or service request does not exist.

    Source: product.md sections 4 and 5.
    """
    tx.require(*SELLERS)
    if command.service_request is not None:
        _refuse_unknown_request(tx, command.service_request)
    contract_id = sell(tx, command, Origin(offered_for=command.service_request))
    settle_and_cover(tx, contract_id)
    return contract_id


def enable_contract(tx: Transaction, contract_id: str, *, expected_version: int | None = None) -> str:
    """Make a pending contract active now; a future start is moved to now. Returns its id.

    Enabling a contract that awaits payment records the payment, which only finance may do.

    Raises:
        NotAllowed: the actor does not sell contracts, or is not finance and would record a payment.
        NotFound: there is no such contract.
        VersionChanged: it does not have the expected version.
        StateForbids: it is not pending.
    """
    tx.require(*SELLERS)
    row = _locked(tx, contract_id, expected_version)
    contract = contract_value(row)
    state = dated_state(contract, tx.now)
    if state.state != "pending":
        raise _forbidden(tx, row, "enable")
    changes: dict[str, Any] = {"enabled_at": contract.enabled_at or tx.now}
    if contract.enabled_at is not None and contract.enabled_at > tx.now:
        changes["enabled_at"] = tx.now
    if state.pending_reason == "awaiting_payment":
        if tx.actor.role not in ("finance", "system"):
            raise finance_only()
        changes["paid_at"] = tx.now
    if contract.starts_at > tx.now:
        changes["starts_at"] = tx.now
    tx.change(t.contract, contract_id, **changes, version=next_version(t.contract))
    if "starts_at" in changes:
        update_grant_spans(tx, replace(contract, starts_at=tx.now))
    tx.audit("contract", contract_id, "enabled", **{key: str(value) for key, value in changes.items()})
    settle_and_cover(tx, contract_id)
    return contract_id


def top_up(tx: Transaction, contract_id: str, command: TopUp) -> str:
    """Add a grant of minutes or incidents to a contract; returns the contract's id.

    Raises: NotAllowed; NotFound; InvalidInput; StateForbids if it is cancelled or expired.
    """
    tx.require(*SELLERS)
    row = _locked(tx, contract_id)
    contract = contract_value(row)
    unit, quantity = _quantity(command.minutes, command.incidents, row.draws)
    _refuse_over(tx, row, contract, "top-up")
    check_span(contract, command.effective_at, command.expires_at)
    price_minor = minor_units(tx, command.price, "/price")
    effective_at = command.effective_at or max(tx.now, contract.starts_at)
    add_grant(
        tx,
        contract,
        unit=unit,
        quantity=quantity,
        kind="top_up",
        effective_at=effective_at,
        expires_at=command.expires_at,
        price_minor=price_minor,
    )
    tx.audit("contract", contract_id, "topped up", unit=unit, quantity=quantity)
    redraw_and_cover(tx, _changed_since(contract_id, effective_at))
    settle_and_cover(tx, contract_id)
    return contract_id


def adjust(tx: Transaction, contract_id: str, command: Adjust) -> str:
    """Grant or withdraw minutes or incidents, with a reason; returns the contract's id.

    Raises:
        NotAllowed: the actor does not sell contracts.
        NotFound: there is no such contract.
        InvalidInput: the unit is wrong, or less is available than would be withdrawn.
        StateForbids: the contract is cancelled or expired.
    """
    tx.require(*SELLERS)
    row = _locked(tx, contract_id)
    contract = contract_value(row)
    unit, quantity = _quantity(command.minutes, command.incidents, row.draws)
    _refuse_over(tx, row, contract, "adjust")
    if quantity > 0:
        check_span(contract, command.effective_at, command.expires_at)
        effective_at = command.effective_at or max(tx.now, contract.starts_at)
        add_grant(
            tx,
            contract,
            unit=unit,
            quantity=quantity,
            kind="adjustment",
            effective_at=effective_at,
            expires_at=command.expires_at,
            reason=command.reason,
        )
        redraw_and_cover(tx, _changed_since(contract_id, effective_at))
    else:
        _withdraw(tx, contract, unit, -quantity, command.reason)
    tx.audit("contract", contract_id, "adjusted", unit=unit, quantity=quantity, reason=command.reason)
    settle_and_cover(tx, contract_id)
    return contract_id


def renew(tx: Transaction, contract_id: str, command: Renew) -> str:
    """Create the successor, which starts when this contract ends, with its terms and grants; returns its id.

    A successor that was cancelled does not count.

    Raises:
        NotAllowed: the actor does not sell contracts.
        NotFound: there is no such contract.
        StateForbids: it is cancelled, or has no end.
        Conflict: it has been renewed already, or has amounts in another currency than the desk's.
        InvalidInput: the terms do not fit the type, or a grant would begin after the successor's end.
    """
    tx.require(*SELLERS)
    row = _locked(tx, contract_id)
    if row.state == "cancelled":
        raise _forbidden(tx, row, "renew")
    if not is_renewable(row.type, row.holder_kind, row.expires_at):
        raise _forbidden(tx, row, "renew", "It has no end date at which a successor could start.")
    taken = successor_number(tx, contract_id)
    if taken is not None:
        raise Conflict(f"{row.number} has already been renewed by {taken}.", remedy=f"Open {taken} instead.")
    renewed = sell(tx, successor_terms(tx, row, command), Origin(renewal_of=contract_value(row)))
    settle_and_cover(tx, renewed)
    tx.audit("contract", contract_id, "renewed", successor=renewed)
    return renewed


def cancel_contract(
    tx: Transaction, contract_id: str, command: CancelContract, *, expected_version: int | None = None
) -> str:
    """Cancel a contract now: its balance expires, and coverage of its unfinished requests is searched again.

    Raises:
        NotAllowed: the actor does not sell contracts.
        NotFound: there is no such contract.
        VersionChanged: it does not have the expected version.
        StateForbids: it is cancelled or expired already.
    """
    tx.require(*SELLERS)
    lock_covered(tx, contract_id)
    row = _locked(tx, contract_id, expected_version)
    state = dated_state(contract_value(row), tx.now)
    if state.state in OVER_STATES:
        raise _forbidden(tx, row, "cancel")
    cancel_now(tx, row, command.reason)
    return contract_id


def cancel_now(tx: Transaction, row: Row[Any], reason: str | None) -> None:
    """Cancel a contract whose row is locked, without checking permissions or state."""
    end_by_cancelling(tx, row, reason)
    redraw_and_cover(tx, _changed_since(row.id, tx.now))
    search_covered_again(tx, row.id)
    expire_grants(tx, row.id, tx.now)


def _changed_since(contract_id: str, at: datetime) -> Change:
    """The change of a contract whose dates or grants are others than before from `at` on."""
    return Change(at, f"contract:{contract_id}", frozenset({contract_id}), moves_boundaries=True)


def _locked(tx: Transaction, contract_id: str, expected_version: int | None = None) -> Row[Any]:
    row = lock_contract(tx, contract_id)
    if expected_version is not None and row.version != expected_version:
        raise VersionChanged(
            f"{row.number} has been changed since you read it.", remedy="Read it again and repeat the change."
        )
    return row


def _refuse_unknown_request(tx: Transaction, service_request_id: str) -> None:
    r = t.service_request
    if tx.connection.execute(select(r.c.id).where(r.c.id == service_request_id)).scalar() is None:
        raise invalid(
            "/service_request", "There is no service request with this id.", "Correct it or leave it out."
        )


def _quantity(minutes: int | None, incidents: int | None, draws: str) -> tuple[Unit, int]:
    given = {"minutes": minutes, "incidents": incidents}
    if draws == "nothing":
        raise InvalidInput("This contract has no minutes or incidents.", pointer="")
    for unit, value in given.items():
        if value is not None and unit != draws:
            raise invalid(f"/{unit}", f"This contract is measured in {draws}.", f"Give {draws} instead.")
    value = given[draws]
    if not value:
        raise invalid(f"/{draws}", f"{draws.capitalize()} must not be zero.", f"Give the {draws}.")
    return draws, value  # type: ignore[return-value]


def _refuse_over(tx: Transaction, row: Row[Any], contract: Contract, action: str) -> None:
    if dated_state(contract, tx.now).state in OVER_STATES:
        raise _forbidden(tx, row, action)


def _withdraw(tx: Transaction, contract: Contract, unit: Unit, quantity: int, reason: str) -> None:
    """Withdraw from available grants, latest end first: the grants that are drawn first stay untouched."""
    grants = [one for one in read_grants(tx, contract.id) if not one.window.is_over(tx.now)]
    grants.sort(key=lambda one: burn_order(one.window, one.grant.id))
    available = sum(one.grant.available for one in grants)
    if quantity > available:
        raise invalid(f"/{unit}", f"Only {amount_text(available, unit)} can be withdrawn.", "Withdraw less.")
    rest = quantity
    postings: list[Any] = []
    for one in reversed(grants):
        amount = min(rest, one.grant.available)
        if amount:
            postings += move(unit, amount, (one.grant.id, "available"), (one.grant.id, "sold"))
            rest -= amount
    entry = LedgerTransaction(
        "withdraw", tx.now, tuple(postings), cause=f"contract:{contract.id}", why=reason
    )
    record(tx, entry, contract_id=contract.id)


def _forbidden(tx: Transaction, row: Row[Any], action: str, why: str = "") -> StateForbids:
    """The error for an action that is not possible, with the current state and the possible actions."""
    dated = dated_state(contract_value(row), tx.now)
    state = row.state if dated.state == "active" and row.state == "exhausted" else dated.state
    possible = possible_actions(
        tx.actor.role,
        state=state,
        pending_reason=dated.pending_reason,
        draws=row.draws,
        has_end=is_renewable(row.type, row.holder_kind, row.expires_at),
        is_renewed=successor_number(tx, row.id) is not None,
    )
    return StateForbids(
        f"{row.number} cannot be {DONE[action]}: it is {state}.{why and f' {why}'}",
        remedy=f"Possible now: {', '.join(possible)}." if possible else "No actions are possible.",
        state=state,
        action=action,
        allowed_actions=possible,
    )
