"""Editing a service request; coverage is searched again if a relevant field changes."""

import json
from typing import Any

from flask import Blueprint, flash, render_template
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from web.languages import gettext, lazy_text
from web.pages.context import actor, desk
from web.pages.forms.base import EditingForm, Explicit, attempt
from web.pages.forms.fields import WorkTypeField, select_options
from web.pages.forms.pickers import RecordField
from web.pages.layout.list_links import keep_list
from web.pages.service_requests.detail import redirect_to_request
from web.pages.service_requests.forms import assignees
from web.pages.wording.labels import priority_choices
from workflows.commands.service_requests import ChangeServiceRequest
from workflows.core.actors import DESK
from workflows.core.transaction import Transaction
from workflows.register import get_customer, get_org_unit
from workflows.service_requests.queries import read_service_request
from workflows.service_requests.use_cases import change_service_request
from workflows.views.service_requests import ServiceRequestView

EDITED = ("subject", "description", "customer", "item", "org_unit", "priority", "work_type", "technician")

pages = Blueprint("request_edit", __name__, url_prefix="/requests/<service_request_id>")
keep_list(pages, "service_request_id")


class EditForm(EditingForm):
    subject = StringField(lazy_text("Subject"), [InputRequired(lazy_text("This field is required."))])
    description = TextAreaField(lazy_text("Description"))
    customer = RecordField(lazy_text("Customer"), ["customer"], placeholder=lazy_text("Name or email"))
    item = RecordField(lazy_text("Item"), ["item"], optional=True, placeholder=lazy_text("Number or name"))
    org_unit = SelectField(lazy_text("Org unit"), validate_choice=False)
    priority = SelectField(lazy_text("Priority"), choices=lambda: select_options(priority_choices()))
    work_type = WorkTypeField()
    technician = SelectField(lazy_text("Assignee"))


@pages.route("/edit", methods=["GET", "POST"])
def edit(service_request_id: str) -> tuple[str, int] | Response:
    with desk().read(actor()) as tx:
        tx.require(*DESK)
        found = read_service_request(tx, service_request_id)
        form = EditForm(data=_form_data(found))
        _fill(tx, form, found)
    if form.is_submitted() and not form.is_searching and form.validate():
        changes = _changes(form, found)
        command = None if form.has_errors else form.command(ChangeServiceRequest, changes)
        if command and attempt(form, lambda tx: change_service_request(tx, service_request_id, command)):
            flash(gettext("Saved."), "success")
            return redirect_to_request(service_request_id)
    page = render_template("service_requests/edit.html", form=form, request_view=found)
    return page, 422 if form.has_errors else 200


def _form_data(found: ServiceRequestView) -> dict[str, Any]:
    return {
        "subject": found.subject,
        "description": found.description,
        "customer": f"customer:{found.customer}",
        "item": f"item:{found.item}" if found.item else "",
        "org_unit": found.org_unit,
        "priority": found.priority,
        "work_type": found.work_type,
        "technician": found.technician or "",
        "seen": json.dumps(_stored(found)),
    }


def _fill(tx: Transaction, form: EditForm, found: ServiceRequestView) -> None:
    form.work_type.load_options(tx)
    form.customer.load_options(tx)
    customer = form.customer.record_id
    form.item.results.of_customer = customer or ""
    if customer != found.customer and form.item.data == f"item:{found.item}":
        form.item.data = form.item.results.selected = ""
    form.item.load_options(tx)
    units = [get_org_unit(tx, unit) for unit in get_customer(tx, customer).org_units] if customer else []
    form.org_unit.choices = select_options(
        [(unit.id, unit.name) for unit in units] or [("", gettext("None"))]
    )
    if form.org_unit.data not in [unit.id for unit in units]:
        form.org_unit.data = units[0].id if units else ""
    form.technician.choices = select_options([("", gettext("Unassigned")), *assignees(tx, found)])


def _stored(found: ServiceRequestView) -> dict[str, Any]:
    return {name: getattr(found, name) for name in EDITED}


def _changes(form: EditForm, found: ServiceRequestView) -> dict[str, Any]:
    """Only the changed fields: coverage is not searched again for unchanged ones."""
    wanted = {
        "subject": form.subject.data,
        "description": form.description.data or None,
        "customer": form.customer.record_id,
        "item": form.item.record_id,
        "org_unit": form.org_unit.data or None,
        "priority": form.priority.data,
        "work_type": form.work_type.data or None,
        "technician": form.technician.data or None,
    }
    changed = form.changes(_stored(found), wanted)
    if changed.keys() & {"customer", "item", "org_unit"}:
        # Send all three: an omitted field would be taken from the old customer.
        changed |= {name: Explicit(wanted[name]) for name in ("customer", "item", "org_unit")}
    return changed
