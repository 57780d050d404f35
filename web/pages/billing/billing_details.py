"""How a customer or an org unit is addressed on invoices."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectField, StringField

from web.languages import gettext, lazy_text
from web.pages.billing.draft import LANGUAGES
from web.pages.context import actor, desk
from web.pages.forms.base import Explicit, KeyedForm, attempt_once
from web.pages.forms.fields import MoneyField, select_options
from workflows.commands.billing import ChangeBilling
from workflows.register import get_customer, get_org_unit
from workflows.register.billing_details import FIELDS, change_billing_details, read_billing_details

pages = Blueprint("billing_details", __name__)


class BillingForm(KeyedForm):
    version = HiddenField()
    name = StringField(
        lazy_text("Name on invoices"), description=lazy_text("If it differs from the name here.")
    )
    street = StringField(lazy_text("Street"))
    postal_code = StringField(lazy_text("Postal code"))
    city = StringField(lazy_text("City"))
    country = StringField(lazy_text("Country"), description=lazy_text("Two letters, for example DE."))
    vat_id = StringField(lazy_text("VAT id"), description=lazy_text("Needed for reverse charge."))
    email = StringField(lazy_text("Email for invoices"))
    order_number = StringField(lazy_text("Order number"), description=lazy_text("Put on each new invoice."))
    order_budget = MoneyField(
        lazy_text("Budget of the order"),
        description=lazy_text("Without tax. An invoice that goes past it waits for finance."),
    )
    buyer_reference = StringField(
        lazy_text("Buyer reference"), description=lazy_text("For example a Leitweg-ID.")
    )
    language = SelectField(
        lazy_text("Language"), choices=lambda: select_options({**LANGUAGES, "": gettext("Not set")}.items())
    )


@pages.route("/customers/<customer_id>/billing", methods=["GET", "POST"])
def customer(customer_id: str) -> tuple[str, int] | Response:
    return _edit("customer", customer_id)


@pages.route("/org-units/<org_unit_id>/billing", methods=["GET", "POST"])
def org_unit(org_unit_id: str) -> tuple[str, int] | Response:
    return _edit("org_unit", org_unit_id)


def _edit(kind: str, party_id: str) -> tuple[str, int] | Response:
    with desk().read(actor()) as tx:
        stored = read_billing_details(tx, kind, party_id)
        name = get_customer(tx, party_id).name if kind == "customer" else get_org_unit(tx, party_id).name
    data: dict[str, Any] = {one: getattr(stored, one) for one in FIELDS} | {"version": str(stored.version)}
    data["order_budget"] = stored.order_budget.amount_minor if stored.order_budget is not None else None
    form = BillingForm(data=data)
    if form.validate_on_submit():
        values = {one: Explicit((form[one].data or "").strip() or None) for one in FIELDS}
        budget = form.order_budget.data
        values["order_budget"] = Explicit({"amount_minor": budget} if budget is not None else None)
        command = form.command(ChangeBilling, values)
        seen = form.version.data or ""
        version = int(seen) if seen.isdecimal() else None

        def change(tx: Any) -> str:
            change_billing_details(tx, kind, party_id, command, version)  # type: ignore[arg-type]
            return party_id

        if command and attempt_once(form, change, command):
            flash(gettext("Saved."), "success")
            return redirect(request.path)
    page = render_template(
        "billing/details.html", form=form, stored=stored, name=name, kind=kind, party_id=party_id
    )
    return page, 422 if form.has_errors else 200
