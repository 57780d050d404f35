"""Billing activation: the checklist, items without an owner, and the bulk coverage search afterwards."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired

from web.languages import gettext, lazy_text, ngettext
from web.pages.administration.settings_form import add_settings_errors
from web.pages.administration.time_zone import unconfirmed_change
from web.pages.context import actor, desk, settings
from web.pages.forms.base import ActionForm, DeskForm, KeyedForm, attempt, attempt_once
from web.pages.forms.fields import select_options
from web.pages.forms.pickers import RecordField
from web.pages.layout.listing import counted_page
from web.pages.wording.settings import CURRENCY_CHOICES, VALIDATION_CHOICES, time_expired_choices
from web.pages.wording.time_zone_change import time_zone_change_text
from workflows.administration.activation import (
    activate_billing,
    assign_items,
    billing_checklist,
    preview_switching_off,
)
from workflows.administration.settings import change_settings
from workflows.commands.administration import ActivateBilling, AssignItems
from workflows.core.transaction import Transaction
from workflows.coverage.bulk import Group, apply_bulk, preview_bulk
from workflows.register import list_items
from workflows.views.administration import TimeZoneChangeView

GROUPS: dict[str, Group] = {"before-contracts": "before_contracts", "waiting": "waiting"}

pages = Blueprint("activation", __name__, url_prefix="/billing")


class AssignForm(KeyedForm):
    owner = RecordField(
        lazy_text("New owner"),
        ["org_unit", "customer"],
        placeholder=lazy_text("Name, email or code"),
        description=lazy_text("Choose a department if the item has no individual owner."),
    )


class ActivateForm(DeskForm):
    time_expired_contract = RadioField(
        lazy_text("Time worked after a contract ends"),
        [InputRequired(lazy_text("Select an option; there is no default."))],
    )
    contract_validation = RadioField(
        lazy_text("Contract validation"), choices=lambda: select_options(VALIDATION_CHOICES.items())
    )
    currency = SelectField(lazy_text("Currency"), choices=lambda: select_options(CURRENCY_CHOICES.items()))
    time_zone = StringField(
        lazy_text("Time zone"), description=lazy_text("IANA time zone name, for example Europe/Berlin.")
    )
    confirmed_zone = HiddenField()


class OffForm(DeskForm):
    confirmed = BooleanField(
        lazy_text("New requests will be worked on without a contract"),
        [InputRequired(lazy_text("Confirm that you want this."))],
    )


@pages.get("")
def activation() -> str:
    return _page()


@pages.post("/assign")
def assign() -> tuple[str, int] | Response:
    form = AssignForm(prefix="assign_")
    if form.is_submitted() and not form.is_searching and form.validate():
        selected = request.form.getlist("items")
        if request.form.get("which") != "all" and not selected:
            form.add_error("/owner", gettext("Select the items to assign."))
        else:
            values: dict[str, Any] = {"owner": form.owner.command_value}
            if request.form.get("which") != "all":
                values["items"] = selected
            command = form.command(AssignItems, values)
            done = attempt_once(form, lambda tx: _assign(tx, command), command) if command else None
            if done:
                flash(done, "success")
                return redirect(url_for("activation.activation"))
    return _page(assign_form=form), 422 if form.has_errors else 200


def _assign(tx: Transaction, command: AssignItems) -> str:
    """Assign the items; returns what was done, in words."""
    found = assign_items(tx, command)
    done = ngettext("%(num)s item assigned.", "%(num)s items assigned.", found.assigned)
    if not found.left:
        return f"{done} {gettext('All items now have an owner.')}"
    left = ngettext(
        "%(num)s item still without an owner.", "%(num)s items still without an owner.", found.left
    )
    return f"{done} {left}"


@pages.post("/activate")
def activate() -> tuple[str, int] | Response:
    form = _activate_form()
    values = {
        "time_expired_contract": form.time_expired_contract.data,
        "contract_validation": form.contract_validation.data == "on",
        "currency": form.currency.data,
        "time_zone": form.time_zone.data,
    }
    if form.validate_on_submit():
        command = form.command(ActivateBilling, values)
        change = unconfirmed_change(form, form.time_zone.data)
        if change is not None:
            return _page(change, activate_form=form), 200
        try:
            done = attempt(form, lambda tx: activate_billing(tx, command)) if command else None
        except ValidationError as error:
            form.add_validation_errors(error)
            done = None
        if done:
            desk().refresh()
            flash(
                gettext("Billing is active. Coverage is now searched for each new service request."),
                "success",
            )
            return redirect(url_for("activation.activation"))
    else:
        given = {name: value for name, value in values.items() if value not in (None, "")}
        add_settings_errors(form, settings(), given)
    return _page(activate_form=form), 422


@pages.route("/off", methods=["GET", "POST"])
def switch_off() -> tuple[str, int] | str | Response:
    """Show what switching contracts off would change, and do it once that is confirmed."""
    form = OffForm()
    if form.validate_on_submit() and attempt(form, lambda tx: change_settings(tx, {"contracts": False})):
        desk().refresh()
        flash(gettext("Contracts are switched off. No records are deleted."), "warning")
        return redirect(url_for("activation.activation"))
    with desk().read(actor()) as tx:
        effect = preview_switching_off(tx)
    if not settings().contracts:
        return redirect(url_for("activation.activation"))
    page = render_template("administration/contracts_off.html", form=form, effect=effect)
    return page, 422 if form.has_errors else 200


@pages.route("/search/<group>", methods=["GET", "POST"])
def bulk(group: str) -> tuple[str, int] | str | Response:
    """Preview a coverage search for a group of requests, and apply it to the selected ones."""
    if group not in GROUPS:
        return redirect(url_for("activation.activation"))
    form = ActionForm()
    if form.validate_on_submit():
        selected = request.form.getlist("requests")
        done = attempt_once(form, lambda tx: _search(tx, GROUPS[group], selected))
        if done:
            flash(done, "success")
            return redirect(url_for("activation.bulk", group=group))
    with desk().read(actor()) as tx:
        lines = preview_bulk(tx, GROUPS[group])
    page = render_template("administration/bulk_coverage.html", lines=lines, group=group, form=form)
    return page, 422 if form.has_errors else 200


def _search(tx: Transaction, group: Group, selected: list[str]) -> str:
    """Search coverage for the requests; returns what was done, in words."""
    done = apply_bulk(tx, group, selected)
    return ngettext(
        "%(num)s request searched, %(changed)s changed.",
        "%(num)s requests searched, %(changed)s changed.",
        done.searched,
        changed=done.changed,
    )


def _activate_form(**given: Any) -> ActivateForm:
    form = ActivateForm(prefix="activate_", **given)
    form.time_expired_contract.choices = select_options(time_expired_choices(invoices=settings().invoices))
    return form


def _page(change: TimeZoneChangeView | None = None, /, **submitted: DeskForm) -> str:
    stored = settings()
    forms: dict[str, DeskForm] = {
        "assign_form": AssignForm(formdata=None, prefix="assign_"),
        "activate_form": _activate_form(
            formdata=None,
            data={
                "time_expired_contract": stored.time_expired_contract,
                "contract_validation": "on" if stored.contract_validation else "off",
                "currency": stored.currency,
                "time_zone": stored.time_zone,
            },
        ),
    }
    with desk().read(actor()) as tx:
        tx.require("administrator")
        checklist = billing_checklist(tx, limit=1)
        unowned = list_items(tx, owner="none", **counted_page())
        for form in submitted.values():
            form.load_options(tx)
    wrong = next((form for form in submitted.values() if form.has_errors), None)
    selected = request.form.getlist("items")
    return render_template(
        "administration/activation.html",
        checklist=checklist,
        unowned=unowned,
        failed_form=wrong,
        selected=selected,
        time_zone_change=change,
        change_text=time_zone_change_text,
        **{**forms, **submitted},
    )
