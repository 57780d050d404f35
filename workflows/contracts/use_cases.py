"""Use cases of contracts: create, enable, top up, adjust, renew, cancel.

Each is one transaction; whatever changes what a contract has left is followed by `settle_and_cover`, which
opens the service requests that waited for it. Source: product.md section 5.
"""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, select

from engine.contracts import OVER_STATES, Contract, Unit, dated_state
from engine.drawdown import burn_order
from engine.ledger import LedgerTransaction, move
from engine.periods import Duration, last_included_day, local_date
from workflows.commands.contracts import (
    Adjust,
    CancelContract,
    Exclusions,
    HolderGiven,
    NewContract,
    Renew,
    TopUp,
)
from workflows.commands.fields import MoneyGiven
from workflows.contracts.permitted_actions import DONE, SELLERS, has_an_end, possible_actions
from workflows.core.errors import Conflict, InvalidInput, StateForbids, VersionChanged, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.search import search_covered_again, settle_and_cover
from workflows.coverage.waiting_list import lock_covered
from workflows.ledger.journal import record
from workflows.lifecycle.contracts.creation import (
    Origin,
    check_span,
    finance_only,
    minor_units,
    sell,
    type_in_force,
)
from workflows.lifecycle.contracts.grants import add_grant, expire_grants, read_grants, update_grant_spans
from workflows.lifecycle.contracts.rows import contract_value, lock_contract
from workflows.lifecycle.contracts.settlement import end_by_cancelling
from workflows.store import tables as t


def create_contract(tx: Transaction, command: NewContract) -> str:
    """Sell a contract; answers its id. Active at once where dates, enabling and payment allow.

    Raises: InvalidInput for terms that its type does not have.
    """
    tx.require(*SELLERS)
    if command.service_request is not None:
        _refuse_unknown_request(tx, command.service_request)
    contract_id = sell(tx, command, Origin(offered_for=command.service_request))
    settle_and_cover(tx, contract_id)
    return contract_id


def enable_contract(tx: Transaction, contract_id: str, *, expected_version: int | None = None) -> str:
    """Make a pending contract active now; a start still ahead moves to now.

    Enabling one that awaits payment marks the payment received, which finance alone may do.
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
    tx.change(t.contract, contract_id, **changes, version=t.contract.c.version + 1)
    if "starts_at" in changes:
        update_grant_spans(tx, replace(contract, starts_at=tx.now))
    tx.audit("contract", contract_id, "enabled", **{key: str(value) for key, value in changes.items()})
    settle_and_cover(tx, contract_id)
    return contract_id


def top_up(tx: Transaction, contract_id: str, command: TopUp) -> str:
    """Add a grant of minutes or incidents to a contract that is not cancelled or over."""
    tx.require(*SELLERS)
    row = _locked(tx, contract_id)
    contract = contract_value(row)
    unit, quantity = _quantity(command.minutes, command.incidents, row.draws)
    _refuse_over(tx, row, contract, "top-up")
    check_span(contract, command.effective_at, command.expires_at)
    price_minor = minor_units(tx, command.price, "/price")
    add_grant(
        tx,
        contract,
        unit=unit,
        quantity=quantity,
        kind="top_up",
        effective_at=command.effective_at or max(tx.now, contract.starts_at),
        expires_at=command.expires_at,
        price_minor=price_minor,
    )
    tx.audit("contract", contract_id, "topped up", unit=unit, quantity=quantity)
    settle_and_cover(tx, contract_id)
    return contract_id


def adjust(tx: Transaction, contract_id: str, command: Adjust) -> str:
    """Grant or withdraw minutes or incidents, with a reason. No more is withdrawn than is available."""
    tx.require(*SELLERS)
    row = _locked(tx, contract_id)
    contract = contract_value(row)
    unit, quantity = _quantity(command.minutes, command.incidents, row.draws)
    _refuse_over(tx, row, contract, "adjust")
    if quantity > 0:
        check_span(contract, command.effective_at, command.expires_at)
        add_grant(
            tx,
            contract,
            unit=unit,
            quantity=quantity,
            kind="adjustment",
            effective_at=command.effective_at or max(tx.now, contract.starts_at),
            expires_at=command.expires_at,
            reason=command.reason,
        )
    else:
        _withdraw(tx, contract, unit, -quantity, command.reason)
    tx.audit("contract", contract_id, "adjusted", unit=unit, quantity=quantity, reason=command.reason)
    settle_and_cover(tx, contract_id)
    return contract_id


def renew(tx: Transaction, contract_id: str, command: Renew) -> str:
    """Create the successor, which starts where this one ends and carries its terms; answers its id."""
    tx.require(*SELLERS)
    row = _locked(tx, contract_id)
    if row.state == "cancelled":
        raise _forbidden(tx, row, "renew")
    if not has_an_end(row.type, row.expires_at):
        raise _forbidden(tx, row, "renew", "It has no end that another could follow.")
    taken = _successor(tx, contract_id)
    if taken is not None:
        raise Conflict(f"{row.number} was renewed already, by {taken}.", remedy=f"Open {taken} instead.")
    terms = type_in_force(tx, row.type)
    grants = read_grants(tx, contract_id)
    sold = {one.grant.unit: one.grant.quantity for one in grants if one.kind == "sold"}
    ends_on = command.ends_on or _same_length(tx, row)
    price = command.price or (
        MoneyGiven(amount_minor=row.price_minor) if row.price_minor is not None else None
    )
    overage = row.overage_rate_minor
    wanted = NewContract.model_construct(
        type=terms.key,
        holder=_given_holder(row),
        starts_at=row.expires_at,
        starts_on=None,
        ends_on=ends_on,
        minutes=command.minutes or row.monthly_minutes or sold.get("minutes"),
        incidents=command.incidents or sold.get("incidents"),
        grants=None,
        price=price,
        overage_rate=MoneyGiven(amount_minor=overage) if overage is not None else None,
        sla=row.sla,
        time_expired=row.time_expired,
        exclusions=Exclusions(**row.exclusions) if row.exclusions else None,
        service_request=None,
        enable=command.enable,
    )
    renewed = sell(tx, wanted, Origin(renewal_of=contract_id))
    settle_and_cover(tx, renewed)
    tx.audit("contract", contract_id, "renewed", successor=renewed)
    return renewed


def cancel_contract(
    tx: Transaction, contract_id: str, command: CancelContract, *, expected_version: int | None = None
) -> str:
    """End a contract now: what is left expires, and what it covers in work is searched again."""
    tx.require(*SELLERS)
    lock_covered(tx, contract_id)
    row = _locked(tx, contract_id, expected_version)
    state = dated_state(contract_value(row), tx.now)
    if state.state in OVER_STATES:
        raise _forbidden(tx, row, "cancel")
    cancel_now(tx, row, command.reason)
    return contract_id


def cancel_now(tx: Transaction, row: Row[Any], reason: str | None) -> None:
    """Cancel a contract whose row is locked, whoever asked for it."""
    end_by_cancelling(tx, row, reason)
    search_covered_again(tx, row.id)
    expire_grants(tx, row.id, tx.now)


# ------------------------------------------------------------------ changes


def _locked(tx: Transaction, contract_id: str, expected_version: int | None = None) -> Row[Any]:
    row = lock_contract(tx, contract_id)
    if expected_version is not None and row.version != expected_version:
        raise VersionChanged(f"{row.number} has changed since you read it.", remedy="Read it again first.")
    return row


def _refuse_unknown_request(tx: Transaction, service_request_id: str) -> None:
    r = t.service_request
    if tx.connection.execute(select(r.c.id).where(r.c.id == service_request_id)).scalar() is None:
        raise invalid(
            "/service_request", "There is no service request with this id.", "Look it up, or leave it out."
        )


def _quantity(minutes: int | None, incidents: int | None, draws: str) -> tuple[Unit, int]:
    given = {"minutes": minutes, "incidents": incidents}
    if draws == "nothing":
        raise InvalidInput("This contract has neither minutes nor incidents.", pointer="")
    for unit, value in given.items():
        if value is not None and unit != draws:
            raise invalid(f"/{unit}", f"This contract is in {draws}.", f"Give {draws} instead.")
    value = given[draws]
    if not value:
        raise invalid(f"/{draws}", f"{draws.capitalize()} other than zero are needed.", f"Give {draws}.")
    return draws, value  # type: ignore[return-value]


def _refuse_over(tx: Transaction, row: Row[Any], contract: Contract, action: str) -> None:
    if dated_state(contract, tx.now).state in OVER_STATES:
        raise _forbidden(tx, row, action)


def _withdraw(tx: Transaction, contract: Contract, unit: Unit, quantity: int, reason: str) -> None:
    """Take back what is available, grants that end last first, so that what is used soonest stays."""
    grants = [one for one in read_grants(tx, contract.id) if not one.window.is_over(tx.now)]
    grants.sort(key=lambda one: burn_order(one.window, one.grant.id))
    available = sum(one.grant.available for one in grants)
    if quantity > available:
        raise invalid(f"/{unit}", f"Only {available} {unit} are available to withdraw.", "Withdraw less.")
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


def _same_length(tx: Transaction, row: Row[Any]) -> date:
    """The last day of a successor as long as the contract was: in months, where those are whole."""
    zone = tx.settings.zone
    first, after = local_date(row.starts_at, zone), local_date(row.expires_at, zone)
    last = after - timedelta(days=1)
    most = (after.year - first.year) * 12 + after.month - first.month
    for months in (most, most - 1):
        # the second for a month from the 31st, which ends with a shorter month
        if months > 0 and last_included_day(first, Duration(months=months)) == last:
            return last_included_day(after, Duration(months=months))
    return last + max(after - first, timedelta(days=1))


def _given_holder(row: Row[Any]) -> HolderGiven:
    from workflows.commands.contracts import HolderGiven

    return HolderGiven(**{row.holder_kind: row.holder_id})


def _successor(tx: Transaction, contract_id: str) -> str | None:
    """The number of the contract that renewed this one."""
    successor = select(t.contract.c.number).where(t.contract.c.renewal_of_id == contract_id)
    number: str | None = tx.connection.execute(successor).scalar()
    return number


def _forbidden(tx: Transaction, row: Row[Any], action: str, why: str = "") -> StateForbids:
    """The refusal of an action, naming the state by now and what is possible in it."""
    dated = dated_state(contract_value(row), tx.now)
    state = row.state if dated.state == "active" and row.state == "exhausted" else dated.state
    possible = possible_actions(
        tx.actor.role,
        state=state,
        pending_reason=dated.pending_reason,
        draws=row.draws,
        has_end=has_an_end(row.type, row.expires_at),
        is_renewed=_successor(tx, row.id) is not None,
    )
    return StateForbids(
        f"{row.number} is {state} and cannot be {DONE[action]}.{why and f' {why}'}",
        remedy=f"Possible now: {', '.join(possible)}." if possible else "Nothing more can be done with it.",
        state=state,
        action=action,
        allowed_actions=possible,
    )
