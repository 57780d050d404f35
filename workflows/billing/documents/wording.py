"""The language of documents: that of the invoice, whoever reads or sends it.

amount_words(123456, "EUR") is "1,234.56" in English, "1.234,56" in German
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import wraps
from typing import Concatenate, ParamSpec

from engine.currencies import money_text
from engine.invoice_document import InvoiceDocument
from workflows.billing.documents.e_invoice import quantity_text
from workflows.languages.texts import SOURCE, Language, gettext, in_language, known_language, language

P = ParamSpec("P")

_SIGNS: dict[Language, tuple[str, str]] = {"en": (",", "."), "de": (".", ","), "fr": ("\u00a0", ",")}
"""What separates thousands, and decimals."""
_DAYS: dict[Language, str] = {"en": "%Y-%m-%d", "de": "%d.%m.%Y", "fr": "%d/%m/%Y"}


def in_its_language(
    write: Callable[Concatenate[InvoiceDocument, P], bytes],
) -> Callable[Concatenate[InvoiceDocument, P], bytes]:
    """Write a document in its language, or in English where there are no texts in that one."""

    @wraps(write)
    def written(document: InvoiceDocument, /, *args: P.args, **kwargs: P.kwargs) -> bytes:
        with in_language(known_language(document.language) or SOURCE):
            return write(document, *args, **kwargs)

    return written


def amount_words(amount_minor: int, currency: str) -> str:
    """An amount without its currency, which the column or the line names."""
    text = money_text(amount_minor, currency).removeprefix(f"{currency} ").replace("-", "−")
    return _with_signs(text)


def sum_words(amount_minor: int, currency: str) -> str:
    """An amount with its currency: "EUR 1,190.00", in French "1 190,00 EUR"."""
    amount = amount_words(amount_minor, currency)
    return f"{currency} {amount}" if language() == SOURCE else f"{amount}\u00a0{currency}"


def quantity_words(value: Decimal) -> str:
    """A quantity: 1.5 is "1,5" in German."""
    return _with_signs(quantity_text(value))


def percent_words(percent: Decimal) -> str:
    """A percentage: "7.5 %"."""
    return gettext("%(number)s %%", number=quantity_words(percent))


def day_words(day: date | None) -> str:
    """A day: 2026-03-31 in English, 31.03.2026 in German; nothing for none."""
    return day.strftime(_DAYS[language()]) if day else ""


def days_words(first: date | None, last: date | None) -> str:
    """A period, of which either end may be open."""
    if first and last:
        return gettext("%(first)s to %(last)s", first=day_words(first), last=day_words(last))
    if first:
        return gettext("from %(day)s", day=day_words(first))
    return gettext("until %(day)s", day=day_words(last)) if last else ""


def _with_signs(text: str) -> str:
    """A number as in English with the separators of the language."""
    thousands, decimals = _SIGNS[language()]
    return text.translate({ord(","): thousands, ord("."): decimals})
