"""The default terms of a contract type as text."""

from typing import Any

from web.pages.wording.formats import amount_text, incidents_text, minutes_text, money_text
from web.pages.wording.months import borrow_text, carry_over_text
from workflows.views.contracts import ContractDetail, ContractTypeView


def _decapitalized(text: str) -> str:
    return text[:1].lower() + text[1:]


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
    if one.default_money is not None:
        parts.append(f"{money_text(one.default_money.amount_minor, one.default_money.currency)} to use")
    if one.default_price is not None and not one.list_prices:
        parts.append(money_text(one.default_price.amount_minor, one.default_price.currency))
    if one.carry_over is not None:
        parts.append(f"carried over: {_decapitalized(carry_over_text(one.carry_over))}")
    if one.borrow is not None:
        parts.append(f"drawn ahead: {_decapitalized(borrow_text(one.borrow))}")
    return ", ".join(parts)


def list_prices_text(one: ContractTypeView) -> str:
    """Today's prices of the price list, such as "€100.00 (SUB), 20:00 for €1,800.00 (SUP-20)"; "" if none."""
    unit: Any = one.draws
    parts = []
    for listed in one.list_prices:
        currency = listed.price.currency
        amount = f"{amount_text(listed.quantity, unit, currency)} for " if listed.quantity else ""
        parts.append(f"{amount}{money_text(listed.price.amount_minor, currency)} ({listed.product})")
    return ", ".join(parts)


def auto_top_up_text(contract: ContractDetail) -> str:
    """The terms of the automatic top-up as a sentence."""
    terms = contract.auto_top_up
    if terms is None:
        return "None"
    unit: Any = contract.draws
    currency = contract.balance.money.currency
    below, quantity = (
        incidents_text(amount) if unit == "incidents" else amount_text(amount, unit, currency)
        for amount in (terms.below, terms.quantity)
    )
    if terms.mode == "warn":
        return f"Only a warning when no more than {below} is left."
    price = f" for {money_text(terms.price.amount_minor, terms.price.currency)}" if terms.price else ""
    often = "once" if terms.most_per_month == 1 else f"{terms.most_per_month} times"
    how = "a top-up is prepared" if terms.mode == "draft" else "it is topped up"
    return f"When no more than {below} is left, {how}: {quantity}{price}, at most {often} a month."
