"""Local days, and calendar arithmetic on them: when a day begins, when a month or a contract ends.

One rule maps every local date and time to an instant: it begins at the first instant at which the local clock
has reached it. So a day whose midnight is skipped by a daylight-saving change begins with the change, and an
ambiguous time means its first occurrence.

Months and years clamp to the last day of the month and are counted from the anchor, never from the previous
step, so that 31 January is followed by 29 February and then by 31 March.

Source: product.md sections 1 and 4.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from engine.errors import AbsurdDate, InvalidPeriod, NonexistentLocalTime, UnknownTimeZone
from engine.quantities import Period, as_utc

EARLIEST_YEAR = 1970
LATEST_YEAR = 2199

# One more day at each end: somewhere on Earth the local date is still (or already) in a supported year.
_EARLIEST_INSTANT = datetime(EARLIEST_YEAR - 1, 12, 31, tzinfo=UTC)
_LATEST_INSTANT = datetime(LATEST_YEAR + 1, 1, 2, tzinfo=UTC)

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_MEAN_MONTH = timedelta(days=146_097) / 4_800  # 400 Gregorian years have 4800 months; exact in seconds

DateLike = TypeVar("DateLike", bound=date)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time such as 12 months, a year or 30 days.

    Hours, minutes and seconds are elapsed time; years, months, weeks and days are counted on the calendar.
    """

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0

    @property
    def calendar_months(self) -> int:
        return 12 * self.years + self.months

    @property
    def calendar_days(self) -> int:
        return 7 * self.weeks + self.days

    @property
    def elapsed_seconds(self) -> int:
        return 3600 * self.hours + 60 * self.minutes + self.seconds


# --- Supported years and time zones -------------------------------------------------------------------------


def check_date(day: date) -> date:
    """Return `day` if it is in a supported year. Raises: AbsurdDate outside the years 1970 to 2199."""
    if EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        return day
    raise _absurd(day.isoformat())


def check_instant(instant: datetime) -> datetime:
    """Return `instant` in UTC if it is in a supported year.

    Raises: NaiveInstant if it has no offset; AbsurdDate if its local date is outside the years 1970 to 2199
    everywhere on Earth.
    """
    instant = as_utc(instant)
    if _EARLIEST_INSTANT <= instant <= _LATEST_INSTANT:
        return instant
    raise _absurd(instant.isoformat())


def zone_named(name: str) -> ZoneInfo:
    """The IANA time zone with this name. Raises: UnknownTimeZone if there is none."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown, malformed, or the name of a folder
        raise UnknownTimeZone(
            f"There is no time zone {name[:80]!r}.",
            remedy="Use a name such as Europe/Berlin or UTC.",
            time_zone=name,
        ) from None


# --- Local days and times as instants -----------------------------------------------------------------------


def first_instant_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC. Raises: AbsurdDate outside the years 1970 to 2199."""
    return _first_instant_of(check_date(day), zone)


def contract_end(ends_on: date, zone: ZoneInfo) -> datetime:
    """The exclusive end, in UTC, of a contract whose last day is `ends_on`: the start of the next local day.

    Raises: AbsurdDate if `ends_on` is outside the years 1970 to 2199.
    Source: product.md section 4.
    """
    return _first_instant_of(check_date(ends_on) + _DAY, zone)


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The local date in `zone` at `instant`.

    Raises: NaiveInstant if the instant has no offset; AbsurdDate outside the years 1970 to 2199.
    """
    return check_instant(instant).astimezone(zone).date()


def resolve_local(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which the local time in `zone` is `wall` (naive); the first if it is ambiguous.

    Raises: as `local_instants`.
    """
    return local_instants(wall, zone)[0]


def local_instants(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants, in UTC and in order, at which the local time in `zone` is `wall` (naive): one or two.

    There are two if the clocks go back over that time.
    Raises: NonexistentLocalTime if a daylight-saving change skips it; AbsurdDate outside the years 1970 to
    2199; ValueError if `wall` has an offset.
    """
    if wall.tzinfo is not None:
        raise ValueError("local_instants takes a wall-clock time: give a datetime without an offset")
    check_date(wall)
    both = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    found = tuple(sorted(one for one in both if _clock_at(one, zone) == wall))
    if found:
        return found
    instant = first_instant_at(wall, zone)
    shown = _clock_at(instant, zone)
    before = _clock_at(instant - _SECOND, zone) + _SECOND
    raise NonexistentLocalTime(
        f"{wall:%Y-%m-%d %H:%M} does not exist in {zone.key}: "
        f"the clocks go from {before:%H:%M} to {shown:%H:%M}.",
        remedy=f"Give {shown:%Y-%m-%d %H:%M} or later, or a time before {before:%Y-%m-%d %H:%M}.",
        wall_time=wall,
        time_zone=zone.key,
        gap_end=instant,
    )


def first_instant_at(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant, in UTC, at which the local time in `zone` has reached `wall` (naive).

    If `wall` is ambiguous, this is its first occurrence; if it is skipped, the instant of the change itself.
    """
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _clock_at(instant, zone) == wall:
        return instant
    # In a gap, the offset before the change (fold 0) leads past the change, and the offset after it (fold 1)
    # leads before it. zoneinfo does not expose the instant of the change, so a binary search between the two
    # finds it; changes fall on whole seconds.
    reached = instant.replace(microsecond=0)
    not_reached = wall.replace(tzinfo=zone, fold=1, microsecond=0).astimezone(UTC)
    wall = wall.replace(microsecond=0)
    while reached - not_reached > _SECOND:
        middle = not_reached + (reached - not_reached) // (2 * _SECOND) * _SECOND
        if _clock_at(middle, zone) >= wall:
            reached = middle
        else:
            not_reached = middle
    return reached


# --- Calendar arithmetic ------------------------------------------------------------------------------------


def add_period(start: DateLike, duration: Duration, n: int = 1) -> DateLike:
    """`start` plus `n` times `duration`: months first, clamped to the end of the month, then days, then time.

    A datetime moves by its own wall clock, ignoring daylight-saving changes: pass dates, naive times or UTC.
    Raises: AbsurdDate if start or result is outside the years 1970 to 2199; InvalidPeriod if a date would
    move by hours, minutes or seconds.
    """
    _check_can_move(check_date(start), duration)
    moved = _step(start, duration, n)
    check_date(moved)
    return moved


def last_included_day(starts_on: date, duration: Duration) -> date:
    """The last day (inclusive) of a contract that starts on `starts_on` and lasts `duration`.

    12 months from 15 March end on 14 March. If the target month has no such day, that whole month is
    included: a month from 31 January, or a year from 29 February, ends on the last day of February.
    Raises: InvalidPeriod if the duration is not positive or has hours, minutes or seconds; AbsurdDate if
    start or end is outside the years 1970 to 2199.
    Source: product.md section 4.
    """
    _check_recurs(duration)
    _check_can_move(check_date(starts_on), duration)
    same_day = _step(starts_on, Duration(months=duration.calendar_months), 1)
    whole_month_more = 1 if same_day.day < starts_on.day else 0
    last_day = _step(same_day, Duration(days=duration.calendar_days + whole_month_more - 1), 1)
    return check_date(last_day)


def last_day_of_month(day: date) -> date:
    """The last day of the month that `day` is in. Raises: AbsurdDate outside the years 1970 to 2199."""
    check_date(day)
    return day.replace(day=monthrange(day.year, day.month)[1])


def whole_periods(start: DateLike, end: DateLike, duration: Duration) -> int:
    """How many whole durations from `start` have passed at `end`; 0 if `end` is before `start`.

    Raises: InvalidPeriod if the duration is not positive, or has hours while `start` is a date; AbsurdDate
    if start or end is outside the years 1970 to 2199.
    """
    _check_recurs(duration)
    _check_can_move(check_date(start), duration)
    check_date(end)
    if end <= start:
        return 0
    n = (end - start) // _mean_length(duration)
    while n > 0 and _step(start, duration, n) > end:
        n -= 1
    while _step(start, duration, n + 1) <= end:
        n += 1
    return n


def period_containing(at: datetime, *, anchor: datetime, duration: Duration, zone: ZoneInfo) -> Period:
    """The period containing `at`, of the consecutive periods of length `duration` aligned to `anchor`.

    The periods are half-open and in UTC. They keep the anchor's local time of day across daylight-saving
    changes, and extend to before the anchor as well.
    Raises: InvalidPeriod if the duration is not positive; NaiveInstant if an instant has no offset;
    AbsurdDate outside the years 1970 to 2199.
    """
    _check_recurs(duration)
    at, anchor = check_instant(at), check_instant(anchor)
    n = (at - anchor) // _mean_length(duration)
    while _nth_instant(n, anchor, duration, zone) > at:
        n -= 1
    while _nth_instant(n + 1, anchor, duration, zone) <= at:
        n += 1
    return Period(_nth_instant(n, anchor, duration, zone), _nth_instant(n + 1, anchor, duration, zone))


def months_between(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> tuple[Period, ...]:
    """Split [starts_at, ends_at) into half-open months by their last days; the last may be shorter.

    Both instants are aware UTC. A month from 31 January ends on the last day of February, the next one on
    30 March.
    Raises: NaiveInstant if `starts_at` has no offset; AbsurdDate outside the years 1970 to 2199.
    """
    first = local_date(starts_at, zone)
    months: list[Period] = []
    begins_at = starts_at
    while begins_at < ends_at:
        last_day = last_included_day(first, Duration(months=len(months) + 1))
        until = min(contract_end(last_day, zone), ends_at)
        months.append(Period(begins_at, until))
        begins_at = until
    return tuple(months)


def month_after(starts_at: datetime, n: int, zone: ZoneInfo) -> datetime:
    """The end (aware UTC, exclusive) of the nth month from an instant, as `months_between` counts months.

    Raises: AbsurdDate outside the years 1970 to 2199.
    """
    return contract_end(last_included_day(local_date(starts_at, zone), Duration(months=n)), zone)


def _nth_instant(n: int, anchor: datetime, duration: Duration, zone: ZoneInfo) -> datetime:
    elapsed = n * timedelta(seconds=duration.elapsed_seconds)
    if n == 0 or not (duration.calendar_months or duration.calendar_days):
        # Not via the wall clock, which would map the second of two ambiguous times to the first.
        return anchor + elapsed
    by_calendar = Duration(months=duration.calendar_months, days=duration.calendar_days)
    return first_instant_at(_step(_clock_at(anchor, zone), by_calendar, n), zone) + elapsed


def _step(start: DateLike, duration: Duration, n: int) -> DateLike:
    """`start` plus `n` durations, without checking for supported years."""
    year, month_index = divmod(12 * start.year + start.month - 1 + n * duration.calendar_months, 12)
    month = month_index + 1
    try:
        day = min(start.day, monthrange(year, month)[1])
        moved = start.replace(year=year, month=month, day=day)
        return moved + timedelta(days=n * duration.calendar_days, seconds=n * duration.elapsed_seconds)
    except (OverflowError, ValueError):
        raise AbsurdDate(
            f"The duration counted from {start.isoformat()} leaves the calendar.",
            remedy=f"Stay within the years {EARLIEST_YEAR} to {LATEST_YEAR}.",
            start=start,
        ) from None


def _mean_length(duration: Duration) -> timedelta:
    """The approximate length: the first guess of a search that then proceeds step by step."""
    try:
        days = timedelta(days=duration.calendar_days, seconds=duration.elapsed_seconds)
        return duration.calendar_months * _MEAN_MONTH + days
    except OverflowError:
        raise InvalidPeriod("The duration is longer than the calendar.", duration=duration) from None


def _check_recurs(duration: Duration) -> None:
    parts = (duration.calendar_months, duration.calendar_days, duration.elapsed_seconds)
    if min(parts) < 0 or max(parts) == 0:
        raise InvalidPeriod(
            "The duration must be more than 0.",
            remedy="Give a number of days, weeks, months or years, none of them negative.",
            duration=duration,
        )


def _check_can_move(start: date, duration: Duration) -> None:
    if duration.elapsed_seconds and not isinstance(start, datetime):
        raise InvalidPeriod(
            "A date cannot be moved by hours, minutes or seconds.", remedy="Use days or more.", start=start
        )


def _first_instant_of(day: date, zone: ZoneInfo) -> datetime:
    return first_instant_at(datetime.combine(day, time()), zone)


def _clock_at(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _absurd(shown: str) -> AbsurdDate:
    return AbsurdDate(
        f"{shown} is outside the supported years.",
        remedy=f"Give a date in the years {EARLIEST_YEAR} to {LATEST_YEAR}.",
        earliest_year=EARLIEST_YEAR,
        latest_year=LATEST_YEAR,
    )
