"""The settings form, and the changes between the form and the stored settings."""

import re
from typing import Any, ClassVar

from pydantic import ValidationError
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField

from web.pages.forms.base import DeskForm, KeyedForm
from web.pages.forms.fields import CheckboxesField, MoneyField, NumbersField, SpanField, select_options
from web.pages.wording.settings import (
    CONTRACT_RECIPIENT_CHOICES,
    CURRENCY_CHOICES,
    ENGINE_CHOICES,
    SCOPE_CHOICES,
    SLA_RECIPIENT_CHOICES,
    time_expired_choices,
)
from workflows.core.settings import Settings

DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_HOURS = re.compile(r"(\d{1,2}:\d\d)\s*(?:-|–|to)\s*(\d{1,2}:\d\d)", re.ASCII)
WHOLE_NUMBERS = (
    "default_contract_months",
    "reopen_window_days",
    "auto_close_days",
    "exhaustion_alert_days",
)
RECIPIENTS = ("contract_alert_recipients", "sla_warning_recipients", "sla_breach_recipients")
NUMBERS = ("alert_thresholds", "expiry_alert_days")
ROUNDING = ("increment_minutes", "minimum_minutes", "grace_minutes")
SWITCHES = (
    "contract_validation",
    "payment_required",
    "cascade",
    "customers_see_org_unit",
    "customer_alerts",
    "two_person_publishing",
)


class SettingsForm(KeyedForm):
    pointer_fields: ClassVar[dict[str, str]] = {
        "/rounding": "rounding_grace_minutes",
        "/work_calendar/holidays": "holidays",
        "/work_calendar/weekly": "mon",
        **{f"/work_calendar/weekly/{day}": day for day in DAYS},
    }

    version = HiddenField()
    confirmed_zone = HiddenField()
    confirmed_hours = HiddenField()
    contract_validation = BooleanField(
        "Contract validation",
        description="When on, requests without a valid contract are locked until they have one.",
    )
    time_expired_contract = SelectField(
        "Time worked after a contract ends",
        description="What happens to time worked after a contract has run out. Contracts can override this.",
    )
    cascade = BooleanField(
        "Cascade",
        description="When a contract runs out, the rest is drawn from the next valid contract first.",
    )
    default_contract_months = SpanField(
        "Default duration", unit="month", description="Used if neither the contract nor its type sets one."
    )
    default_overage_rate_minor = MoneyField(
        "Overage rate", description="Hourly price of time worked after a contract ends, if it is billed."
    )
    payment_required = BooleanField(
        "Payment required",
        description="A contract with a price takes effect only when finance has received the payment.",
    )
    reopen_window_days = SpanField(
        "Reopen window", unit="day", description="A request reopened within this time keeps its coverage."
    )
    auto_close_days = SpanField(
        "Auto-close", unit="day", description="Resolved requests are closed after this time."
    )
    alert_thresholds = NumbersField(
        "Thresholds (percent used)",
        description="For example 75, 90. Each is reported once; a top-up that brings the use below it "
        "starts again.",
    )
    expiry_alert_days = NumbersField("Before a contract ends (days)", description="For example 30, 7.")
    exhaustion_alert_days = SpanField(
        "Likely used up within", unit="day", description="By the pace of the last 30 days."
    )
    contract_alert_recipients = CheckboxesField(
        "Mail about contracts", choices=select_options(CONTRACT_RECIPIENT_CHOICES)
    )
    customer_alerts = BooleanField(
        "Mail to customers too", description="The holder of the contract gets the same mail."
    )
    sla_warning_recipients = CheckboxesField(
        "Mail when a target is close",
        choices=select_options(SLA_RECIPIENT_CHOICES),
        description="How close, the service levels of the rules say.",
    )
    sla_breach_recipients = CheckboxesField(
        "Mail when a target is missed", choices=select_options(SLA_RECIPIENT_CHOICES)
    )
    customers_see_org_unit = BooleanField(
        "Customers see their org unit's requests",
        description="When off, customers see only their own requests.",
    )
    two_person_publishing = BooleanField(
        "Require approval", description="Rules proposed by one administrator must be approved by another."
    )
    rules_engine = SelectField(
        "Rule engine",
        choices=select_options(ENGINE_CHOICES),
        description="Both make the same decisions; the business-rules package is offered for comparison.",
    )
    rounding_increment_minutes = SpanField(
        "Round up to", unit="minute", description="1 charges every minute; 15 charges quarter hours."
    )
    rounding_minimum_minutes = SpanField("Minimum", unit="minute", description="0 means no minimum.")
    rounding_grace_minutes = SpanField(
        "Grace", unit="minute", description="Minutes past the last increment that are not charged."
    )
    rounding_scope = SelectField("Rounding scope", choices=select_options(SCOPE_CHOICES))
    currency = SelectField("Currency", choices=select_options(CURRENCY_CHOICES))
    time_zone = StringField("Time zone", description="IANA time zone name, for example Europe/Berlin.")
    company_name = StringField("Company")
    company_email = StringField("Email")
    holidays = TextAreaField("Holidays", description="One date per line, for example 2026-12-25.")
    mon = StringField("Monday", description="For example 09:00-12:00, 13:00-17:00. Leave empty if closed.")
    tue = StringField("Tuesday")
    wed = StringField("Wednesday")
    thu = StringField("Thursday")
    fri = StringField("Friday")
    sat = StringField("Saturday")
    sun = StringField("Sunday")


def settings_form(stored: Settings, version: int) -> SettingsForm:
    """The form of the stored settings; what needs invoices is left out while they are off."""
    form = SettingsForm(data=form_data(stored, version))
    form.time_expired_contract.choices = select_options(
        [("", "Not set"), *time_expired_choices(invoices=stored.invoices)]
    )
    if not stored.invoices:
        del form.default_overage_rate_minor
    return form


def form_data(stored: Settings, version: int) -> dict[str, Any]:
    """Initial form values for the stored settings."""
    values: dict[str, Any] = {
        name: getattr(stored, name) for name in (*SWITCHES, *WHOLE_NUMBERS, *RECIPIENTS)
    }
    values |= {name: getattr(stored, name) for name in NUMBERS}
    values |= {f"rounding_{name}": getattr(stored.rounding, name) for name in (*ROUNDING, "scope")}
    for day in DAYS:
        windows = stored.work_calendar.model_dump()["weekly"].get(day, [])
        values[day] = ", ".join(f"{one['opens']}-{one['closes']}" for one in windows)
    return {
        **values,
        "version": str(version),
        "time_expired_contract": stored.time_expired_contract or "",
        "default_overage_rate_minor": stored.default_overage_rate_minor,
        "rules_engine": stored.rules_engine,
        "currency": stored.currency,
        "time_zone": stored.time_zone,
        "company_name": stored.company.name,
        "company_email": stored.company.email or "",
        "holidays": "\n".join(stored.work_calendar.holidays),
    }


def changes(form: SettingsForm, stored: Settings) -> dict[str, Any]:
    """Return the settings that differ from the stored ones; adds an error to each unreadable field."""
    wanted: dict[str, Any] = {name: bool(form[name].data) for name in SWITCHES}
    wanted |= {name: form[name].data for name in WHOLE_NUMBERS}
    wanted["time_expired_contract"] = form.time_expired_contract.data or None
    if "default_overage_rate_minor" in form:
        wanted["default_overage_rate_minor"] = form.default_overage_rate_minor.data
    wanted["rules_engine"] = form.rules_engine.data
    wanted["currency"] = form.currency.data
    wanted["time_zone"] = (form.time_zone.data or "").strip()
    wanted["rounding"] = {name: form[f"rounding_{name}"].data for name in (*ROUNDING, "scope")}
    wanted["company"] = {
        "name": (form.company_name.data or "").strip(),
        "email": (form.company_email.data or "").strip() or None,
    }
    wanted["work_calendar"] = {
        "weekly": {day: windows for day in DAYS if (windows := _windows(form, day))},
        "holidays": [line.strip() for line in (form.holidays.data or "").splitlines() if line.strip()],
    }
    before = stored.model_dump(mode="json")
    listed = (*RECIPIENTS, *NUMBERS)
    wanted |= {name: _in_stored_order(form[name].data or [], before[name]) for name in listed}
    before["work_calendar"]["weekly"] = {
        day: windows for day, windows in before["work_calendar"]["weekly"].items() if windows
    }
    return {name: value for name, value in wanted.items() if value != before[name]}


def _in_stored_order(chosen: list[Any], stored: list[Any]) -> list[Any]:
    """The chosen values; the stored list if it has the same, in whatever order."""
    return stored if sorted(chosen) == sorted(stored) else list(chosen)


def add_settings_errors(form: DeskForm, stored: Settings, wanted: dict[str, Any]) -> None:
    """Add what the settings would refuse to a form that has other errors, so that all are shown at once."""
    try:
        stored.merged(wanted)
    except ValidationError as error:
        form.add_validation_errors(error)


def _windows(form: SettingsForm, day: str) -> list[dict[str, str]]:
    text = (form[day].data or "").strip()
    windows = []
    for part in (piece.strip() for piece in text.split(",")):
        match = _HOURS.fullmatch(part)
        if match:
            opens, closes = (f"{clock:0>5}" for clock in match.groups())
            windows.append({"opens": opens, "closes": closes})
        elif part:
            form.add_error(f"/{day}", f"“{part}” is not a time range. Use the format 09:00-17:00.")
    return windows
