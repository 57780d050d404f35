"""Formatting and parsing of minutes, money and time, in the reader's language.

Whole minutes and minor units in, text out. Instants are shown in the provider's time zone; `relative_text`
gives the distance from now, and the `<time>` element has the exact instant. What is typed is read in every
language, whichever the page is in.
"""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import (
    NumberPattern,
    format_currency,
    format_decimal,
    get_currency_symbol,
    get_decimal_symbol,
    parse_pattern,
)

from engine.currencies import minor_digits
from web.languages import LOCALES, gettext, language, locale, ngettext
from web.pages.wording.local_times import offset_text
from workflows.languages.texts import Language
from workflows.views import MOST_COUNTED, CountedPage

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TimeUnit = Literal["hours", "minutes"]
SpanUnit = Literal["minute", "hour", "day", "month"]
A_MOMENT = timedelta(seconds=59)
FARTHEST_RELATIVE = 30 * DAY

_DAY: dict[Language, str] = {"en": "d MMM", "de": "d. MMM", "fr": "d MMM"}
_FIRST_IN_FRENCH = "d'er' MMM"
_HOUR_NAME = r"(?:h(?:ours?|rs?|eures?)?|stdn?|stunden?)\.?"
_MINUTE_NAME = r"(?:m|mins?|minut(?:es?|en))\.?"
_CLOCK = re.compile(r"(\d{1,5}):([0-5]\d)", re.ASCII)
_PARTS = re.compile(rf"(?:(\d{{1,5}})\s*{_HOUR_NAME})?\s*(?:(\d{{1,5}})\s*(?:{_MINUTE_NAME})?)?", re.ASCII)
_HOURS = re.compile(rf"(\d{{1,5}})[.,](\d{{1,2}})\s*{_HOUR_NAME}", re.ASCII)
_SPAN = re.compile(r"(\d{1,9})(?: ?([a-z]+))?", re.ASCII)
_SPAN_NAMES: dict[SpanUnit, frozenset[str]] = {
    "hour": frozenset({"hour", "hours", "stunde", "stunden", "heure", "heures"}),
    "day": frozenset({"day", "days", "tag", "tage", "tagen", "jour", "jours"}),
    "month": frozenset({"month", "months", "monat", "monate", "monaten", "mois"}),
}
_BARE = re.compile(r"\d{1,5}(?:[.,]\d{1,2})?", re.ASCII)
_AMOUNT = re.compile(r"(\d{1,3}([ ,.'’])\d{3}(?:\2\d{3})*|\d+)(?:[.,](\d+))?", re.ASCII)
_ONE_SIGN = re.compile(r"(\d+)([.,])(\d+)", re.ASCII)
_PLAIN = re.compile(r"(\d{1,3})\.(\d{3})", re.ASCII)
_LETTERS = re.compile(r"[A-Z]+", re.ASCII)


# ------------------------------------------------------------------ minutes


def number_text(number: int) -> str:
    """A whole number with the separators of the language: "1,234"."""
    return format_decimal(number, locale=locale())


def counted_text(count: int) -> str:
    """A number of records: "1,234", or "5,000+" if they were not counted to the end."""
    return f"{number_text(MOST_COUNTED)}+" if count > MOST_COUNTED else number_text(count)


def total_text(page: CountedPage[Any]) -> str:
    """The number of records in a list that is shown up to this page."""
    last = page.start + len(page.items)
    if page.total > MOST_COUNTED and page.next_cursor is not None:
        return f"{number_text(max(MOST_COUNTED, last))}+"
    return number_text(last if page.total > MOST_COUNTED else max(page.total, last))


def minutes_text(minutes: int | None) -> str:
    """450 is "7:30"; a dash where there is no number."""
    if minutes is None:
        return "–"
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else ""
    return f"{sign}{number_text(hours)}:{rest:02d}"


def typed_minutes(minutes: int) -> str:
    """60090 is "1001:30": the format of form fields."""
    return f"{minutes // 60}:{minutes % 60:02d}"


def duration_words(minutes: int) -> str:
    """90 is "1 hour 30 minutes": what someone typed, in words that cannot be misread."""
    hours, rest = divmod(abs(minutes), 60)
    parts = [span_words(hours, "hour")] if hours else []
    if rest or not hours:
        parts.append(span_words(rest, "minute"))
    return " ".join(parts)


def span_words(number: int, unit: SpanUnit) -> str:
    """ "1 hour", "1,200 days"."""
    num = number_text(number)
    if unit == "minute":
        return ngettext("%(num)s minute", "%(num)s minutes", number, num=num)
    if unit == "hour":
        return ngettext("%(num)s hour", "%(num)s hours", number, num=num)
    if unit == "day":
        return ngettext("%(num)s day", "%(num)s days", number, num=num)
    return ngettext("%(num)s month", "%(num)s months", number, num=num)


def incidents_text(number: int) -> str:
    """ "1 incident", "1,200 incidents"."""
    return ngettext("%(num)s incident", "%(num)s incidents", number, num=number_text(number))


def read_minutes(text: str, unit: TimeUnit = "minutes") -> int | None:
    """Parse a duration such as 1:30, 1h30, 90m, 1,5 h or "1 Std. 30 Min." to whole minutes; None if invalid.

    A number alone is in `unit`, that of the field. Fractions of a minute are rounded up; three digits after a
    comma or point are refused, as they may be meant as thousands.
    """
    text = " ".join(text.lower().split())
    if unit == "hours" and _BARE.fullmatch(text):
        text += " h"
    clock = _CLOCK.fullmatch(text)
    if clock:
        return 60 * int(clock[1]) + int(clock[2])
    hours = _HOURS.fullmatch(text)
    if hours:
        scale = int(10 ** len(hours[2]))
        return -(-60 * (int(hours[1]) * scale + int(hours[2])) // scale)
    parts = _PARTS.fullmatch(text)
    if parts and (parts[1] or parts[2]):
        return 60 * int(parts[1] or 0) + int(parts[2] or 0)
    return None


def read_span(text: str, unit: SpanUnit) -> int | None:
    """Parse a whole number of `unit`s, with or without its name: 14, "14 days", "14 jours"; None if invalid.

    Minutes may also be typed as a duration: 1:30.
    """
    if unit == "minute":
        return read_minutes(text)
    match = _SPAN.fullmatch(" ".join(text.lower().split()))
    if match is None or (match[2] is not None and match[2] not in _SPAN_NAMES[unit]):
        return None
    return int(match[1])


# ------------------------------------------------------------------ quantities and percentages


def decimal_text(value: str) -> str:
    """A stored decimal with the sign of the language: 1.5 is "1,5" in German. Form fields have it too."""
    return str(value).replace(".", get_decimal_symbol(locale()))


def read_decimal(text: str) -> str | None:
    """Parse a number such as 1.5, 1,5, 1.250,5 or 10 % to decimal text with a point; None if it is invalid.

    Three digits after a single point or comma are decimals if it is the language's decimal sign; otherwise
    they may be meant as thousands, and are refused.
    """
    text = re.sub("[\u00a0\u202f]", " ", text).strip().removesuffix("%").strip()
    minus = "-" if text[:1] in ("-", "−") else ""
    text = text.removeprefix(text[:1] if minus else "")
    one = _ONE_SIGN.fullmatch(text)
    if one:
        whole, sign, part = one.groups()
        may_be_thousands = len(part) == 3 and len(whole) <= 3 and bool(whole.strip("0"))
        if may_be_thousands and sign != get_decimal_symbol(locale()):
            return None
        return f"{minus}{whole}.{part}"
    match = _AMOUNT.fullmatch(text)
    if match is None or (match[3] and text[match.end(1)] == match[2]):
        return None
    whole = re.sub(r"\D", "", match[1])
    return f"{minus}{whole}.{match[3]}" if match[3] else f"{minus}{whole}"


# ------------------------------------------------------------------ money


def money_text(amount_minor: int | None, currency: str | None) -> str:
    """12500 and EUR are "€125.00", in German "125,00 €"."""
    if amount_minor is None or currency is None:
        return "–"
    digits = minor_digits(currency)
    whole, part = divmod(abs(amount_minor), 10**digits)
    # Exact decimal text: no floats for money.
    text = f"{'-' if amount_minor < 0 else ''}{whole}" + (f".{part:0{digits}d}" if digits else "")
    form = _money_pattern(locale(), digits)
    return format_currency(text, currency, form, locale=locale(), currency_digits=False).replace("-", "−")


@lru_cache(maxsize=32)
def _money_pattern(where: Locale, digits: int) -> NumberPattern:
    """The pattern of a locale for money, with `digits` decimals.

    By itself Babel 2.18 rounds to decimals that are not those of ISO 4217: 125.50 RSD is "126".
    """
    form = where.currency_formats["standard"].pattern
    return parse_pattern(form.replace("0.00", "0." + "0" * digits if digits else "0"))


def plain_money(amount_minor: int | None, currency: str) -> str:
    """12500 and EUR are "125.00", in every language."""
    if amount_minor is None:
        return ""
    digits = minor_digits(currency)
    whole, part = divmod(amount_minor, 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def typed_money(amount_minor: int | None, currency: str) -> str:
    """12500 and EUR are "125.00", in German "125,00": the format of form fields."""
    text = plain_money(amount_minor, currency)
    # with three decimals a comma would be read as that of thousands
    point = "." if minor_digits(currency) == 3 else get_decimal_symbol(locale())
    return text.replace(".", point)


def read_money(text: str, currency: str) -> int | None:
    """Parse an amount such as 125, 125.00, 1.250,00 or €125 to minor units; None if it is invalid.

    It may have the code or the sign of `currency`; any other makes it invalid. Three digits after a single
    separator are thousands, except after a point if the currency has three decimals.
    """
    digits = minor_digits(currency)
    text = _without_currency(re.sub("[\u00a0\u202f]", " ", text), currency)
    plain = _PLAIN.fullmatch(text) if digits == 3 else None
    match = _AMOUNT.fullmatch(text)
    if match is None:
        return None
    whole, part = plain.groups() if plain else (re.sub(r"\D", "", match[1]), match[3] or "")
    if len(part) > digits:
        return None
    return int(whole + part.ljust(digits, "0"))


def _without_currency(text: str, currency: str) -> str:
    """The text without the code or the sign of a currency in front of it or after it."""
    text = text.strip()
    symbols = [get_currency_symbol(currency, locale=one) for one in LOCALES.values()]
    short = [_LETTERS.sub("", symbol) for symbol in symbols]  # "$" for US$
    for sign in filter(None, (currency, *symbols, *short)):
        for rest in (text.removeprefix(sign), text.removesuffix(sign)):
            if rest != text:
                return rest.strip()
    return text


# ------------------------------------------------------------------ time


def instant_text(instant: datetime, zone: ZoneInfo) -> str:
    """31 Mar 2026, 11:00 CEST; in French "31 mars 2026, 11:00 UTC+2"."""
    day = _day_pattern(instant.astimezone(zone).date())
    if language() == "fr":
        # it has no short names of time zones
        text = format_datetime(instant, f"{day} y, HH:mm", tzinfo=zone, locale=locale())
        return f"{text} {offset_text(instant, zone)}"
    return format_datetime(instant, f"{day} y, HH:mm z", tzinfo=zone, locale=locale())


def day_text(day: date, today: date | None = None) -> str:
    """31 Mar 2026, or 31 Mar if `today` is in the same year."""
    same = today is not None and today.year == day.year
    return format_date(day, _day_pattern(day) + ("" if same else " y"), locale=locale())


def _day_pattern(day: date) -> str:
    return _FIRST_IN_FRENCH if language() == "fr" and day.day == 1 else _DAY[language()]


def month_text(day: date) -> str:
    """October 2026."""
    return format_date(day, "MMMM y", locale=locale())


def relative_text(instant: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Distance from now: "in 2 h", "3 d ago"; a date if it is more than 30 days away."""
    distance = abs(instant - now)
    if distance < MINUTE:
        return gettext("now")
    if distance >= FARTHEST_RELATIVE:
        return day_text(instant.astimezone(zone).date(), now.astimezone(zone).date())
    if instant > now:
        # A deadline set seconds ago for a week ahead is "in 7 d", not "in 6 d".
        return _ahead(distance + A_MOMENT)
    return _ago(distance)


def ago_text(instant: datetime, now: datetime) -> str:
    """How long ago an instant was, in days however many: "49 d ago"."""
    span = now - instant
    return gettext("now") if span < MINUTE else _ago(span)


def _ahead(span: timedelta) -> str:
    if span >= DAY:
        return ngettext("in %(num)s d", "in %(num)s d", span // DAY)
    if span >= HOUR:
        return gettext("in %(num)s h", num=span // HOUR)
    return gettext("in %(num)s min", num=span // MINUTE)


def _ago(span: timedelta) -> str:
    if span >= DAY:
        return ngettext("%(num)s d ago", "%(num)s d ago", span // DAY)
    if span >= HOUR:
        return gettext("%(num)s h ago", num=span // HOUR)
    return gettext("%(num)s min ago", num=span // MINUTE)


def span_text(span: timedelta) -> str:
    """A span in its largest unit, rounded down: "2 h"."""
    if span >= DAY:
        return ngettext("%(num)s d", "%(num)s d", span // DAY)
    return (
        gettext("%(num)s h", num=span // HOUR) if span >= HOUR else gettext("%(num)s min", num=span // MINUTE)
    )


def last_day(expires_at: datetime, zone: ZoneInfo) -> date | None:
    """The last day of a period ending at `expires_at` (exclusive); None if that is not a local midnight."""
    local = expires_at.astimezone(zone)
    if (local.hour, local.minute, local.second) != (0, 0, 0):
        return None
    return local.date() - DAY


def until_text(expires_at: datetime | None, zone: ZoneInfo, now: datetime) -> str:
    """ "until 31 Mar": the last day covered, or the instant if it is not midnight."""
    if expires_at is None:
        return gettext("no end date")
    day = last_day(expires_at, zone)
    if day is None:
        return gettext("until %(when)s", when=instant_text(expires_at, zone))
    return gettext("until %(when)s", when=day_text(day, now.astimezone(zone).date()))


def period_text(starts_at: datetime, expires_at: datetime | None, zone: ZoneInfo) -> str:
    """1 Jan 2026 – 31 Dec 2026."""
    start = day_text(starts_at.astimezone(zone).date())
    if expires_at is None:
        return gettext("from %(start)s, no end date", start=start)
    day = last_day(expires_at, zone)
    return f"{start} – {day_text(day) if day else instant_text(expires_at, zone)}"


def amount_text(amount: int | None, unit: str, currency: str | None = None) -> str:
    """Minutes as hours and minutes, incidents as a number, money with the sign of its currency.

    `unit` may be a currency itself, as the unit of postings of money is.
    """
    if unit not in ("minutes", "incidents") and amount is not None:
        return money_text(amount, currency if unit == "money" else unit)
    if unit == "minutes" or amount is None:
        return minutes_text(amount)
    return number_text(amount).replace("-", "−")
