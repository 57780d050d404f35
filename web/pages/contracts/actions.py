"""Actions on a contract from its page, each with a preview of its effect."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, request, url_for
from pydantic import BaseModel
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from engine.periods import local_date
from web.languages import gettext, mark
from web.pages.context import actor, desk, now, settings
from web.pages.contracts.detail import contract_page
from web.pages.contracts.forms import (
    FORMS,
    adjust_values,
    amend_values,
    auto_top_up_values,
    cancel_values,
    effective_values,
    renew_values,
    top_up_values,
    transfer_values,
)
from web.pages.forms.base import ActionForm, KeyedForm, attempt_once, perform_once
from web.pages.forms.effects import REASON_PLACEHOLDER, effect_response, preview_effect
from web.pages.layout.list_links import keep_list
from workflows.billing.contract_actions import perform_action, preview_action
from workflows.commands.billing import CreditUnusedPart
from workflows.commands.contracts import (
    Adjust,
    AmendContract,
    CancelAndCredit,
    DecideTopUp,
    EnableContract,
    Renew,
    SetAutoTopUp,
    TopUp,
    TransferContract,
)
from workflows.contracts.auto_top_up import confirm_top_up, decline_top_up
from workflows.contracts.queries import read_contract
from workflows.core.transaction import Transaction
from workflows.views.contracts import ContractDetail

DONE_MESSAGES = {
    "enable": mark("The contract is now active."),
    "top_up": mark("The grant has been added."),
    "auto_top_up": mark("The automatic top-up has been set."),
    "adjust": mark("The balance has been adjusted."),
    "renew": mark("This contract renews %(number)s."),
    "amend": mark("The terms have been changed."),
    "transfer": mark("The contract has been transferred."),
    "cancel": mark("The contract has been cancelled."),
    "credit_unused": mark("The unused part has been credited."),
}
LATER_MESSAGES = {
    "enable": mark("The contract will be enabled on that day."),
    "amend": mark("The terms will change on that day."),
    "transfer": mark("The contract will be transferred on that day."),
    "cancel": mark("The contract will be cancelled on that day."),
}
"""The messages where the change comes with a later day."""

AWAITED_MESSAGE = mark("The top-up has been sold. It is added when its invoice is paid and processed.")

TOP_UP_DECISIONS = {
    "confirm": (confirm_top_up, mark("The top-up has been added.")),
    "decline": (decline_top_up, mark("The top-up has been declined.")),
}

pages = Blueprint("contract_actions", __name__, url_prefix="/contracts/<contract_id>")
keep_list(pages, "contract_id")


@pages.post("/<action_name>")
def run(contract_id: str, action_name: str) -> tuple[str, int] | Response:
    """Run the action and show the contract; if it is refused, show its form with the typed values."""
    form, contract = _form(action_name), _contract(contract_id)
    if form.is_searching:
        return contract_page(contract_id, {action_name: form}), 200
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

    if form.is_searching and "HX-Request" not in request.headers:
        return contract_page(contract_id, {action_name: form})
    shown = preview_effect(action_name, form, use_case, own_contract=contract_id)
    return effect_response(shown, lambda: contract_page(contract_id, {action_name: form}, shown))


@pages.post("/top-ups/<top_up_id>/<decision>")
def decide_top_up(contract_id: str, top_up_id: str, decision: str) -> Response:
    """Confirm or decline a top-up that was prepared."""
    if decision not in TOP_UP_DECISIONS:
        raise NotFound
    use_case, done = TOP_UP_DECISIONS[decision]
    form = ActionForm()
    if form.validate_on_submit():
        command = DecideTopUp(reason=request.form.get("reason", "")[:2000] or None)
        perform_once(form, lambda tx: use_case(tx, contract_id, top_up_id, command), command)
        flash(gettext(done), "success")
    return redirect(url_for("contract.show", contract_id=contract_id))


@pages.post("/top-ups/<top_up_id>/confirm/effect")
def preview_top_up(contract_id: str, top_up_id: str) -> str:
    """Preview what the confirmation of a top-up changes."""

    def use_case() -> Callable[[Transaction], object]:
        return lambda tx: confirm_top_up(tx, contract_id, top_up_id, DecideTopUp())

    shown = preview_effect(f"top_up_{top_up_id}", ActionForm(), use_case, own_contract=contract_id)
    return effect_response(shown, lambda: contract_page(contract_id, None, shown))


def _message(action_name: str, form: Any, contract: ContractDetail) -> str:
    day = form.effective_on.data if "effective_on" in form else None
    is_later = day is not None and day > local_date(now(), ZoneInfo(contract.time_zone))
    later = LATER_MESSAGES.get(action_name) if is_later else None
    if action_name == "top_up" and form.price.data and settings().payment_required and settings().invoicing:
        later = AWAITED_MESSAGE
    return gettext(later or DONE_MESSAGES[action_name], number=contract.number)


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
    command: type[BaseModel]
    if action_name == "enable":
        command, values = EnableContract, effective_values(form)
    elif action_name == "cancel":
        command, values = CancelAndCredit, cancel_values(form, reason)
    elif action_name == "credit_unused":
        command, values = CreditUnusedPart, {"reason": reason or form.reason.data}
    elif action_name == "top_up":
        command, values = TopUp, top_up_values(form, contract)
    elif action_name == "auto_top_up":
        command, values = SetAutoTopUp, auto_top_up_values(form, contract.draws)
    elif action_name == "adjust":
        command, values = Adjust, adjust_values(form, contract.draws, reason)
    elif action_name == "amend":
        command, values = AmendContract, amend_values(form, contract, reason)
    elif action_name == "transfer":
        command, values = TransferContract, transfer_values(form, reason)
    else:
        command, values = Renew, renew_values(form, contract.draws)
    built: BaseModel | None = form.command(command, values)
    return built
