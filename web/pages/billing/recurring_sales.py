"""Recurring sales: the list, one with its periods, a new one and an end, each with a preview."""

from typing import Any, ClassVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from engine.errors import DeskError
from web.languages import gettext, lazy_text
from web.pages.context import actor, desk, require_role, settings
from web.pages.forms.base import KeyedForm, add_desk_error, attempt_once
from web.pages.forms.fields import CountField, DayField, DecimalField, MoneyField, select_options
from web.pages.forms.pickers import RecordField
from web.pages.forms.products import product_options
from web.pages.layout.list_links import keep_list
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.billing import EVERY, SALE_STATES, SALE_TIMINGS
from workflows.billing.sold.recurring_queries import (
    list_recurring_sales,
    preview_end,
    preview_recurring_sale,
    read_recurring_sale,
)
from workflows.billing.sold.recurring_sales import create_recurring_sale, end_recurring_sale
from workflows.billing.sold.sold_once import sold_once_choices
from workflows.billing.sold.to_invoice import list_sold_items
from workflows.commands.selling import EndRecurringSale, NewRecurringSale
from workflows.contracts.queries import list_contracts, read_contract
from workflows.core.actors import OFFICE
from workflows.views import MOST_LIMIT
from workflows.views.billing import EndPreview, RecurringSaleView

pages = Blueprint("recurring_sales", __name__, url_prefix="/recurring-sales")
keep_list(pages, "sale_id")
FILTERS = ("q", "customer", "org_unit", "contract", "state", "order")
CSV_HEADER = [
    "number", "customer", "contract", "description", "quantity", "unit", "every", "timing", "amount_minor",
    "currency", "starts_on", "last_on", "state", "made_until",
]  # fmt: skip
REQUIRED = lazy_text("This field is required.")


class SaleForm(KeyedForm):
    party = RecordField(
        lazy_text("Customer or org unit"),
        ["customer", "org_unit"],
        optional=True,
        placeholder=lazy_text("Name, address or code"),
    )
    contract = StringField(
        lazy_text("Or with the contract"), description=lazy_text("Its number: the sale ends with it.")
    )
    product = SelectField(lazy_text("Product"))
    description = StringField(
        lazy_text("Description"), description=lazy_text("Defaults to the name of the product.")
    )
    quantity = DecimalField(lazy_text("Quantity"), default="1")
    unit_price = MoneyField(
        lazy_text("Price of one"),
        description=lazy_text("For a whole period. Defaults to the price in the price list."),
    )
    tax_rate = SelectField(lazy_text("Tax"))
    every = RadioField(
        lazy_text("Every"),
        [InputRequired(lazy_text("Select an option."))],
        choices=lambda: select_options(EVERY.items()),
    )
    timing = RadioField(lazy_text("Invoiced"), choices=lambda: select_options(SALE_TIMINGS.items()))
    starts_on = DayField(lazy_text("First day"), description=lazy_text("Defaults to today."))
    last_on = DayField(lazy_text("Last day"), description=lazy_text("Leave it empty for no end."))
    billing_day = CountField(
        lazy_text("Day of the month"),
        description=lazy_text("On which periods begin. Defaults to that of the first day."),
    )

    pointer_fields: ClassVar[dict[str, str]] = {"/customer": "party", "/org_unit": "party", "": "party"}


class EndForm(KeyedForm):
    last_on = DayField(
        lazy_text("Last day"),
        validators=[InputRequired(REQUIRED)],
        description=lazy_text("It is still sold."),
    )
    reason = TextAreaField(lazy_text("Reason"))


@pages.get("")
def sales() -> str | Response:
    filters = query_filters(*FILTERS)
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_recurring_sales(tx, **filters, **at))
            return csv_response("recurring-sales", CSV_HEADER, [_row(one) for one in rows])
        page = list_recurring_sales(tx, **filters, **counted_page())
    return render_template(
        "billing/recurring_sales.html",
        page=page,
        filters=filters,
        every=EVERY,
        states=SALE_STATES,
        invoicing=settings().invoicing,
    )


@pages.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | Response:
    """Agree on a sale, or show its first periods with the button Preview."""
    require_role(*OFFICE)
    contract = request.args.get("contract", "")
    form = SaleForm(
        data={"timing": "advance", "every": "month", "quantity": "1", "contract": _number(contract)}
    )
    with desk().read(actor()) as tx:
        form.product.choices = product_options(sold_once_choices(tx))
    rates = [(one.name, one.name) for one in settings().tax_rates]
    form.tax_rate.choices = select_options([("", gettext("As for the product")), *rates])
    preview: RecurringSaleView | None = None
    if form.is_submitted() and not form.is_searching:
        command = form.checked_command(NewRecurringSale, _values(form))
        if command and request.form.get("step") == "preview":
            preview = _previewed(form, lambda tx: preview_recurring_sale(tx, command))
        elif command:
            made = attempt_once(form, lambda tx: create_recurring_sale(tx, command), command)
            if made:
                flash(
                    gettext("The sale has been agreed. Each period is to be invoiced once it is due."),
                    "success",
                )
                return redirect(url_for("recurring_sales.show", sale_id=made))
    with desk().read(actor()) as tx:
        form.load_options(tx)
    page = render_template("billing/recurring_sale_new.html", form=form, preview=preview)
    return page, 422 if form.has_errors else 200


@pages.get("/<sale_id>")
def show(sale_id: str) -> str:
    return _sale_page(sale_id, EndForm(formdata=None))


@pages.post("/<sale_id>/end")
def end(sale_id: str) -> tuple[str, int] | Response:
    """End the sale, or show what that changes with the button Preview."""
    require_role(*OFFICE)
    form = EndForm()
    preview: EndPreview | None = None
    values = {"last_on": form.last_on.text, "reason": form.reason.data}
    command = form.checked_command(EndRecurringSale, values)
    if command and request.form.get("step") == "preview":
        preview = _previewed(form, lambda tx: preview_end(tx, sale_id, command))
    elif command and attempt_once(form, lambda tx: end_recurring_sale(tx, sale_id, command), command):
        flash(gettext("The end has been saved."), "success")
        return redirect(url_for("recurring_sales.show", sale_id=sale_id))
    return _sale_page(sale_id, form, preview), 422 if form.has_errors else 200


def _previewed(form: KeyedForm, use_case: Any) -> Any:
    """What a use case that takes itself back returns; None, with the error in the form, if it is refused."""
    try:
        return desk().perform(actor(), use_case)
    except DeskError as error:
        add_desk_error(form, error)
        return None


def _sale_page(sale_id: str, form: EndForm, preview: EndPreview | None = None) -> str:
    with desk().read(actor()) as tx:
        sale = read_recurring_sale(tx, sale_id)
        made = list_sold_items(tx, recurring_sale=sale_id, order="-sold_at", limit=MOST_LIMIT).items
    return render_template(
        "billing/recurring_sale.html",
        sale=sale,
        made=made,
        form=form,
        preview=preview,
        every=EVERY,
        timings=SALE_TIMINGS,
        states=SALE_STATES,
    )


def _values(form: SaleForm) -> dict[str, Any]:
    return {
        **(form.party.command_value or {}),
        "contract": _contract(form),
        "product": form.product.data,
        "description": form.description.data,
        "quantity": form.quantity.data,
        "unit_price": form.unit_price.command_value,
        "tax_rate": form.tax_rate.data,
        "every": form.every.data,
        "timing": form.timing.data,
        "starts_on": form.starts_on.text,
        "last_on": form.last_on.text,
        "billing_day": form.billing_day.data,
    }


def _contract(form: SaleForm) -> str | None:
    """The id of the contract whose number was typed; an unknown number is refused by the use case."""
    number = (form.contract.data or "").strip().upper()
    if not number:
        return None
    with desk().read(actor()) as tx:
        found = list_contracts(tx, number=number).items
    return found[0].id if found else number


def _number(contract_id: str) -> str:
    if not contract_id:
        return ""
    with desk().read(actor()) as tx:
        return read_contract(tx, contract_id).number


def _row(one: RecurringSaleView) -> list[Any]:
    return [
        one.number,
        one.party_name,
        one.contract_number,
        one.description,
        one.quantity,
        one.unit,
        one.every,
        one.timing,
        one.amount.amount_minor,
        one.amount.currency,
        one.starts_on,
        one.last_on,
        one.state,
        one.made_until,
    ]
