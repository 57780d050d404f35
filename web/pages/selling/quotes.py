"""Quotes: writing, sending and deciding about them; customers see and decide those that were sent to them."""

from functools import partial
from typing import Any, ClassVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectField, StringField, TextAreaField

from engine.quotes import QUOTE_STATES, Decision
from web.languages import gettext, lazy_text
from web.pages.context import actor, desk, require_role
from web.pages.contracts.sell import ContractForm, contract_form, contract_page_of, contract_values
from web.pages.forms.base import ActionForm, DeskForm, Explicit, KeyedForm, attempt_once
from web.pages.forms.effects import EffectPreview, effect_response, preview_effect
from web.pages.forms.fields import DayField, DecimalField, MoneyField, select_options
from web.pages.forms.pickers import RecordField
from web.pages.layout.list_links import keep_list
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.billing import percent_text, reason_text
from web.pages.wording.formats import decimal_text, plain_money
from workflows.commands.quotes import ChangeQuote, DecideQuote, NewQuote, QuoteLineGiven, SendQuote
from workflows.core.actors import OFFICE
from workflows.core.transaction import Transaction
from workflows.languages.formats import money_text
from workflows.selling.price_list_queries import all_products
from workflows.selling.quote_decisions import decide_quote
from workflows.selling.quote_queries import list_quotes, read_quote
from workflows.selling.quotes import add_line, change_quote, create_quote, remove_line, send_quote
from workflows.selling.statements import statement_of
from workflows.views.quotes import QuoteVersionView, QuoteView

pages = Blueprint("quotes", __name__, url_prefix="/quotes")
keep_list(pages, "quote_id")
CSV_HEADER = [
    "number", "customer", "org_unit", "party", "subject", "version", "state", "total", "currency", "last_on",
    "sent_at",
]  # fmt: skip
DECISIONS: dict[str, Decision] = {"accept": "accepted", "decline": "declined"}


class QuoteForm(KeyedForm):
    party = RecordField(
        lazy_text("For"), ["customer", "org_unit"], placeholder=lazy_text("Name, email or code")
    )
    subject = StringField(lazy_text("Subject"), description=lazy_text("What the quote is about."))
    last_on = DayField(lazy_text("Last day"), description=lazy_text("Until then it can be accepted."))
    note = TextAreaField(lazy_text("Note"), description=lazy_text("Shown on the quote."))

    pointer_fields: ClassVar[dict[str, str]] = {"/customer": "party", "/org_unit": "party"}


class ChangeForm(KeyedForm):
    subject = StringField(lazy_text("Subject"))
    last_on = DayField(lazy_text("Last day"), description=lazy_text("Until then it can be accepted."))
    note = TextAreaField(lazy_text("Note"), description=lazy_text("Shown on the quote."))


class LineForm(KeyedForm):
    product = SelectField(
        lazy_text("Product"), description=lazy_text("Today's price is used if none is given.")
    )
    description = StringField(
        lazy_text("Description"), description=lazy_text("Defaults to the name of the product.")
    )
    quantity = DecimalField(lazy_text("Quantity"), default="1")
    unit = StringField(lazy_text("Unit"))
    unit_price = MoneyField(lazy_text("Price of one"))
    discount_percent = DecimalField(lazy_text("Discount in percent"))
    tax_rate = SelectField(lazy_text("Tax"))

    pointer_fields: ClassVar[dict[str, str]] = {"": "product"}


class QuotedContractForm(ContractForm):
    """The terms of a contract, whose errors have the pointers of a quote's line."""

    tax_rate = SelectField(lazy_text("Tax"))

    pointer_fields: ClassVar[dict[str, str]] = {
        **{f"/contract{pointer}": name for pointer, name in ContractForm.pointer_fields.items()},
        **{
            f"/contract/{name}": name
            for name in ("type", "starts_on", "ends_on", "minutes", "incidents", "money", "sla", "rate_card")
        },
        "/contract/overage_rate": "overage_rate",
        "/contract/time_expired": "time_expired",
        "/unit_price": "price",
    }


class SendForm(KeyedForm):
    recipient = StringField(
        lazy_text("Send to"), description=lazy_text("Defaults to the customer's address.")
    )


class DecisionForm(KeyedForm):
    number = HiddenField()
    name = StringField(lazy_text("Who decided"), description=lazy_text("As the customer said."))
    comment = TextAreaField(lazy_text("Comment"))

    pointer_fields: ClassVar[dict[str, str]] = {"/version": "comment"}


@pages.get("")
def quotes() -> str | Response:
    filters = query_filters("q", "state", "customer", "org_unit", "order")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_quotes(tx, **filters, **at))
            table = [
                [
                    one.number,
                    one.customer,
                    one.org_unit,
                    one.party_name,
                    one.subject,
                    one.latest,
                    one.state,
                    plain_money(one.total.amount_minor, one.total.currency),
                    one.total.currency,
                    one.last_on,
                    one.sent_at,
                ]
                for one in rows
            ]
            return csv_response("quotes", CSV_HEADER, table)
        page = list_quotes(tx, **filters, **counted_page())
    return render_template("selling/quotes/index.html", page=page, filters=filters, states=QUOTE_STATES)


@pages.get("/<quote_id>")
def show(quote_id: str) -> str:
    return _page(quote_id)


@pages.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | Response:
    require_role(*OFFICE)
    form = QuoteForm(data={"party": request.args.get("party", "")})
    if form.is_submitted() and not form.is_searching:
        values = {
            **(form.party.command_value or {}),
            "subject": form.subject.data,
            "note": form.note.data,
            "last_on": form.last_on.text,
        }
        command = form.checked_command(NewQuote, values)
        quote_id = attempt_once(form, lambda tx: create_quote(tx, command), command) if command else None
        if quote_id:
            flash(gettext("The quote has been created. Add what it offers."), "success")
            return redirect(url_for("quotes.show", quote_id=quote_id))
    with desk().read(actor()) as tx:
        form.load_options(tx)
    return render_template("selling/quotes/new.html", form=form), 422 if form.has_errors else 200


@pages.route("/<quote_id>/edit", methods=["GET", "POST"])
def edit(quote_id: str) -> tuple[str, int] | Response:
    quote = _editable(quote_id)
    latest = quote.versions[0]
    form = ChangeForm(data={"subject": latest.subject, "last_on": latest.last_on, "note": latest.note})
    if form.is_submitted():
        values = {
            "subject": form.subject.data,
            "last_on": form.last_on.text,
            "note": Explicit(form.note.data or ""),
        }
        command = form.checked_command(ChangeQuote, values)
        if command and attempt_once(form, lambda tx: change_quote(tx, quote_id, command), command):
            flash(gettext("Saved."), "success")
            return redirect(url_for("quotes.show", quote_id=quote_id))
    page = render_template("selling/quotes/edit.html", form=form, quote=quote)
    return page, 422 if form.has_errors else 200


@pages.route("/<quote_id>/lines/new", methods=["GET", "POST"])
def new_line(quote_id: str) -> tuple[str, int] | Response:
    quote = _editable(quote_id)
    form = LineForm()
    with desk().read(actor()) as tx:
        listed = [one for one in all_products(tx) if one.kind != "contract_type"]
        form.product.choices = select_options(
            [("", gettext("None: as described")), *((one.id, f"{one.label} ({one.code})") for one in listed)]
        )
        form.tax_rate.choices = _tax_rates(tx)
    if form.is_submitted():
        values = {
            "product": form.product.data,
            "description": form.description.data,
            "quantity": form.quantity.data,
            "unit": form.unit.data,
            "unit_price": form.unit_price.command_value,
            "discount_percent": form.discount_percent.data,
            "tax_rate": form.tax_rate.data,
        }
        command = form.checked_command(QuoteLineGiven, values)
        if command and attempt_once(form, lambda tx: add_line(tx, quote_id, command), command):
            flash(gettext("The line has been added."), "success")
            return redirect(url_for("quotes.show", quote_id=quote_id))
    page = render_template("selling/quotes/line.html", form=form, quote=quote)
    return page, 422 if form.has_errors else 200


@pages.route("/<quote_id>/contracts/new", methods=["GET", "POST"])
def new_contract(quote_id: str) -> tuple[str, int] | Response:
    quote = _editable(quote_id)
    form, types = contract_form(QuotedContractForm)
    with desk().read(actor()) as tx:
        form["tax_rate"].choices = _tax_rates(tx)
    if form.is_submitted() and not form.is_searching:
        terms = contract_values(form, types)
        own = {name: terms.pop(name) for name in ("price", "discount_percent", "enable")}
        contract = {
            name: value.value if isinstance(value, Explicit) else value
            for name, value in terms.items()
            if isinstance(value, Explicit) or value not in (None, "", [])
        }
        values = {
            "contract": contract,
            "unit_price": own["price"],
            "discount_percent": own["discount_percent"],
            "tax_rate": form["tax_rate"].data,
        }
        command = form.checked_command(QuoteLineGiven, values)
        if command and attempt_once(form, lambda tx: add_line(tx, quote_id, command), command):
            flash(gettext("The contract has been added."), "success")
            return redirect(url_for("quotes.show", quote_id=quote_id))
    page = contract_page_of(form, types, "selling/quotes/contract.html", quote=quote)
    return page, 422 if form.has_errors else 200


@pages.post("/<quote_id>/lines/<position>/remove")
def remove(quote_id: str, position: str) -> tuple[str, int] | Response:
    form = ActionForm()
    place = int(position) if position.isascii() and position.isdecimal() and len(position) < 5 else -1
    if form.validate_on_submit() and attempt_once(form, lambda tx: remove_line(tx, quote_id, place)):
        flash(gettext("The line has been removed."), "success")
        return redirect(url_for("quotes.show", quote_id=quote_id))
    return _page(quote_id, refused=form), 422


@pages.post("/<quote_id>/send")
def send(quote_id: str) -> tuple[str, int] | Response:
    form = SendForm()
    command = form.checked_command(SendQuote, {"recipient": form.recipient.data})
    if command and attempt_once(form, lambda tx: send_quote(tx, quote_id, command), command):
        flash(gettext("The quote has been sent."), "success")
        return redirect(url_for("quotes.show", quote_id=quote_id))
    return _page(quote_id, sending=form), 422


@pages.post("/<quote_id>/<decision>")
def decide(quote_id: str, decision: str) -> tuple[str, int] | Response:
    """Accept or decline the version that the page showed."""
    if decision not in DECISIONS:
        raise NotFound
    form = DecisionForm()
    command = _decision(form) if form.validate_on_submit() else None
    use_case = partial(_decide, quote_id, command, DECISIONS[decision], request.remote_addr or "")
    if command and attempt_once(form, use_case, command):
        accepted, declined = gettext("The quote is accepted."), gettext("The quote is declined.")
        flash(accepted if decision == "accept" else declined, "success")
        return redirect(url_for("quotes.show", quote_id=quote_id))
    return _page(quote_id, deciding=form), 422


@pages.post("/<quote_id>/accept/effect")
def preview(quote_id: str) -> str:
    """Preview the contracts of an acceptance, and the requests that they open."""
    form = DecisionForm()
    shown = preview_effect(
        "accept", form, lambda: partial(_decide, quote_id, _decision(form), "accepted", "")
    )
    return effect_response(shown, lambda: _page(quote_id, deciding=form, effect=shown))


def acceptance_text(quote: QuoteView, version: QuoteVersionView) -> str:
    """What someone agrees to who accepts a version, word for word as it is stored."""
    total = money_text(version.total.amount_minor, version.total.currency)
    return statement_of("accepted", quote.number, version.number, total)


def _decision(form: DecisionForm) -> DecideQuote | None:
    number = form.number.data or ""
    values = {
        "version": int(number) if number.isascii() and number.isdecimal() and len(number) < 5 else None,
        "name": form.name.data,
        "comment": form.comment.data,
    }
    return form.command(DecideQuote, values)


def _decide(
    quote_id: str, command: DecideQuote | None, decision: Decision, address: str, tx: Transaction
) -> str:
    return decide_quote(tx, quote_id, command or DecideQuote(), decision, address)


def _tax_rates(tx: Transaction) -> list[Any]:
    rates = [(one.name, one.name) for one in tx.settings.tax_rates]
    return select_options([("", gettext("As in the price list")), *rates])


def _editable(quote_id: str) -> QuoteView:
    require_role(*OFFICE)
    with desk().read(actor()) as tx:
        return read_quote(tx, quote_id)


def _page(
    quote_id: str,
    *,
    sending: SendForm | None = None,
    deciding: DecisionForm | None = None,
    refused: DeskForm | None = None,
    effect: EffectPreview | None = None,
) -> str:
    with desk().read(actor()) as tx:
        quote = read_quote(tx, quote_id)
    open_version = next((one for one in quote.versions if one.state == "sent"), None)
    number = str(open_version.number) if open_version else ""
    return render_template(
        "selling/quotes/show.html",
        quote=quote,
        open_version=open_version,
        sending=sending or SendForm(formdata=None),
        deciding=deciding or DecisionForm(formdata=None, data={"number": number}),
        action=ActionForm(formdata=None),
        refused=[one for one in (sending, deciding, refused) if one is not None],
        effect=effect,
        acceptance_text=acceptance_text,
        decimal=decimal_text,
        percent=percent_text,
        reason_text=reason_text,
    )
