"""Accepting the statement of a contract, from its page."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from engine.periods import first_instant_of
from web.languages import gettext
from web.pages.context import actor, desk, now
from web.pages.contracts.detail import contract_page
from web.pages.forms.base import ActionForm, Explicit, attempt_once
from web.pages.layout.list_links import keep_list
from web.pages.layout.listing import days_of_query
from workflows.commands.disputes import AcceptStatement
from workflows.contracts.acceptance import accept_statement
from workflows.contracts.queries import read_contract

pages = Blueprint("statement_acceptance", __name__, url_prefix="/contracts/<contract_id>/statement")
keep_list(pages, "contract_id")


@pages.post("/accept")
def accept(contract_id: str) -> tuple[str, int] | Response:
    """Accept the statement up to the last day that is shown, or up to now."""
    form = ActionForm()
    with desk().read(actor()) as tx:
        time_zone = read_contract(tx, contract_id).time_zone
    if form.validate_on_submit():
        _, last = days_of_query()
        up_to = now()
        if last is not None:
            end = first_instant_of(last + timedelta(days=1), ZoneInfo(time_zone))
            up_to = min(up_to, end - timedelta(microseconds=1))
        command = form.command(AcceptStatement, {"up_to": Explicit(up_to.isoformat())})
        if command and attempt_once(form, lambda tx: accept_statement(tx, contract_id, command)):
            flash(gettext("The statement is accepted."), "success")
            span: dict[str, Any] = {
                name: request.args[name] for name in ("from", "to") if name in request.args
            }
            return redirect(url_for("contract.show", contract_id=contract_id, **span) + "#statement")
    return contract_page(contract_id, {"accept_statement": form}), 422
