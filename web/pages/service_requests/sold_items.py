"""Products, parts, travel and expenses on a service request: adding, changing and deleting them."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, RadioField, SelectField, StringField

from engine.invoices import ITEM_KINDS
from web.languages import gettext, lazy_text
from web.pages.context import actor, desk, require_role, settings
from web.pages.forms.base import ActionForm, KeyedForm, attempt_once
from web.pages.forms.fields import DayField, DecimalField, MoneyField, select_options
from web.pages.forms.products import product_options
from web.pages.layout.list_links import keep_list
from web.pages.service_requests.detail import redirect_to_request
from web.pages.wording.billing import SOLD_KINDS
from workflows.billing.sold.sold_once import (
    add_sold_once,
    change_sold_once,
    delete_sold_once,
    sold_once_choices,
)
from workflows.billing.sold.to_invoice import read_sold_item
from workflows.commands.selling import ChangeSoldItem, NewSoldItem
from workflows.core.actors import PRICE_ROLES, STAFF
from workflows.core.errors import NotFound
from workflows.service_requests.queries import read_service_request
from workflows.views.billing import SoldItemView
from workflows.views.service_requests import ServiceRequestView

pages = Blueprint("request_sold_items", __name__, url_prefix="/requests/<service_request_id>/sold-items")
keep_list(pages, "service_request_id")
PLACE = "#sold-items"


class ItemForm(KeyedForm):
    product = SelectField(lazy_text("Product"))
    kind = SelectField(
        lazy_text("Kind"), choices=lambda: select_options((one, SOLD_KINDS[one]) for one in ITEM_KINDS)
    )
    description = StringField(
        lazy_text("Description"), description=lazy_text("Defaults to the name of the product.")
    )
    quantity = DecimalField(lazy_text("Quantity"), default="1")
    unit_price = MoneyField(
        lazy_text("Price of one"),
        description=lazy_text("Defaults to the price of that day in the price list."),
    )
    tax_rate = SelectField(lazy_text("Tax"))
    sold_on = DayField(lazy_text("Day"), description=lazy_text("Defaults to today."))
    bill_to = RadioField(
        lazy_text("Billed to"),
        choices=lambda: select_options(
            [("customer", gettext("The customer")), ("org_unit", gettext("The org unit"))]
        ),
    )


class ChangeItemForm(KeyedForm):
    version = HiddenField()
    description = StringField(lazy_text("Description"))
    quantity = DecimalField(lazy_text("Quantity"))
    unit_price = MoneyField(lazy_text("Price of one"))
    tax_rate = SelectField(lazy_text("Tax"))
    sold_on = DayField(lazy_text("Day"))


@pages.route("/new", methods=["GET", "POST"])
def new(service_request_id: str) -> tuple[str, int] | Response:
    require_role(*STAFF)
    form = ItemForm(data={"bill_to": "customer", "quantity": "1"})
    with desk().read(actor()) as tx:
        found = read_service_request(tx, service_request_id)
        form.product.choices = product_options(sold_once_choices(tx))
    form.tax_rate.choices = _tax_rates(gettext("As for the product"))
    if form.is_submitted():
        values = {
            "product": form.product.data,
            "kind": None if form.product.data else form.kind.data,
            "description": form.description.data,
            "quantity": form.quantity.data,
            "unit_price": form.unit_price.command_value,
            "tax_rate": form.tax_rate.data,
            "sold_on": form.sold_on.text,
            "bill_to": form.bill_to.data,
        }
        command = form.checked_command(NewSoldItem, values)
        if command and attempt_once(form, lambda tx: add_sold_once(tx, service_request_id, command), command):
            flash(gettext("It has been added, and is to be invoiced."), "success")
            return redirect_to_request(service_request_id, PLACE)
    return _page("service_requests/sold_item_new.html", form, found)


@pages.route("/<sold_item_id>", methods=["GET", "POST"])
def edit(service_request_id: str, sold_item_id: str) -> tuple[str, int] | Response:
    require_role(*STAFF)
    with desk().read(actor()) as tx:
        found = read_service_request(tx, service_request_id)
        item = read_sold_item(tx, sold_item_id)
    if item.description is None:
        raise NotFound(gettext("There is no such item."), remedy=gettext("Look it up on its request."))
    sees_prices = actor().role in PRICE_ROLES
    form = ChangeItemForm(data=_stored(item))
    form.tax_rate.choices = _tax_rates(None)
    if item.product is not None and not sees_prices:
        del form.unit_price
    if form.is_submitted():
        values = {
            "description": form.description.data,
            "quantity": form.quantity.data,
            "unit_price": form.unit_price.command_value if "unit_price" in form else None,
            "tax_rate": form.tax_rate.data,
            "sold_on": form.sold_on.text,
        }
        seen = form.version.data or ""
        version = int(seen) if seen.isdecimal() else None
        command = form.checked_command(ChangeSoldItem, values)
        if command and attempt_once(
            form, lambda tx: change_sold_once(tx, sold_item_id, command, version), command
        ):
            flash(gettext("Saved."), "success")
            return redirect_to_request(service_request_id, PLACE)
    return _page("service_requests/sold_item_edit.html", form, found, item=item)


@pages.post("/<sold_item_id>/delete")
def delete(service_request_id: str, sold_item_id: str) -> tuple[str, int] | Response:
    form = ActionForm()

    def use_case(tx: Any) -> str:
        delete_sold_once(tx, sold_item_id)
        return sold_item_id

    if form.validate_on_submit() and attempt_once(form, use_case):
        flash(gettext("It has been deleted."), "success")
        return redirect_to_request(service_request_id, PLACE)
    for error in form.form_errors:
        flash(error, "error")
    return redirect(
        url_for("request_sold_items.edit", service_request_id=service_request_id, sold_item_id=sold_item_id)
    )


def _tax_rates(none: str | None) -> list[Any]:
    names = [(one.name, one.name) for one in settings().tax_rates]
    return select_options([("", none), *names] if none else names)


def _stored(item: SoldItemView) -> dict[str, Any]:
    return {
        "version": str(item.version),
        "description": item.description,
        "quantity": item.quantity,
        "unit_price": item.unit_price.amount_minor if item.unit_price else None,
        "tax_rate": item.tax_rate,
        "sold_on": item.sold_on,
    }


def _page(template: str, form: KeyedForm, found: ServiceRequestView, **values: Any) -> tuple[str, int]:
    page = render_template(
        template, form=form, request_view=found, action_form=ActionForm(formdata=None), **values
    )
    return page, 422 if form.has_errors else 200
