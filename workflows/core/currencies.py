"""Which currencies new documents, prices and the desk itself can be in. Source: product.md section 10."""

from engine.currencies import CURRENCIES, FIRST_DAYS, successor_on
from engine.periods import local_date
from workflows.core.errors import invalid
from workflows.core.transaction import Transaction
from workflows.languages.formats import day_text
from workflows.languages.texts import gettext


def require_currency(tx: Transaction, currency: str, pointer: str) -> None:
    """Raise InvalidInput for what is no currency, or none any more, or not yet one today."""
    if currency not in CURRENCIES:
        raise invalid(
            pointer,
            gettext("%(currency)s is not a currency code.", currency=currency),
            gettext("Write for example EUR."),
        )
    today = local_date(tx.now, tx.settings.zone)
    given_up = given_up_text(tx, currency)
    if given_up is not None:
        raise invalid(pointer, *given_up)
    if currency in FIRST_DAYS and today < FIRST_DAYS[currency]:
        begins = day_text(FIRST_DAYS[currency])
        raise invalid(
            pointer, gettext("%(currency)s is a currency from %(day)s on.", currency=currency, day=begins)
        )


def given_up_text(tx: Transaction, currency: str) -> tuple[str, str] | None:
    """That a currency has been given up by today, and what to use instead; None while it is in use."""
    successor = successor_on(currency, local_date(tx.now, tx.settings.zone))
    if successor is None:
        return None
    return (
        gettext(
            "%(currency)s was replaced by %(successor)s on %(day)s.",
            currency=currency,
            successor=successor.currency,
            day=day_text(successor.since),
        ),
        gettext("Use %(currency)s.", currency=successor.currency),
    )
