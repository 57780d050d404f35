"""Customers: the people who ask for support."""

import json

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.fields import EmailField

from web.languages import gettext, lazy_text
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import EditingForm, Explicit, attempt_once, succeeds
from web.pages.forms.pickers import RecordField
from web.pages.layout.list_links import keep_list
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from workflows.commands.register import ChangeCustomer, NewCustomer
from workflows.core.actors import DESK, STAFF
from workflows.core.transaction import Transaction
from workflows.register import (
    change_customer,
    create_customer,
    get_customer,
    get_org_unit,
    list_customers,
    list_items,
)
from workflows.views.register import CustomerView, OrgUnitView

EDITORS = DESK
SHOWN_ITEMS = 20
READS_LIST = STAFF

pages = Blueprint("customers", __name__, url_prefix="/customers")
keep_list(pages, "customer_id")


class CustomerForm(EditingForm):
    name = StringField(lazy_text("Name"))
    email = EmailField(
        lazy_text("Email"), description=lazy_text("Replies are sent here. Also used to sign in.")
    )
    org_unit = RecordField(
        lazy_text("Org unit"),
        ["org_unit"],
        optional=True,
        placeholder=lazy_text("Name or code"),
        description=lazy_text(
            "The primary org unit: its contracts are considered before those of other org units."
        ),
    )
    another = RecordField(
        lazy_text("Additional org unit"),
        ["org_unit"],
        optional=True,
        placeholder=lazy_text("Name or code"),
        description=lazy_text("If the customer belongs to more than one."),
    )


@pages.get("")
def customers() -> str | Response:
    filters = query_filters("q", "org_unit", "order")
    with desk().read(actor()) as tx:
        tx.require(*READS_LIST)
        if wants_csv():
            rows = all_rows(lambda **at: list_customers(tx, **filters, **at))
            table = [(one.name, one.email, one.org_unit_name) for one in rows]
            return csv_response("customers", ["name", "email", "org_unit"], table)
        page = list_customers(tx, **filters, **counted_page())
        unit = get_org_unit(tx, filters["org_unit"]) if "org_unit" in filters else None
    return render_template("register/customers/index.html", page=page, filters=filters, unit=unit)


@pages.get("/<customer_id>")
def show(customer_id: str) -> str:
    with desk().read(actor()) as tx:
        customer = get_customer(tx, customer_id)
        return render_template(
            "register/customers/show.html",
            customer=customer,
            org_units=_org_units(tx, customer),
            items=list_items(tx, for_customer=customer_id, limit=SHOWN_ITEMS),
        )


@pages.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | Response:
    require_role(*EDITORS)
    org_unit = request.args.get("org_unit")
    form = CustomerForm(data={"org_unit": f"org_unit:{org_unit}" if org_unit else ""})
    if form.is_submitted() and not form.is_searching:
        values = {
            "name": form.name.data,
            "email": form.email.data,
            "org_unit": form.org_unit.record_id,
            "org_units": [form.another.record_id] if form.another.record_id else [],
        }
        command = form.checked_command(NewCustomer, values)
        customer_id = (
            attempt_once(form, lambda tx: create_customer(tx, command), command) if command else None
        )
        if customer_id:
            flash(gettext("%(name)s has been added.", name=form.name.data), "success")
            return redirect(url_for("customers.show", customer_id=customer_id))
    return _form_page(form, gettext("New customer"), None, [])


@pages.route("/<customer_id>/edit", methods=["GET", "POST"])
def edit(customer_id: str) -> tuple[str, int] | Response:
    require_role(*EDITORS)
    with desk().read(actor()) as tx:
        customer = get_customer(tx, customer_id)
        others = _org_units(tx, customer)[1:]
    primary = f"org_unit:{customer.org_unit}" if customer.org_unit else ""
    stored = {"name": customer.name, "email": customer.email, "org_unit": primary}
    form = CustomerForm(data={**stored, "seen": json.dumps(stored)})
    if form.is_submitted() and not form.is_searching and form.validate():
        values = form.changes(stored, {name: form[name].data for name in stored})
        moved = values.pop("org_unit", None) is not None
        if moved or request.form.getlist("leaves") or form.another.record_id:
            first = form.org_unit.record_id if moved else customer.org_unit
            values["org_units"] = Explicit(_org_unit_ids(form, first, [one.id for one in others]))
        command = None if form.has_errors else form.command(ChangeCustomer, values)
        if command and succeeds(form, lambda tx: change_customer(tx, customer_id, command)):
            flash(gettext("Saved."), "success")
            return redirect(url_for("customers.show", customer_id=customer_id))
    return _form_page(form, gettext("Edit %(name)s", name=customer.name), customer, others)


def _org_unit_ids(form: CustomerForm, first: str | None, others: list[str]) -> list[str]:
    """The ids of the customer's org units after the change, the primary one first."""
    leaving = set(request.form.getlist("leaves"))
    wanted = [first, *(one for one in others if one not in leaving), form.another.record_id]
    return list(dict.fromkeys(one for one in wanted if one))


def _org_units(tx: Transaction, customer: CustomerView) -> list[OrgUnitView]:
    return [get_org_unit(tx, one) for one in customer.org_units]


def _form_page(
    form: CustomerForm, title: str, customer: CustomerView | None, others: list[OrgUnitView]
) -> tuple[str, int]:
    with desk().read(actor()) as tx:
        form.load_options(tx)
    page = render_template(
        "register/customers/form.html", form=form, title=title, customer=customer, others=others
    )
    return page, 422 if form.has_errors else 200
