"""The terms of the automatic top-up as fields of the form by which a contract is sold.

The contract's type is chosen in the same form, so there is a field for each unit.
"""

from typing import Any, ClassVar

from wtforms import RadioField

from web.languages import lazy_text
from web.pages.contracts.forms import AUTO_TOP_UP_CHOICES, BELOW_FIELDS
from web.pages.forms.base import KeyedForm
from web.pages.forms.fields import CountField, DurationField, MoneyField, select_options

PREFIX = "auto_"


class AutoTopUpFields(KeyedForm):
    auto_mode = RadioField(
        lazy_text("When little is left"),
        choices=lambda: select_options(AUTO_TOP_UP_CHOICES.items()),
        default="",
    )
    auto_below = DurationField(lazy_text("When no more hours are left than"), unit="hours")
    auto_below_incidents = CountField(lazy_text("When no more incidents are left than"))
    auto_below_money = MoneyField(lazy_text("When no more money is left than"))
    auto_minutes = DurationField(lazy_text("Hours of a top-up"), unit="hours")
    auto_incidents = CountField(lazy_text("Incidents of a top-up"))
    auto_money = MoneyField(lazy_text("Amount of a top-up"))
    auto_price = MoneyField(lazy_text("Price of a top-up"))
    auto_most_per_month = CountField(lazy_text("At most per month"), description=lazy_text("Defaults to 1."))

    top_up_pointers: ClassVar[dict[str, str]] = {
        "/auto_top_up": "auto_mode",
        **{
            f"/auto_top_up/{name}": f"auto_{name}"
            for name in ("mode", "below", "minutes", "incidents", "money", "price", "most_per_month")
        },
    }

    @property
    def has_top_up_errors(self) -> bool:
        return any(field.errors for field in self if field.name.startswith(PREFIX))


def sale_top_up(form: AutoTopUpFields, draws: str) -> dict[str, Any] | None:
    """The terms as typed, for a contract that draws this unit; None where nothing is to happen by itself.

    An amount in another unit is passed on, so that it is refused rather than ignored.
    """
    if not form.auto_mode.data:
        return None
    below = form[PREFIX + BELOW_FIELDS[draws]].data if draws in BELOW_FIELDS else None
    given = {
        "mode": form.auto_mode.data,
        "below": below or 0,
        "minutes": form.auto_minutes.data,
        "incidents": form.auto_incidents.data,
        "money": form.auto_money.command_value,
        "price": form.auto_price.command_value,
        "most_per_month": form.auto_most_per_month.data,
    }
    return {name: value for name, value in given.items() if value is not None}
