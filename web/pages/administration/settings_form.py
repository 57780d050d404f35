"""The settings form, and the changes between the form and the stored settings."""

import re
from typing import Any, ClassVar

from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField

from web.pages.forms.base import KeyedForm
from web.pages.forms.fields import CountField, MoneyField, select_options
from web.pages.wording.settings import CURRENCY_CHOICES, ENGINE_CHOICES, SCOPE_CHOICES, TIME_EXPIRED_CHOICES
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
_RATE = re.compile(r"(.+?)[:\s]\s*(\d{1,3})(?:[.,](\d{1,2}))?\s*%?", re.ASCII)
WHOLE_NUMBERS = (
    "default_contract_months",
    "renewal_lead_days",
    "unpaid_request_warning_hours",
    "unpaid_request_cancel_hours",
    "invoice_due_days",
    "invoice_warning_days",
    "reopen_window_days",
    "auto_close_days",
)
ROUNDING = ("increment_minutes", "minimum_minutes", "grace_minutes")
SWITCHES = (
    "invoices",
    "contract_validation",
    "payment_required",
    "cascade",
    "customers_see_org_unit",
    "two_person_publishing",
)
COMPANY = ("name", "address", "email", "vat_id")


class SettingsForm(KeyedForm):
    pointer_fields: ClassVar[dict[str, str]] = {
        "/rounding": "rounding_grace_minutes",
        "/work_calendar/holidays": "holidays",
        **{f"/work_calendar/weekly/{day}": day for day in DAYS},
    }

    version = HiddenField()
    contract_validation = BooleanField(
        "Contract validation",
        description="When on, requests without a valid contract are locked until they have one.",
    )
    time_expired_contract = SelectField(
        "Time worked after a contract ends",
        choices=select_options([("", "Not set"), *TIME_EXPIRED_CHOICES]),
        description="What happens to time worked after a contract has run out. Contracts can override this.",
    )
    cascade = BooleanField(
        "Cascade",
        description="When a contract runs out, the rest is drawn from the next valid contract first.",
    )
    default_contract_months = CountField(
        "Default duration (months)", description="Used if neither the contract nor its type sets one."
    )
    default_overage_rate_minor = MoneyField(
        "Overage rate", description="Hourly price of time worked after a contract ends, if it is billed."
    )
    renewal_lead_days = CountField(
        "Renewal lead time (days)", description="How long before a contract ends its renewal is prepared."
    )
    invoices = BooleanField("Invoices", description="Contracts, top-ups and overage are invoiced.")
    payment_required = BooleanField(
        "Payment required", description="Contracts and grants take effect only when paid. Requires invoices."
    )
    invoice_due_days = CountField("Payment due (days)")
    invoice_warning_days = CountField("Warn before due date (days)")
    unpaid_request_warning_hours = CountField(
        "Unpaid: warn after (hours)", description="Leave empty for never."
    )
    unpaid_request_cancel_hours = CountField(
        "Unpaid: cancel after (hours)", description="Leave empty for never."
    )
    reopen_window_days = CountField(
        "Reopen window (days)", description="A request reopened within this time keeps its coverage."
    )
    auto_close_days = CountField(
        "Auto-close (days)", description="Resolved requests are closed after this time."
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
    rounding_increment_minutes = CountField(
        "Round up to (minutes)", description="1 charges every minute; 15 charges quarter hours."
    )
    rounding_minimum_minutes = CountField("Minimum (minutes)", description="0 means no minimum.")
    rounding_grace_minutes = CountField(
        "Grace (minutes)", description="Minutes past the last increment that are not charged."
    )
    rounding_scope = SelectField("Rounding scope", choices=select_options(SCOPE_CHOICES))
    alert_thresholds_percent = StringField(
        "Alert thresholds (%)", description="Alert when this share has been drawn, for example 80, 100."
    )
    currency = SelectField("Currency", choices=select_options(CURRENCY_CHOICES))
    time_zone = StringField("Time zone", description="IANA time zone name, for example Europe/Berlin.")
    tax_rates = TextAreaField("Tax rates", description="One per line, for example: Standard 19 %.")
    company_name = StringField("Company")
    company_address = TextAreaField("Address")
    company_email = StringField("Email")
    company_vat_id = StringField("VAT number")
    holidays = TextAreaField("Holidays", description="One date per line, for example 2026-12-25.")
    mon = StringField("Monday", description="For example 09:00-12:00, 13:00-17:00. Leave empty if closed.")
    tue = StringField("Tuesday")
    wed = StringField("Wednesday")
    thu = StringField("Thursday")
    fri = StringField("Friday")
    sat = StringField("Saturday")
    sun = StringField("Sunday")


def form_data(stored: Settings, version: int) -> dict[str, Any]:
    """Initial form values for the stored settings."""
    values: dict[str, Any] = {name: getattr(stored, name) for name in (*SWITCHES, *WHOLE_NUMBERS)}
    values |= {f"rounding_{name}": getattr(stored.rounding, name) for name in (*ROUNDING, "scope")}
    values |= {f"company_{name}": getattr(stored.company, name) or "" for name in COMPANY}
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
        "alert_thresholds_percent": ", ".join(str(one) for one in stored.alert_thresholds_percent),
        "tax_rates": "\n".join(f"{rate.name} {_percent(rate.basis_points)} %" for rate in stored.tax_rates),
        "holidays": "\n".join(stored.work_calendar.holidays),
    }


def changes(form: SettingsForm, stored: Settings) -> dict[str, Any]:
    """Return the settings that differ from the stored ones; adds an error to each unreadable field."""
    wanted: dict[str, Any] = {name: bool(form[name].data) for name in SWITCHES}
    wanted |= {name: form[name].data for name in WHOLE_NUMBERS}
    wanted["time_expired_contract"] = form.time_expired_contract.data or None
    wanted["default_overage_rate_minor"] = form.default_overage_rate_minor.data
    wanted["rules_engine"] = form.rules_engine.data
    wanted["currency"] = form.currency.data
    wanted["time_zone"] = (form.time_zone.data or "").strip()
    wanted["alert_thresholds_percent"] = _percents(form)
    wanted["tax_rates"] = _tax_rates(form)
    wanted["rounding"] = {name: form[f"rounding_{name}"].data for name in (*ROUNDING, "scope")}
    wanted["company"] = {name: (form[f"company_{name}"].data or "").strip() for name in COMPANY}
    wanted["company"]["email"] = wanted["company"]["email"] or None
    wanted["work_calendar"] = {
        "weekly": {day: windows for day in DAYS if (windows := _windows(form, day))},
        "holidays": [line.strip() for line in (form.holidays.data or "").splitlines() if line.strip()],
    }
    before = stored.model_dump(mode="json")
    before["work_calendar"]["weekly"] = {
        day: windows for day, windows in before["work_calendar"]["weekly"].items() if windows
    }
    return {name: value for name, value in wanted.items() if value != before[name]}


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


def _percents(form: SettingsForm) -> list[int]:
    parts = [part.strip(" %") for part in (form.alert_thresholds_percent.data or "").split(",")]
    numbers = [int(part) for part in parts if part.isdecimal() and len(part) < 5]
    if len(numbers) != len([part for part in parts if part]):
        form.add_error(
            "/alert_thresholds_percent", "Enter whole numbers separated by commas, such as 80, 100."
        )
    return numbers


def _tax_rates(form: SettingsForm) -> list[dict[str, Any]]:
    rates = []
    for line in (form.tax_rates.data or "").splitlines():
        match = _RATE.fullmatch(line.strip())
        if match:
            points = int(match[2]) * 100 + int((match[3] or "").ljust(2, "0"))
            rates.append({"name": match[1].strip(), "basis_points": points})
        elif line.strip():
            form.add_error("/tax_rates", f"“{line.strip()}” is not a tax rate. Use the format Standard 19 %.")
    return rates


def _percent(basis_points: int) -> str:
    whole, part = divmod(basis_points, 100)
    return f"{whole}.{part:02d}".rstrip("0").rstrip(".") if part else str(whole)
