"""Limits of work as text: "10 hours each month"."""

from web.languages import gettext
from web.pages.wording.formats import duration_words, money_text
from web.pages.wording.labels import LIMITS_PER
from workflows.views.contracts import NotToExceedView


def limit_text(limit: NotToExceedView) -> str:
    """A limit for a page: "10 hours each month"."""
    amount = (
        duration_words(limit.minutes or 0)
        if limit.amount is None
        else money_text(limit.amount.amount_minor, limit.amount.currency)
    )
    return gettext("%(amount)s %(per)s", amount=amount, per=LIMITS_PER[limit.per])
