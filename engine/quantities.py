"""Quantities: minutes, money and periods of time. Amounts are integers; periods are half-open.

Source: product.md sections 1 and 7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Literal, TypeAlias, get_args

from engine.currencies import money_text
from engine.errors import AbsurdDate, CurrencyMismatch, InvalidPeriod, InvalidQuantity, NaiveInstant

Minutes: TypeAlias = int
"""Whole minutes, of time worked, chargeable or granted."""

RoundingScope = Literal["entry", "service_request_day", "service_request"]
ROUNDING_SCOPES: tuple[RoundingScope, ...] = get_args(RoundingScope)

# The largest integer that every JSON parser represents exactly (2**53 - 1); it also fits a 64-bit column.
MAX_AMOUNT_MINOR = 9_007_199_254_740_991
# The largest 32-bit integer: four thousand years of minutes.
MAX_MINUTES = 2_147_483_647
MINUTES_A_DAY = 24 * 60
LONGEST_ENTRY_MINUTES = MINUTES_A_DAY + 60
"""The most that one work entry may have, as a start and an end or as minutes at one instant: the longest day,
on which the clocks are set back.
"""

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's minor unit (cents for EUR); `currency` is its ISO 4217 code.

    Raises: InvalidQuantity if the amount is not an integer or is beyond 2**53 - 1, or the code is not three
    capital letters; CurrencyMismatch if amounts in different currencies are added or subtracted.
    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise InvalidQuantity(
                f"An amount of money must be a whole number of minor units, not {self.amount_minor!r}.",
                remedy="Write 12.50 EUR as 1250.",
                amount_minor=self.amount_minor,
            )
        if not _CURRENCY.fullmatch(self.currency):
            raise InvalidQuantity(
                f"{self.currency!r} is not a currency code.",
                remedy="Use the three capital letters of ISO 4217, such as EUR.",
                currency=self.currency,
            )
        if abs(self.amount_minor) > MAX_AMOUNT_MINOR:
            raise InvalidQuantity(
                "The amount is too large to be stored exactly.",
                remedy=f"The largest amount is {money_text(MAX_AMOUNT_MINOR, self.currency)}.",
                max_amount_minor=MAX_AMOUNT_MINOR,
            )

    def __add__(self, other: Money) -> Money:
        return Money(self.amount_minor + self._same_currency(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount_minor - self._same_currency(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def times(self, factor: Fraction | int) -> Money:
        """This amount times `factor`, rounded once to the minor unit, halves away from zero.

        Rounding halves away from zero makes a credit note the exact mirror of the line it reverses.
        Raises: InvalidQuantity if the result is beyond 2**53 - 1.
        """
        return Money(round_half_up(self.amount_minor * Fraction(factor)), self.currency)

    def _same_currency(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(
                f"{self.currency} and {other.currency} cannot be added.",
                remedy="Keep one sum for each currency.",
                currencies=(self.currency, other.currency),
            )
        return other.amount_minor


@dataclass(frozen=True, slots=True)
class Period:
    """The half-open period [start, end); `end` None means it never ends. Instants are converted to UTC.

    Raises: NaiveInstant if an instant has no offset; AbsurdDate if it cannot be expressed in UTC;
    InvalidPeriod if the period would be empty.
    """

    start: datetime
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.start.tzinfo is not UTC:
            object.__setattr__(self, "start", as_utc(self.start))
        if self.end is None:
            return
        if self.end.tzinfo is not UTC:
            object.__setattr__(self, "end", as_utc(self.end))
        if self.end <= self.start:
            raise InvalidPeriod(
                f"The period from {self.start.isoformat()} to {self.end.isoformat()} is empty.",
                remedy="Give an end after the start.",
                start=self.start,
                end=self.end,
            )

    @property
    def whole_seconds(self) -> int:
        """The length in whole seconds, rounded down. Raises: InvalidPeriod if the period never ends."""
        if self.end is None:
            raise InvalidPeriod("A period without an end has no length.", start=self.start)
        return (self.end - self.start) // _SECOND

    def contains(self, at: datetime) -> bool:
        """Whether `at` lies in the period: `start` does, `end` does not."""
        return self.start <= at and (self.end is None or at < self.end)

    def overlaps(self, other: Period) -> bool:
        """Whether any instant lies in both periods. Adjacent periods do not overlap."""
        return (self.end is None or other.start < self.end) and (other.end is None or self.start < other.end)

    def intersect(self, other: Period) -> Period | None:
        """The part that lies in both periods, or None if they do not overlap."""
        if not self.overlaps(other):
            return None
        ends = [end for end in (self.end, other.end) if end is not None]
        return Period(max(self.start, other.start), min(ends) if ends else None)

    def split_at(self, at: datetime) -> tuple[Period | None, Period | None]:
        """The parts before `at` and starting at `at`; None for an empty part."""
        if at <= self.start:
            return None, self
        if self.end is not None and self.end <= at:
            return self, None
        return Period(self.start, at), Period(at, self.end)


@dataclass(frozen=True, slots=True)
class Rounding:
    """How worked minutes are rounded to chargeable minutes. The defaults change nothing.

    `scope` says what is rounded together: each work entry alone, all work on a service request in a day, or
    all work on a service request.
    Raises: InvalidQuantity unless the increment is 1 to 1440 minutes, minimum and grace are 0 to 1440
    minutes, and the scope is known.
    """

    increment_minutes: Minutes = 1
    minimum_minutes: Minutes = 0
    grace_minutes: Minutes = 0
    scope: RoundingScope = "entry"

    def __post_init__(self) -> None:
        _check_setting("increment_minutes", self.increment_minutes, lowest=1)
        _check_setting("minimum_minutes", self.minimum_minutes, lowest=0)
        _check_setting("grace_minutes", self.grace_minutes, lowest=0)
        if self.scope not in ROUNDING_SCOPES:
            raise InvalidQuantity(
                f"{self.scope!r} is not a rounding scope.",
                remedy=f"Use {', '.join(ROUNDING_SCOPES[:-1])} or {ROUNDING_SCOPES[-1]}.",
                scope=self.scope,
            )


def round_minutes(worked_minutes: Minutes, rounding: Rounding) -> Minutes:
    """Chargeable whole minutes for `worked_minutes`.

    A started increment is charged in full, unless the part beyond the last full increment is within the
    grace. The minimum then applies to any time worked, even if the grace waived all of it; 0 stays 0.
    Raises: InvalidQuantity if the minutes are negative or beyond 2**31 - 1.
    Source: product.md sections 3 and 7.
    """
    if check_minutes(worked_minutes) == 0:
        return 0
    full_increments, part_minutes = divmod(worked_minutes, rounding.increment_minutes)
    if part_minutes > rounding.grace_minutes:
        full_increments += 1
    return max(full_increments * rounding.increment_minutes, rounding.minimum_minutes)


def hours_text(minutes: Minutes) -> str:
    """Non-negative minutes as hours and minutes, for texts that are stored: 90 is "1:30"."""
    hours, rest = divmod(minutes, 60)
    return f"{hours}:{rest:02d}"


def whole_minutes(seconds: int) -> Minutes:
    """Seconds as whole minutes, rounded up: a started minute counts.

    Raises: InvalidQuantity if negative, or beyond 2**31 - 1 minutes.
    """
    if seconds < 0:
        raise InvalidQuantity(f"{_shown(seconds)} seconds cannot have been worked.", remedy="Give 0 or more.")
    return check_minutes(-(-seconds // 60))


def is_too_long(minutes: Minutes, *, before: Minutes = 0) -> bool:
    """Whether a work entry may not have so many minutes; one that had as many `before` may keep them."""
    return minutes > max(LONGEST_ENTRY_MINUTES, before)


def check_minutes(minutes: int) -> Minutes:
    """Return `minutes` if they are in range. Raises: InvalidQuantity if negative or beyond 2**31 - 1."""
    if not 0 <= minutes <= MAX_MINUTES:
        raise InvalidQuantity(
            f"{_shown(minutes)} is not a valid number of minutes.",
            remedy=f"Give a whole number from 0 to {MAX_MINUTES}.",
            max_minutes=MAX_MINUTES,
        )
    return minutes


def round_half_up(value: Fraction) -> int:
    """The nearest integer; halves are rounded away from zero."""
    rounded = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return rounded if value >= 0 else -rounded


def as_utc(instant: datetime) -> datetime:
    """The same instant in UTC.

    Raises: NaiveInstant if it has no offset; AbsurdDate if UTC would be outside the years 1 to 9999.
    """
    if instant.utcoffset() is None:
        raise NaiveInstant(
            f"{instant.isoformat()} has no UTC offset.",
            remedy="Add Z or an offset such as +01:00.",
            instant=instant,
        )
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise AbsurdDate(f"{instant.isoformat()} cannot be converted to UTC.", instant=instant) from None


def _check_setting(name: str, minutes: Minutes, *, lowest: Minutes) -> None:
    if type(minutes) is not int or not lowest <= minutes <= MINUTES_A_DAY:
        shown = _shown(minutes) if type(minutes) is int else repr(minutes)
        raise InvalidQuantity(
            f"{name} cannot be {shown}.",
            remedy=f"Give whole minutes from {lowest} to {MINUTES_A_DAY} (a day).",
            setting=name,
        )


def _shown(number: int) -> str:
    # Python refuses to print an integer with thousands of digits; building the error must not fail on it.
    return str(number) if abs(number) < 10**30 else "A number of more than thirty digits"
