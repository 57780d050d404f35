"""Ordering a contract for the service request that waits for one.

Source: product.md section 6, step 7.
"""

from typing import Any

from sqlalchemy import select

from engine.contracts import PER_REQUEST, Holder
from engine.periods import local_date
from engine.service_requests import UNFINISHED_STATES
from workflows.commands.contracts import HolderGiven, NewContract, TakeContract
from workflows.contracts.permitted_actions import SELLERS
from workflows.contracts.use_cases import enable_contract
from workflows.core.actors import PRICE_ROLES
from workflows.core.erased import require_not_erased
from workflows.core.errors import StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.search import own_contract, search_again, settle_and_cover
from workflows.languages.shipped_rules import rule_file_text
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.creation import Origin, make_for_request, sell
from workflows.lifecycle.contracts.sale_prices import sale_price
from workflows.lifecycle.service_requests.access import may_name, require_visible
from workflows.lifecycle.service_requests.holders import parties_as_holders
from workflows.lifecycle.service_requests.transitions import lock_request
from workflows.store import tables as t
from workflows.views import MoneyView


def take_contract(tx: Transaction, service_request_id: str, command: TakeContract) -> str:
    """Order a contract for a service request that waits for one; returns the contract's id.

    Per request: its own contract is created if necessary, and enabled if the actor sells contracts; an order
    by a customer or a technician waits for that. Other types: a contract for the item, the customer or the
    org unit. Once it is valid it covers the request, and an unused per-request contract is cancelled. Where a
    rule offers types, only who sells contracts may take another one.

    Raises:
        NotFound: there is no such service request, or the actor may not see it.
        StateForbids: it does not wait for a contract, or one that was ordered for it is pending.
        InvalidInput: the type is not in force or not offered, or the holder does not fit.

    Source: product.md section 6, step 7.
    """
    request = lock_request(tx, require_visible(tx, service_request_id).id)
    require_not_erased(tx, request.customer_id)
    if request.state not in UNFINISHED_STATES or request.contract_id is not None:
        raise StateForbids(
            gettext("%(number)s is not waiting for a contract.", number=request.number),
            remedy=gettext("Open a new service request."),
            state=request.state,
        )
    _check_offered(tx, request, command.type)
    _refuse_second(tx, request, command.type)
    if command.type == PER_REQUEST:
        made = ensure_own_contract(tx, request.id)
        if tx.actor.role in SELLERS:
            return enable_contract(tx, made)
        return made
    holder = command.holder or _nearest_holder(tx, request, command.type)
    if (holder.kind, holder.id) not in _holders(tx, request):
        raise invalid(
            "/holder", gettext("The contract must be held by the request's item, customer or org unit.")
        )
    wanted = NewContract(type=command.type, holder=holder, enable=None if tx.actor.role in SELLERS else False)
    taken = sell(tx, wanted, Origin(offered_for=request.id))
    settle_and_cover(tx, taken)
    request = lock_request(tx, request.id)
    if request.outcome == "offered":
        search_again(tx, request, cause="ordered")
    return taken


def offered_types(tx: Transaction, service_request_id: str) -> list[str] | None:
    """The types that the deciding rule offers for a service request; None if it offers none in particular.

    The caller must check that the actor may see it.
    """
    r, d = t.service_request, t.coverage_decision
    decided = select(d.c.outcome, d.c.params).join(r, r.c.decision_id == d.c.id)
    row = tx.connection.execute(decided.where(r.c.id == service_request_id)).one_or_none()
    return list(row.params["types"]) if row is not None and row.outcome == "offered" else None


def pending_order(tx: Transaction, service_request_id: str) -> str | None:
    """The number of the contract, not the request's own, that was ordered for it and is pending."""
    c = t.contract.c
    ordered = select(c.number).where(
        c.offered_for_id == service_request_id, c.holder_kind != "service_request", c.state == "pending"
    )
    found: str | None = tx.connection.execute(ordered.order_by(c.created_at, c.id).limit(1)).scalar()
    return found


def _check_offered(tx: Transaction, request: Any, type_key: str) -> None:
    offered = offered_types(tx, request.id)
    if offered is None or type_key in offered or tx.actor.role in SELLERS:
        return
    raise invalid(
        "/type",
        gettext(
            "Contracts of the type %(type_key)s are not offered for this request.", type_key=repr(type_key)
        ),
        gettext("Choose one of %(types)s.", types=", ".join(offered)),
    )


def _refuse_second(tx: Transaction, request: Any, type_key: str) -> None:
    """One order waits at a time. Who sells contracts may still enable the request's own one."""
    pending = pending_order(tx, request.id)
    if pending is None or (type_key == PER_REQUEST and tx.actor.role in SELLERS):
        return
    raise StateForbids(
        gettext(
            "%(contract)s was ordered for %(number)s and is pending.", contract=pending, number=request.number
        ),
        remedy=gettext("Enable it, or cancel it before another contract is ordered.")
        if tx.actor.role in SELLERS
        else gettext("Wait until it is valid, or ask the support desk to cancel it."),
        state=request.state,
        contract=pending,
    )


def usual_prices(tx: Transaction, service_request_id: str) -> dict[str, MoneyView]:
    """The price of each type, ordered now for a service request; types without a price are left out.

    Nothing to a user who sees no prices.
    """
    if tx.actor.role not in PRICE_ROLES:
        return {}
    own = own_contract(tx, service_request_id)
    today = local_date(tx.now, tx.settings.zone)
    found: dict[str, int | None] = {}
    for key, terms in tx.rules.contract_types.items():
        if key == PER_REQUEST and own is not None:
            found[key] = tx.connection.execute(
                select(t.contract.c.price_minor).where(t.contract.c.id == own)
            ).scalar_one()
            continue
        quantity = None if terms.draws == "nothing" else getattr(terms.defaults, terms.draws)
        found[key] = sale_price(
            tx,
            terms,
            given_minor=None,
            quantity=quantity,
            starts_on=today,
            discount_percent=None,
            given_by="given",
        ).price_minor
    return {key: MoneyView(minor, tx.settings.currency) for key, minor in found.items() if minor is not None}


def ensure_own_contract(tx: Transaction, service_request_id: str) -> str:
    """The id of the service request's own contract, which is created now if there is none."""
    return own_contract(tx, service_request_id) or make_for_request(
        tx, service_request_id, {"type": PER_REQUEST}
    )


def _holders(tx: Transaction, request: Any) -> list[Holder]:
    """Who may hold the contract, nearest first: the request's parties that the actor may name.

    An item that has moved to another customer gets no contract through its earlier owner's request.
    """
    return [one for one in parties_as_holders(request) if may_name(tx, one.kind, one.id)]


def _nearest_holder(tx: Transaction, request: Any, type_key: str) -> HolderGiven:
    terms = tx.rules.contract_types.get(type_key)
    if terms is None:
        raise invalid(
            "/type",
            gettext("There is no contract type %(type_key)s.", type_key=repr(type_key)),
            gettext("Use one of the types in force."),
        )
    for holder in _holders(tx, request):
        if holder.kind in terms.held_by:
            return HolderGiven(**{holder.kind: holder.id})
    raise invalid(
        "/type",
        gettext(
            "Contracts of the type “%(label)s” cannot be held by the item, the customer or the org unit of "
            "this request.",
            label=rule_file_text(terms.label),
        ),
        gettext("Choose another type."),
    )
