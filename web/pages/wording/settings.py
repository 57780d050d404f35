"""Labels of the settings and of their options."""

from engine.quantities import Rounding
from web.languages import Texts, mark, ngettext
from web.pages.wording.formats import number_text
from workflows.core.settings import CURRENCIES

_TIME_EXPIRED_CHOICES = Texts(
    {
        "rollover": mark("Rollover: drawn from the holder's next contract"),
        "ignore": mark("Ignore: recorded but not billed"),
        "bill": mark("Bill: at the overage rate (requires a rate)"),
    }
)
VALIDATION_CHOICES = Texts(
    {
        "on": mark("On: requests without a valid contract are locked until they have one"),
        "off": mark("Off: requests without a contract open uncovered"),
    }
)
CURRENCY_CHOICES = {code: code for code in sorted(CURRENCIES)}
SCOPE_CHOICES = Texts(
    {
        "entry": mark("Each work entry"),
        "service_request_day": mark("All work on a request in one day"),
        "service_request": mark("All work on a request"),
    }
)
SCOPES = Texts(
    {
        "entry": mark("each work entry"),
        "service_request_day": mark("all work on a request in one day"),
        "service_request": mark("all work on a request"),
    }
)
"""The scopes within a sentence."""
CONTRACT_RECIPIENT_CHOICES = Texts(
    {
        "supervisors": mark("All supervisors"),
        "finance": mark("Finance"),
        "company": mark("The company's address"),
    }
)
SLA_RECIPIENT_CHOICES = Texts(
    {
        "technician": mark("The assignee; supervisors while nobody is assigned"),
        "supervisors": mark("All supervisors"),
        "company": mark("The company's address"),
    }
)
ENGINE_CHOICES = Texts(
    {"compiled": mark("Compiled to Python"), "plain": mark("business-rules package (slower)")}
)
E_INVOICE_CHOICES = Texts(
    {
        "off": mark("None"),
        "en16931": mark("EN 16931: Factur-X (ZUGFeRD) and Peppol"),
        "xrechnung": mark("XRechnung, for German authorities"),
    }
)
MONTH_CHOICES = Texts(
    {
        "1": mark("January"),
        "2": mark("February"),
        "3": mark("March"),
        "4": mark("April"),
        "5": mark("May"),
        "6": mark("June"),
        "7": mark("July"),
        "8": mark("August"),
        "9": mark("September"),
        "10": mark("October"),
        "11": mark("November"),
        "12": mark("December"),
    }
)
SETTING_LABELS = Texts(
    {
        "contracts": mark("Contracts"),
        "contract_validation": mark("Contract validation"),
        "time_expired_contract": mark("Time worked after a contract ends"),
        "payment_required": mark("Payment required"),
        "cascade": mark("Cascade"),
        "work_approval": mark("Approve work entries"),
        "overage": mark("Work beyond what a contract pays"),
        "not_to_exceed": mark("Not to exceed"),
        "approval_days": mark("Approvals lapse after (days)"),
        "default_contract_months": mark("Default contract duration (months)"),
        "default_overage_rate_minor": mark("Overage rate"),
        "currency": mark("Currency"),
        "time_zone": mark("Time zone"),
        "work_calendar": mark("Business hours"),
        "rounding": mark("Rounding"),
        "reopen_window_days": mark("Reopen window (days)"),
        "auto_close_days": mark("Auto-close (days)"),
        "unpaid_request_warning_hours": mark("Unpaid requests: warning after (hours)"),
        "unpaid_request_cancel_hours": mark("Unpaid requests: cancel after (hours)"),
        "mail_retention_months": mark("Remove mail after (months)"),
        "billing_mail_retention_months": mark(
            "Remove mail about invoices, payments and quotes after (months)"
        ),
        "alert_thresholds": mark("Thresholds (percent used)"),
        "expiry_alert_days": mark("Warning before a contract ends (days)"),
        "exhaustion_alert_days": mark("Warning of projected exhaustion (days)"),
        "contract_alert_recipients": mark("Mail about contracts"),
        "customer_alerts": mark("Mail about contracts to customers"),
        "sla_warning_recipients": mark("Mail when a target is close"),
        "sla_breach_recipients": mark("Mail when a target is missed"),
        "customers_see_org_unit": mark("Customers see their org unit's requests"),
        "two_person_publishing": mark("Require approval of rules"),
        "rules_engine": mark("Rule engine"),
        "company": mark("Company"),
        "invoices": mark("Invoices"),
        "invoice_retention_years": mark("Invoices are retained (years)"),
        "invoice_due_days": mark("Invoices are due after (days)"),
        "draft_sold_items": mark("Draft what was sold"),
        "renewal_lead_days": mark("Renew ahead of the end (days)"),
        "invoice_warning_days": mark("Reminder before an invoice is due (days)"),
        "dunning_levels": mark("Dunning levels"),
        "e_invoices": mark("E-invoices"),
        "tax_rates": mark("Tax rates"),
        "bank_accounts": mark("Further bank accounts"),
        "bank_csv_profiles": mark("CSV profiles of banks"),
        "account_codes": mark("Accounts of the accounting program"),
        "datev_consultant": mark("DATEV: number of the tax adviser"),
        "datev_client": mark("DATEV: number of the client"),
        "datev_account_length": mark("DATEV: digits of an account"),
        "financial_year_begins": mark("Month in which the financial year begins"),
    }
)


def time_expired_choices(*, invoices: bool) -> list[tuple[str, str]]:
    """What may become of time after a contract's end; nothing can be billed without invoices."""
    return [one for one in _TIME_EXPIRED_CHOICES.items() if invoices or one[0] != "bill"]


def rounding_text(rounding: Rounding) -> str:
    """A rounding: "Up to 15 minutes, at least 30 minutes, 5 minutes of grace; each work entry"."""
    increment, minimum, grace = (
        rounding.increment_minutes,
        rounding.minimum_minutes,
        rounding.grace_minutes,
    )
    parts = [ngettext("Up to %(num)s minute", "Up to %(num)s minutes", increment, num=number_text(increment))]
    if minimum:
        parts.append(
            ngettext("at least %(num)s minute", "at least %(num)s minutes", minimum, num=number_text(minimum))
        )
    if grace:
        parts.append(
            ngettext("%(num)s minute of grace", "%(num)s minutes of grace", grace, num=number_text(grace))
        )
    return f"{', '.join(parts)}; {SCOPES[rounding.scope]}"


def setting_label(key: str) -> str:
    """The label of a setting."""
    return SETTING_LABELS.get(key, key.replace("_", " ").capitalize())
