"""The values of settings in their history of changes: labels of codes, and lists as the form has them."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.quantities import Rounding
from web.languages import Texts, gettext, mark
from web.pages.administration.settings_form import DAYS
from web.pages.administration.settings_lines import LINES, public_holidays_line
from web.pages.wording.formats import money_text
from web.pages.wording.labels import OVERAGE_POLICIES, labelled, readable
from web.pages.wording.limits import limit_text
from web.pages.wording.settings import (
    CONTRACT_RECIPIENT_CHOICES,
    E_INVOICE_CHOICES,
    ENGINE_CHOICES,
    MONTH_CHOICES,
    SLA_RECIPIENT_CHOICES,
    rounding_text,
    time_expired_choices,
)
from workflows.core.work_calendar import PublicHolidaysSetting
from workflows.views import MoneyView
from workflows.views.contracts import NotToExceedView

COMPANY = Texts(
    {
        "name": mark("Name"),
        "email": mark("Email"),
        "street": mark("Street"),
        "postal_code": mark("Postal code"),
        "city": mark("City"),
        "country": mark("Country"),
        "vat_id": mark("VAT id"),
        "tax_number": mark("Tax number"),
        "contact_name": mark("Contact"),
        "phone": mark("Phone"),
        "iban": mark("IBAN"),
        "bic": mark("BIC"),
    }
)
CHOICES: Mapping[str, Mapping[str, str]] = {
    "contract_alert_recipients": CONTRACT_RECIPIENT_CHOICES,
    "e_invoices": E_INVOICE_CHOICES,
    "financial_year_begins": MONTH_CHOICES,
    "overage": OVERAGE_POLICIES,
    "rules_engine": ENGINE_CHOICES,
    "sla_breach_recipients": SLA_RECIPIENT_CHOICES,
    "sla_warning_recipients": SLA_RECIPIENT_CHOICES,
}


def value_text(key: str, value: Any, currency: str) -> str:
    """A setting's value; amounts are in the desk's currency, as it is now."""
    if isinstance(value, bool):
        return gettext("on") if value else gettext("off")
    if value in (None, "", [], {}):
        return gettext("none")
    try:
        return _text(key, value, currency)
    except (AttributeError, KeyError, TypeError, ValueError):
        # stored by an earlier release in another form
        return _plain(value)


def _text(key: str, value: Any, currency: str) -> str:
    if key in LINES:
        return LINES[key](value, currency)
    if key in _SHAPES:
        return _SHAPES[key](value)
    if key == "time_expired_contract":
        return dict(time_expired_choices(invoices=True))[value]
    if key == "default_overage_rate_minor":
        return money_text(value, currency)
    if key == "not_to_exceed":
        amount = value.get("amount_minor")
        view = MoneyView(amount, currency) if amount is not None else None
        return limit_text(NotToExceedView(value["per"], value.get("minutes"), view))
    labels = CHOICES.get(key, {})
    values = value if isinstance(value, list) else [value]
    return ", ".join(labels.get(str(one), str(one)) for one in values)


def _company(value: Mapping[str, Any]) -> str:
    return "\n".join(
        gettext("%(name)s: %(value)s", name=label, value=value[key])
        for key, label in COMPANY.items()
        if value.get(key)
    )


def _hours(value: Mapping[str, Any]) -> str:
    lines = [
        gettext("%(name)s: %(value)s", name=label, value=", ".join(map(_window, value["weekly"][day])))
        for day, label in DAYS.items()
        if value["weekly"].get(day)
    ]
    closed = value.get("holidays")
    if closed:
        lines.append(gettext("%(name)s: %(value)s", name=gettext("Holidays"), value=", ".join(closed)))
    public = [PublicHolidaysSetting(**one) for one in value.get("public_holidays", ())]
    if public:
        entries = " / ".join(map(public_holidays_line, public))
        lines.append(gettext("%(name)s: %(value)s", name=gettext("Public holidays"), value=entries))
    return "\n".join(lines)


def _window(window: Mapping[str, str]) -> str:
    return f"{window['opens']}–{window['closes']}"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(labelled(readable(key), _plain(inner)) for key, inner in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value)


_SHAPES: Mapping[str, Callable[[Any], str]] = {
    "company": _company,
    "rounding": lambda value: rounding_text(Rounding(**value)),
    "work_calendar": _hours,
}
