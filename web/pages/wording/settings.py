"""Labels of the settings and of their options."""

from engine.quantities import Rounding
from web.pages.wording.formats import span_words
from workflows.core.settings import CURRENCIES

_TIME_EXPIRED_CHOICES = [
    ("rollover", "Rollover: drawn from the holder's next contract"),
    ("ignore", "Ignore: recorded but not billed"),
    ("bill", "Bill: at the overage rate (requires a rate)"),
]
VALIDATION_CHOICES = [
    ("on", "On: requests without a valid contract are locked until they have one"),
    ("off", "Off: requests without a contract open uncovered"),
]
CURRENCY_CHOICES = [(code, code) for code in sorted(CURRENCIES)]
SCOPE_CHOICES = [
    ("entry", "Each work entry"),
    ("service_request_day", "All work on a request in one day"),
    ("service_request", "All work on a request"),
]
CONTRACT_RECIPIENT_CHOICES = [
    ("supervisors", "All supervisors"),
    ("finance", "Finance"),
    ("company", "The company's address"),
]
SLA_RECIPIENT_CHOICES = [
    ("technician", "The assignee; supervisors while nobody is assigned"),
    ("supervisors", "All supervisors"),
    ("company", "The company's address"),
]
ENGINE_CHOICES = [
    ("compiled", "Compiled to Python"),
    ("plain", "business-rules package (slower)"),
]
E_INVOICE_CHOICES = [
    ("off", "None"),
    ("en16931", "EN 16931: Factur-X (ZUGFeRD) and Peppol"),
    ("xrechnung", "XRechnung, for German authorities"),
]
MONTH_CHOICES = [
    (str(number), name)
    for number, name in enumerate(
        "January February March April May June July August September October November December".split(), 1
    )
]
SETTING_LABELS = {
    "contracts": "Contracts",
    "contract_validation": "Contract validation",
    "time_expired_contract": "Time worked after a contract ends",
    "payment_required": "Payment required",
    "cascade": "Cascade",
    "work_approval": "Approve work entries",
    "default_contract_months": "Default contract duration (months)",
    "default_overage_rate_minor": "Overage rate",
    "currency": "Currency",
    "time_zone": "Time zone",
    "work_calendar": "Business hours",
    "rounding": "Rounding",
    "reopen_window_days": "Reopen window (days)",
    "auto_close_days": "Auto-close (days)",
    "unpaid_request_warning_hours": "Unpaid requests: warning after (hours)",
    "unpaid_request_cancel_hours": "Unpaid requests: cancel after (hours)",
    "alert_thresholds": "Thresholds (percent used)",
    "expiry_alert_days": "Warning before a contract ends (days)",
    "exhaustion_alert_days": "Warning of projected exhaustion (days)",
    "contract_alert_recipients": "Mail about contracts",
    "customer_alerts": "Mail about contracts to customers",
    "sla_warning_recipients": "Mail when a target is close",
    "sla_breach_recipients": "Mail when a target is missed",
    "customers_see_org_unit": "Customers see their org unit's requests",
    "two_person_publishing": "Require approval of rules",
    "rules_engine": "Rule engine",
    "company": "Company",
    "invoices": "Invoices",
    "invoice_due_days": "Invoices are due after (days)",
    "draft_sold_items": "Draft what was sold",
    "renewal_lead_days": "Renew ahead of the end (days)",
    "invoice_warning_days": "Reminder before an invoice is due (days)",
    "dunning_levels": "Dunning levels",
    "e_invoices": "E-invoices",
    "tax_rates": "Tax rates",
    "bank_accounts": "Further bank accounts",
    "bank_csv_profiles": "CSV profiles of banks",
    "account_codes": "Accounts of the accounting program",
    "datev_consultant": "DATEV: number of the tax adviser",
    "datev_client": "DATEV: number of the client",
    "datev_account_length": "DATEV: digits of an account",
    "financial_year_begins": "Month in which the financial year begins",
}


def time_expired_choices(*, invoices: bool) -> list[tuple[str, str]]:
    """What may become of time after a contract's end; nothing can be billed without invoices."""
    return [one for one in _TIME_EXPIRED_CHOICES if invoices or one[0] != "bill"]


def rounding_text(rounding: Rounding) -> str:
    """A rounding: "Up to 15 minutes, at least 30 minutes, 5 minutes of grace; each work entry"."""
    parts = [f"Up to {span_words(rounding.increment_minutes, 'minute')}"]
    if rounding.minimum_minutes:
        parts.append(f"at least {span_words(rounding.minimum_minutes, 'minute')}")
    if rounding.grace_minutes:
        parts.append(f"{span_words(rounding.grace_minutes, 'minute')} of grace")
    scope = dict(SCOPE_CHOICES)[rounding.scope]
    return f"{', '.join(parts)}; {scope[0].lower()}{scope[1:]}"


def setting_label(key: str) -> str:
    """The label of a setting."""
    return SETTING_LABELS.get(key, key.replace("_", " ").capitalize())
