"""Service levels: how soon a service request is answered and resolved, by priority.

Source: product.md sections 5 and 9.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

SlaCalendar = Literal["always", "business_hours"]

SLA_CALENDARS: tuple[SlaCalendar, ...] = get_args(SlaCalendar)


@dataclass(frozen=True, slots=True)
class SlaTarget:
    """Whole minutes of the SLA's calendar, counted from logging; time on hold or waiting does not count."""

    response_minutes: int
    resolution_minutes: int


@dataclass(frozen=True, slots=True)
class Sla:
    """One service level of `rules/slas.json`, with a target for each priority."""

    id: str
    label: str
    calendar: SlaCalendar
    targets: Mapping[str, SlaTarget]
