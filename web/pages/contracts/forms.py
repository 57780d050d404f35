"""The forms of a contract's page: only those that fit its state and the reader's role are offered."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from wtforms import RadioField, TextAreaField
from wtforms.validators import InputRequired

from web.pages.forms.base import ActionForm, DeskForm, KeyedForm
from web.pages.forms.fields import CountField, DayField, DurationField, MoneyField, select_options
from workflows.contracts.permitted_actions import SELLERS, has_an_end, possible_actions
from workflows.core.actors import Role
from workflows.views.contracts import ContractDetail

REQUIRED = "Fill this in."


class EnableForm(ActionForm):
    """Make it active now."""


class _AmountForm(KeyedForm):
    minutes = DurationField("Hours", description="For example 10:00, 90m or 1,5 h.")
    incidents = CountField("Incidents")


class TopUpForm(_AmountForm):
    effective_on = DayField("From", description="Left empty: from now on.")
    expires_on = DayField("Last day", description="Left empty: as long as the contract runs.")
    price = MoneyField("Price")

    pointer_fields: ClassVar[dict[str, str]] = {
        "/effective_at": "effective_on",
        "/expires_at": "expires_on",
        "/price": "price",
    }


class AdjustForm(_AmountForm):
    way = RadioField(
        "What",
        [InputRequired("Choose one.")],
        choices=select_options([("grant", "Grant more"), ("withdraw", "Withdraw what is available")]),
    )
    reason = TextAreaField("Reason", [InputRequired(REQUIRED)], description="It stands in the statement.")


class RenewForm(_AmountForm):
    ends_on = DayField("Last day", description="Left empty: as long as this one runs.")
    price = MoneyField("Price", description="Left empty: the same.")


class CancelForm(DeskForm):
    reason = TextAreaField("Reason", [InputRequired(REQUIRED)])


FORMS: dict[str, Callable[..., Any]] = {
    "enable": partial(EnableForm, prefix="enable_"),
    "top_up": partial(TopUpForm, prefix="topup_"),
    "adjust": partial(AdjustForm, prefix="adjust_"),
    "renew": partial(RenewForm, prefix="renew_"),
    "cancel": partial(CancelForm, prefix="cancel_"),
}
"""Each action's form; called with `formdata=None` it is fresh."""


def forms_for(contract: ContractDetail, role: Role, submitted: dict[str, DeskForm]) -> dict[str, DeskForm]:
    """The forms that fit; one that was submitted is there as it was sent."""
    possible = possible_actions(
        role,
        state=contract.state,
        pending_reason=contract.pending_reason,
        draws=contract.draws,
        has_end=has_an_end(contract.type, contract.expires_at),
        is_renewed=contract.renewed_by is not None,
    )
    fits = {action.replace("-", "_") for action in possible}
    return {
        name: submitted.get(name) or make(formdata=None)
        for name, make in FORMS.items()
        if name in fits or (name in submitted and role in SELLERS)
    }


def top_up_values(form: TopUpForm, draws: str) -> dict[str, Any]:
    return {
        **_amounts(form, draws),
        "effective_at": form.effective_on.first_instant,
        "expires_at": form.expires_on.end,
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
