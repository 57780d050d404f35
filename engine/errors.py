"""Named refusals: what Coverdesk says when it will not do what was asked.

A DeskError is expected: a person or a client can cause it, and its words tell them what to do next.
Programming mistakes stay plain Python errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class DeskError(Exception):
    """A refusal with words, a remedy and the values it speaks of.

    `detail` says what is wrong with the values at hand; `remedy` says what would be right ("" where nothing
    can be suggested); `values` are the facts, for programs; `code` is the stable kebab-case name of the kind
    of refusal.
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
    """A date or instant outside the years that Coverdesk keeps."""

    code = "absurd-date"


class NonexistentLocalTime(DeskError):
    """A wall-clock time that a change of clocks leaves out."""

    code = "nonexistent-local-time"


class UnknownTimeZone(DeskError):
    """A time zone name that the IANA database does not have."""

    code = "unknown-time-zone"


class NaiveInstant(DeskError):
    """A datetime without an offset, where an instant was asked for."""

    code = "naive-instant"


class InvalidPeriod(DeskError):
    """A period that ends at or before its start, or a step that goes nowhere."""

    code = "invalid-period"


class InvalidQuantity(DeskError):
    """A number of minutes, seconds or units that cannot be meant."""

    code = "invalid-quantity"


class InvalidCalendar(DeskError):
    """Work-time hours that do not describe a day or a week."""

    code = "invalid-calendar"


class CurrencyMismatch(DeskError):
    """Money of two currencies in one sum."""

    code = "currency-mismatch"


class WorkTimeNotReached(DeskError):
    """An amount of working time that a calendar never gets to."""

    code = "work-time-not-reached"
