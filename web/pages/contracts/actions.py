"""Actions on a contract from its page, each with a preview of its effect."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, url_for
from pydantic import BaseModel
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from web.pages.context import actor, desk
from web.pages.contracts.detail import contract_page
from web.pages.contracts.forms import FORMS, adjust_values, renew_values, top_up_values
from web.pages.forms.base import DeskForm, KeyedForm, attempt_once
from web.pages.forms.effects import REASON_PLACEHOLDER, effect_response, preview_effect
from web.pages.layout.list_links import keep_list
from workflows.commands.contracts import Adjust, CancelContract, Renew, TopUp
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import adjust, cancel_contract, enable_contract, renew, top_up
from workflows.core.transaction import Transaction
from workflows.views.contracts import ContractDetail

DONE_MESSAGES = {
    "enable": "The contract is now active.",
    "top_up": "The grant has been added.",
    "adjust": "The balance has been adjusted.",
    "renew": "This contract renews {}.",
    "cancel": "The contract has been cancelled.",
}

pages = Blueprint("contract_actions", __name__, url_prefix="/contracts/<contract_id>")
keep_list(pages, "contract_id")


@dataclass(frozen=True, slots=True)
class ContractAction:
    """A use case with its command; `run` returns the id of the contract to show afterwards."""

    command: BaseModel | None
    run: Callable[[Transaction], str]


@pages.post("/<action_name>")
def run(contract_id: str, action_name: str) -> tuple[str, int] | Response:
    """Run the action and show the contract; if it is refused, show its form with the typed values."""
    form, contract = _form(action_name), _contract(contract_id)
    action = _action(action_name, form, contract) if form.validate_on_submit() else None
    target_id = attempt_once(form, action.run, action.command) if action is not None else None
    if target_id is None:
        return contract_page(contract_id, {action_name: form}), 422
    flash(DONE_MESSAGES[action_name].format(contract.number), "success")
    return redirect(url_for("contract.show", contract_id=target_id))


@pages.post("/<action_name>/effect")
def preview(contract_id: str, action_name: str) -> str:
    """Preview the effect: an HTML fragment for htmx, otherwise the page with the form open."""
    form, contract = _form(action_name), _contract(contract_id)

    def use_case() -> Callable[[Transaction], str] | None:
        action = _action(action_name, form, contract, reason=REASON_PLACEHOLDER)
        return action.run if action is not None else None

    shown = preview_effect(action_name, form, use_case, own_contract=contract_id)
    return effect_response(shown, lambda: contract_page(contract_id, {action_name: form}, shown))


def _form(action_name: str) -> KeyedForm:
    if action_name not in FORMS:
        raise NotFound
    form: KeyedForm = FORMS[action_name]()
    return form


def _contract(contract_id: str) -> ContractDetail:
    with desk().read(actor()) as tx:
        return read_contract(tx, contract_id)


def _action(
    action_name: str, form: DeskForm, contract: ContractDetail, reason: str | None = None
) -> ContractAction | None:
    """The action for a submitted form; None if it is invalid (its fields then have errors).

    `reason` is used instead of the typed reason, for a preview.
    """
    if action_name == "enable":
        return ContractAction(None, lambda tx: enable_contract(tx, contract.id))
    if action_name == "cancel":
        cancels = form.command(CancelContract, {"reason": reason or form["reason"].data})
        return (
            None
            if cancels is None
            else ContractAction(cancels, lambda tx: cancel_contract(tx, contract.id, cancels))
        )
    if action_name == "top_up":
        adds = form.command(TopUp, top_up_values(form, contract))
        return None if adds is None else ContractAction(adds, lambda tx: top_up(tx, contract.id, adds))
    if action_name == "adjust":
        adjusts = form.command(Adjust, adjust_values(form, contract.draws, reason))
        return (
            None if adjusts is None else ContractAction(adjusts, lambda tx: adjust(tx, contract.id, adjusts))
        )
    renews = form.command(Renew, renew_values(form, contract.draws))
    return None if renews is None else ContractAction(renews, lambda tx: renew(tx, contract.id, renews))
