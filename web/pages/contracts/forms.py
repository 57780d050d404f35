"""The forms of a contract page, limited to the actions its state and the user's role permit."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from web.languages import Texts, gettext, lazy_text, mark
from web.pages.context import actor, desk
from web.pages.contracts.limits import NAMES as LIMIT_NAMES
from web.pages.contracts.limits import POINTERS, OverageFields, limit_data, limit_given
from web.pages.forms.base import DeskForm, Explicit, KeyedForm
from web.pages.forms.fields import (
    CountField,
    DayField,
    DecimalField,
    DurationField,
    MoneyField,
    listed,
    select_options,
)
from web.pages.forms.pickers import RecordField
from web.pages.wording.formats import amount_text, period_text
from web.pages.wording.labels import TIME_EXPIRED, readable
from web.statement_labels import GRANT_KINDS
from workflows.billing.invoicing.actions import ISSUERS
from workflows.contracts.permitted_actions import SELLERS, is_renewable, possible_actions
from workflows.contracts.queries import list_contracts
from workflows.core.actors import Role
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.sold_items import awaits_invoice
from workflows.views.contracts import ContractDetail, GrantView

OVERAGE_RATE = lazy_text("Hourly price of time worked after the contract ends, if it is billed.")
AUTO_TOP_UP_CHOICES = Texts(
    {
        "": mark("Do nothing"),
        "warn": mark("Only warn"),
        "draft": mark("Prepare a top-up that someone confirms"),
        "issue": mark("Top up at once"),
    }
)


class _EffectiveForm(KeyedForm):
    """A form with the day from which the action holds, and why it is taken."""

    effective_on = DayField(lazy_text("Effective from"), description=lazy_text("Defaults to now."))
    reason = TextAreaField(lazy_text("Reason"), description=lazy_text("Stored in the contract's history."))

    pointer_fields: ClassVar[dict[str, str]] = {"/effective_at": "effective_on"}


class EnableForm(_EffectiveForm):
    """Activate the contract, now or on a later day."""


class _AmountForm(KeyedForm):
    minutes = DurationField(lazy_text("Hours"), unit="hours")
    incidents = CountField(lazy_text("Incidents"))
    money = MoneyField(lazy_text("Amount"))


class TopUpForm(_AmountForm, _EffectiveForm):
    effective_on = DayField(lazy_text("From"), description=lazy_text("Defaults to now."))
    expires_on = DayField(
        lazy_text("Last day"), description=lazy_text("Defaults to the end of the contract.")
    )
    price = MoneyField(lazy_text("Price"))
    priority = CountField(
        lazy_text("Priority"), description=lazy_text("The lowest number is drawn first. Defaults to 100.")
    )
    work_types = StringField(lazy_text("Only for work types"), description=lazy_text("Separate with commas."))
    item_types = StringField(lazy_text("Only for item types"), description=lazy_text("Separate with commas."))
    reason = TextAreaField(lazy_text("Reason"), description=lazy_text("Shown in the statement."))

    pointer_fields: ClassVar[dict[str, str]] = {
        **_EffectiveForm.pointer_fields,
        "/expires_at": "expires_on",
        "/price": "price",
        "/scope": "work_types",
    }


class AutoTopUpForm(_AmountForm):
    """What happens by itself when little is left; the current terms are filled in."""

    mode = RadioField(
        lazy_text("When little is left"),
        choices=lambda: select_options(AUTO_TOP_UP_CHOICES.items()),
        default="",
    )
    below = DurationField(lazy_text("When no more is left than"), unit="hours")
    below_incidents = CountField(lazy_text("When no more incidents are left than"))
    below_money = MoneyField(lazy_text("When no more is left than"))
    price = MoneyField(lazy_text("Price of a top-up"))
    most_per_month = CountField(lazy_text("At most per month"), description=lazy_text("Defaults to 1."))
    reason = TextAreaField(lazy_text("Reason"), description=lazy_text("Stored in the contract's history."))

    pointer_fields: ClassVar[dict[str, str]] = {
        "/auto_top_up/mode": "mode",
        "/auto_top_up/below": "below",
        "/auto_top_up/minutes": "minutes",
        "/auto_top_up/incidents": "incidents",
        "/auto_top_up/money": "money",
        "/auto_top_up/price": "price",
        "/auto_top_up/most_per_month": "most_per_month",
        "/auto_top_up": "mode",
    }


BELOW_FIELDS = {"minutes": "below", "incidents": "below_incidents", "money": "below_money"}
"""The field of the threshold by what a contract is measured in."""


class AdjustForm(_AmountForm, _EffectiveForm):
    way = RadioField(
        lazy_text("Adjustment"),
        [InputRequired(lazy_text("Select an option."))],
        choices=lambda: select_options(
            [
                ("grant", gettext("Add to the balance")),
                ("withdraw", gettext("Withdraw from the balance")),
            ]
        ),
    )
    grant = SelectField(
        lazy_text("Withdraw from"),
        description=lazy_text("From one grant, what work has drawn can be withdrawn too."),
        validate_choice=False,
    )
    reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("Shown in the statement."),
    )


class RenewForm(_AmountForm):
    ends_on = DayField(lazy_text("Last day"), description=lazy_text("Defaults to the same duration."))
    co_terminate_with = StringField(
        lazy_text("Ends together with"),
        description=lazy_text("Number of a contract; the price is then pro rata by days."),
    )
    price = MoneyField(lazy_text("Price"), description=lazy_text("Defaults to the same price."))
    uplift_percent = DecimalField(
        lazy_text("Uplift in percent"), description=lazy_text("Raises the same price, for example 3.5.")
    )
    uplift_amount = MoneyField(
        lazy_text("Uplift as an amount"), description=lazy_text("Added to the same price.")
    )
    reason = TextAreaField(lazy_text("Reason"), description=lazy_text("Stored in the contract's history."))

    pointer_fields: ClassVar[dict[str, str]] = {
        "/uplift/percent": "uplift_percent",
        "/uplift/amount": "uplift_amount",
        "/uplift": "uplift_percent",
    }


class AmendForm(OverageFields, _EffectiveForm):
    """The terms as they are; what differs when it is submitted changes."""

    ends_on = DayField(lazy_text("Last day"))
    price = MoneyField(lazy_text("Price"))
    overage_rate = MoneyField(lazy_text("Overage rate"), description=OVERAGE_RATE)
    sla = SelectField(lazy_text("Service level"), validate_choice=False)
    time_expired = SelectField(lazy_text("After the contract ends"), validate_choice=False)
    excluded_work_types = StringField(
        lazy_text("Excluded work types"), description=lazy_text("Separate with commas.")
    )
    excluded_item_types = StringField(
        lazy_text("Excluded item types"), description=lazy_text("Separate with commas.")
    )
    reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("Stored with the change."),
    )

    pointer_fields: ClassVar[dict[str, str]] = {
        **_EffectiveForm.pointer_fields,
        "/price": "price",
        "/overage_rate": "overage_rate",
        **POINTERS,
        "/exclusions/work_types": "excluded_work_types",
        "/exclusions/item_types": "excluded_item_types",
    }


class TransferForm(_EffectiveForm):
    holder = RecordField(
        lazy_text("New holder"),
        ["org_unit", "customer", "item"],
        placeholder=lazy_text("Name, email, code or number"),
    )
    reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("Stored with the change."),
    )

    pointer_fields: ClassVar[dict[str, str]] = {
        **_EffectiveForm.pointer_fields,
        **{f"/holder{kind}": "holder" for kind in ("", "/item", "/customer", "/org_unit")},
    }


class CancelForm(_EffectiveForm):
    credit_unused = BooleanField(lazy_text("Credit the unused part"))
    reason = TextAreaField(lazy_text("Reason"), [InputRequired(lazy_text("This field is required."))])

    pointer_fields: ClassVar[dict[str, str]] = {
        **_EffectiveForm.pointer_fields,
        "/credit_unused": "credit_unused",
    }


class CreditUnusedForm(KeyedForm):
    """Credit the unused part of a contract that was cancelled."""

    reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("The customer reads it."),
    )


FORMS: dict[str, Callable[..., Any]] = {
    "enable": partial(EnableForm, prefix="enable_"),
    "top_up": partial(TopUpForm, prefix="topup_"),
    "auto_top_up": partial(AutoTopUpForm, prefix="auto_"),
    "adjust": partial(AdjustForm, prefix="adjust_"),
    "renew": partial(RenewForm, prefix="renew_"),
    "amend": partial(AmendForm, prefix="amend_"),
    "transfer": partial(TransferForm, prefix="transfer_"),
    "cancel": partial(CancelForm, prefix="cancel_"),
    "credit_unused": partial(CreditUnusedForm, prefix="credit_"),
}
"""The form class of each action; call it with `formdata=None` for an empty form."""


def forms_for(
    tx: Transaction,
    contract: ContractDetail,
    role: Role,
    submitted: dict[str, DeskForm],
    *,
    unused_part: Sequence[object] = (),
) -> dict[str, DeskForm]:
    """The forms of the permitted actions; a submitted form is included as submitted.

    `unused_part` is what of the contract can be credited: without any, crediting is not offered.
    """
    possible = possible_actions(
        role,
        state=contract.state,
        pending_reason=contract.pending_reason,
        draws=contract.draws,
        has_end=is_renewable(contract.type, next(iter(contract.holder)), contract.expires_at),
        is_renewed=contract.renewed_by is not None,
        holder_kind=next(iter(contract.holder)),
        awaits_invoice=awaits_invoice(tx, contract.id),
    )
    fits = {action.replace("-", "_") for action in possible}
    may_credit = role in ISSUERS and bool(unused_part)
    if may_credit and contract.state == "cancelled":
        fits.add("credit_unused")
    forms = {
        name: submitted.get(name) or make(formdata=None, data=_filled_in(name, contract))
        for name, make in FORMS.items()
        if name in fits or (name in submitted and role in SELLERS)
    }
    for form in forms.values():
        form.load_options(tx)
    if "cancel" in forms and not may_credit and "cancel" not in submitted:
        del forms["cancel"].credit_unused
    if "adjust" in forms:
        _offer_grants(forms["adjust"], contract)
    if "amend" in forms:
        _offer_terms(tx, forms["amend"])
    return forms


def _filled_in(name: str, contract: ContractDetail) -> dict[str, Any] | None:
    """What the form of an action shows before anything is typed."""
    if name == "amend":
        return _terms(contract)
    terms = contract.auto_top_up
    if name != "auto_top_up" or terms is None:
        return None
    return {
        "mode": terms.mode,
        BELOW_FIELDS[contract.draws]: terms.below,
        contract.draws: terms.quantity,
        "price": terms.price.amount_minor if terms.price else None,
        "most_per_month": terms.most_per_month,
    }


def auto_top_up_values(form: AutoTopUpForm, draws: str) -> dict[str, Any]:
    """The terms as typed; none where nothing is to happen."""
    if not form.mode.data:
        return {"auto_top_up": Explicit(None), "reason": form.reason.data}
    given = {
        "mode": form.mode.data,
        "below": form[BELOW_FIELDS[draws]].data or 0,
        **_amounts(form, draws),
        "price": form.price.command_value,
        "most_per_month": form.most_per_month.data,
    }
    return {
        "auto_top_up": {name: value for name, value in given.items() if value is not None},
        "reason": form.reason.data,
    }


def _terms(contract: ContractDetail) -> dict[str, Any]:
    """The terms of a contract as the values of its form."""
    return {
        "ends_on": contract.ends_on,
        "price": contract.price.amount_minor if contract.price else None,
        "overage_rate": contract.overage_rate.amount_minor if contract.overage_rate else None,
        "sla": contract.sla or "",
        "time_expired": contract.time_expired or "",
        **_limit(contract),
        "excluded_work_types": ", ".join(contract.exclusions.get("work_types", [])),
        "excluded_item_types": ", ".join(contract.exclusions.get("item_types", [])),
    }


def _limit(contract: ContractDetail) -> dict[str, Any]:
    limit = contract.not_to_exceed
    minor = limit.amount.amount_minor if limit and limit.amount else None
    return limit_data(limit.minutes if limit else None, minor, limit.per if limit else None, contract.overage)


def _offer_grants(form: Any, contract: ContractDetail) -> None:
    """Offer the grants to withdraw from, each with its kind, its span and what was drawn of it."""

    def text(grant: GrantView) -> str:
        return gettext(
            "%(kind)s, %(period)s: %(drawn)s of %(purchased)s drawn",
            kind=GRANT_KINDS.get(grant.kind, readable(grant.kind).capitalize()),
            period=period_text(grant.opens_at, grant.closes_at, ZoneInfo(contract.time_zone)),
            drawn=amount_text(grant.balance.drawn, grant.unit, grant.currency),
            purchased=amount_text(grant.balance.purchased, grant.unit, grant.currency),
        )

    offered = [
        (one.id, text(one)) for one in contract.grants if one.balance.purchased and one.kind != "carry_over"
    ]
    form.grant.choices = select_options([("", gettext("What is left, last to expire first")), *offered])


def _offer_terms(tx: Transaction, form: Any) -> None:
    offered = [one for one in TIME_EXPIRED.items() if tx.settings.invoices or one[0] != "bill"]
    form.time_expired.choices = select_options([("", gettext("As in the settings")), *offered])
    levels = [(sla.id, sla.label) for sla in tx.rules.slas.values()]
    form.sla.choices = select_options([("", gettext("None")), *levels])


def top_up_values(form: TopUpForm, contract: ContractDetail) -> dict[str, Any]:
    return {
        **_amounts(form, contract.draws),
        **effective_values(form),
        "expires_at": form.expires_on.end(contract.time_zone),
        "price": form.price.command_value,
        "priority": form.priority.data,
        "scope": _scope(work_type=listed(form.work_types.data), item_type=listed(form.item_types.data)),
    }


def _scope(**values: list[str]) -> dict[str, Any] | None:
    """Conditions on work: each of these facts has one of the values; None where there are no values."""
    parts = [
        {"any": [{"name": name, "operator": "equal_to", "value": one} for one in listed_values]}
        for name, listed_values in values.items()
        if listed_values
    ]
    return {"all": parts} if parts else None


def effective_values(form: _EffectiveForm, reason: str | None = None) -> dict[str, Any]:
    """The day and the reason of an action; `reason` is used instead of the typed one, for a preview."""
    return {"effective_on": form.effective_on.text, "reason": reason or form.reason.data}


def cancel_values(form: CancelForm, reason: str | None = None) -> dict[str, Any]:
    return {**effective_values(form, reason), "credit_unused": bool(form.credit_unused.data)}


def adjust_values(form: AdjustForm, draws: str, reason: str | None = None) -> dict[str, Any]:
    sign = -1 if form.way.data == "withdraw" else 1
    if draws == "money":
        money = form.money.command_value
        amounts: dict[str, Any] = (
            {"money": {**money, "amount_minor": sign * money["amount_minor"]}} if money else {}
        )
    else:
        amounts = {name: sign * value for name, value in _amounts(form, draws).items() if value}
    grant = {"grant": form.grant.data} if form.grant.data and sign < 0 else {}
    return {**amounts, **grant, **effective_values(form, reason)}


def renew_values(form: RenewForm, draws: str) -> dict[str, Any]:
    amounts = _amounts(form, draws) if draws != "nothing" else {}
    uplift = {"percent": form.uplift_percent.data, "amount": form.uplift_amount.command_value}
    given = {name: value for name, value in uplift.items() if value is not None}
    return {
        **amounts,
        "ends_on": form.ends_on.text,
        "co_terminate_with": _contract_id(form.co_terminate_with.data),
        "price": form.price.command_value,
        "uplift": given or None,
        "reason": form.reason.data,
    }


def amend_values(form: AmendForm, contract: ContractDetail, reason: str | None = None) -> dict[str, Any]:
    """The terms that differ from those in force; a term that was emptied is sent as null."""
    before = _terms(contract)
    work_types, item_types = map(listed, (form.excluded_work_types.data, form.excluded_item_types.data))
    values = {
        "ends_on": form.ends_on.text,
        "price": form.price.command_value,
        "overage_rate": form.overage_rate.command_value,
        "sla": form.sla.data or None,
        "time_expired": form.time_expired.data or None,
        "overage": form.overage.data or None,
    }
    changed = {
        name: Explicit(value)
        for name, value in values.items()
        if _or_none(form[name].data) != _or_none(before[name])
    }
    limit = {name: _or_none(form[name].data) for name in LIMIT_NAMES}
    if limit != {name: _or_none(before[name]) for name in LIMIT_NAMES}:
        changed["not_to_exceed"] = Explicit(limit_given(form))
    if (work_types, item_types) != tuple(
        contract.exclusions.get(kind, []) for kind in ("work_types", "item_types")
    ):
        exclusions = {**contract.exclusions, "work_types": work_types, "item_types": item_types}
        changed["exclusions"] = Explicit(exclusions)
    return {**changed, **effective_values(form, reason)}


def _or_none(value: Any) -> Any:
    """None for a field that is empty; an amount of 0 is a value."""
    return None if value == "" else value


def transfer_values(form: TransferForm, reason: str | None = None) -> dict[str, Any]:
    return {"holder": form.holder.command_value, **effective_values(form, reason)}


def _contract_id(number: str | None) -> str | None:
    """The id of the contract with a typed number; the number itself if there is none, which is refused."""
    number = (number or "").strip()
    if not number:
        return None
    with desk().read(actor()) as tx:
        found = list_contracts(tx, number=number.upper(), limit=1).items
    return found[0].id if found else number


def _amounts(form: _AmountForm, draws: str) -> dict[str, Any]:
    if draws == "money":
        return {"money": form.money.command_value}
    return {"incidents": form.incidents.data} if draws == "incidents" else {"minutes": form.minutes.data}
