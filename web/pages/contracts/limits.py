"""The fields of a contract, and of the settings, that say whether to ask before more is spent."""

from typing import Any

from wtforms import SelectField

from engine.approvals import LIMITS_PER, LimitPer, OveragePolicy
from web.languages import gettext, lazy_text
from web.pages.forms.base import DeskForm, KeyedForm
from web.pages.forms.fields import DurationField, MoneyField, select_options
from web.pages.wording.labels import LIMITS_PER as PER_LABELS
from web.pages.wording.labels import OVERAGE_POLICIES

NAMES = ("limit_minutes", "limit_money", "limit_per")
POINTERS = {
    "/not_to_exceed": "limit_minutes",
    "/not_to_exceed/minutes": "limit_minutes",
    "/not_to_exceed/amount": "limit_money",
    "/not_to_exceed/amount/amount_minor": "limit_money",
    "/not_to_exceed/amount_minor": "limit_money",
    "/not_to_exceed/amount/currency": "limit_money",
    "/not_to_exceed/per": "limit_per",
}


def _policy_choices(*, from_settings: bool) -> list[Any]:
    first = [("", gettext("As in the settings"))] if from_settings else []
    return select_options([*first, *OVERAGE_POLICIES.items()])


class LimitFields(KeyedForm):
    """The limit: time or an amount, and over what it is counted; empty: none of its own."""

    limit_minutes = DurationField(
        lazy_text("Not to exceed"),
        unit="hours",
        description=lazy_text("Counts with the notice and with asking. Leave it empty for no limit."),
    )
    limit_money = MoneyField(
        lazy_text("Or not to exceed"),
        description=lazy_text("What grants of money pay, and what time beyond the contract costs."),
    )
    limit_per = SelectField(
        lazy_text("Counted"), choices=lambda: select_options(PER_LABELS.items()), default=LIMITS_PER[0]
    )


class OverageFields(LimitFields):
    """The policy of a contract and its limit."""

    overage = SelectField(
        lazy_text("Work beyond what it pays"), choices=lambda: _policy_choices(from_settings=True)
    )


class OverageSettings(LimitFields):
    """The policy of the desk, and the limit of contracts that have none."""

    overage = SelectField(
        lazy_text("Work beyond what a contract pays"), choices=lambda: _policy_choices(from_settings=False)
    )


def limit_given(form: DeskForm) -> dict[str, Any] | None:
    """The limit for a command; None where it is empty."""
    minutes, money = form["limit_minutes"].data, form["limit_money"].command_value
    if minutes is None and money is None:
        return None
    given = {"minutes": minutes, "amount": money, "per": form["limit_per"].data}
    return {name: value for name, value in given.items() if value is not None}


def limit_data(
    minutes: int | None, amount_minor: int | None, per: LimitPer | None, policy: OveragePolicy | None
) -> dict[str, Any]:
    """The values of the fields."""
    return {
        "limit_minutes": minutes,
        "limit_money": amount_minor,
        "limit_per": per or LIMITS_PER[0],
        "overage": policy or "",
    }
