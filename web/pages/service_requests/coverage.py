"""Coverage actions of a service request: search again, assign a contract, choose a contract."""

from collections.abc import Callable

from flask import Blueprint, flash, request
from werkzeug.wrappers import Response

from engine.contracts import PER_REQUEST
from web.languages import gettext
from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm, attempt_once
from web.pages.forms.effects import REASON_PLACEHOLDER, effect_response, preview_effect
from web.pages.layout.list_links import keep_list
from web.pages.service_requests.detail import redirect_to_request, request_page
from web.pages.service_requests.forms import AssignForm, TakeForm, assign_form, fill_take_form
from workflows.commands.contracts import TakeContract
from workflows.commands.service_requests import RemindCustomer, SearchCoverage
from workflows.contracts.offers import take_contract
from workflows.contracts.permitted_actions import SELLERS
from workflows.core.transaction import Transaction
from workflows.service_requests.queries import read_service_request
from workflows.service_requests.reminding import remind_customer
from workflows.service_requests.use_cases import search_or_assign

pages = Blueprint("request_coverage", __name__, url_prefix="/requests/<service_request_id>/coverage")
keep_list(pages, "service_request_id")


@pages.post("/search")
def search(service_request_id: str) -> tuple[str, int] | Response:
    form = ActionForm()
    if form.validate_on_submit():
        command = SearchCoverage()
        if attempt_once(form, lambda tx: search_or_assign(tx, service_request_id, command), command):
            flash(gettext("Coverage has been searched again. The new decision is shown below."), "success")
            return redirect_to_request(service_request_id)
    return request_page(service_request_id, searched=form), 422


@pages.post("/enable")
def enable(service_request_id: str) -> tuple[str, int] | Response:
    """Enable the contract that was created for this request."""
    form = ActionForm()
    if form.validate_on_submit():
        # The request's own contract has the type per_request; take_contract finds and enables it.
        command = TakeContract(type=PER_REQUEST)
        if attempt_once(form, lambda tx: take_contract(tx, service_request_id, command), command):
            flash(gettext("The contract is active and covers this request."), "success")
            return redirect_to_request(service_request_id)
    return request_page(service_request_id, enabled=form), 422


@pages.post("/remind")
def remind(service_request_id: str) -> tuple[str, int] | Response:
    """Remind the customer by mail that the request waits for a contract."""
    form = ActionForm()
    if form.validate_on_submit():
        command = RemindCustomer(again=bool(request.form.get("again")))
        if attempt_once(form, lambda tx: remind_customer(tx, service_request_id, command), command):
            flash(gettext("The customer has been reminded by mail."), "success")
            return redirect_to_request(service_request_id)
    return request_page(service_request_id, reminded=form), 422


@pages.post("/assign")
def assign(service_request_id: str) -> tuple[str, int] | Response:
    form = _assign_form(service_request_id)
    if form.validate_on_submit():
        command = form.command(SearchCoverage, _assigned(form, form.reason.data))
        if command and attempt_once(
            form, lambda tx: search_or_assign(tx, service_request_id, command), command
        ):
            flash(gettext("The contract has been assigned."), "success")
            return redirect_to_request(service_request_id)
    return request_page(service_request_id, assign=form), 422


@pages.post("/assign/effect")
def assign_effect(service_request_id: str) -> str:
    """Preview the effect of assigning the selected contract."""
    form = _assign_form(service_request_id)

    def use_case() -> Callable[[Transaction], object] | None:
        command = form.command(SearchCoverage, _assigned(form, REASON_PLACEHOLDER))
        return None if command is None else lambda tx: search_or_assign(tx, service_request_id, command)

    shown = preview_effect("assign", form, use_case)
    return effect_response(shown, lambda: request_page(service_request_id, effect=shown, assign=form))


def _assigned(form: AssignForm, reason: str | None) -> dict[str, str | None]:
    return {"contract": form.contract.data, "reason": reason, "from": form.from_text}


def _assign_form(service_request_id: str) -> AssignForm:
    form = AssignForm(prefix="assign_")
    with desk().read(actor()) as tx:
        assign_form(tx, read_service_request(tx, service_request_id), form)
    return form


@pages.post("/take")
def take(service_request_id: str) -> tuple[str, int] | Response:
    form = TakeForm(prefix="take_")
    with desk().read(actor()) as tx:
        fill_take_form(tx, form, read_service_request(tx, service_request_id))
    if form.validate_on_submit():
        kind, _, holder_id = (form.holder.data or "").partition(":")
        values = {"type": form.type.data, "holder": {kind: holder_id} if holder_id else None}
        command = form.command(TakeContract, values)
        taken = command and attempt_once(
            form, lambda tx: take_contract(tx, service_request_id, command), command
        )
        if taken:
            sold = actor().role in SELLERS
            flash(
                gettext("The contract has been created.")
                if sold
                else gettext("Ordered. It takes effect once it is paid or confirmed."),
                "success",
            )
            return redirect_to_request(service_request_id)
    return request_page(service_request_id, take_contract=form), 422
