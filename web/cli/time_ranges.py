"""Time ranges on the command line: an instant, or a date in the provider's time zone."""

from datetime import date, datetime
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from engine.periods import first_instant_of
from workflows.commands.fields import DAY_TEXT, Day, Instant
from workflows.core.desk import Desk

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
DAY: TypeAdapter[date] = TypeAdapter(Day)


class InstantType(click.ParamType[datetime]):
    """An instant: RFC 3339 with an offset."""

    name = "instant"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            return INSTANT.validate_python(value)
        except ValidationError:
            self.fail("write it as RFC 3339 with an offset, for example 2026-03-31T09:00:00Z", param, ctx)


class InstantOrDay(click.ParamType["datetime | date"]):
    """RFC 3339 with an offset, or YYYY-MM-DD."""

    name = "instant or day"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | date:
        kind: TypeAdapter[Any] = DAY if DAY_TEXT.match(str(value)) else INSTANT
        try:
            found: datetime | date = kind.validate_python(value)
        except ValidationError:
            self.fail("write a date (2026-03-31) or an instant (2026-03-31T09:00:00Z)", param, ctx)
        return found


def instant_of(desk: Desk, given: datetime | date) -> datetime:
    """Return the instant in aware UTC; a date becomes its first instant in the provider's time zone."""
    if isinstance(given, datetime):
        return given
    return first_instant_of(given, desk.config.settings.zone)
