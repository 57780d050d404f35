"""The settings form, and the changes between the form and the stored settings."""

from typing import Any, ClassVar

from pydantic import ValidationError
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField

from web.languages import Texts, gettext, lazy_text, mark
from web.pages.administration.settings_lines import (
    account_codes_text,
    csv_profiles_text,
    dunning_levels_text,
    tax_rates_text,
    typed_account_codes,
    typed_bank_accounts,
    typed_csv_profiles,
    typed_dunning_levels,
    typed_holidays,
    typed_tax_rates,
    typed_windows,
    with_its_entry,
)
from web.pages.contracts.limits import POINTERS, OverageSettings, limit_data
from web.pages.forms.base import DeskForm
from web.pages.forms.fields import (
    CheckboxesField,
    CountField,
    MoneyField,
    NumbersField,
    SpanField,
    select_options,
)
from web.pages.wording.settings import (
    CONTRACT_RECIPIENT_CHOICES,
    CURRENCY_CHOICES,
    E_INVOICE_CHOICES,
    ENGINE_CHOICES,
    MONTH_CHOICES,
    SCOPE_CHOICES,
    SLA_RECIPIENT_CHOICES,
    time_expired_choices,
)
from workflows.core.settings import Settings

DAYS = Texts(
    {
        "mon": mark("Monday"),
        "tue": mark("Tuesday"),
        "wed": mark("Wednesday"),
        "thu": mark("Thursday"),
        "fri": mark("Friday"),
        "sat": mark("Saturday"),
        "sun": mark("Sunday"),
    }
)
WHOLE_NUMBERS = (
    "default_contract_months",
    "approval_days",
    "reopen_window_days",
    "auto_close_days",
    "exhaustion_alert_days",
    "invoice_due_days",
    "invoice_retention_years",
    "renewal_lead_days",
    "invoice_warning_days",
    "unpaid_request_warning_hours",
    "unpaid_request_cancel_hours",
    "mail_retention_months",
    "billing_mail_retention_months",
    "datev_consultant",
    "datev_client",
    "datev_account_length",
)
RECIPIENTS = ("contract_alert_recipients", "sla_warning_recipients", "sla_breach_recipients")
NUMBERS = ("alert_thresholds", "expiry_alert_days")
ROUNDING = ("increment_minutes", "minimum_minutes", "grace_minutes")
COMPANY = (
    "street", "postal_code", "city", "country", "vat_id", "tax_number", "contact_name", "phone", "iban",
    "bic",
)  # fmt: skip
SWITCHES = (
    "contract_validation",
    "invoices",
    "draft_sold_items",
    "payment_required",
    "cascade",
    "work_approval",
    "customers_see_org_unit",
    "customer_alerts",
    "two_person_publishing",
)


class SettingsForm(OverageSettings):
    pointer_fields: ClassVar[dict[str, str]] = {
        "/rounding": "rounding_grace_minutes",
        "/work_calendar/holidays": "holidays",
        "/work_calendar/weekly": "mon",
        **POINTERS,
        "/tax_rates": "tax_rates",
        "/dunning_levels": "dunning_levels",
        "/bank_csv_profiles": "bank_csv_profiles",
        "/account_codes": "account_codes",
        **{f"/work_calendar/weekly/{day}": day for day in DAYS},
    }

    def add_error(self, pointer: str, message: str) -> None:
        """Add an error to a field, and say which of its lines is wrong."""
        super().add_error(pointer, with_its_entry(self, pointer, message))

    version = HiddenField()
    confirmed_zone = HiddenField()
    confirmed_hours = HiddenField()
    confirmed_retention = HiddenField()
    contract_validation = BooleanField(
        lazy_text("Contract validation"),
        description=lazy_text("When on, requests without a valid contract are locked until they have one."),
    )
    time_expired_contract = SelectField(
        lazy_text("Time worked after a contract ends"),
        description=lazy_text(
            "What happens to time worked after a contract has run out. Contracts can override this."
        ),
    )
    cascade = BooleanField(
        lazy_text("Cascade"),
        description=lazy_text(
            "When a contract runs out, the rest is drawn from the next valid contract first."
        ),
    )
    work_approval = BooleanField(
        lazy_text("Approve work entries"),
        description=lazy_text(
            "Contracts only hold the time worked until a supervisor approves it. If you switch this "
            "off, entries that are submitted still wait for a decision."
        ),
    )
    default_contract_months = SpanField(
        lazy_text("Default duration"),
        unit="month",
        description=lazy_text("Used if neither the contract nor its type sets one."),
    )
    approval_days = SpanField(
        lazy_text("Approvals lapse after"),
        unit="day",
        description=lazy_text("Counted from when the customer is asked."),
    )
    default_overage_rate_minor = MoneyField(
        lazy_text("Overage rate"),
        description=lazy_text("Hourly price of time worked after a contract ends, if it is billed."),
    )
    payment_required = BooleanField(
        lazy_text("Payment required"),
        description=lazy_text(
            "A contract with a price takes effect only when finance has received the payment."
        ),
    )
    unpaid_request_warning_hours = SpanField(
        lazy_text("Unpaid requests: warning after"),
        unit="hour",
        description=lazy_text("For requests that wait for a payment. Leave it empty for no warning."),
    )
    unpaid_request_cancel_hours = SpanField(
        lazy_text("Unpaid requests: cancel after"),
        unit="hour",
        description=lazy_text("Leave it empty to cancel none."),
    )
    reopen_window_days = SpanField(
        lazy_text("Reopen window"),
        unit="day",
        description=lazy_text("A request reopened within this time keeps its coverage."),
    )
    auto_close_days = SpanField(
        lazy_text("Auto-close"),
        unit="day",
        description=lazy_text("Resolved requests are closed after this time."),
    )
    alert_thresholds = NumbersField(
        lazy_text("Thresholds (percent used)"),
        description=lazy_text(
            "For example 75, 90. Each is reported once; a top-up that brings the use below it starts again."
        ),
    )
    expiry_alert_days = NumbersField(
        lazy_text("Before a contract ends (days)"), description=lazy_text("For example 30, 7.")
    )
    exhaustion_alert_days = SpanField(
        lazy_text("Likely used up within"),
        unit="day",
        description=lazy_text("By the pace of the last 30 days."),
    )
    contract_alert_recipients = CheckboxesField(
        lazy_text("Mail about contracts"), choices=lambda: select_options(CONTRACT_RECIPIENT_CHOICES.items())
    )
    customer_alerts = BooleanField(
        lazy_text("Mail to customers too"),
        description=lazy_text("The holder of the contract gets the same mail."),
    )
    sla_warning_recipients = CheckboxesField(
        lazy_text("Mail when a target is close"),
        choices=lambda: select_options(SLA_RECIPIENT_CHOICES.items()),
        description=lazy_text("How close is set by the service levels in the rules."),
    )
    sla_breach_recipients = CheckboxesField(
        lazy_text("Mail when a target is missed"),
        choices=lambda: select_options(SLA_RECIPIENT_CHOICES.items()),
    )
    customers_see_org_unit = BooleanField(
        lazy_text("Customers see their org unit's requests"),
        description=lazy_text("When off, customers see only their own requests."),
    )
    two_person_publishing = BooleanField(
        lazy_text("Require approval"),
        description=lazy_text("Rules proposed by one administrator must be approved by another."),
    )
    rules_engine = SelectField(
        lazy_text("Rule engine"),
        choices=lambda: select_options(ENGINE_CHOICES.items()),
        description=lazy_text(
            "Both make the same decisions; the business-rules package is offered for comparison."
        ),
    )
    rounding_increment_minutes = SpanField(
        lazy_text("Round up to"),
        unit="minute",
        description=lazy_text("1 charges every minute; 15 charges quarter hours."),
    )
    rounding_minimum_minutes = SpanField(
        lazy_text("Minimum"), unit="minute", description=lazy_text("0 means no minimum.")
    )
    rounding_grace_minutes = SpanField(
        lazy_text("Grace"),
        unit="minute",
        description=lazy_text("Minutes past the last increment that are not charged."),
    )
    rounding_scope = SelectField(
        lazy_text("Rounding scope"), choices=lambda: select_options(SCOPE_CHOICES.items())
    )
    mail_retention_months = SpanField(
        lazy_text("Remove mail after"),
        unit="month",
        description=lazy_text("Mail that is still to be sent stays. Leave it empty to remove none."),
    )
    billing_mail_retention_months = SpanField(
        lazy_text("Remove mail about invoices, payments and quotes after"),
        unit="month",
        description=lazy_text(
            "Mind how long the law has you retain business letters. Leave it empty to remove none."
        ),
    )
    currency = SelectField(lazy_text("Currency"), choices=lambda: select_options(CURRENCY_CHOICES.items()))
    time_zone = StringField(
        lazy_text("Time zone"), description=lazy_text("IANA time zone name, for example Europe/Berlin.")
    )
    invoices = BooleanField(
        lazy_text("Invoices"),
        description=lazy_text("What is sold is invoiced. They take effect together with contracts."),
    )
    invoice_due_days = SpanField(
        lazy_text("Due after"), unit="day", description=lazy_text("Unless the invoice says otherwise.")
    )
    invoice_retention_years = CountField(
        lazy_text("Retention (years)"),
        description=lazy_text(
            "Customers are erased only so many years after their last invoice, credit note and payment."
        ),
    )
    renewal_lead_days = SpanField(
        lazy_text("Renew ahead of the end"),
        unit="day",
        description=lazy_text(
            "A contract with a price then gets its renewal, and the renewal a draft. Leave it empty "
            "to renew by hand."
        ),
    )
    draft_sold_items = BooleanField(
        lazy_text("Draft what was sold"),
        description=lazy_text(
            "On the next day, for each customer. If off, these drafts are written by hand."
        ),
    )
    invoice_warning_days = SpanField(
        lazy_text("Reminder before it is due"),
        unit="day",
        description=lazy_text("Leave it empty to remind only when an invoice is overdue."),
    )
    dunning_levels = TextAreaField(
        lazy_text("Dunning levels"),
        description=lazy_text(
            "One per line: days after the due day; fee; text of the mail. For example “7; 0; Please "
            "pay soon.” or “21; 5.00; This is the last reminder.” A fee is an invoice of its own, without "
            "tax."
        ),
    )
    e_invoices = SelectField(
        lazy_text("E-invoices"),
        choices=lambda: select_options(E_INVOICE_CHOICES.items()),
        description=lazy_text(
            "An invoice is issued only if the published rules accept it. They need the addresses, the"
            " email addresses and a VAT id or tax number of the company and of the customer."
        ),
    )
    tax_rates = TextAreaField(
        lazy_text("Tax rates"),
        description=lazy_text(
            "One per line: name; percent; category; reason why no tax is charged. For example "
            "“Standard; 19” or “Reverse charge; 0; AE; Reverse charge”. The first is used for what is sold. "
            "Categories: S standard, Z zero rated, E exempt, AE reverse charge, K within the EU, G export, "
            "O not subject to VAT."
        ),
    )
    bank_accounts = TextAreaField(
        lazy_text("Further bank accounts"),
        description=lazy_text(
            "One IBAN per line, besides the company's: their bank statements are taken too."
        ),
    )
    bank_csv_profiles = TextAreaField(
        lazy_text("CSV profiles of banks"),
        description=lazy_text(
            "A list in JSON. Each profile names the columns, the signs and the form of dates; the "
            "API's documentation has every field."
        ),
    )
    account_codes = TextAreaField(
        lazy_text("Accounts"),
        description=lazy_text(
            "One per line: account; number. Accounts: receivable, cash, customer_credit, "
            "deferred_revenue, revenue, tax, discount, write_off; a tax rate by its category and percent, "
            "for example “tax S:19; 1776”."
        ),
    )
    datev_consultant = CountField(lazy_text("DATEV: number of the tax adviser"))
    datev_client = CountField(lazy_text("DATEV: number of the client"))
    datev_account_length = CountField(lazy_text("DATEV: digits of an account"))
    financial_year_begins = SelectField(
        lazy_text("Financial year begins in"), choices=lambda: select_options(MONTH_CHOICES.items())
    )
    company_name = StringField(lazy_text("Company"))
    company_email = StringField(lazy_text("Email"))
    company_street = StringField(lazy_text("Street"))
    company_postal_code = StringField(lazy_text("Postal code"))
    company_city = StringField(lazy_text("City"))
    company_country = StringField(lazy_text("Country"), description=lazy_text("Two letters, for example DE."))
    company_vat_id = StringField(lazy_text("VAT id"), description=lazy_text("For example DE136695976."))
    company_tax_number = StringField(lazy_text("Tax number"))
    company_contact_name = StringField(lazy_text("Contact"))
    company_phone = StringField(lazy_text("Phone"))
    company_iban = StringField(lazy_text("IBAN"))
    company_bic = StringField(lazy_text("BIC"))
    holidays = TextAreaField(
        lazy_text("Holidays"), description=lazy_text("One date per line, for example 2026-12-25.")
    )
    mon = StringField(
        lazy_text("Monday"),
        description=lazy_text("For example 09:00-12:00, 13:00-17:00. Leave empty if closed."),
    )
    tue = StringField(lazy_text("Tuesday"))
    wed = StringField(lazy_text("Wednesday"))
    thu = StringField(lazy_text("Thursday"))
    fri = StringField(lazy_text("Friday"))
    sat = StringField(lazy_text("Saturday"))
    sun = StringField(lazy_text("Sunday"))


def settings_form(stored: Settings, version: int) -> SettingsForm:
    """The form of the stored settings; what needs invoices is left out while they are off."""
    form = SettingsForm(data=form_data(stored, version))
    form.time_expired_contract.choices = select_options(
        [("", gettext("Not set")), *time_expired_choices(invoices=stored.invoices)]
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
        **_limit(stored),
        "rules_engine": stored.rules_engine,
        "e_invoices": stored.e_invoices,
        "currency": stored.currency,
        "time_zone": stored.time_zone,
        "company_name": stored.company.name,
        "company_email": stored.company.email or "",
        **{f"company_{name}": getattr(stored.company, name) for name in COMPANY},
        "tax_rates": tax_rates_text(stored),
        "dunning_levels": dunning_levels_text(stored),
        "bank_accounts": "\n".join(stored.bank_accounts),
        "bank_csv_profiles": csv_profiles_text(stored),
        "account_codes": account_codes_text(stored),
        "financial_year_begins": str(stored.financial_year_begins),
        "holidays": "\n".join(stored.work_calendar.holidays),
    }


def _limit(stored: Settings) -> dict[str, Any]:
    limit = stored.not_to_exceed
    if limit is None:
        return limit_data(None, None, None, stored.overage)
    return limit_data(limit.minutes, limit.amount_minor, limit.per, stored.overage)


def _wanted_limit(form: SettingsForm) -> dict[str, Any] | None:
    minutes, minor = form.limit_minutes.data, form.limit_money.data
    if minutes is None and minor is None:
        return None
    return {"per": form.limit_per.data, "minutes": minutes, "amount_minor": minor}


def changes(form: SettingsForm, stored: Settings) -> dict[str, Any]:
    """Return the settings that differ from the stored ones; adds an error to each unreadable field."""
    wanted: dict[str, Any] = {name: bool(form[name].data) for name in SWITCHES}
    wanted |= {name: form[name].data for name in WHOLE_NUMBERS}
    wanted["time_expired_contract"] = form.time_expired_contract.data or None
    if "default_overage_rate_minor" in form:
        wanted["default_overage_rate_minor"] = form.default_overage_rate_minor.data
    wanted["overage"] = form.overage.data
    wanted["not_to_exceed"] = _wanted_limit(form)
    wanted["rules_engine"] = form.rules_engine.data
    wanted["e_invoices"] = form.e_invoices.data
    wanted["currency"] = form.currency.data
    wanted["time_zone"] = (form.time_zone.data or "").strip()
    wanted["rounding"] = {name: form[f"rounding_{name}"].data for name in (*ROUNDING, "scope")}
    wanted["company"] = {
        "name": (form.company_name.data or "").strip(),
        "email": (form.company_email.data or "").strip() or None,
        **{name: (form[f"company_{name}"].data or "").strip() for name in COMPANY},
    }
    wanted["tax_rates"] = typed_tax_rates(form)
    wanted["dunning_levels"] = typed_dunning_levels(form, stored)
    wanted["bank_accounts"] = typed_bank_accounts(form)
    wanted["account_codes"] = typed_account_codes(form)
    wanted["financial_year_begins"] = int(form.financial_year_begins.data or 1)
    profiles = typed_csv_profiles(form, stored)
    if profiles is not None:
        wanted["bank_csv_profiles"] = profiles
    wanted["work_calendar"] = {
        "weekly": {day: windows for day in DAYS if (windows := typed_windows(form, day))},
        "holidays": typed_holidays(form),
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
