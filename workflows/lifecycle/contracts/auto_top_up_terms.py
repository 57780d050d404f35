"""The terms of the automatic top-up of a contract, as given and as stored. Source: product.md section 5."""

from typing import Any

from sqlalchemy import Row

from engine.auto_top_up import AutoTopUpTerms
from workflows.commands.contracts import AutoTopUpGiven
from workflows.commands.fields import MoneyGiven, MoneyGranted
from workflows.core.errors import invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext


def stored_auto_top_up(tx: Transaction, given: AutoTopUpGiven | None, draws: str) -> dict[str, Any] | None:
    """The terms as they are stored with a contract that draws this unit; None without any.

    Raises: InvalidInput where they do not fit the contract, or the price is in another currency.
    """
    if given is None:
        return None
    pointer = "/auto_top_up"
    if draws == "nothing":
        raise invalid(pointer, gettext("This contract has no balance to top up."), gettext("Leave it out."))
    money = given.money.amount_minor if given.money is not None else None
    amounts = {"minutes": given.minutes, "incidents": given.incidents, "money": money}
    quantity = amounts.pop(draws, None)
    others = any(amounts.values())
    if quantity is None and not others and given.mode != "warn":
        raise invalid(
            f"{pointer}/{draws}",
            gettext("A top-up needs its amount."),
            gettext("Give %(draws)s.", draws=draws),
        )
    if others:
        raise invalid(
            f"{pointer}/{draws}",
            gettext("This contract is measured in %(draws)s.", draws=draws),
            gettext("Give %(draws)s alone.", draws=draws),
        )
    price = given.price
    for name, amount in (("price", price), ("money", given.money)):
        if amount is not None and amount.currency not in (None, tx.settings.currency):
            raise invalid(
                f"{pointer}/{name}/currency",
                gettext("Amounts of this desk are in %(currency)s.", currency=tx.settings.currency),
                gettext("Give an amount in %(currency)s.", currency=tx.settings.currency),
            )
    return {
        "mode": given.mode,
        "below": given.below,
        "quantity": quantity,
        "price_minor": price.amount_minor if price is not None else None,
        "most_per_month": given.most_per_month,
    }


def auto_top_up_terms(row: Row[Any]) -> AutoTopUpTerms | None:
    """The terms of a contract's row; None without any."""
    return AutoTopUpTerms(**row.auto_top_up) if row.auto_top_up else None


def renewed_auto_top_up(row: Row[Any]) -> AutoTopUpGiven | None:
    """The terms as the command for a successor has them."""
    terms = auto_top_up_terms(row)
    if terms is None:
        return None
    price = MoneyGiven(amount_minor=terms.price_minor) if terms.price_minor is not None else None
    in_money = row.draws == "money"
    quantity = MoneyGranted(amount_minor=terms.quantity) if in_money and terms.quantity else terms.quantity
    return AutoTopUpGiven.model_validate(
        {
            "mode": terms.mode,
            "below": terms.below,
            row.draws: quantity,
            "price": price,
            "most_per_month": terms.most_per_month,
        }
    )
