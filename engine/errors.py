"""Named errors: why Coverdesk refuses a request.

A DeskError is expected: a person or a client can cause it, and its text says what to do next.
Programming mistakes stay plain Python errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class DeskError(Exception):
    """An expected error with a message, a remedy and the values involved.

    `detail` says what is wrong with the given values; `remedy` says what to do instead ("" if there is
    nothing to suggest); `values` holds the facts for programs; `code` is the stable kebab-case name of this
    kind of error.
    """

    code: ClassVar[str] = "desk-error"

    detail: str
    remedy: str
    values: Mapping[str, object]

    def __init__(self, detail: str, /, *, remedy: str = "", **values: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.values = values

    def __str__(self) -> str:
        return f"{self.detail} {self.remedy}" if self.remedy else self.detail


class AbsurdDate(DeskError):
    """A date or instant outside the supported years, 1970 to 2199."""

    code = "absurd-date"


class NonexistentLocalTime(DeskError):
    """A wall-clock time that a daylight-saving change skips."""

    code = "nonexistent-local-time"


class UnknownTimeZone(DeskError):
    """A time zone name that is not in the IANA database."""

    code = "unknown-time-zone"


class NaiveInstant(DeskError):
    """A datetime without an offset where an instant is required."""

    code = "naive-instant"


class InvalidPeriod(DeskError):
    """A period that ends at or before its start, or a duration that is not positive."""

    code = "invalid-period"


class InvalidQuantity(DeskError):
    """A number of minutes, seconds or money units that is out of range."""

    code = "invalid-quantity"


class InvalidCalendar(DeskError):
    """Opening hours that do not describe a valid day or week."""

    code = "invalid-calendar"


class CurrencyMismatch(DeskError):
    """Amounts in different currencies in one sum."""

    code = "currency-mismatch"


class WorkTimeNotReached(DeskError):
    """An amount of working time that a calendar never reaches."""

    code = "work-time-not-reached"
