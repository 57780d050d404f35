"""The price list: products, their prices past, current and to come, and the list as a file."""

import json
from functools import partial
from typing import Any, ClassVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_wtf.file import FileField
from werkzeug.wrappers import Response
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from engine.contracts import UNITS
from web.languages import gettext, lazy_text, ngettext
from web.pages.context import actor, desk, require_role, settings
from web.pages.forms.base import (
    ActionForm,
    EditingForm,
    Explicit,
    FileOrTextForm,
    KeyedForm,
    attempt,
    attempt_once,
    succeeds,
    succeeds_once,
)
from web.pages.forms.fields import CountField, DayField, DurationField, MoneyField, select_options
from web.pages.layout.list_links import keep_list
from web.pages.layout.listing import counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.formats import number_text, read_money
from web.pages.wording.labels import PRODUCT_KINDS
from workflows.commands.selling import MOST_FILE_BYTES, ChangeProduct, EndPrice, NewPrice, NewProduct
from workflows.contracts.queries import contract_types
from workflows.core.transaction import Transaction
from workflows.selling.price_list import (
    EDITORS,
    add_price,
    change_product,
    create_product,
    end_price,
    remove_price,
)
from workflows.selling.price_list_files import FILE_COLUMNS, exported_rows, import_price_list
from workflows.selling.price_list_queries import all_products, list_products, read_product
from workflows.views.selling import ImportedPriceList, ProductView

pages = Blueprint("products", __name__, url_prefix="/products")
keep_list(pages, "product_id")
FILTERS = ("q", "kind", "contract_type", "priced", "order")


class ProductForm(EditingForm):
    code = StringField(lazy_text("Code"), description=lazy_text("Short and unique, such as SUP-20."))
    label = StringField(lazy_text("Name"))
    kind = SelectField(lazy_text("Kind"), choices=lambda: select_options(PRODUCT_KINDS.items()))
    contract_type = SelectField(
        lazy_text("Contract type"), description=lazy_text("For the kinds contract and top-up.")
    )
    minutes = DurationField(
        lazy_text("Hours"),
        unit="hours",
        description=lazy_text("What the price is for. Leave it empty for any amount."),
    )
    incidents = CountField(
        lazy_text("Incidents"), description=lazy_text("The same for types that have incidents.")
    )
    money = MoneyField(
        lazy_text("Amount to use"), description=lazy_text("The same for types that draw money.")
    )
    unit = StringField(
        lazy_text("Unit"), default="piece", description=lazy_text("What one of it is: piece, hour, km.")
    )
    tax_rate = SelectField(lazy_text("Tax"))
    offered = BooleanField(
        lazy_text("Customers may buy it in the portal"),
        description=lazy_text("Contracts and top-ups, at the price of the day."),
    )

    pointer_fields: ClassVar[dict[str, str]] = {"/quantity": "minutes"}

    @property
    def quantity(self) -> int | None:
        """What the price is for, in what the contract type draws."""
        return next((self[unit].data for unit in UNITS if self[unit].data is not None), None)


class PriceForm(KeyedForm):
    amount = StringField(lazy_text("Price"), [InputRequired(lazy_text("This field is required."))])
    currency = StringField(lazy_text("Currency"))
    first_on = DayField(
        lazy_text("First day"), validators=[InputRequired(lazy_text("This field is required."))]
    )
    last_on = DayField(lazy_text("Last day"), description=lazy_text("Leave it empty for no end."))

    pointer_fields: ClassVar[dict[str, str]] = {
        "/price": "amount",
        "/price/amount_minor": "amount",
        "/price/currency": "currency",
    }

    def new_price(self) -> NewPrice | None:
        """The price as typed; None, with the errors at their fields, if it cannot be read."""
        currency = (self.currency.data or settings().currency).strip().upper()
        minor = read_money(self.amount.data or "", currency) if len(currency) == 3 else None
        price = {"amount_minor": minor or 0, "currency": currency}
        values = {"price": price, "first_on": self.first_on.text, "last_on": self.last_on.text}
        command = self.checked_command(NewPrice, values)
        if minor is None and self.amount.data:
            wrong = gettext(
                "“%(text)s” is not an amount in %(currency)s.", text=self.amount.data, currency=currency
            )
            self.add_error("/price", wrong)
        return None if self.has_errors else command


class EndForm(KeyedForm):
    last_on = DayField(lazy_text("Last day"), description=lazy_text("Leave it empty for no end."))


class ImportForm(FileOrTextForm):
    upload = FileField(
        lazy_text("Price list"), description=lazy_text("A CSV file with the columns of the download.")
    )
    file = TextAreaField(lazy_text("Or paste the content of the file"))


@pages.get("")
def products() -> str | Response:
    filters = query_filters(*FILTERS)
    with desk().read(actor()) as tx:
        if wants_csv():
            only = {name: value for name, value in filters.items() if name != "order"}
            rows = exported_rows(all_products(tx, **only), tx.settings.currency)
            return csv_response("price-list", FILE_COLUMNS, list(rows))
        page = list_products(tx, **filters, **counted_page())
        types = contract_types(tx)
    return render_template(
        "selling/products/index.html", page=page, filters=filters, types=types, kinds=PRODUCT_KINDS
    )


@pages.get("/<product_id>")
def show(product_id: str) -> str:
    return _page(product_id, PriceForm(formdata=None, data={"currency": settings().currency}))


@pages.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | Response:
    require_role(*EDITORS)
    form = ProductForm(data={"kind": "contract_type", "contract_type": request.args.get("type", "")})
    _offer_types(form)
    if form.is_submitted():
        values = {
            "code": form.code.data,
            "label": form.label.data,
            "kind": form.kind.data,
            "contract_type": form.contract_type.data,
            "quantity": form.quantity,
            "unit": form.unit.data,
            "tax_rate": form.tax_rate.data,
            "offered": bool(form.offered.data),
        }
        command = form.checked_command(NewProduct, values)
        product_id = attempt_once(form, lambda tx: create_product(tx, command), command) if command else None
        if product_id:
            added = gettext("%(name)s has been added. Add its price below.", name=form.label.data)
            flash(added, "success")
            return redirect(url_for("products.show", product_id=product_id))
    return _form_page(form, gettext("New product"), None)


@pages.route("/<product_id>/edit", methods=["GET", "POST"])
def edit(product_id: str) -> tuple[str, int] | Response:
    require_role(*EDITORS)
    with desk().read(actor()) as tx:
        product = read_product(tx, product_id)
    stored = {
        "code": product.code,
        "label": product.label,
        "contract_type": product.contract_type or "",
        "quantity": product.quantity,
        "unit": product.unit,
        "tax_rate": product.tax_rate or "",
        "offered": product.offered,
    }
    filled = {**stored, product.draws or "minutes": product.quantity, "kind": product.kind}
    form = ProductForm(data={**filled, "seen": json.dumps(stored)})
    _offer_types(form)
    form.kind.choices = select_options([(product.kind, PRODUCT_KINDS[product.kind])])
    if form.validate_on_submit():
        wanted = {**{name: form[name].data for name in stored if name != "quantity"}}
        values = form.changes(stored, {**wanted, "quantity": form.quantity})
        for name in ("contract_type", "tax_rate"):
            if name in values:
                values[name] = Explicit(form[name].data or None)
        command = None if form.has_errors else form.command(ChangeProduct, values)
        if command and attempt(form, lambda tx: change_product(tx, product_id, command)):
            flash(gettext("Saved."), "success")
            return redirect(url_for("products.show", product_id=product_id))
    return _form_page(form, gettext("Edit %(name)s", name=product.label), product)


@pages.post("/<product_id>/prices")
def add(product_id: str) -> tuple[str, int] | Response:
    """Add a price; if it is refused, show the product with what was typed."""
    form = PriceForm()
    command = form.new_price() if form.is_submitted() else None
    if command and attempt_once(form, lambda tx: add_price(tx, product_id, command), command):
        flash(gettext("The price has been added."), "success")
        return redirect(url_for("products.show", product_id=product_id))
    return _page(product_id, form), 422


@pages.route("/<product_id>/prices/<price_id>/end", methods=["GET", "POST"])
def end(product_id: str, price_id: str) -> tuple[str, int] | Response:
    require_role(*EDITORS)
    with desk().read(actor()) as tx:
        product = read_product(tx, product_id)
    price = next((one for one in product.prices if one.id == price_id), None)
    if price is None:
        return redirect(url_for("products.show", product_id=product_id))
    form = EndForm(data={"last_on": price.last_on})
    if form.validate_on_submit():
        command = form.command(EndPrice, {"last_on": Explicit(form.last_on.text)})
        if command and succeeds(form, lambda tx: end_price(tx, product_id, price_id, command)):
            flash(gettext("Saved."), "success")
            return redirect(url_for("products.show", product_id=product_id))
    page = render_template("selling/products/end.html", form=form, product=product, price=price)
    return page, 422 if form.has_errors else 200


@pages.post("/<product_id>/prices/<price_id>/remove")
def remove(product_id: str, price_id: str) -> tuple[str, int] | Response:
    form = ActionForm()
    if form.validate_on_submit() and succeeds_once(form, partial(_remove, product_id, price_id)):
        flash(gettext("The price has been removed."), "success")
        return redirect(url_for("products.show", product_id=product_id))
    return _page(product_id, PriceForm(formdata=None), form), 422


@pages.route("/import", methods=["GET", "POST"])
def import_file() -> tuple[str, int] | Response:
    require_role(*EDITORS)
    # an uploaded file that is too large is an error of its field; pasted text is limited as in other forms
    if request.mimetype == "multipart/form-data":
        request.max_content_length = 2 * MOST_FILE_BYTES
    form = ImportForm()
    if form.validate_on_submit():
        done = attempt_once(form, partial(_import, form.text))
        if done is not None:
            flash(done, "success")
            return redirect(url_for("products.products"))
    page = render_template("selling/products/import.html", form=form, columns=FILE_COLUMNS)
    return page, 422 if form.has_errors else 200


def _remove(product_id: str, price_id: str, tx: Transaction) -> str:
    return remove_price(tx, product_id, price_id)


def _import(text: str, tx: Transaction) -> str:
    return _imported_text(import_price_list(tx, text))


def _imported_text(done: ImportedPriceList) -> str:
    said = []
    if number := done.products_added:
        num = number_text(number)
        said.append(ngettext("%(num)s product added", "%(num)s products added", number, num=num))
    if number := done.products_changed:
        num = number_text(number)
        said.append(ngettext("%(num)s product changed", "%(num)s products changed", number, num=num))
    if number := done.prices_added:
        num = number_text(number)
        said.append(ngettext("%(num)s price added", "%(num)s prices added", number, num=num))
    if number := done.prices_changed:
        num = number_text(number)
        said.append(ngettext("%(num)s price changed", "%(num)s prices changed", number, num=num))
    if not said:
        return gettext("Nothing has changed: everything is there already.")
    return gettext("Imported: %(changes)s.", changes=", ".join(said))


def _offer_types(form: ProductForm) -> None:
    with desk().read(actor()) as tx:
        types = contract_types(tx)
        rates = [(one.name, one.name) for one in tx.settings.tax_rates]
    form.tax_rate.choices = select_options([("", gettext("The first of the settings")), *rates])
    form.contract_type.choices = select_options(
        [("", gettext("None")), *((one.key, one.label) for one in types)]
    )


def _page(product_id: str, form: PriceForm, refused: Any = None) -> str:
    with desk().read(actor()) as tx:
        product = read_product(tx, product_id)
    return render_template(
        "selling/products/show.html", product=product, form=form, refused=refused, action=ActionForm()
    )


def _form_page(form: ProductForm, title: str, product: ProductView | None) -> tuple[str, int]:
    page = render_template("selling/products/form.html", form=form, title=title, product=product)
    return page, 422 if form.has_errors else 200
