"""The form for a new contract."""

from collections.abc import Callable
from typing import Any, ClassVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectField, StringField
from wtforms.validators import InputRequired

from web.languages import Texts, gettext, lazy_text, mark
from web.pages.context import actor, desk, settings
from web.pages.contracts.forms import OVERAGE_RATE
from web.pages.contracts.limits import POINTERS, OverageFields, limit_given
from web.pages.contracts.sale_items import (
    item_fields,
    item_pointers,
    item_rows,
    load_products,
    sale_items,
)
from web.pages.contracts.sale_top_up import AutoTopUpFields, sale_top_up
from web.pages.contracts.terms import list_prices_text, usual_terms
from web.pages.forms.base import Explicit, attempt_once
from web.pages.forms.effects import EffectPreview, effect_response, preview_effect
from web.pages.forms.fields import (
    CapField,
    CountField,
    DayField,
    DecimalField,
    DurationField,
    MoneyField,
    SpanField,
    listed,
    select_options,
)
from web.pages.forms.pickers import RecordField
from web.pages.wording.formats import duration_words, incidents_text, money_text
from web.pages.wording.labels import TIME_EXPIRED
from web.pages.wording.settings import SCOPE_CHOICES
from workflows.billing.sold.sold_once import sold_once_choices
from workflows.commands.contracts import NewContract
from workflows.commands.rounding import RoundingTerms
from workflows.contracts.permitted_actions import SELLERS
from workflows.contracts.queries import contract_types, read_contract
from workflows.contracts.use_cases import create_contract
from workflows.core.transaction import Transaction
from workflows.views.contracts import ContractTypeView
from workflows.work.work_types import known_work_types

pages = Blueprint("contract_sell", __name__, url_prefix="/contracts")

ACTIVATION_CHOICES = Texts(
    {
        "": mark("Automatically, once it has started and been paid if required"),
        "yes": mark("Immediately; a later start moves to now"),
        "no": mark("Only when someone enables it"),
    }
)


class ContractForm(OverageFields, AutoTopUpFields):
    type = RadioField(lazy_text("Type"), [InputRequired(lazy_text("Select an option."))])
    holder = RecordField(
        lazy_text("Holder"),
        ["org_unit", "customer", "item"],
        placeholder=lazy_text("Name, email, code or number"),
        description=lazy_text("Covers an org unit including its sub-units, one customer, or one item."),
    )
    starts_on = DayField(lazy_text("First day"), description=lazy_text("Defaults to today."))
    ends_on = DayField(
        lazy_text("Last day"), description=lazy_text("Defaults to the duration of the contract type.")
    )
    minutes = DurationField(
        lazy_text("Hours"),
        unit="hours",
        description=lazy_text("Per month for types with a monthly allocation."),
    )
    incidents = CountField(lazy_text("Incidents"))
    money = MoneyField(
        lazy_text("Amount to use"),
        description=lazy_text("For types that draw money, at the rates of the rate card."),
    )
    price = MoneyField(
        lazy_text("Price"),
        description=lazy_text(
            "Defaults to the price in the price list on the first day, else to that of the type."
        ),
    )
    discount_percent = DecimalField(
        lazy_text("Discount in percent"), description=lazy_text("Off the price, for example 7.5.")
    )
    overage_rate = MoneyField(lazy_text("Overage rate"), description=OVERAGE_RATE)
    rate_card = SelectField(lazy_text("Rate card"))
    sla = SelectField(lazy_text("Service level"))
    time_expired = SelectField(
        lazy_text("After the contract ends"),
    )
    excluded_work_types = StringField(
        lazy_text("Excluded work types"), description=lazy_text("Separate with commas.")
    )
    excluded_item_types = StringField(
        lazy_text("Excluded item types"), description=lazy_text("Separate with commas.")
    )
    rounding_increment_minutes = SpanField(
        lazy_text("Round up to"),
        unit="minute",
        description=lazy_text("Leave the rounding empty to use that of the settings."),
    )
    rounding_minimum_minutes = SpanField(lazy_text("Minimum"), unit="minute")
    rounding_grace_minutes = SpanField(
        lazy_text("Grace"),
        unit="minute",
        description=lazy_text("Minutes past the last increment that are not charged."),
    )
    rounding_scope = SelectField(
        lazy_text("Rounding scope"),
        choices=lambda: select_options([("", gettext("As in the settings")), *SCOPE_CHOICES.items()]),
    )
    carry_over_months = CountField(
        lazy_text("Carried over for (months)"),
        description=lazy_text(
            "What a month leaves lives so many more months. 0: it expires. Defaults to the type's."
        ),
    )
    carry_over_cap = CapField(
        lazy_text("Carried over at most"),
        description=lazy_text("Of each month: 1:30 or 50%. Defaults to all."),
    )
    borrow_cap = CapField(
        lazy_text("Drawn ahead at most"),
        description=lazy_text("Of the next month: 1:30 or 50%. 0: nothing. Defaults to the type's."),
    )
    enable = RadioField(
        lazy_text("Activation"), choices=lambda: select_options(ACTIVATION_CHOICES.items()), default=""
    )

    pointer_fields: ClassVar[dict[str, str]] = {
        "/holder": "holder",
        "/holder/item": "holder",
        "/holder/customer": "holder",
        "/holder/org_unit": "holder",
        "/starts_at": "starts_on",
        "/grants": "minutes",
        "/carry_over": "carry_over_months",
        "/carry_over/cap_minutes": "carry_over_cap",
        "/carry_over/cap_percent": "carry_over_cap",
        "/borrow": "borrow_cap",
        **AutoTopUpFields.top_up_pointers,
        **POINTERS,
        "/exclusions/work_types": "excluded_work_types",
        "/exclusions/item_types": "excluded_item_types",
        "/rounding": "rounding_increment_minutes",
        **{f"/rounding/{name}": f"rounding_{name}" for name in RoundingTerms.model_fields},
    }


SaleForm: type[ContractForm] = type(
    "SaleForm",
    (ContractForm,),
    {**item_fields(), "pointer_fields": {**ContractForm.pointer_fields, **item_pointers()}},
)
"""A contract, with what is sold once with it."""


@pages.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | Response:
    form, types = _sale_form()
    if form.is_submitted() and not form.is_searching:
        command = form.checked_command(NewContract, _sale_values(form, types))
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
    form, types = _sale_form()
    if form.is_searching and "HX-Request" not in request.headers:
        return _page(form, types)

    def use_case() -> Callable[[Transaction], str] | None:
        command = form.command(NewContract, _sale_values(form, types))
        return (lambda tx: create_contract(tx, command)) if command else None

    shown = preview_effect("sell", form, use_case)
    return effect_response(shown, lambda: _page(form, types, shown))


def _sale_form() -> tuple[ContractForm, list[ContractTypeView]]:
    form, types = contract_form(SaleForm)
    with desk().read(actor()) as tx:
        load_products(form, sold_once_choices(tx))
    return form, types


def _sale_values(form: ContractForm, types: list[ContractTypeView]) -> dict[str, Any]:
    return {**contract_values(form, types), "sold_items": sale_items(form)}


def contract_form(kind: type[ContractForm] = ContractForm) -> tuple[ContractForm, list[ContractTypeView]]:
    """The form as submitted, and the types that can be sold. Raises: NotAllowed."""
    form = kind(data={"holder": request.args.get("holder", ""), "type": request.args.get("type")})
    with desk().read(actor()) as tx:
        tx.require(*SELLERS)
        types = [one for one in contract_types(tx) if set(one.held_by) - {"service_request"}]
        form.time_expired.choices = select_options(
            [
                ("", gettext("As in the settings")),
                *(one for one in TIME_EXPIRED.items() if tx.settings.invoices or one[0] != "bill"),
            ]
        )
        form.rate_card.choices = select_options(
            [
                ("", gettext("Standard")),
                *(
                    (name, card.label)
                    for name, card in tx.rules.rate_cards.items()
                    if card.currency == tx.settings.currency
                ),
            ]
        )
        form.sla.choices = select_options(
            [
                ("", gettext("As in the contract type")),
                *((sla.id, sla.label) for sla in tx.rules.slas.values()),
            ]
        )
    form.type.choices = select_options((one.key, one.label) for one in types)
    return form, types


def _page(form: ContractForm, types: list[ContractTypeView], effect: EffectPreview | None = None) -> str:
    rows = item_rows(form) if settings().invoicing else []
    return contract_page_of(form, types, "contracts/new.html", effect=effect, items=rows)


def contract_page_of(form: ContractForm, types: list[ContractTypeView], template: str, **values: Any) -> str:
    """Render a page with the fields of a contract."""
    with desk().read(actor()) as tx:
        form.load_options(tx)
        known = known_work_types(tx)
    if known:
        in_use = gettext("In use: %(types)s.", types=", ".join(known))
        form.excluded_work_types.description = f"{form.excluded_work_types.description} {in_use}"
    descriptions = {one.key: _description(one) for one in types}
    return render_template(template, form=form, descriptions=descriptions, **values)


def contract_values(form: ContractForm, types: list[ContractTypeView]) -> dict[str, Any]:
    """The submitted values of a contract of one of the types, as the fields of `NewContract`."""
    draws = next((one.draws for one in types if one.key == form.type.data), "nothing")
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
        "money": form.money.command_value,
        "price": form.price.command_value,
        "discount_percent": form.discount_percent.data,
        "overage_rate": form.overage_rate.command_value,
        "rate_card": form.rate_card.data,
        "sla": form.sla.data,
        "time_expired": form.time_expired.data,
        "exclusions": exclusions if any(exclusions.values()) else None,
        "rounding": _rounding(form),
        **_month_terms(form),
        "auto_top_up": sale_top_up(form, draws),
        "overage": form.overage.data,
        "not_to_exceed": limit_given(form),
        "enable": {"yes": True, "no": False}.get(form.enable.data or ""),
    }


def _rounding(form: ContractForm) -> dict[str, Any] | None:
    """The rounding of the contract's own; None if no field of it was filled in."""
    values = {name: form[f"rounding_{name}"].data for name in RoundingTerms.model_fields}
    return {name: value for name, value in values.items() if value not in (None, "")} or None


def _month_terms(form: ContractForm) -> dict[str, Any]:
    """What months keep and draw ahead; nothing where the type's terms hold, and null for none."""
    terms: dict[str, Any] = {}
    months, cap = form.carry_over_months.data, form.carry_over_cap.data
    if months or cap:
        terms["carry_over"] = {**({"months": months} if months is not None else {}), **(cap or {})}
    elif months == 0:
        terms["carry_over"] = Explicit(None)
    ahead = form.borrow_cap.data
    if ahead is not None:
        terms["borrow"] = ahead or Explicit(None)
    return terms


def _description(one: ContractTypeView) -> str:
    """The type's description, its default terms and its prices of today."""
    terms, prices = usual_terms(one), list_prices_text(one)
    parts = [
        one.description,
        gettext("Defaults: %(terms)s.", terms=terms) if terms else "",
        gettext("Price list: %(prices)s.", prices=prices) if prices else "",
    ]
    return " ".join(filter(None, parts))


def _sold_message(contract_id: str) -> str:
    with desk().read(actor()) as tx:
        contract = read_contract(tx, contract_id)
    balance = contract.balance
    sold = {
        "minutes": duration_words(balance.minutes.purchased),
        "incidents": incidents_text(balance.incidents.purchased),
        "money": money_text(balance.money.purchased, balance.money.currency),
    }.get(contract.draws)
    values = {"number": contract.number, "holder": contract.holder_name}
    if not sold:
        return gettext("%(number)s has been created for %(holder)s.", **values)
    return gettext("%(number)s has been created for %(holder)s with %(amount)s.", **values, amount=sold)
