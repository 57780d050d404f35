"""Amounts, days and instants within sentences, by the current language."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from engine.currencies import minor_digits, plain_amount
from engine.currencies import money_text as english_money
from workflows.languages.texts import SOURCE, language, ngettext

NO_BREAK_SPACE = "\u00a0"
FIRST_DAY, FIRST_DAY_LONG = "d'er' MMM y", "d'er' MMMM y"
"""The first of a month in French: "1er janv. 2026"."""


def money_text(amount_minor: int, currency: str) -> str:
    """An amount of minor units with the code of its currency: "EUR 4,000.00", in German "4.000,00 EUR"."""
    if language() == SOURCE:
        return english_money(amount_minor, currency)
    from decimal import Decimal

    from babel.numbers import format_decimal

    digits = minor_digits(currency)
    form = "#,##0" + ("." + "0" * digits if digits else "")
    number = Decimal(plain_amount(abs(amount_minor), currency)).copy_sign(amount_minor)
    return f"{format_decimal(number, form, locale=language())}{NO_BREAK_SPACE}{currency}"


def amount_text(amount: int, unit: str, currency: str | None = None) -> str:
    """An amount with its unit: "1 minute", "20 incidents", "EUR 40.00"."""
    if unit == "money" and currency is not None:
        return money_text(amount, currency)
    number = number_text(amount)
    if unit == "minutes":
        return ngettext("%(num)s minute", "%(num)s minutes", amount, num=number)
    if unit == "incidents":
        return ngettext("%(num)s incident", "%(num)s incidents", amount, num=number)
    return f"{number} {unit}"


def number_text(number: int) -> str:
    """A whole number with separators of thousands: "4,000"."""
    if language() == SOURCE:
        return f"{number:,}"
    from babel.numbers import format_decimal

    return str(format_decimal(number, locale=language()))


def day_text(day: date) -> str:
    """A day: "2026-03-31", in German "31.03.2026"."""
    if language() == SOURCE:
        return date.isoformat(day)
    from babel.dates import format_date

    return str(format_date(day, FIRST_DAY if _is_first(day) else "medium", locale=language()))


def long_day_text(day: date) -> str:
    """A day with the name of its month: "31 March 2026", in German "31. März 2026"."""
    if language() == SOURCE:
        return f"{day.day} {day:%B %Y}"
    from babel.dates import format_date

    return str(format_date(day, FIRST_DAY_LONG if _is_first(day) else "long", locale=language()))


def _is_first(day: date) -> bool:
    return language() == "fr" and day.day == 1


def instant_text(at: datetime, zone: ZoneInfo) -> str:
    """An instant in a time zone, to the minute: "2026-03-31 09:00"."""
    local = at.astimezone(zone)
    return f"{day_text(local.date())} {local:%H:%M}"
