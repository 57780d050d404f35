"""What a contract type gives where nobody says otherwise, in words."""

from web.pages.wording.formats import minutes_text, money_text
from workflows.views.contracts import ContractTypeView


def usual_terms(one: ContractTypeView) -> str:
    """The type's duration, quantity and price, "12 months, 10:00 h, €480.00"; empty where it has none."""
    parts = []
    if one.default_duration_months:
        months = one.default_duration_months
        parts.append(f"{months} months" if months != 1 else "1 month")
    if one.default_minutes:
        every = " a month" if one.allocation == "monthly" else ""
        parts.append(f"{minutes_text(one.default_minutes)} h{every}")
    if one.default_incidents:
        parts.append(f"{one.default_incidents} incidents" if one.default_incidents != 1 else "1 incident")
    if one.default_price is not None:
        parts.append(money_text(one.default_price.amount_minor, one.default_price.currency))
    return ", ".join(parts)
