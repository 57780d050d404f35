"""The form for a new contract."""

from collections.abc import Callable
from typing import Any, ClassVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectField, StringField
from wtforms.validators import InputRequired

from web.pages.context import actor, desk
from web.pages.contracts.terms import usual_terms
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.forms.effects import EffectPreview, effect_response, preview_effect
from web.pages.forms.fields import (
    CountField,
    DayField,
    DurationField,
    MoneyField,
    SpanField,
    listed,
    select_options,
)
from web.pages.forms.pickers import RecordField
from web.pages.wording.formats import counted, duration_words
from web.pages.wording.labels import TIME_EXPIRED
from web.pages.wording.settings import SCOPE_CHOICES
from workflows.commands.contracts import NewContract
from workflows.commands.rounding import RoundingTerms
from workflows.contracts.permitted_actions import SELLERS
from workflows.contracts.queries import contract_types, read_contract
from workflows.contracts.use_cases import create_contract
from workflows.core.transaction import Transaction
from workflows.views.contracts import ContractTypeView
from workflows.work.work_types import known_work_types

pages = Blueprint("contract_sell", __name__, url_prefix="/contracts")

ACTIVATION_CHOICES = [
    ("", "Automatically, once it has started and been paid if required"),
    ("yes", "Immediately; a later start moves to now"),
    ("no", "Only when someone enables it"),
]


class ContractForm(KeyedForm):
    type = RadioField("Type", [InputRequired("Select an option.")])
    holder = RecordField(
        "Holder",
        ["org_unit", "customer", "item"],
        placeholder="Name, email, code or number",
        description="Covers an org unit including its sub-units, one customer, or one item.",
    )
    starts_on = DayField("First day", description="Defaults to today.")
    ends_on = DayField("Last day", description="Defaults to the duration of the contract type.")
    minutes = DurationField(
        "Hours", unit="hours", description="Per month for types with a monthly allocation."
    )
    incidents = CountField("Incidents")
    price = MoneyField("Price")
    overage_rate = MoneyField(
        "Overage rate", description="Hourly price of time worked after the contract ends, if it is billed."
    )
    rate_card = SelectField("Rate card")
    sla = SelectField("Service level")
    time_expired = SelectField(
        "After the contract ends",
    )
    excluded_work_types = StringField("Excluded work types", description="Separate with commas.")
    excluded_item_types = StringField("Excluded item types", description="Separate with commas.")
    rounding_increment_minutes = SpanField(
        "Round up to", unit="minute", description="Leave the rounding empty to use that of the settings."
    )
    rounding_minimum_minutes = SpanField("Minimum", unit="minute")
    rounding_grace_minutes = SpanField(
        "Grace", unit="minute", description="Minutes past the last increment that are not charged."
    )
    rounding_scope = SelectField(
        "Rounding scope", choices=select_options([("", "As in the settings"), *SCOPE_CHOICES])
    )
    enable = RadioField("Activation", choices=select_options(ACTIVATION_CHOICES), default="")

    pointer_fields: ClassVar[dict[str, str]] = {
        "/holder": "holder",
        "/holder/item": "holder",
        "/holder/customer": "holder",
        "/holder/org_unit": "holder",
        "/starts_at": "starts_on",
        "/grants": "minutes",
        "/exclusions/work_types": "excluded_work_types",
        "/exclusions/item_types": "excluded_item_types",
        "/rounding": "rounding_increment_minutes",
        **{f"/rounding/{name}": f"rounding_{name}" for name in RoundingTerms.model_fields},
    }


@pages.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | Response:
    form, types = _form()
    if form.is_submitted() and not form.is_searching:
        command = form.checked_command(NewContract, _values(form))
        contract_id = (
            attempt_once(form, lambda tx: create_contract(tx, command), command) if command else None
        )
        if contract_id:
            flash(_sold_message(contract_id), "success")
            return redirect(url_for("contract.show", contract_id=contract_id))
    return _page(form, types), 422 if form.has_errors else 200


@pages.post("/new/effect")
def preview() -> str:
    """Preview the sale, with the requests that it opens: a fragment for htmx, otherwise the page."""
    form, types = _form()
    if form.is_searching and "HX-Request" not in request.headers:
        return _page(form, types)

    def use_case() -> Callable[[Transaction], str] | None:
        command = form.command(NewContract, _values(form))
        return (lambda tx: create_contract(tx, command)) if command else None

    shown = preview_effect("sell", form, use_case)
    return effect_response(shown, lambda: _page(form, types, shown))


def _form() -> tuple[ContractForm, list[ContractTypeView]]:
    """The form as submitted, and the types that can be sold. Raises: NotAllowed."""
    form = ContractForm(data={"holder": request.args.get("holder", ""), "type": request.args.get("type")})
    with desk().read(actor()) as tx:
        tx.require(*SELLERS)
        types = [one for one in contract_types(tx) if set(one.held_by) - {"service_request"}]
        form.time_expired.choices = select_options(
            [
                ("", "As in the settings"),
                *(one for one in TIME_EXPIRED.items() if tx.settings.invoices or one[0] != "bill"),
            ]
        )
        form.rate_card.choices = select_options(
            [
                ("", "Standard"),
                *(
                    (name, card.label)
                    for name, card in tx.rules.rate_cards.items()
                    if card.currency == tx.settings.currency
                ),
            ]
        )
        form.sla.choices = select_options(
            [
                ("", "As in the contract type"),
                *((sla.id, sla.label) for sla in tx.rules.slas.values()),
            ]
        )
    form.type.choices = select_options((one.key, one.label) for one in types)
    return form, types


def _page(form: ContractForm, types: list[ContractTypeView], effect: EffectPreview | None = None) -> str:
    with desk().read(actor()) as tx:
        form.load_options(tx)
        known = known_work_types(tx)
    if known:
        form.excluded_work_types.description += f" In use: {', '.join(known)}."
    descriptions = {one.key: _description(one) for one in types}
    return render_template("contracts/new.html", form=form, descriptions=descriptions, effect=effect)


def _values(form: ContractForm) -> dict[str, Any]:
    exclusions = {
        "work_types": listed(form.excluded_work_types.data),
        "item_types": listed(form.excluded_item_types.data),
    }
    return {
        "type": form.type.data,
        "holder": form.holder.command_value,
        "starts_on": form.starts_on.text,
        "ends_on": form.ends_on.text,
        "minutes": form.minutes.data,
        "incidents": form.incidents.data,
        "price": form.price.command_value,
        "overage_rate": form.overage_rate.command_value,
        "rate_card": form.rate_card.data,
        "sla": form.sla.data,
        "time_expired": form.time_expired.data,
        "exclusions": exclusions if any(exclusions.values()) else None,
        "rounding": _rounding(form),
        "enable": {"yes": True, "no": False}.get(form.enable.data or ""),
    }


def _rounding(form: ContractForm) -> dict[str, Any] | None:
    """The rounding of the contract's own; None if no field of it was filled in."""
    values = {name: form[f"rounding_{name}"].data for name in RoundingTerms.model_fields}
    return {name: value for name, value in values.items() if value not in (None, "")} or None


def _description(one: ContractTypeView) -> str:
    """The type's description and its default terms."""
    terms = usual_terms(one)
    return f"{one.description} Defaults: {terms}." if terms else one.description


def _sold_message(contract_id: str) -> Markup:
    with desk().read(actor()) as tx:
        contract = read_contract(tx, contract_id)
    sold = {
        "minutes": duration_words(contract.balance.minutes.purchased) if contract.balance.minutes else "",
        "incidents": counted(contract.balance.incidents.purchased, "incident")
        if contract.balance.incidents
        else "",
    }.get(contract.draws)
    amount = f" with {sold}" if sold else ""
    return Markup("{} has been created for {}{}.").format(contract.number, contract.holder_name, amount)
