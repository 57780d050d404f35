"""Logging a service request: customer, item, and at once what would cover it."""

import json
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from markupsafe import Markup
from pydantic import ValidationError
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from engine.errors import DeskError
from web.pages.context import actor, desk
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.forms.fields import WorkTypeField, offer
from web.pages.forms.pickers import RecordField
from web.pages.service_requests.coverage_panel import Panel, panel
from web.pages.wording.labels import PRIORITY_CHOICES
from workflows.commands.service_requests import CoverageQuestion, NewServiceRequest
from workflows.core.actors import DESK
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.register import get_customer, get_org_unit
from workflows.service_requests.log import log_service_request
from workflows.service_requests.queries import read_service_request

LOGGERS = (*DESK, "customer")
CHANNELS = [
    ("", "Not said"),
    ("phone", "Phone"),
    ("mail", "Mail"),
    ("portal", "Portal"),
    ("chat", "Chat"),
    ("in_person", "In person"),
]

pages = Blueprint("log_request", __name__, url_prefix="/requests")


class RequestForm(KeyedForm):
    customer = RecordField("Customer", ["customer"], placeholder="Name or mail")
    org_unit = RadioField("For which org unit", choices=[])
    item = RecordField("Item", ["item"], optional=True, placeholder="Number or name")
    subject = StringField("Subject", [InputRequired("Fill this in.")])
    description = TextAreaField("What happened")
    priority = SelectField("Priority", choices=offer(PRIORITY_CHOICES), default="normal")
    work_type = WorkTypeField()
    channel = SelectField("Reached us by", choices=offer(CHANNELS))


@pages.route("/new", methods=["GET", "POST"])
def log() -> tuple[str, int] | Response:
    item = request.args.get("item")
    form = RequestForm(data={"customer": _asked_customer(), "item": f"item:{item}" if item else ""})
    _fill(form)
    if form.is_submitted() and request.form.get("step") != "look" and not form.asks and form.validate():
        command = form.command(NewServiceRequest, _values(form))
        kept = attempt_once(form, lambda tx: _logged(tx, command), command) if command else None
        if kept is not None:
            made, refused = json.loads(kept)
            if made:
                flash(_words(made), "good")
                return redirect(url_for("service_request.show", service_request_id=made))
            form.refuse("", refused)
    return _draw(form)


@pages.get("/coverage")
def coverage() -> str:
    """The panel alone, for what is picked now."""
    form = RequestForm(formdata=request.args, meta={"csrf": False})
    _fill(form)
    return render_template("service_requests/panel.html", **_panel(form))


@pages.get("/parties")
def parties() -> str:
    """The customer's items and org units, and the panel: what changes with the customer."""
    form = RequestForm(formdata=request.args, meta={"csrf": False})
    _fill(form)
    with desk().read(actor()) as tx:
        form.look_up(tx)
    return render_template("service_requests/parties.html", form=form)


def _asked_customer() -> str:
    if actor().role == "customer":
        return f"customer:{actor().customer}"
    return f"customer:{request.args['customer']}" if request.args.get("customer") else ""


def _fill(form: RequestForm) -> None:
    """Offer what belongs to the customer who is picked; drop what belongs to another."""
    form.priority.data = form.priority.data or "normal"
    form.channel.data = form.channel.data or ""
    if actor().role == "customer":
        form.channel.data = "portal"
        form.customer.data = f"customer:{actor().customer}"
        form.customer.answers.picked = form.customer.data
    with desk().read(actor()) as tx:
        tx.require(*LOGGERS)
        if tx.actor.is_staff:
            form.work_type.look_up(tx)
        form.customer.look_up(tx)
        customer = form.customer.record_id
        form.item.answers.of_customer = customer or ""
        units = [get_org_unit(tx, unit) for unit in get_customer(tx, customer).org_units] if customer else []
        form.item.look_up(tx)
        offered = [option.value for option in form.item.answers.options]
    form.org_unit.choices = offer((unit.id, unit.name) for unit in units)
    if form.org_unit.data not in [unit.id for unit in units]:
        form.org_unit.data = units[0].id if units else None
    form.org_unit.validate_choice = bool(units)
    if form.item.data and form.item.data not in offered:
        form.item.data = form.item.answers.picked = ""


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


def _logged(tx: Transaction, command: NewServiceRequest) -> str:
    logged = log_service_request(tx, command)
    return json.dumps([logged.service_request, logged.refused])


def _words(service_request_id: str) -> Markup:
    with desk().read(actor()) as tx:
        made = read_service_request(tx, service_request_id)
    return Markup("{} is logged.").format(made.number)


def _panel(form: RequestForm) -> dict[str, Any]:
    """The panel for what is picked; `trouble` where it cannot be told."""
    if not form.customer.record_id:
        return {"panel": None, "trouble": "", "picked": False}
    values = _values(form)
    asked = {
        name: values[name] for name in ("customer", "item", "org_unit", "priority", "work_type", "channel")
    }
    found: Panel | None = None
    trouble = ""
    try:
        question = CoverageQuestion(**{name: value for name, value in asked.items() if value})
        with desk().read(actor()) as tx:
            found = panel(tx, question)
    except NotFound:
        raise
    except (DeskError, ValidationError):
        trouble = "What would cover it can be told when the fields beside are right."
    return {"panel": found, "trouble": trouble, "picked": True}


def _draw(form: RequestForm) -> tuple[str, int]:
    page = render_template("service_requests/log.html", form=form, **_panel(form))
    return page, 422 if form.is_wrong else 200
