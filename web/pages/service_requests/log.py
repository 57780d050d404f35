"""The form that logs a service request, with a coverage preview."""

import json
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from engine.errors import DeskError
from web.languages import gettext, lazy_text
from web.pages.context import actor, desk
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.forms.fields import WorkTypeField, select_options
from web.pages.forms.pickers import RecordField
from web.pages.service_requests.coverage_panel import Panel, panel
from web.pages.wording.labels import CHANNELS, priority_choices
from workflows.commands.service_requests import CoverageQuestion, NewServiceRequest
from workflows.core.actors import DESK
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.coverage.reasons import why_text
from workflows.register import get_customer, get_org_unit
from workflows.service_requests.log import log_service_request
from workflows.service_requests.queries import read_service_request

LOGGERS = (*DESK, "customer")
pages = Blueprint("log_request", __name__, url_prefix="/requests")


class RequestForm(KeyedForm):
    customer = RecordField(lazy_text("Customer"), ["customer"], placeholder=lazy_text("Name or email"))
    org_unit = RadioField(lazy_text("Org unit"), choices=[])
    item = RecordField(lazy_text("Item"), ["item"], optional=True, placeholder=lazy_text("Number or name"))
    subject = StringField(lazy_text("Subject"), [InputRequired(lazy_text("This field is required."))])
    description = TextAreaField(lazy_text("Description"))
    priority = SelectField(
        lazy_text("Priority"), choices=lambda: select_options(priority_choices()), default="normal"
    )
    work_type = WorkTypeField()
    channel = SelectField(lazy_text("Channel"), choices=lambda: select_options(CHANNELS.items()))


@pages.route("/new", methods=["GET", "POST"])
def log() -> tuple[str, int] | Response:
    item = request.args.get("item")
    form = RequestForm(data={"customer": _asked_customer(), "item": f"item:{item}" if item else ""})
    _fill(form)
    if form.is_submitted() and request.form.get("step") != "look" and not form.is_searching:
        command = form.checked_command(NewServiceRequest, _values(form))
        result = attempt_once(form, lambda tx: _log(tx, command), command) if command else None
        if result is not None:
            request_id, refused = json.loads(result)
            if request_id:
                flash(_logged_message(request_id), "success")
                return redirect(url_for("service_request.show", service_request_id=request_id))
            form.add_error("", why_text(refused))
    return _page(form)


@pages.get("/coverage")
def coverage() -> str:
    """The coverage preview for the current selection, as a fragment."""
    form = RequestForm(formdata=request.args, meta={"csrf": False})
    _fill(form)
    return render_template("service_requests/panel.html", **_panel(form))


@pages.get("/parties")
def parties() -> str:
    """The items and org units of the selected customer, as a fragment."""
    form = RequestForm(formdata=request.args, meta={"csrf": False})
    _fill(form)
    with desk().read(actor()) as tx:
        form.load_options(tx)
    return render_template("service_requests/parties.html", form=form)


def _asked_customer() -> str:
    if actor().role == "customer":
        return f"customer:{actor().customer}"
    return f"customer:{request.args['customer']}" if request.args.get("customer") else ""


def _fill(form: RequestForm) -> None:
    """Load the options of the selected customer and clear selections that belong to another customer."""
    form.priority.data = form.priority.data or "normal"
    form.channel.data = form.channel.data or ""
    if actor().role == "customer":
        form.channel.data = "portal"
        form.customer.data = f"customer:{actor().customer}"
        form.customer.results.selected = form.customer.data
    with desk().read(actor()) as tx:
        tx.require(*LOGGERS)
        if tx.actor.is_staff:
            form.work_type.load_options(tx)
        form.customer.load_options(tx)
        customer = form.customer.record_id
        form.item.results.of_customer = customer or ""
        units = [get_org_unit(tx, unit) for unit in get_customer(tx, customer).org_units] if customer else []
        form.item.load_options(tx)
        offered = [option.value for option in form.item.results.options]
    form.org_unit.choices = select_options((unit.id, unit.name) for unit in units)
    if form.org_unit.data not in [unit.id for unit in units]:
        form.org_unit.data = units[0].id if units else None
    form.org_unit.validate_choice = bool(units)
    if form.item.data and form.item.data not in offered:
        form.item.data = form.item.results.selected = ""


def _values(form: RequestForm) -> dict[str, Any]:
    return {
        "customer": form.customer.record_id,
        "item": form.item.record_id,
        "org_unit": form.org_unit.data,
        "subject": form.subject.data,
        "description": form.description.data,
        "priority": form.priority.data,
        "work_type": form.work_type.data,
        "channel": form.channel.data,
    }


def _log(tx: Transaction, command: NewServiceRequest) -> str:
    logged = log_service_request(tx, command)
    return json.dumps([logged.service_request, logged.refused])


def _logged_message(service_request_id: str) -> str:
    with desk().read(actor()) as tx:
        logged = read_service_request(tx, service_request_id)
    return gettext("%(number)s has been logged.", number=logged.number)


def _panel(form: RequestForm) -> dict[str, Any]:
    """The coverage preview for the current selection, or `error` if the form is invalid."""
    if not form.customer.record_id:
        return {"panel": None, "error": "", "customer_selected": False}
    values = _values(form)
    facts = {
        name: values[name] for name in ("customer", "item", "org_unit", "priority", "work_type", "channel")
    }
    found: Panel | None = None
    error = ""
    try:
        question = CoverageQuestion(**{name: value for name, value in facts.items() if value})
        with desk().read(actor()) as tx:
            found = panel(tx, question)
    except NotFound:
        raise
    except (DeskError, ValidationError):
        error = gettext("Coverage is shown once the form is valid.")
    return {"panel": found, "error": error, "customer_selected": True}


def _page(form: RequestForm) -> tuple[str, int]:
    page = render_template("service_requests/log.html", form=form, **_panel(form))
    return page, 422 if form.has_errors else 200
