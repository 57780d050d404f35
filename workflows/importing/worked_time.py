"""Time worked, as exports write it: whole minutes, hours with decimals, or hours and minutes.

90      1.5 or 1,5 with "worked_unit": "hours"      1:30      1:29:20 (a minute that has begun counts)
"""

import re
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from sqlalchemy import func, select

from workflows.core.actors import Actor
from workflows.core.transaction import Transaction
from workflows.store import tables as t

WorkedUnit = Literal["minutes", "hours"]
WORKED_UNITS: tuple[WorkedUnit, ...] = ("minutes", "hours")
CLOCK = re.compile(r"(\d{1,5}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
NUMBER = re.compile(r"\d{1,9}(?:[.,]\d{1,9})?", re.ASCII)


def worked_minutes(text: str, unit: WorkedUnit) -> int | None:
    """The whole minutes that a cell states, up; None if it states no time."""
    clock = CLOCK.fullmatch(text)
    if clock is not None:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return hours * 60 + minutes + (seconds > 0)
    if NUMBER.fullmatch(text) is None:
        return None
    amount = Decimal(text.replace(",", ".")) * (60 if unit == "hours" else 1)
    return int(amount.to_integral_value(ROUND_CEILING))


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
