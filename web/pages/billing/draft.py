"""Writing a draft: for whom, lines, discounts and terms. Rows for more lines are added by a button."""

from typing import Any, ClassVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectField, StringField, TextAreaField

from web.languages import Texts, gettext, lazy_text, mark
from web.pages.context import actor, desk, require_role, settings
from web.pages.forms.base import Explicit, KeyedForm, attempt_once
from web.pages.forms.fields import DayField, DecimalField, select_options, wrong_decimal
from web.pages.forms.pickers import RecordField
from web.pages.wording.billing import INVOICE_STANDINGS, UNITS
from web.pages.wording.formats import decimal_text, read_decimal, read_money, typed_money
from workflows.billing.invoicing.drafts import change_invoice, create_invoice
from workflows.billing.invoicing.queries import read_invoice
from workflows.commands.billing import MOST_LINES, ChangeInvoice, NewInvoice
from workflows.core.actors import OFFICE
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.languages.texts import SOURCE
from workflows.register.billing_details import read_billing_details
from workflows.views.billing import BillingView, InvoiceDetail, InvoiceLineView

FIRST_ROWS, MORE_ROWS = 3, 5
LANGUAGES = Texts(
    {"": mark("As for the customer"), "en": mark("English"), "de": mark("German"), "fr": mark("French")}
)
LINE_FIELDS = (
    "description", "quantity", "unit", "price", "discount", "tax_rate", "service_from", "service_to", "sold",
)  # fmt: skip
POINTERS = {"unit_price": "price", "discount_percent": "discount"}
"""Fields of the form by field of a line, where they differ."""

new_pages = Blueprint("invoice_drafts", __name__, url_prefix="/invoices/new")
edit_pages = Blueprint("invoice_draft", __name__, url_prefix="/invoices/<invoice_id>/edit")


class DraftForm(KeyedForm):
    """The terms of a draft; `draft_form` adds the fields of its lines."""

    pointer_fields: ClassVar[dict[str, str]] = {
        "/customer": "party",
        "/org_unit": "party",
        "/discounts/0": "discount_percent",
        "/discounts": "discount_percent",
        "/early_payment/days": "early_days",
        "/early_payment": "early_percent",
    }

    row_count: ClassVar[int] = 0
    version = HiddenField()
    rows = HiddenField()
    party = RecordField(
        lazy_text("Customer or org unit"),
        ["customer", "org_unit"],
        placeholder=lazy_text("Name, address or code"),
    )
    due_on = DayField(lazy_text("Due on"), description=lazy_text("By the settings, unless given."))
    order_number = StringField(lazy_text("Order number"), description=lazy_text("The customer's."))
    buyer_reference = StringField(
        lazy_text("Buyer reference"), description=lazy_text("For example a Leitweg-ID.")
    )
    language = SelectField(lazy_text("Language"), choices=lambda: select_options(LANGUAGES.items()))
    discount_percent = DecimalField(
        lazy_text("Discount (percent)"), description=lazy_text("On the whole invoice.")
    )
    discount_reason = StringField(lazy_text("Reason of the discount"))
    early_percent = DecimalField(lazy_text("Discount for early payment (percent)"))
    early_days = StringField(lazy_text("Early payment within (days)"))
    terms = TextAreaField(lazy_text("Terms of payment"))
    note = TextAreaField(lazy_text("Note"))


def draft_form(rows: int, data: dict[str, Any] | None, currency: str) -> Any:
    """A form with this many rows of lines."""
    rates = [one.name for one in settings().tax_rates]
    fields: dict[str, Any] = {}
    pointers = dict(DraftForm.pointer_fields)
    for number in range(rows):
        at = f"line{number}_"
        fields |= {
            f"{at}description": StringField(gettext("Description %(number)s", number=number + 1)),
            f"{at}quantity": DecimalField(gettext("Quantity")),
            f"{at}unit": SelectField(gettext("Unit"), choices=select_options(UNITS.items())),
            f"{at}price": StringField(gettext("Price (%(currency)s)", currency=currency)),
            f"{at}discount": StringField(gettext("Discount"), description=gettext("10% or an amount.")),
            f"{at}tax_rate": SelectField(gettext("Tax"), choices=select_options((one, one) for one in rates)),
            f"{at}service_from": DayField(gettext("Service from")),
            f"{at}service_to": DayField(gettext("Service to")),
            f"{at}sold": HiddenField(),
        }
        pointers[f"/lines/{number}"] = f"{at}description"
        for name in LINE_FIELDS:
            pointers[f"/lines/{number}/{name}"] = f"{at}{name}"
        for name, field in POINTERS.items():
            pointers[f"/lines/{number}/{name}"] = f"{at}{field}"
    fields |= {"pointer_fields": pointers, "row_count": rows}
    made: type[DraftForm] = type("DraftWithLinesForm", (DraftForm,), fields)
    return made(data=data)


@new_pages.route("", methods=["GET", "POST"])
def new() -> tuple[str, int] | Response:
    require_role(*OFFICE)
    form = draft_form(_rows(FIRST_ROWS), {"line0_quantity": "1"}, settings().currency)
    if _is_sent(form):
        valid = form.validate()
        kind, _, party_id = (form.party.data or "").partition(":")
        values = _values(form, settings().currency)
        if kind:
            values[kind] = party_id
        command = form.command(NewInvoice, values)
        if command and valid and not form.has_errors:
            made = attempt_once(form, lambda tx: create_invoice(tx, command), command)
            if made is not None:
                flash(gettext("The draft has been written."), "success")
                return redirect(url_for("invoice.show", invoice_id=made))
    return _page(form, None)


@edit_pages.route("", methods=["GET", "POST"])
def edit(invoice_id: str) -> tuple[str, int] | Response:
    require_role(*OFFICE)
    with desk().read(actor()) as tx:
        invoice = read_invoice(tx, invoice_id)
        details = details_of(tx, invoice)
    if "change" not in invoice.allowed_actions:
        raise StateForbids(
            gettext(
                "%(invoice)s cannot be changed: it is %(state)s.",
                invoice=invoice.number or gettext("The draft"),
                state=INVOICE_STANDINGS[invoice.state],
            ),
            remedy=gettext("Write a credit note for what is wrong.") if invoice.state == "issued" else "",
            state=invoice.state,
        )
    form = draft_form(_rows(len(invoice.lines) + 2), _stored(invoice), invoice.currency)
    del form.party  # whom a draft is for does not change
    if len(invoice.discounts) > 1 or any(one.percent is None for one in invoice.discounts):
        # what the form cannot show stays as it is
        del form.discount_percent, form.discount_reason
    if _is_sent(form):
        valid = form.validate()
        values = _values(form, invoice.currency)
        if "discount_percent" in form:
            values["discounts"] = Explicit(values.get("discounts") or [])
        for name in ("due_on", "early_payment"):
            values[name] = Explicit(values.get(name) or None)
        for name in ("order_number", "buyer_reference", "note", "terms"):
            values[name] = Explicit(values[name] or "")
        values["language"] = values["language"] or details.language or SOURCE
        command = form.command(ChangeInvoice, values)
        seen = form.version.data or ""
        version = int(seen) if seen.isdecimal() else None
        if command and valid and not form.has_errors:
            done = attempt_once(form, lambda tx: change_invoice(tx, invoice_id, command, version), command)
            if done is not None:
                flash(gettext("Saved."), "success")
                return redirect(url_for("invoice.show", invoice_id=invoice_id))
    return _page(form, invoice)


def details_of(tx: Transaction, invoice: InvoiceDetail) -> BillingView:
    """How whoever pays a draft is addressed by now. Raises: NotAllowed for technicians and customers."""
    kind = "customer" if invoice.customer else "org_unit"
    return read_billing_details(tx, kind, invoice.customer or invoice.org_unit or "")


def changed_since(invoice: InvoiceDetail, details: BillingView) -> list[str]:
    """What the billing details say otherwise than a draft, which has what they said when it was written."""
    said = {
        gettext("Order number"): (invoice.order_number, details.order_number),
        gettext("Buyer reference"): (invoice.buyer_reference, details.buyer_reference),
        gettext("Language"): (
            LANGUAGES[invoice.language],
            LANGUAGES[details.language or SOURCE],
        ),
    }
    return [
        gettext("%(what)s: %(value)s", what=what, value=there or gettext("none"))
        for what, (here, there) in said.items()
        if (here or "") != there
    ]


def _rows(least: int) -> int:
    sent = request.form.get("rows", "")
    rows = int(sent) if sent.isdecimal() and len(sent) < 4 else least
    if request.form.get("step") == "more":
        rows += MORE_ROWS
    return min(max(rows, 1), MOST_LINES)


def _is_sent(form: Any) -> bool:
    """Whether the form was sent to be saved, not to search for a customer or for more rows."""
    return bool(form.is_submitted() and not form.is_searching and request.form.get("step") != "more")


def _values(form: Any, currency: str) -> dict[str, Any]:
    """The fields of a command; adds an error to each field that cannot be read."""
    values = {
        name: form[name].data for name in ("order_number", "buyer_reference", "language", "note", "terms")
    }
    values["due_on"] = form.due_on.text
    if "discount_percent" in form and form.discount_percent.data:
        reason = form.discount_reason.data or "Discount"
        values["discounts"] = [{"reason": reason, "percent": form.discount_percent.data}]
    if form.early_percent.data or form.early_days.data:
        days = (form.early_days.data or "").strip()
        values["early_payment"] = {
            "percent": form.early_percent.data,
            "days": int(days) if days.isdecimal() and len(days) < 5 else -1,
        }
    values["lines"] = [
        one for number in range(form.row_count) if (one := _line(form, number, currency)) is not None
    ]
    return values


def _line(form: Any, number: int, currency: str) -> dict[str, Any] | None:
    """A line as in the command; None for an empty row, where others follow."""
    at = f"line{number}_"
    text = {name: (form[f"{at}{name}"].data or "") for name in ("description", "price", "discount", "sold")}
    if not (text["description"].strip() or text["price"].strip()):
        return None
    amount = read_money(text["price"], currency)
    if amount is None:
        wrong = gettext("“%(text)s” is not an amount in %(currency)s.", text=text["price"], currency=currency)
        form.add_error(f"/lines/{number}/unit_price", wrong)
        amount = 0
    line: dict[str, Any] = {
        "description": text["description"],
        "quantity": form[f"{at}quantity"].data or "1",
        "unit": form[f"{at}unit"].data,
        "unit_price": {"amount_minor": amount, "currency": currency},
        "tax_rate": form[f"{at}tax_rate"].data,
    }
    line |= _discount(form, number, text["discount"].strip(), currency)
    for name in ("service_from", "service_to"):
        if form[f"{at}{name}"].text:
            line[name] = form[f"{at}{name}"].text
    if text["sold"]:
        line["sold"] = text["sold"]
    return line


def _discount(form: Any, number: int, text: str, currency: str) -> dict[str, Any]:
    """The discount of a line: 10% or an amount."""
    if not text:
        return {}
    if text.endswith("%"):
        percent = read_decimal(text)
        if percent is None:
            form.add_error(f"/lines/{number}/discount", wrong_decimal(text))
            return {}
        return {"discount_percent": percent}
    amount = read_money(text, currency)
    if amount is None:
        wrong = gettext(
            "“%(text)s” is neither a percentage nor an amount in %(currency)s.", text=text, currency=currency
        )
        form.add_error(f"/lines/{number}/discount", wrong)
        return {}
    return {"discount": {"amount_minor": amount, "currency": currency}}


def _stored(invoice: InvoiceDetail) -> dict[str, Any]:
    early = invoice.early_payment
    discount = next((one for one in invoice.discounts if one.percent), None)
    values: dict[str, Any] = {
        "version": str(invoice.version),
        "due_on": invoice.due_on,
        "order_number": invoice.order_number,
        "buyer_reference": invoice.buyer_reference,
        "language": invoice.language,
        "note": invoice.note,
        "terms": invoice.terms,
        "discount_percent": discount.percent if discount else None,
        "discount_reason": discount.reason if discount else None,
        "early_percent": early.percent if early else None,
        "early_days": str(early.days) if early else None,
    }
    for number, one in enumerate(invoice.lines):
        at = f"line{number}_"
        values |= {
            f"{at}description": one.description,
            f"{at}quantity": one.quantity,
            f"{at}unit": one.unit,
            f"{at}price": typed_money(one.unit_price.amount_minor, invoice.currency),
            f"{at}discount": _discount_text(one),
            f"{at}tax_rate": one.tax_rate,
            f"{at}service_from": one.service_from,
            f"{at}service_to": one.service_to,
            f"{at}sold": one.sold,
        }
    return values


def _discount_text(line: InvoiceLineView) -> str:
    if line.discount_percent:
        return f"{decimal_text(line.discount_percent)}%"
    amount = line.discount.amount_minor
    return typed_money(amount, line.discount.currency) if amount else ""


def _page(form: Any, invoice: InvoiceDetail | None) -> tuple[str, int]:
    with desk().read(actor()) as tx:
        form.load_options(tx)
    form.rows.data = str(form.row_count)
    page = render_template(
        "billing/draft.html",
        form=form,
        invoice=invoice,
        lines=[
            {name: form[f"line{number}_{name}"] for name in LINE_FIELDS} for number in range(form.row_count)
        ],
    )
    return page, 422 if form.has_errors else 200
