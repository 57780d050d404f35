"""The default terms of a contract type as text."""

from web.pages.wording.formats import minutes_text, money_text
from workflows.views.contracts import ContractTypeView


def usual_terms(one: ContractTypeView) -> str:
    """Default duration, quantity and price, such as "12 months, 10:00 h, €480.00"; "" if there are none."""
    parts = []
    if one.default_duration_months:
        months = one.default_duration_months
        parts.append(f"{months} months" if months != 1 else "1 month")
    if one.default_minutes:
        every = " per month" if one.allocation == "monthly" else ""
        parts.append(f"{minutes_text(one.default_minutes)} h{every}")
    if one.default_incidents:
        parts.append(f"{one.default_incidents} incidents" if one.default_incidents != 1 else "1 incident")
    if one.default_price is not None:
        parts.append(money_text(one.default_price.amount_minor, one.default_price.currency))
    return ", ".join(parts)
