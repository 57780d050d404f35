"""What someone says who decides about a quote, in the language of the page; it is stored word for word."""

from engine.quotes import Decision
from workflows.languages.texts import gettext


def statement_of(decision: Decision, number: str, version: int, total: str) -> str:
    """What someone agrees to who accepts a version of a quote, or says who declines it."""
    if decision == "accepted":
        return gettext(
            "I accept the quote %(number)s, version %(version)s, of %(total)s in total.",
            number=number,
            version=version,
            total=total,
        )
    return gettext("I decline the quote %(number)s, version %(version)s.", number=number, version=version)
