"""The settings in words: what each does, and what may be chosen."""

from workflows.core.settings import CURRENCIES

TIME_EXPIRED_CHOICES = [
    ("rollover", "Rollover: drawn from the holder's next contract"),
    ("ignore", "Ignore: recorded, and charged to nobody"),
    ("bill", "Bill: at the overage rate; needs invoices and a rate"),
]
VALIDATION_CHOICES = [
    ("on", "On: no request proceeds without a valid contract; it waits, locked"),
    ("off", "Off: a request without a contract opens, uncovered"),
]
CURRENCY_CHOICES = [(code, code) for code in sorted(CURRENCIES)]
SCOPE_CHOICES = [
    ("entry", "Each entry by itself"),
    ("service_request_day", "A request's day together"),
]
ENGINE_CHOICES = [
    ("compiled", "Compiled to Python"),
    ("plain", "business-rules itself: slower"),
]
SETTING_LABELS = {
    "contracts": "Contracts",
    "invoices": "Invoices",
    "contract_validation": "Contract validation",
    "time_expired_contract": "Time past a contract's end",
    "payment_required": "Payment required",
    "cascade": "Cascade",
    "default_contract_months": "Usual length of a contract, months",
    "default_overage_rate_minor": "Overage rate",
    "renewal_lead_days": "Renewal lead, days",
    "unpaid_request_warning_hours": "Unpaid request: warn after, hours",
    "unpaid_request_cancel_hours": "Unpaid request: cancel after, hours",
    "invoice_due_days": "Invoices are due after, days",
    "invoice_warning_days": "Warn before due, days",
    "tax_rates": "Tax rates",
    "currency": "Currency",
    "time_zone": "Time zone",
    "work_calendar": "Business hours",
    "rounding": "Rounding",
    "reopen_window_days": "Reopen window, days",
    "auto_close_days": "Close resolved requests after, days",
    "alert_thresholds_percent": "Alert thresholds, percent",
    "customers_see_org_unit": "Customers see their org unit's requests",
    "two_person_publishing": "Rules are published by two",
    "rules_engine": "What runs the rules",
    "company": "Company",
}


def setting_label(key: str) -> str:
    """A setting's name in words."""
    return SETTING_LABELS.get(key, key.replace("_", " ").capitalize())
