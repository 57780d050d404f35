"""The forms of a contract page, limited to the actions its state and the user's role permit."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from wtforms import RadioField, TextAreaField
from wtforms.validators import InputRequired

from web.pages.forms.base import ActionForm, DeskForm, KeyedForm
from web.pages.forms.fields import CountField, DayField, DurationField, MoneyField, select_options
from workflows.contracts.permitted_actions import SELLERS, is_renewable, possible_actions
from workflows.core.actors import Role
from workflows.views.contracts import ContractDetail

REQUIRED = "This field is required."


class EnableForm(ActionForm):
    """Activate the contract now."""


class _AmountForm(KeyedForm):
    minutes = DurationField("Hours", unit="hours")
    incidents = CountField("Incidents")


class TopUpForm(_AmountForm):
    effective_on = DayField("From", description="Defaults to now.")
    expires_on = DayField("Last day", description="Defaults to the end of the contract.")
    price = MoneyField("Price")

    pointer_fields: ClassVar[dict[str, str]] = {
        "/effective_at": "effective_on",
        "/expires_at": "expires_on",
        "/price": "price",
    }


class AdjustForm(_AmountForm):
    way = RadioField(
        "Adjustment",
        [InputRequired("Select an option.")],
        choices=select_options([("grant", "Add to the balance"), ("withdraw", "Withdraw from the balance")]),
    )
    reason = TextAreaField("Reason", [InputRequired(REQUIRED)], description="Shown in the statement.")


class RenewForm(_AmountForm):
    ends_on = DayField("Last day", description="Defaults to the same duration.")
    price = MoneyField("Price", description="Defaults to the same price.")


class CancelForm(KeyedForm):
    reason = TextAreaField("Reason", [InputRequired(REQUIRED)])


FORMS: dict[str, Callable[..., Any]] = {
    "enable": partial(EnableForm, prefix="enable_"),
    "top_up": partial(TopUpForm, prefix="topup_"),
    "adjust": partial(AdjustForm, prefix="adjust_"),
    "renew": partial(RenewForm, prefix="renew_"),
    "cancel": partial(CancelForm, prefix="cancel_"),
}
"""The form class of each action; call it with `formdata=None` for an empty form."""


def forms_for(contract: ContractDetail, role: Role, submitted: dict[str, DeskForm]) -> dict[str, DeskForm]:
    """The forms of the permitted actions; a submitted form is included as submitted."""
    possible = possible_actions(
        role,
        state=contract.state,
        pending_reason=contract.pending_reason,
        draws=contract.draws,
        has_end=is_renewable(contract.type, next(iter(contract.holder)), contract.expires_at),
        is_renewed=contract.renewed_by is not None,
    )
    fits = {action.replace("-", "_") for action in possible}
    return {
        name: submitted.get(name) or make(formdata=None)
        for name, make in FORMS.items()
        if name in fits or (name in submitted and role in SELLERS)
    }


def top_up_values(form: TopUpForm, contract: ContractDetail) -> dict[str, Any]:
    return {
        **_amounts(form, contract.draws),
        "effective_at": form.effective_on.first_instant(contract.time_zone),
        "expires_at": form.expires_on.end(contract.time_zone),
        "price": form.price.command_value,
    }


def adjust_values(form: AdjustForm, draws: str, reason: str | None = None) -> dict[str, Any]:
    sign = -1 if form.way.data == "withdraw" else 1
    amounts = {name: sign * value for name, value in _amounts(form, draws).items() if value}
    return {**amounts, "reason": reason or form.reason.data}


def renew_values(form: RenewForm, draws: str) -> dict[str, Any]:
    amounts = _amounts(form, draws) if draws != "nothing" else {}
    return {**amounts, "ends_on": form.ends_on.text, "price": form.price.command_value}


def _amounts(form: _AmountForm, draws: str) -> dict[str, Any]:
    return {"incidents": form.incidents.data} if draws == "incidents" else {"minutes": form.minutes.data}
