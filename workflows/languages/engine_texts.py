"""Errors of the engine in the language of the reader.

The engine writes English and knows no languages. Its common sentences stand here once more; a text that has
the form of one of them is translated with its values, and any other stays as it is.
"""

import re
from contextlib import suppress
from datetime import date
from functools import cache

from engine.errors import DeskError
from workflows.languages.formats import day_text, money_text
from workflows.languages.texts import SOURCE, gettext, language, mark

TEXTS = (
    # engine.periods
    mark("There is no time zone %(name)s."),
    mark("Use a name such as Europe/Berlin or UTC."),
    mark("%(wall)s does not exist in %(zone)s: the clocks go from %(before)s to %(after)s."),
    mark("Give %(first)s or later, or a time before %(last)s."),
    mark("The duration counted from %(start)s leaves the calendar."),
    mark("Stay within the years %(first)s to %(last)s."),
    mark("The duration is longer than the calendar."),
    mark("The duration must be more than 0."),
    mark("Give a number of days, weeks, months or years, none of them negative."),
    mark("%(shown)s is outside the supported years."),
    mark("Give a date in the years %(first)s to %(last)s."),
    # engine.quantities and engine.calendars
    mark("The amount is too large to be stored exactly."),
    mark("The largest amount is %(amount)s."),
    mark("%(currency)s is not a currency code."),
    mark("Use the three capital letters of ISO 4217, such as EUR."),
    mark("%(first)s and %(second)s cannot be added."),
    mark("Keep one sum for each currency."),
    mark("The period from %(start)s to %(end)s is empty."),
    mark("Give an end after the start."),
    mark("%(shown)s is not a valid number of minutes."),
    mark("Give a whole number from 0 to %(most)s."),
    mark("The calendar never reaches %(seconds)s seconds of working time %(bound)s, from %(start)s."),
    mark("Add opening hours to the calendar, or end the open pause."),
    mark("%(where)s: minute %(opens)s to minute %(closes)s are not valid opening hours."),
    mark("Open before 24:00, close after opening and at most 24 hours later."),
    mark("Month %(month)s has no day %(day)s."),
    mark("Give month and day, such as 12-25."),
    # engine.public_holidays
    mark("There are no holidays of a country %(country)s."),
    mark("Use the two letters of ISO 3166-1, such as DE."),
    mark("There is no region %(subdivision)s in %(country)s."),
    mark("There is no category %(category)s of holidays in %(country)s."),
    mark("There are no holidays of %(country)s for %(year)s."),
    mark("The data has the years %(first)s to %(last)s: give dates instead."),
    # engine.calendar_files
    mark("The calendar file has %(size)s bytes."),
    mark("At most %(most)s are allowed: export fewer events."),
    mark("The calendar file has more than %(most)s closures."),
    mark("Export fewer events."),
    mark("The file is not a calendar file."),
    mark("Send iCalendar text in UTF-8 (.ics)."),
    # engine.invoicing and engine.payments
    mark("The discount is more than the lines amount to."),
    mark("Give a smaller amount."),
    mark("The credit is smaller than the amount."),
    mark("Use at most what is left of it."),
    mark("Less is open on the invoice than the amount."),
    mark("Use at most what is open."),
    mark("More would be taken back than was paid."),
    mark("Take back at most what is left of the payment."),
    mark("The amount must be more than 0."),
    mark("Give the amount that was paid; a payment that went back is reversed instead."),
    # engine.accounting_periods
    mark("%(month)s is closed already; the last closed period is %(last)s."),
    mark("Close %(next)s next, or reopen %(last)s."),
    mark("%(month)s cannot be closed before %(open)s, which is open."),
    mark("Close %(month)s first."),
    mark("%(month)s has not ended yet."),
    mark("Close it on %(day)s or later."),
    mark("%(month)s is open."),
    mark("Only %(month)s can be reopened."),
    mark("No period is closed."),
    mark("%(month)s cannot be reopened while %(last)s is closed."),
    mark("Reopen %(month)s first."),
    # engine.price_list
    mark("%(product)s has a price on these days already: %(price)s overlaps %(added)s."),
    mark("End the earlier one before %(day)s, or choose other days."),
    mark("Line %(line)s: The header cannot be read: the column %(column)s is missing."),
    mark("Line %(line)s: The header cannot be read: %(column)s is not a column of it."),
    mark("Line %(line)s: The header cannot be read: a column is given twice."),
    mark("The columns are %(columns)s."),
    mark("Line %(line)s: It has %(cells)s cells, and the header has %(names)s."),
    mark("Line %(line)s: The cell %(name)s is empty."),
    mark("Line %(line)s: %(kind)s is not a valid kind."),
    mark("Use one of %(kinds)s."),
    mark("Line %(line)s: %(quantity)s is not a quantity."),
    mark("Line %(line)s: %(currency)s is not a currency code."),
    mark("Line %(line)s: The last day %(last)s is before the first, %(first)s."),
    mark("Line %(line)s: %(text)s is not an amount in %(currency)s."),
    mark("Line %(line)s: %(text)s is too much."),
    mark("Line %(line)s: %(text)s is not a date, in %(column)s."),
    mark("Correct the row."),
    mark("Fill it in."),
    mark("Write a whole number of 1 or more."),
    mark("Write its code, such as EUR."),
    mark("Correct the days."),
    mark("Correct the price."),
    mark("Write it as %(example)s."),
    # engine.datev
    mark("%(code)s is not a DATEV account of %(digits)s digits."),
    mark("Correct the account, or the number of digits, in the settings."),
    mark("An amount of %(document)s is too large for DATEV."),
    mark("Export this span as CSV."),
)

VALUES = (
    # engine.price_list: a price within a sentence
    mark("%(amount)s from %(first)s to %(last)s"),
    mark("%(amount)s from %(first)s on"),
)
"""What the engine writes in place of a value, in words."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_AMOUNT = re.compile(r"([A-Z]{3}) (-?[\d,]+(?:\.\d+)?)")


def translated(text: str) -> str:
    """A text of the engine in the current language, if it is one of those above."""
    return by_form(text, TEXTS)


def translate(error: DeskError) -> None:
    """Give an error its text in the current language."""
    if language() != SOURCE:
        error.detail, error.remedy = translated(error.detail), translated(error.remedy)
        error.args = (error.detail,)


def by_form(text: str, known: tuple[str, ...]) -> str:
    """An English text that has the form of one of those known, in the current language; another as it is."""
    if language() == SOURCE or not text:
        return text
    for pattern, one in _patterns(known):
        found = pattern.fullmatch(text)
        if found:
            values = {
                # an example is written as it has to be typed
                name: value if name == "example" else _value(value)
                for name, value in found.groupdict().items()
            }
            return gettext(one, **values) if values else gettext(one)
    return text


def _value(text: str) -> str:
    """A day, an amount or a price of an English text as the language writes it; another value as it is."""
    if _DAY.fullmatch(text):
        with suppress(ValueError):
            return day_text(date.fromisoformat(text))
    amount = _AMOUNT.fullmatch(text)
    if amount is None:
        return by_form(text, VALUES) if _AMOUNT.match(text) else text
    digits = amount[2].replace(",", "").replace(".", "")
    return money_text(int(digits), amount[1])


@cache
def _patterns(known: tuple[str, ...]) -> list[tuple[re.Pattern[str], str]]:
    """Those with the most fixed text first, since another one may have its form."""
    ordered = sorted(known, key=lambda text: -len(re.sub(r"%\(\w+\)s", "", text)))
    return [(re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(one))), one) for one in ordered]
