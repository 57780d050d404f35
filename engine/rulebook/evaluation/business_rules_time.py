"""Instants and durations as business-rules types, with their own operators.

business-rules has no dates. Operands have the form used in rule files: dates and instants are texts, lengths
of time are objects. They are valid, since they are made from a checked tree.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from business_rules.fields import FIELD_TEXT
from business_rules.operators import BaseType, export_type, type_operator

from engine.rulebook.vocabulary.dates_and_durations import (
    DAY,
    DurationFact,
    InstantFact,
    add_length,
    around_from,
    end_of_day,
    length_from,
    point_from,
    start_of_day,
    subtract_length,
)
from engine.rulebook.vocabulary.terms import Variable

Operator = TypeVar("Operator", bound=Callable[..., bool])

FIELD_LENGTH = "length"
FIELD_AROUND = "around"


def operator(field: str) -> Callable[[Operator], Operator]:
    """The decorator of business-rules, for operands whose type differs from that of the value."""
    decorate: Callable[[Operator], Operator] = type_operator(field, assert_type_for_arguments=False)
    return decorate


@export_type
class InstantType(BaseType):  # type: ignore[misc]  # business-rules ships no types
    """An instant; None (never) is after every date."""

    name = "instant"
    value: InstantFact

    def _assert_valid_value_and_cast(self, value: object) -> InstantFact:
        if not isinstance(value, InstantFact):
            raise AssertionError(f"{value} is not a valid instant type.")
        return value

    @operator(FIELD_TEXT)
    def before(self, text: str) -> bool:
        return self._is_known_and(lambda instant: instant < self._begins(text))

    @operator(FIELD_TEXT)
    def on_or_after(self, text: str) -> bool:
        return not self.before(text)

    @operator(FIELD_TEXT)
    def on_or_before(self, text: str) -> bool:
        point = point_from(text)
        if isinstance(point, datetime):
            return self._is_known_and(lambda instant: instant <= point)
        return self._is_known_and(lambda instant: instant < end_of_day(point, self.value.time_zone))

    @operator(FIELD_TEXT)
    def after(self, text: str) -> bool:
        return not self.on_or_before(text)

    @operator(FIELD_AROUND)
    def within_days_of(self, parts: Mapping[str, Any]) -> bool:
        day, days = around_from(parts)
        first = start_of_day(day - days * DAY, self.value.time_zone)
        end = end_of_day(day + days * DAY, self.value.time_zone)
        return self._is_known_and(lambda instant: first <= instant < end)

    @operator(FIELD_AROUND)
    def not_within_days_of(self, parts: Mapping[str, Any]) -> bool:
        return not self.within_days_of(parts)

    @operator(FIELD_LENGTH)
    def older_than(self, parts: Mapping[str, int]) -> bool:
        passed = subtract_length(self.value.as_of, length_from(parts), self.value.time_zone)
        return self._is_known_and(lambda instant: instant < passed)

    @operator(FIELD_LENGTH)
    def not_older_than(self, parts: Mapping[str, int]) -> bool:
        return not self.older_than(parts)

    def _begins(self, text: str) -> datetime:
        point = point_from(text)
        return point if isinstance(point, datetime) else start_of_day(point, self.value.time_zone)

    def _is_known_and(self, holds: Callable[[datetime], bool]) -> bool:
        return self.value.instant is not None and holds(self.value.instant)


@export_type
class DurationType(BaseType):  # type: ignore[misc]
    """The time between an instant and that of the decision; longer than any length if the instant is None."""

    name = "duration"
    value: DurationFact

    def _assert_valid_value_and_cast(self, value: object) -> DurationFact:
        if not isinstance(value, DurationFact):
            raise AssertionError(f"{value} is not a valid duration type.")
        return value

    @operator(FIELD_LENGTH)
    def longer_than(self, parts: Mapping[str, int]) -> bool:
        return self._compared_with(parts) > 0

    @operator(FIELD_LENGTH)
    def at_least(self, parts: Mapping[str, int]) -> bool:
        return self._compared_with(parts) >= 0

    @operator(FIELD_LENGTH)
    def shorter_than(self, parts: Mapping[str, int]) -> bool:
        return self._compared_with(parts) < 0

    @operator(FIELD_LENGTH)
    def at_most(self, parts: Mapping[str, int]) -> bool:
        return self._compared_with(parts) <= 0

    def _compared_with(self, parts: Mapping[str, int]) -> int:
        """1 if the duration is longer, -1 if it is shorter, 0 if it is equal."""
        instant, as_of, time_zone, is_ahead = self.value
        if instant is None:
            return 1
        move, sign = (add_length, 1) if is_ahead else (subtract_length, -1)
        limit = move(as_of, length_from(parts), time_zone)
        return sign * ((instant > limit) - (instant < limit))


def time_value(variable: Variable, request: Any, contract: object) -> InstantFact | DurationFact:
    """The value to compare: the variable's instant, with the instant of the decision and the time zone."""
    instant: Any = variable.read(contract if variable.scope == "contract" else request)
    if variable.type == "duration":
        return DurationFact(instant, request.at, request.time_zone, variable.is_ahead)
    return InstantFact(instant, request.at, request.time_zone)
