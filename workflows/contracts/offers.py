"""Taking a contract through the service request that waits for one.

Source: product.md section 6, step 7.
"""

from typing import Any

from engine.contracts import PER_REQUEST
from engine.service_requests import UNFINISHED_STATES
from workflows.commands.contracts import HolderGiven, NewContract, TakeContract
from workflows.contracts.permitted_actions import SELLERS
from workflows.contracts.use_cases import enable_contract
from workflows.core.errors import NotAllowed, StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.search import own_contract, settle_and_cover
from workflows.lifecycle.contracts.creation import Origin, make_for_request, sell
from workflows.lifecycle.service_requests.access import require_visible
from workflows.lifecycle.service_requests.holders import parties_as_holders
from workflows.lifecycle.service_requests.transitions import lock_request


def take_contract(tx: Transaction, service_request_id: str, command: TakeContract) -> str:
    """Take a contract through a service request that waits for one; answers the contract's id.

    Per incident: staff who sell enable the one that is there or make it; a customer's order awaits that.
    Per item: a contract of the type for the item, the customer or an org unit; once valid it covers the
    request, and the per-request contract that nobody took is cancelled.
    """
    request = lock_request(tx, require_visible(tx, service_request_id).id)
    if request.state not in UNFINISHED_STATES or request.contract_id is not None:
        raise StateForbids(
            f"{request.number} does not wait for a contract.",
            remedy="Open a new service request.",
            state=request.state,
        )
    if tx.actor.role == "technician":
        raise NotAllowed("Technicians do not sell contracts.", remedy="Ask a supervisor.")
    if command.type == PER_REQUEST:
        made = made_for(tx, service_request_id)
        if tx.actor.role in SELLERS:
            return enable_contract(tx, made)
        return made
    holder = command.holder or _nearest_holder(tx, request, command.type)
    if (holder.kind, holder.id) not in parties_as_holders(request):
        raise invalid("/holder", "The contract must be held by the request's item, customer or org unit.")
    wanted = NewContract(type=command.type, holder=holder, enable=None if tx.actor.role in SELLERS else False)
    taken = sell(tx, wanted, Origin(offered_for=service_request_id))
    settle_and_cover(tx, taken)
    return taken


def made_for(tx: Transaction, service_request_id: str) -> str:
    """The service request's own contract, made now if no rule has."""
    return own_contract(tx, service_request_id) or make_for_request(
        tx, service_request_id, {"type": PER_REQUEST}
    )


def _nearest_holder(tx: Transaction, request: Any, type_key: str) -> HolderGiven:
    terms = tx.rules.contract_types.get(type_key)
    if terms is None:
        raise invalid("/type", f"There is no contract type {type_key!r}.", "Use one of the types in force.")
    for holder in parties_as_holders(request):
        if holder.kind in terms.held_by:
            return HolderGiven(**{holder.kind: holder.id})
    raise invalid("/type", f"Nobody on this request can hold a {terms.label} contract.", "Pick another type.")
