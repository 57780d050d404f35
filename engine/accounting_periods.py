"""Which accounting periods may be closed and opened again.

A period is a month in the provider's time zone. Periods are closed in order, each once it is over; the first
closing also closes everything before it. Only the last closed one can be opened again. Source: product.md
section 7.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from engine.errors import DeskError
from engine.periods import check_date, contract_end, first_instant_of, last_day_of_month

MONTH_PATTERN = re.compile(r"^\d{4}-(0[1-9]|1[0-2])$", re.ASCII)


class PeriodForbids(DeskError):
    """An accounting period cannot be closed or reopened."""

    code = "period-forbids"


class PeriodNotOver(PeriodForbids):
    """The accounting period has not ended yet, so it cannot be closed."""

    code = "period-not-over"


class PointsOpen(PeriodForbids):
    """Points of the month's checklist are not done, and no reason was given to close it nevertheless."""

    code = "points-open"


class PeriodClosed(PeriodForbids):
    """The accounting period is closed already."""

    code = "period-closed"


class PeriodGap(PeriodForbids):
    """An earlier accounting period is open: periods are closed in order."""

    code = "period-gap"


class PeriodOpen(PeriodForbids):
    """The accounting period is open, so it cannot be reopened."""

    code = "period-open"


class LaterPeriodClosed(PeriodForbids):
    """A later accounting period is closed: only the last closed one can be reopened."""

    code = "later-period-closed"


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """A closed month, written YYYY-MM, with its half-open span (aware UTC)."""

    month: str
    starts_at: datetime
    ends_at: datetime


def month_of(day: date) -> str:
    """The month of a day, written YYYY-MM."""
    return f"{day:%Y-%m}"


def first_day_of(month: str) -> date | None:
    """The first day of a month written YYYY-MM; None if it is not one from 1970 to 2199."""
    if not MONTH_PATTERN.match(month):
        return None
    try:
        return check_date(date.fromisoformat(f"{month}-01"))
    except (ValueError, DeskError):
        return None


def next_month(first_day: date) -> date:
    """The first day of the month after one that begins on `first_day`."""
    return date(first_day.year + first_day.month // 12, first_day.month % 12 + 1, 1)


def end_of_month(first_day: date, zone: ZoneInfo) -> datetime:
    """The exclusive end (aware UTC) of the month that begins on `first_day`."""
    return contract_end(last_day_of_month(first_day), zone)


def period_to_close(
    first_day: date, last: ClosedPeriod | None, *, zone: ZoneInfo, now: datetime
) -> ClosedPeriod:
    """A month that is to be closed after `last`, the last closed one.

    It begins where that one ended, even if the provider's time zone has changed since.
    Raises: PeriodClosed, PeriodGap, PeriodNotOver.
    """
    month = month_of(first_day)
    if last is not None and month <= last.month:
        raise PeriodClosed(
            f"{month} is closed already; the last closed period is {last.month}.",
            remedy=f"Close {_after(last)} next, or reopen {last.month}.",
            period=month,
            last_closed=last.month,
        )
    if last is not None and month != _after(last):
        raise PeriodGap(
            f"{month} cannot be closed before {_after(last)}, which is open.",
            remedy=f"Close {_after(last)} first.",
            period=month,
            next_to_close=_after(last),
        )
    ends_at = end_of_month(first_day, zone)
    if ends_at > now:
        raise PeriodNotOver(
            f"{month} has not ended yet.",
            remedy=f"Close it on {next_month(first_day)} or later.",
            period=month,
        )
    starts_at = last.ends_at if last is not None else first_instant_of(first_day, zone)
    return ClosedPeriod(month, starts_at, ends_at)


def check_reopening(month: str, last: ClosedPeriod | None) -> ClosedPeriod:
    """The closed period to open again. Raises: PeriodOpen, LaterPeriodClosed."""
    if last is None or month > last.month:
        raise PeriodOpen(
            f"{month} is open.",
            remedy=f"Only {last.month} can be reopened." if last is not None else "No period is closed.",
            period=month,
        )
    if month != last.month:
        raise LaterPeriodClosed(
            f"{month} cannot be reopened while {last.month} is closed.",
            remedy=f"Reopen {last.month} first.",
            period=month,
            last_closed=last.month,
        )
    return last


def _after(last: ClosedPeriod) -> str:
    return month_of(next_month(date.fromisoformat(f"{last.month}-01")))
