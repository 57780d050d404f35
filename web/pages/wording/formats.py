"""Formatting and parsing of minutes, money and time.

Whole minutes and minor units in, text out. Instants are shown in the provider's time zone; `relative_text`
gives the distance from now, and the `<time>` element has the exact instant.
"""

import re
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, get_currency_precision, get_currency_symbol

from workflows.views import MOST_COUNTED, CountedPage

LOCALE = "en_GB"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TimeUnit = Literal["hours", "minutes"]
SpanUnit = Literal["minute", "hour", "day", "month"]
A_MOMENT = timedelta(seconds=59)
FARTHEST_RELATIVE = 30 * DAY

_CLOCK = re.compile(r"(\d{1,5}):([0-5]\d)", re.ASCII)
_PARTS = re.compile(r"(?:(\d{1,5})\s*h(?:ours?|rs?)?)?\s*(?:(\d{1,5})\s*(?:m|min|mins|minutes?)?)?", re.ASCII)
_HOURS = re.compile(r"(\d{1,5})[.,](\d{1,2})\s*h(?:ours?|rs?)?", re.ASCII)
_SPAN = re.compile(r"(\d{1,9})(?: ?([a-z]+))?", re.ASCII)
_BARE = re.compile(r"\d{1,5}(?:[.,]\d{1,2})?", re.ASCII)
_AMOUNT = re.compile(r"(\d{1,3}([ ,.'])\d{3}(?:\2\d{3})*|\d+)(?:[.,](\d+))?", re.ASCII)
_PLAIN = re.compile(r"(\d{1,3})\.(\d{3})", re.ASCII)


# ------------------------------------------------------------------ minutes


def counted_text(count: int) -> str:
    """A number of records: "1,234", or "5,000+" if they were not counted to the end."""
    return f"{MOST_COUNTED:,}+" if count > MOST_COUNTED else f"{count:,}"


def total_text(page: CountedPage[Any]) -> str:
    """The number of records in a list that is shown up to this page."""
    last = page.start + len(page.items)
    if page.total > MOST_COUNTED and page.next_cursor is not None:
        return f"{max(MOST_COUNTED, last):,}+"
    return f"{last if page.total > MOST_COUNTED else max(page.total, last):,}"


def minutes_text(minutes: int | None) -> str:
    """450 is "7:30"; a dash where there is no number."""
    if minutes is None:
        return "–"
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else ""
    return f"{sign}{format_decimal(hours, locale=LOCALE)}:{rest:02d}"


def duration_words(minutes: int) -> str:
    """90 is "1 hour 30 minutes": what someone typed, in words that cannot be misread."""
    hours, rest = divmod(abs(minutes), 60)
    parts = [counted(hours, "hour")] if hours else []
    if rest or not hours:
        parts.append(counted(rest, "minute"))
    return " ".join(parts)


def counted(number: int, what: str) -> str:
    """ "1 incident", "1,200 incidents"."""
    return f"{format_decimal(number, locale=LOCALE)} {what if number == 1 else what + 's'}"


def read_minutes(text: str, unit: TimeUnit = "minutes") -> int | None:
    """Parse a duration such as 1:30, 1h30, 90m or 1,5 h to whole minutes; None if it is invalid.

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
    """Parse a whole number of `unit`s, with or without its name: 14 or "14 days"; None if it is invalid.

    Minutes may also be typed as a duration: 1:30.
    """
    if unit == "minute":
        return read_minutes(text)
    match = _SPAN.fullmatch(" ".join(text.lower().split()))
    if match is None or match[2] not in (None, unit, f"{unit}s"):
        return None
    return int(match[1])


# ------------------------------------------------------------------ money


def money_text(amount_minor: int | None, currency: str | None) -> str:
    """12500 and EUR are "€125.00"."""
    if amount_minor is None or currency is None:
        return "–"
    digits = get_currency_precision(currency)
    whole, part = divmod(abs(amount_minor), 10**digits)
    # Exact decimal text: no floats for money.
    text = f"{'-' if amount_minor < 0 else ''}{whole}" + (f".{part:0{digits}d}" if digits else "")
    return format_currency(text, currency, locale=LOCALE)


def plain_money(amount_minor: int | None, currency: str) -> str:
    """12500 and EUR are "125.00": the format of form fields."""
    if amount_minor is None:
        return ""
    digits = get_currency_precision(currency)
    whole, part = divmod(amount_minor, 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def read_money(text: str, currency: str) -> int | None:
    """Parse an amount such as 125, 125.00, 1.250,00 or €125 to minor units; None if it is invalid.

    It may have the code or the sign of `currency`; any other makes it invalid. Three digits after a single
    separator are thousands, except after a point if the currency has three decimals.
    """
    digits = get_currency_precision(currency)
    text = _without_currency(text.replace("\u00a0", " "), currency)
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
    symbol = get_currency_symbol(currency, locale=LOCALE)
    short = symbol[-1] if not symbol[-1].isalnum() else symbol  # "$" for US$
    for sign in (currency, symbol, short):
        for rest in (text.removeprefix(sign), text.removesuffix(sign)):
            if rest != text:
                return rest.strip()
    return text


# ------------------------------------------------------------------ time


def instant_text(instant: datetime, zone: ZoneInfo) -> str:
    """31 Mar 2026, 11:00 CEST."""
    return format_datetime(instant, "d MMM y, HH:mm z", tzinfo=zone, locale=LOCALE)


def day_text(day: date, today: date | None = None) -> str:
    """31 Mar 2026, or 31 Mar if `today` is in the same year."""
    same = today is not None and today.year == day.year
    return format_date(day, "d MMM" if same else "d MMM y", locale=LOCALE)


def relative_text(instant: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Distance from now: "in 2 h", "3 d ago"; a date if it is more than 30 days away."""
    distance = abs(instant - now)
    if distance < MINUTE:
        return "now"
    if distance >= FARTHEST_RELATIVE:
        return day_text(instant.astimezone(zone).date(), now.astimezone(zone).date())
    if instant > now:
        # A deadline set seconds ago for a week ahead is "in 7 d", not "in 6 d".
        return f"in {span_text(distance + A_MOMENT)}"
    return f"{span_text(distance)} ago"


def span_text(span: timedelta) -> str:
    """A span in its largest unit, rounded down: "2 h"."""
    if span >= DAY:
        return f"{span // DAY} d"
    return f"{span // HOUR} h" if span >= HOUR else f"{span // MINUTE} min"


def last_day(expires_at: datetime, zone: ZoneInfo) -> date | None:
    """The last day of a period ending at `expires_at` (exclusive); None if that is not a local midnight."""
    local = expires_at.astimezone(zone)
    if (local.hour, local.minute, local.second) != (0, 0, 0):
        return None
    return local.date() - DAY


def until_text(expires_at: datetime | None, zone: ZoneInfo, now: datetime) -> str:
    """ "until 31 Mar": the last day covered, or the instant if it is not midnight."""
    if expires_at is None:
        return "no end date"
    day = last_day(expires_at, zone)
    if day is None:
        return f"until {instant_text(expires_at, zone)}"
    return f"until {day_text(day, now.astimezone(zone).date())}"


def period_text(starts_at: datetime, expires_at: datetime | None, zone: ZoneInfo) -> str:
    """1 Jan 2026 – 31 Dec 2026."""
    start = day_text(starts_at.astimezone(zone).date())
    if expires_at is None:
        return f"from {start}, no end date"
    day = last_day(expires_at, zone)
    return f"{start} – {day_text(day) if day else instant_text(expires_at, zone)}"


def amount_text(amount: int | None, unit: str, currency: str | None = None) -> str:
    """Minutes as hours and minutes, incidents as a number, money with the sign of its currency.

    `unit` may be a currency itself, as the unit of postings of money is.
    """
    if unit not in ("minutes", "incidents") and amount is not None:
        return money_text(amount, currency if unit == "money" else unit).replace("-", "−")
    if unit == "minutes" or amount is None:
        return minutes_text(amount)
    return format_decimal(amount, locale=LOCALE).replace("-", "−")
