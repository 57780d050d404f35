"""Time worked, as exports write it: whole minutes, hours with decimals, hours and minutes, or with units.

90      1.5 or 1,5 with "worked_unit": "hours"      1:30      1:29:20 (a minute that has begun counts)
1h 30m      1.5 h      90 min      1h30      PT1H30M
"""

import re
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from sqlalchemy import func, select

from engine.quantities import LONGEST_ENTRY_MINUTES
from workflows.core.actors import Actor
from workflows.core.transaction import Transaction
from workflows.store import tables as t

WorkedUnit = Literal["minutes", "hours", "seconds"]
WORKED_UNITS: dict[WorkedUnit, int] = {"minutes": 60, "hours": 3600, "seconds": 1}
"""The seconds of each."""
CLOCK = re.compile(r"(\d{1,5}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
NUMBER = re.compile(r"\d{1,9}(?:[.,]\d{1,9})?", re.ASCII)
WITH_UNITS = re.compile(
    # ISO 8601, and what people write in English, German and French; days have no length that all desks share
    r"(?:PT)?(?:(N)\s*(?:h|hrs?\.?|hours?|std\.?|stunden?|heures?)(?:(N)\Z|[\s,]*))?"
    r"(?:(N)\s*(?:m|mins?\.?|minuten?|minutes?)[\s,]*)?"
    r"(?:(N)\s*(?:s|secs?\.?|sek\.?|seconds?|sekunden?|secondes?))?".replace("N", NUMBER.pattern),
    re.ASCII | re.IGNORECASE,
)
MOST_MINUTES = 100 * LONGEST_ENTRY_MINUTES
"""What one row may state: more is another unit, or no time."""


def worked_minutes(text: str, unit: WorkedUnit) -> int | None:
    """The whole minutes that a cell states, up; None if it states no time."""
    clock = CLOCK.fullmatch(text)
    if clock is not None:
        return _whole_minutes(*clock.groups())
    if NUMBER.fullmatch(text) is not None:
        return -int(-_number(text) * WORKED_UNITS[unit] // 60)
    parts = WITH_UNITS.fullmatch(text)
    if parts is None or not any(parts.groups()):
        return None
    hours, minutes_after, minutes, seconds = parts.groups()
    return _whole_minutes(hours, minutes_after or minutes, seconds)


def _whole_minutes(*parts: str | None) -> int:
    """Hours, minutes and seconds in whole minutes, up."""
    hours, minutes, seconds = (_number(part or "0") for part in parts)
    return -int(-(hours * 3600 + minutes * 60 + seconds) // 60)


def _number(text: str) -> Fraction:
    return Fraction(text.replace(",", "."))


def entry_lengths(minutes: int) -> list[int]:
    """The minutes of the work entries that time becomes: one has at most `LONGEST_ENTRY_MINUTES`.

    A row may state what was worked on its request in weeks.
    """
    whole, rest = divmod(minutes, LONGEST_ENTRY_MINUTES)
    return [LONGEST_ENTRY_MINUTES] * whole + ([rest] if rest else [])


def minutes_worked(tx: Transaction, request_id: str) -> int:
    """The minutes that are logged on a service request so far."""
    e = t.work_entry.c
    found = select(func.coalesce(func.sum(e.worked_minutes), 0)).where(
        e.service_request_id == request_id, t.COUNTED_WORK
    )
    return int(tx.connection.execute(found).scalar_one())


def as_worker(tx: Transaction, user_id: str | None, name: str) -> Transaction:
    """A transaction of the person who worked. What was worked at another desk awaits no approval here."""
    settings = tx.settings.model_copy(update={"work_approval": False})
    config = replace(tx.config, settings=settings)
    return replace(tx, actor=Actor(user_id, name, "technician"), config=config)
