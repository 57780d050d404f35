"""Actions on a contract from its page, each with a preview of its effect."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, url_for
from pydantic import BaseModel
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from engine.periods import local_date
from web.pages.context import actor, desk, now
from web.pages.contracts.detail import contract_page
from web.pages.contracts.forms import FORMS, adjust_values, effective_values, renew_values, top_up_values
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.forms.effects import REASON_PLACEHOLDER, effect_response, preview_effect
from web.pages.layout.list_links import keep_list
from workflows.commands.contracts import Adjust, CancelContract, EnableContract, Renew, TopUp
from workflows.contracts.actions import perform_action, preview_action
from workflows.contracts.queries import read_contract
from workflows.core.transaction import Transaction
from workflows.views.contracts import ContractDetail

DONE_MESSAGES = {
    "enable": "The contract is now active.",
    "top_up": "The grant has been added.",
    "adjust": "The balance has been adjusted.",
    "renew": "This contract renews {}.",
    "cancel": "The contract has been cancelled.",
}
LATER_MESSAGES = {
    "enable": "The contract will be enabled on that day.",
    "cancel": "The contract will be cancelled on that day.",
}
"""The messages where the change comes with a later day."""

pages = Blueprint("contract_actions", __name__, url_prefix="/contracts/<contract_id>")
keep_list(pages, "contract_id")


@pages.post("/<action_name>")
def run(contract_id: str, action_name: str) -> tuple[str, int] | Response:
    """Run the action and show the contract; if it is refused, show its form with the typed values."""
    form, contract = _form(action_name), _contract(contract_id)
    command = _command(action_name, form, contract) if form.validate_on_submit() else None
    target_id = None
    if command is not None:
        target_id = attempt_once(form, lambda tx: perform_action(tx, contract_id, command), command)
    if target_id is None:
        return contract_page(contract_id, {action_name: form}), 422
    flash(_message(action_name, form, contract), "success")
    return redirect(url_for("contract.show", contract_id=target_id))


@pages.post("/<action_name>/effect")
def preview(contract_id: str, action_name: str) -> str:
    """Preview the effect: an HTML fragment for htmx, otherwise the page with the form open."""
    form, contract = _form(action_name), _contract(contract_id)

    def use_case() -> Callable[[Transaction], object] | None:
        command = _command(action_name, form, contract, reason=REASON_PLACEHOLDER)
        return None if command is None else lambda tx: preview_action(tx, contract_id, command)

    shown = preview_effect(action_name, form, use_case, own_contract=contract_id)
    return effect_response(shown, lambda: contract_page(contract_id, {action_name: form}, shown))


def _message(action_name: str, form: Any, contract: ContractDetail) -> str:
    day = form.effective_on.data if "effective_on" in form else None
    is_later = day is not None and day > local_date(now(), ZoneInfo(contract.time_zone))
    later = LATER_MESSAGES.get(action_name) if is_later else None
    return later or DONE_MESSAGES[action_name].format(contract.number)


def _form(action_name: str) -> KeyedForm:
    if action_name not in FORMS:
        raise NotFound
    form: KeyedForm = FORMS[action_name]()
    return form


def _contract(contract_id: str) -> ContractDetail:
    with desk().read(actor()) as tx:
        return read_contract(tx, contract_id)


def _command(
    action_name: str, form: Any, contract: ContractDetail, reason: str | None = None
) -> BaseModel | None:
    """The command of a submitted form; None if it is invalid (its fields then have errors).

    `reason` is used instead of the typed reason, for a preview.
    """
    if action_name == "enable":
        return form.command(EnableContract, effective_values(form))
    if action_name == "cancel":
        return form.command(CancelContract, effective_values(form, reason))
    if action_name == "top_up":
        return form.command(TopUp, top_up_values(form, contract))
    if action_name == "adjust":
        return form.command(Adjust, adjust_values(form, contract.draws, reason))
    return form.command(Renew, renew_values(form, contract.draws))
