"""The default terms of a contract type as text."""

from typing import Any

from web.languages import gettext, ngettext
from web.pages.wording.formats import amount_text, incidents_text, minutes_text, money_text
from web.pages.wording.months import borrow_text, carry_over_text
from workflows.views.contracts import ContractDetail, ContractTypeView


def _decapitalized(text: str) -> str:
    return text[:1].lower() + text[1:]


def usual_terms(one: ContractTypeView, *, with_price: bool = True) -> str:
    """Default duration, quantity and price, such as "12 months, 10:00 h, €480.00"; "" if there are none."""
    parts = []
    if one.default_duration_months:
        parts.append(ngettext("%(num)s month", "%(num)s months", one.default_duration_months))
    if one.default_minutes:
        time = minutes_text(one.default_minutes)
        if one.allocation == "monthly":
            parts.append(gettext("%(time)s h per month", time=time))
        else:
            parts.append(gettext("%(time)s h", time=time))
    if one.default_incidents:
        parts.append(ngettext("%(num)s incident", "%(num)s incidents", one.default_incidents))
    if one.default_money is not None:
        money = money_text(one.default_money.amount_minor, one.default_money.currency)
        parts.append(gettext("%(amount)s to use", amount=money))
    if with_price and one.default_price is not None and not one.list_prices:
        parts.append(money_text(one.default_price.amount_minor, one.default_price.currency))
    if one.carry_over is not None:
        parts.append(gettext("carried over: %(rule)s", rule=_decapitalized(carry_over_text(one.carry_over))))
    if one.borrow is not None:
        parts.append(gettext("drawn ahead: %(rule)s", rule=_decapitalized(borrow_text(one.borrow))))
    return ", ".join(parts)


def list_prices_text(one: ContractTypeView) -> str:
    """Today's prices of the price list, such as "€100.00 (SUB), 20:00 for €1,800.00 (SUP-20)"; "" if none."""
    unit: Any = one.draws
    parts = []
    for listed in one.list_prices:
        currency = listed.price.currency
        values = {"price": money_text(listed.price.amount_minor, currency), "product": listed.product}
        if listed.quantity:
            quantity = amount_text(listed.quantity, unit, currency)
            parts.append(gettext("%(quantity)s for %(price)s (%(product)s)", quantity=quantity, **values))
        else:
            parts.append(f"{values['price']} ({listed.product})")
    return ", ".join(parts)


def auto_top_up_text(contract: ContractDetail) -> str:
    """The terms of the automatic top-up as a sentence."""
    terms = contract.auto_top_up
    if terms is None:
        return gettext("None")
    unit: Any = contract.draws
    currency = contract.balance.money.currency
    below, quantity = (
        incidents_text(amount) if unit == "incidents" else amount_text(amount, unit, currency)
        for amount in (terms.below, terms.quantity or 0)
    )
    if terms.mode == "warn":
        return gettext("Only a warning when no more than %(amount)s is left.", amount=below)
    top_up = quantity
    if terms.price:
        price = money_text(terms.price.amount_minor, terms.price.currency)
        top_up = gettext("%(quantity)s for %(price)s", quantity=quantity, price=price)
    if terms.mode == "draft":
        return ngettext(
            "When no more than %(amount)s is left, a top-up is prepared: %(top_up)s, at most once a month.",
            "When no more than %(amount)s is left, a top-up is prepared: %(top_up)s, "
            "at most %(num)s times a month.",
            terms.most_per_month,
            amount=below,
            top_up=top_up,
        )
    return ngettext(
        "When no more than %(amount)s is left, it is topped up: %(top_up)s, at most once a month.",
        "When no more than %(amount)s is left, it is topped up: %(top_up)s, at most %(num)s times a month.",
        terms.most_per_month,
        amount=below,
        top_up=top_up,
    )
