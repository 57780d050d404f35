"""Comparisons of instants as Python expressions.

The values to compare with depend only on the request: on the instant of the decision and the time zone.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from engine.rulebook.compiled.rank import NO_END
from engine.rulebook.compiled.source import Source
from engine.rulebook.syntax.syntax_tree import Condition
from engine.rulebook.vocabulary import dates_and_durations
from engine.rulebook.vocabulary.dates_and_durations import DAY, Around

AT, ZONE = "request.at", "request.time_zone"
HELPERS: Mapping[str, Any] = {
    "start_of_day": dates_and_durations.start_of_day,
    "end_of_day": dates_and_durations.end_of_day,
    "subtract_length": dates_and_durations.subtract_length,
    "add_length": dates_and_durations.add_length,
    "no_end": NO_END,
}
OF_DATE = {
    "before": "{fact} < {begins}",
    "on_or_before": "{fact} < {ends}",
    "after": "{fact} >= {ends}",
    "on_or_after": "{fact} >= {begins}",
}
OF_INSTANT = {
    "before": "{fact} < {value}",
    "on_or_before": "{fact} <= {value}",
    "after": "{fact} > {value}",
    "on_or_after": "{fact} >= {value}",
}
OF_DAYS = {
    "within_days_of": "{begins} <= {fact} < {ends}",
    "not_within_days_of": "not {begins} <= {fact} < {ends}",
}
SINCE = {
    "older_than": "{fact} < {passed}",
    "not_older_than": "{fact} >= {passed}",
    "longer_than": "{fact} < {passed}",
    "at_least": "{fact} <= {passed}",
    "shorter_than": "{fact} > {passed}",
    "at_most": "{fact} >= {passed}",
}
UNTIL = {
    "longer_than": "{fact} > {to_come}",
    "at_least": "{fact} >= {to_come}",
    "shorter_than": "{fact} < {to_come}",
    "at_most": "{fact} <= {to_come}",
}


def time_expression(condition: Condition, fact: str, source: Source) -> str:
    """The condition as code; `fact` is the code that gives the instant."""
    if condition.variable.may_be_empty:
        fact = f"({fact} or no_end)"
    name, value = condition.operator.name, condition.value
    match value:
        case Around(day, days):
            first, last = source.constant(day - days * DAY), source.constant(day + days * DAY)
            begins, ends = f"start_of_day({first}, {ZONE})", f"end_of_day({last}, {ZONE})"
            return OF_DAYS[name].format(fact=fact, begins=begins, ends=ends)
        case datetime():
            return OF_INSTANT[name].format(fact=fact, value=source.constant(value))
        case date():
            written = source.constant(value)
            begins, ends = f"start_of_day({written}, {ZONE})", f"end_of_day({written}, {ZONE})"
            return OF_DATE[name].format(fact=fact, begins=begins, ends=ends)
    written = source.constant(value)
    if condition.variable.is_ahead:
        return UNTIL[name].format(fact=fact, to_come=f"add_length({AT}, {written}, {ZONE})")
    return SINCE[name].format(fact=fact, passed=f"subtract_length({AT}, {written}, {ZONE})")
