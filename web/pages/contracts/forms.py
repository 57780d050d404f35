"""The forms of a contract page, limited to the actions its state and the user's role permit."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from web.pages.context import actor, desk
from web.pages.forms.base import DeskForm, Explicit, KeyedForm
from web.pages.forms.fields import CountField, DayField, DurationField, MoneyField, listed, select_options
from web.pages.forms.pickers import RecordField
from web.pages.wording.labels import TIME_EXPIRED
from workflows.contracts.permitted_actions import SELLERS, is_renewable, possible_actions
from workflows.contracts.queries import list_contracts
from workflows.core.actors import Role
from workflows.core.transaction import Transaction
from workflows.views.contracts import ContractDetail

REQUIRED = "This field is required."


class _EffectiveForm(KeyedForm):
    """A form with the day from which the action holds, and why it is taken."""

    effective_on = DayField("Effective from", description="Defaults to now.")
    reason = TextAreaField("Reason", description="Stored in the contract's history.")

    pointer_fields: ClassVar[dict[str, str]] = {"/effective_at": "effective_on"}


class EnableForm(_EffectiveForm):
    """Activate the contract, now or on a later day."""


class _AmountForm(KeyedForm):
    minutes = DurationField("Hours", unit="hours")
    incidents = CountField("Incidents")


class TopUpForm(_AmountForm, _EffectiveForm):
    effective_on = DayField("From", description="Defaults to now.")
    expires_on = DayField("Last day", description="Defaults to the end of the contract.")
    price = MoneyField("Price")
    reason = TextAreaField("Reason", description="Shown in the statement.")

    pointer_fields: ClassVar[dict[str, str]] = {
        **_EffectiveForm.pointer_fields,
        "/expires_at": "expires_on",
        "/price": "price",
    }


class AdjustForm(_AmountForm, _EffectiveForm):
    way = RadioField(
        "Adjustment",
        [InputRequired("Select an option.")],
        choices=select_options([("grant", "Add to the balance"), ("withdraw", "Withdraw from the balance")]),
    )
    reason = TextAreaField("Reason", [InputRequired(REQUIRED)], description="Shown in the statement.")


class RenewForm(_AmountForm):
    ends_on = DayField("Last day", description="Defaults to the same duration.")
    co_terminate_with = StringField(
        "Ends together with", description="Number of a contract; the price is then pro rata by days."
    )
    price = MoneyField("Price", description="Defaults to the same price.")
    uplift_percent = StringField("Uplift in percent", description="Raises the same price, for example 3.5.")
    uplift_amount = MoneyField("Uplift as an amount", description="Added to the same price.")
    reason = TextAreaField("Reason", description="Stored in the contract's history.")

    pointer_fields: ClassVar[dict[str, str]] = {
        "/uplift/percent": "uplift_percent",
        "/uplift/amount": "uplift_amount",
        "/uplift": "uplift_percent",
    }


class AmendForm(_EffectiveForm):
    """The terms as they are; what differs when it is submitted changes."""

    ends_on = DayField("Last day")
    price = MoneyField("Price")
    sla = SelectField("Service level", validate_choice=False)
    time_expired = SelectField("After the contract ends", validate_choice=False)
    excluded_work_types = StringField("Excluded work types", description="Separate with commas.")
    excluded_item_types = StringField("Excluded item types", description="Separate with commas.")
    reason = TextAreaField("Reason", [InputRequired(REQUIRED)], description="Stored with the change.")

    pointer_fields: ClassVar[dict[str, str]] = {
        **_EffectiveForm.pointer_fields,
        "/price": "price",
        "/exclusions/work_types": "excluded_work_types",
        "/exclusions/item_types": "excluded_item_types",
    }


class TransferForm(_EffectiveForm):
    holder = RecordField(
        "New holder", ["org_unit", "customer", "item"], placeholder="Name, email, code or number"
    )
    reason = TextAreaField("Reason", [InputRequired(REQUIRED)], description="Stored with the change.")

    pointer_fields: ClassVar[dict[str, str]] = {
        **_EffectiveForm.pointer_fields,
        **{f"/holder{kind}": "holder" for kind in ("", "/item", "/customer", "/org_unit")},
    }


class CancelForm(_EffectiveForm):
    reason = TextAreaField("Reason", [InputRequired(REQUIRED)])


FORMS: dict[str, Callable[..., Any]] = {
    "enable": partial(EnableForm, prefix="enable_"),
    "top_up": partial(TopUpForm, prefix="topup_"),
    "adjust": partial(AdjustForm, prefix="adjust_"),
    "renew": partial(RenewForm, prefix="renew_"),
    "amend": partial(AmendForm, prefix="amend_"),
    "transfer": partial(TransferForm, prefix="transfer_"),
    "cancel": partial(CancelForm, prefix="cancel_"),
}
"""The form class of each action; call it with `formdata=None` for an empty form."""


def forms_for(
    tx: Transaction, contract: ContractDetail, role: Role, submitted: dict[str, DeskForm]
) -> dict[str, DeskForm]:
    """The forms of the permitted actions; a submitted form is included as submitted."""
    possible = possible_actions(
        role,
        state=contract.state,
        pending_reason=contract.pending_reason,
        draws=contract.draws,
        has_end=is_renewable(contract.type, next(iter(contract.holder)), contract.expires_at),
        is_renewed=contract.renewed_by is not None,
        holder_kind=next(iter(contract.holder)),
    )
    fits = {action.replace("-", "_") for action in possible}
    forms = {
        name: submitted.get(name) or make(formdata=None, data=_terms(contract) if name == "amend" else None)
        for name, make in FORMS.items()
        if name in fits or (name in submitted and role in SELLERS)
    }
    for form in forms.values():
        form.load_options(tx)
    if "amend" in forms:
        _offer_terms(tx, forms["amend"])
    return forms


def _terms(contract: ContractDetail) -> dict[str, Any]:
    """The terms of a contract as the values of its form."""
    return {
        "ends_on": contract.ends_on,
        "price": contract.price.amount_minor if contract.price else None,
        "sla": contract.sla or "",
        "time_expired": contract.time_expired or "",
        "excluded_work_types": ", ".join(contract.exclusions.get("work_types", [])),
        "excluded_item_types": ", ".join(contract.exclusions.get("item_types", [])),
    }


def _offer_terms(tx: Transaction, form: Any) -> None:
    offered = [one for one in TIME_EXPIRED.items() if tx.settings.invoices or one[0] != "bill"]
    form.time_expired.choices = select_options([("", "As in the settings"), *offered])
    levels = [(sla.id, sla.label) for sla in tx.rules.slas.values()]
    form.sla.choices = select_options([("", "None"), *levels])


def top_up_values(form: TopUpForm, contract: ContractDetail) -> dict[str, Any]:
    return {
        **_amounts(form, contract.draws),
        **effective_values(form),
        "expires_at": form.expires_on.end(contract.time_zone),
        "price": form.price.command_value,
    }


def effective_values(form: _EffectiveForm, reason: str | None = None) -> dict[str, Any]:
    """The day and the reason of an action; `reason` is used instead of the typed one, for a preview."""
    return {"effective_on": form.effective_on.text, "reason": reason or form.reason.data}


def adjust_values(form: AdjustForm, draws: str, reason: str | None = None) -> dict[str, Any]:
    sign = -1 if form.way.data == "withdraw" else 1
    amounts = {name: sign * value for name, value in _amounts(form, draws).items() if value}
    return {**amounts, **effective_values(form, reason)}


def renew_values(form: RenewForm, draws: str) -> dict[str, Any]:
    amounts = _amounts(form, draws) if draws != "nothing" else {}
    percent = (form.uplift_percent.data or "").strip().removesuffix("%").strip().replace(",", ".")
    uplift = {"percent": percent or None, "amount": form.uplift_amount.command_value}
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
        "sla": form.sla.data or None,
        "time_expired": form.time_expired.data or None,
    }
    changed = {
        name: Explicit(value)
        for name, value in values.items()
        if (form[name].data or None) != (before[name] or None)
    }
    if (work_types, item_types) != tuple(
        contract.exclusions.get(kind, []) for kind in ("work_types", "item_types")
    ):
        exclusions = {**contract.exclusions, "work_types": work_types, "item_types": item_types}
        changed["exclusions"] = Explicit(exclusions)
    return {**changed, **effective_values(form, reason)}


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
    return {"incidents": form.incidents.data} if draws == "incidents" else {"minutes": form.minutes.data}
