"""Use cases of contracts: create, enable, top up, adjust, renew, cancel.

Each is one transaction. A change of a contract's balance is followed by `settle_and_cover`, which opens the
service requests that waited for it. Source: product.md section 5.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from engine.contracts import OVER_STATES, Contract, Unit, dated_state
from workflows.commands.contracts import (
    Adjust,
    CancelContract,
    EnableContract,
    NewContract,
    Renew,
    TopUp,
)
from workflows.contracts.awaited_top_ups import await_payment, has_to_be_paid
from workflows.contracts.effective_dates import (
    effective_instant,
    given_instant,
    pointer_of,
    refuse_before_settled,
    refuse_before_start,
)
from workflows.contracts.permitted_actions import DONE, SELLERS, is_renewable, possible_actions
from workflows.contracts.renewal import successor_number, successor_terms
from workflows.contracts.withdrawing import withdraw
from workflows.core.erased import require_holder_not_erased
from workflows.core.errors import Conflict, InvalidInput, StateForbids, VersionChanged, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.search import redraw_and_cover, search_covered_again, settle_and_cover
from workflows.coverage.waiting_list import lock_covered
from workflows.languages.texts import gettext
from workflows.languages.words import word, words
from workflows.lifecycle.contracts.connected_work import changed_since
from workflows.lifecycle.contracts.creation import Origin, finance_only, sell
from workflows.lifecycle.contracts.given_terms import (
    check_span,
    checked_scope,
    minor_units,
    quantities_given,
)
from workflows.lifecycle.contracts.grants import add_grant, expire_grants, update_grant_spans
from workflows.lifecycle.contracts.rows import contract_value, lock_contract
from workflows.lifecycle.contracts.settlement import end_by_cancelling
from workflows.lifecycle.contracts.sold_items import awaits_invoice
from workflows.lifecycle.contracts.sold_once import sell_beside
from workflows.notifications.messages import notify_contract_renewed
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version


def create_contract(tx: Transaction, command: NewContract) -> str:
    """Sell a contract; returns its id. It is active at once if its dates, enabling and payment allow it.

    Raises:
        NotAllowed: the actor does not sell contracts.
        InvalidInput: the terms do not fit the type, or the holder, the service request or a product does not
            exist.

    Source: product.md sections 4 and 5.
    """
    tx.require(*SELLERS)
    if command.service_request is not None:
        _refuse_unknown_request(tx, command.service_request)
    contract_id = sell(tx, command, Origin(offered_for=command.service_request))
    sell_beside(tx, contract_id, command.sold_items)
    settle_and_cover(tx, contract_id)
    return contract_id


def enable_contract(
    tx: Transaction,
    contract_id: str,
    command: EnableContract | None = None,
    *,
    expected_version: int | None = None,
) -> str:
    """Make a pending contract active, now or at a later instant; returns its id.

    A later start is moved to that instant.

    Enabling a contract that awaits payment records the payment, which only finance may do.

    Raises:
        NotAllowed: the actor does not sell contracts, or is not finance and would record a payment.
        NotFound: there is no such contract.
        VersionChanged: it does not have the expected version.
        StateForbids: it is not pending, or its invoice has to be paid and processed.
        InvalidInput: the instant is in the past, or after the contract's end.
    """
    tx.require(*SELLERS)
    command = command or EnableContract()
    row = locked_contract(tx, contract_id, expected_version)
    contract = contract_value(row)
    state = dated_state(contract, tx.now)
    if state.state != "pending":
        raise action_forbidden(tx, row, "enable")
    at = effective_instant(tx, contract, command)
    if at < tx.now:
        raise invalid(
            pointer_of(command),
            gettext("A contract cannot be enabled in the past."),
            gettext("Leave it out to enable the contract now."),
        )
    changes: dict[str, Any] = {"enabled_at": contract.enabled_at or at}
    if contract.enabled_at is not None and contract.enabled_at > at:
        changes["enabled_at"] = at
    if state.pending_reason == "awaiting_payment":
        if awaits_invoice(tx, contract_id):
            raise action_forbidden(tx, row, "enable", gettext("Its invoice has to be paid and processed."))
        if tx.actor.role not in ("finance", "system"):
            raise finance_only()
        changes["paid_at"] = tx.now
    if contract.starts_at > at:
        changes["starts_at"] = at
    tx.change(t.contract, contract_id, **changes, version=next_version(t.contract))
    if "starts_at" in changes:
        update_grant_spans(tx, replace(contract, starts_at=at))
    why = {"reason": command.reason} if command.reason else {}
    tx.audit("contract", contract_id, "enabled", **{key: str(value) for key, value in changes.items()}, **why)
    settle_and_cover(tx, contract_id)
    return contract_id


def top_up(tx: Transaction, contract_id: str, command: TopUp) -> str:
    """Add a grant of minutes, incidents or money to a contract; returns the contract's id.

    Where its payment is required, it is sold instead, and added when its invoice is processed.
    Raises: NotAllowed; NotFound; InvalidInput, also for a day before the contract; StateForbids if it is
    cancelled or expired.
    """
    tx.require(*SELLERS)
    row = locked_contract(tx, contract_id)
    contract = contract_value(row)
    unit, quantity = _quantity(tx, row, command)
    _refuse_over(tx, row, contract, "top-up")
    price_minor = minor_units(tx, command.price, "/price")
    effective_at, scope = _granted_at(tx, contract, command), checked_scope(command.scope, unit)
    if has_to_be_paid(tx, contract, price_minor):
        await_payment(
            tx,
            row,
            command,
            unit=unit,
            quantity=quantity,
            price_minor=price_minor,
            due_at=effective_at,
            scope=scope,
        )
        return contract_id
    grant_id = add_grant(
        tx,
        contract,
        unit=unit,
        currency=row.currency if unit == "money" else None,
        quantity=quantity,
        kind="top_up",
        effective_at=effective_at,
        expires_at=command.expires_at,
        price_minor=price_minor,
        reason=command.reason or None,
        priority=command.priority,
        scope=scope,
    )
    tx.audit(
        "contract",
        contract_id,
        "topped up",
        unit=unit,
        quantity=quantity,
        grant=grant_id,
        reason=command.reason or None,
    )
    redraw_and_cover(tx, changed_since(contract_id, effective_at))
    settle_and_cover(tx, contract_id)
    return contract_id


def adjust(tx: Transaction, contract_id: str, command: Adjust) -> str:
    """Grant or withdraw minutes, incidents or money, with a reason; returns the contract's id.

    A withdrawal takes effect now or earlier: never more than was available at every instant since, unless it
    names a grant (`withdrawing`).

    Raises:
        NotAllowed: the actor does not sell contracts.
        NotFound: there is no such contract.
        InvalidInput: the unit is wrong, less is there than would be withdrawn, the instant is before the
            contract or, for a withdrawal, in the future, or the grant is not the contract's.
        Conflict: work that cannot be drawn again has used too much of the grant.
        StateForbids: the contract is cancelled or expired.
    """
    tx.require(*SELLERS)
    row = locked_contract(tx, contract_id)
    contract = contract_value(row)
    unit, quantity = _quantity(tx, row, command)
    _refuse_over(tx, row, contract, "adjust")
    if quantity > 0:
        if command.grant is not None:
            raise invalid(
                "/grant",
                gettext("Only a withdrawal takes from a grant."),
                gettext("Leave it out to add another grant."),
            )
        effective_at = _granted_at(tx, contract, command)
        add_grant(
            tx,
            contract,
            unit=unit,
            currency=row.currency if unit == "money" else None,
            quantity=quantity,
            kind="adjustment",
            effective_at=effective_at,
            expires_at=command.expires_at,
            reason=command.reason,
        )
        redraw_and_cover(tx, changed_since(contract_id, effective_at))
    else:
        withdraw(tx, row, unit, -quantity, command)
    tx.audit(
        "contract",
        contract_id,
        "adjusted",
        unit=unit,
        quantity=quantity,
        grant=command.grant,
        reason=command.reason,
    )
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
        InvalidInput: the terms do not fit the type, a grant would begin after the successor's end, the uplift
            has no price to raise, or the contract to co-terminate with does not end after the successor's
            start.
    """
    tx.require(*SELLERS)
    row = locked_contract(tx, contract_id)
    if row.state == "cancelled":
        raise action_forbidden(tx, row, "renew")
    if row.cancelled_at is not None:
        raise action_forbidden(tx, row, "renew", gettext("It is to be cancelled before its end."))
    if not is_renewable(row.type, row.holder_kind, row.expires_at):
        raise action_forbidden(
            tx, row, "renew", gettext("It has no end date at which a successor could start.")
        )
    taken = successor_number(tx, contract_id)
    if taken is not None:
        raise Conflict(
            gettext("%(number)s has already been renewed by %(taken)s.", number=row.number, taken=taken),
            remedy=gettext("Open %(taken)s instead.", taken=taken),
        )
    contract = contract_value(row)
    renewed = sell(tx, successor_terms(tx, row, command), Origin(renewal_of=contract))
    settle_and_cover(tx, renewed)
    tx.audit("contract", contract_id, "renewed", successor=renewed, reason=command.reason or None)
    c = t.contract.c
    successor = tx.connection.execute(select(c.number, c.starts_at).where(c.id == renewed)).one()
    notify_contract_renewed(tx, contract, renewed, *successor)
    return renewed


def cancel_contract(
    tx: Transaction, contract_id: str, command: CancelContract, *, expected_version: int | None = None
) -> str:
    """End a contract, now, at a later instant or as of an earlier one; returns its id.

    Its balance expires then, and the coverage of its unfinished requests is searched again as of then; work
    since then is drawn again. A cancellation that was set for later can be set again, earlier or later.

    Raises:
        NotAllowed: the actor does not sell contracts.
        NotFound: there is no such contract.
        VersionChanged: it does not have the expected version.
        StateForbids: it is cancelled or expired already.
        InvalidInput: the instant is before the contract, after its end, or before an incident that it has
            settled; or a contract of a service request would be cancelled at a later instant.
    """
    tx.require(*SELLERS)
    lock_covered(tx, contract_id)
    row = locked_contract(tx, contract_id, expected_version)
    contract = contract_value(row)
    if dated_state(contract, tx.now).state in OVER_STATES:
        raise action_forbidden(tx, row, "cancel")
    at = effective_instant(tx, contract, command)
    if at > tx.now:
        _cancel_later(tx, row, at, command)
        return contract_id
    if at < tx.now:
        refuse_before_settled(tx, contract, at, pointer_of(command))
    end_by_cancelling(tx, row, command.reason, at)
    search_covered_again(tx, row.id, holds_from=at)
    # what it had to draw before, which no job has seen, is drawn as well
    redraw_and_cover(tx, changed_since(row.id, min(at, row.next_due_at or at)))
    expire_grants(tx, row.id, tx.now)
    return contract_id


def _cancel_later(tx: Transaction, row: Row[Any], at: datetime, command: CancelContract) -> None:
    if row.holder_kind == "service_request":
        raise invalid(
            pointer_of(command),
            gettext("%(number)s ends with its service request.", number=row.number),
            gettext("Leave it out to cancel now."),
        )
    version = next_version(t.contract)
    tx.change(t.contract, row.id, cancelled_at=at, cancel_reason=command.reason, version=version)
    tx.audit(
        "contract",
        row.id,
        "cancellation scheduled",
        effective_at=at.isoformat(),
        reason=command.reason or None,
    )
    update_grant_spans(tx, replace(contract_value(row), cancelled_at=at))
    settle_and_cover(tx, row.id)


def locked_contract(tx: Transaction, contract_id: str, expected_version: int | None = None) -> Any:
    """The contract's row, locked. Raises: NotFound; CustomerErased; VersionChanged."""
    row = lock_contract(tx, contract_id)
    require_holder_not_erased(tx, row.holder_kind, row.holder_id)
    if expected_version is not None and row.version != expected_version:
        raise VersionChanged(
            gettext("%(number)s has been changed since you read it.", number=row.number),
            remedy=gettext("Read it again and repeat the change."),
        )
    return row


def _refuse_unknown_request(tx: Transaction, service_request_id: str) -> None:
    r = t.service_request
    if tx.connection.execute(select(r.c.id).where(r.c.id == service_request_id)).scalar() is None:
        raise invalid(
            "/service_request",
            gettext("There is no service request with this id."),
            gettext("Correct it or leave it out."),
        )


def _quantity(tx: Transaction, row: Row[Any], command: TopUp | Adjust) -> tuple[Unit, int]:
    """What a command grants or withdraws, in the contract's unit: minor units of its currency for money."""
    draws = row.draws
    if draws == "nothing":
        raise InvalidInput(gettext("This contract has no minutes, incidents or money."), pointer="")
    if draws == "money" and row.currency != tx.settings.currency:
        raise Conflict(
            gettext(
                "%(number)s was sold in %(currency)s, and the desk's currency is %(currency2)s.",
                number=row.number,
                currency=row.currency,
                currency2=tx.settings.currency,
            ),
            remedy=gettext(
                "Sell a new contract with amounts in %(currency)s.", currency=tx.settings.currency
            ),
        )
    given = quantities_given(tx, command)
    for unit, value in given.items():
        if value is not None and unit != draws:
            raise invalid(
                f"/{unit}",
                gettext("This contract is measured in %(draws)s.", draws=word(draws)),
                gettext("Give %(draws)s instead.", draws=word(draws)),
            )
    value = given[draws]
    if not value:
        raise invalid(
            f"/{draws}",
            gettext("%(unit)s must not be zero.", unit=word(draws).capitalize()),
            gettext("Give the %(draws)s.", draws=word(draws)),
        )
    return draws, value


def _refuse_over(tx: Transaction, row: Row[Any], contract: Contract, action: str) -> None:
    if dated_state(contract, tx.now).state in OVER_STATES:
        raise action_forbidden(tx, row, action)


def _granted_at(tx: Transaction, contract: Contract, command: TopUp | Adjust) -> datetime:
    """The instant from which a new grant can be drawn; its span is checked. Raises: InvalidInput."""
    at = given_instant(contract, command)
    if at is not None:
        refuse_before_start(tx, contract, at, command)
    check_span(contract, at, command.expires_at)
    return at or max(tx.now, contract.starts_at)


def action_forbidden(tx: Transaction, row: Row[Any], action: str, why: str = "") -> StateForbids:
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
        holder_kind=row.holder_kind,
        awaits_invoice=awaits_invoice(tx, row.id),
    )
    return StateForbids(
        gettext(
            "%(number)s cannot be %(done)s: it is %(state)s.",
            number=row.number,
            done=gettext(DONE[action]),
            state=word(state),
        )
        + (why and f" {why}"),
        remedy=gettext("Possible now: %(possible)s.", possible=words(possible))
        if possible
        else gettext("No actions are possible."),
        state=state,
        action=action,
        allowed_actions=possible,
    )
