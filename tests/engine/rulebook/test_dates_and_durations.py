# ruff: noqa: E501  (the cases are tables, one a line)
"""Dates and lengths of time in rules: around each boundary, and across daylight-saving changes."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from engine.facts import local_clock
from engine.rulebook import CoverageBook, load_rule_set
from engine.rulebook.vocabulary.dates_and_durations import (
    Around,
    Length,
    add_length,
    end_of_day,
    point_from,
    start_of_day,
    subtract_length,
    to_json,
)
from tests.engine.rulebook.test_evaluation import REQUEST, candidate
from tests.rules.files import error_texts, errors, with_rule, with_text

TICK = timedelta(microseconds=1)
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def book(name: str, operator: str, value: Any) -> CoverageBook:
    return load_rule_set(with_rule(json.dumps({"name": name, "operator": operator, "value": value}))).coverage


def holds(rules: CoverageBook, request: Any, one: Any) -> bool:
    """Whether the one rule covers, according to both engines."""
    answers = {rules.run_by(engine).decide(request, [one])[1] is one for engine in ("compiled", "plain")}
    assert len(answers) == 1, "the engines agree"
    return answers.pop()


# The first instants of 24 and 25 December 2026 in Berlin.
EVE, CHRISTMAS = at("2026-12-23T23:00:00Z"), at("2026-12-24T23:00:00Z")


@pytest.mark.parametrize(
    ("operator", "value", "logged_at", "expected"),
    [
        ("before", "2026-12-24", EVE - TICK, True),
        ("before", "2026-12-24", EVE, False),
        ("on_or_before", "2026-12-24", CHRISTMAS - TICK, True),
        ("on_or_before", "2026-12-24", CHRISTMAS, False),
        ("after", "2026-12-24", CHRISTMAS - TICK, False),
        ("after", "2026-12-24", CHRISTMAS, True),
        ("on_or_after", "2026-12-24", EVE - TICK, False),
        ("on_or_after", "2026-12-24", EVE, True),
        ("before", "2026-12-24T00:00:00+01:00", EVE - TICK, True),
        ("before", "2026-12-23T23:00Z", EVE, False),
        ("on_or_before", "2026-12-23T23:00:00Z", EVE, True),
        ("on_or_before", "2026-12-23T23:00:00Z", EVE + TICK, False),
        ("after", "2026-12-23T23:00:00Z", EVE, False),
        ("after", "2026-12-23T23:00:00Z", EVE + TICK, True),
        ("on_or_after", "2026-12-23T23:00:00Z", EVE, True),
        ("on_or_after", "2026-12-23T23:00:00Z", EVE - TICK, False),
        ("within_days_of", {"date": "2026-12-24", "days": 0}, EVE - TICK, False),
        ("within_days_of", {"date": "2026-12-24", "days": 0}, EVE, True),
        ("within_days_of", {"date": "2026-12-24", "days": 0}, CHRISTMAS - TICK, True),
        ("within_days_of", {"date": "2026-12-24", "days": 0}, CHRISTMAS, False),
        ("within_days_of", {"date": "2026-12-26", "days": 2}, EVE, True),
        ("within_days_of", {"date": "2026-12-26", "days": 2}, EVE - TICK, False),
        ("not_within_days_of", {"date": "2026-12-26", "days": 2}, EVE - TICK, True),
    ],
)
def test_a_date_is_a_day_in_the_desks_time_zone(
    operator: str, value: Any, logged_at: datetime, expected: bool
) -> None:
    request = replace(REQUEST, logged_at=logged_at, time_zone=BERLIN)
    assert holds(book("logged_at", operator, value), request, candidate("a")) is expected


@pytest.mark.parametrize(
    ("value", "boundary"),
    [
        ({"hours": 4}, "2026-10-25T08:00:00Z"),
        ({"minutes": 240}, "2026-10-25T08:00:00Z"),
        ({"days": 1}, "2026-10-24T11:00:00Z"),  # 13:00 on both days, though the clocks went back
        ({"days": 1, "hours": 1, "minutes": 30}, "2026-10-24T09:30:00Z"),
        ({"days": 0}, "2026-10-25T12:00:00Z"),
    ],
)
def test_days_are_calendar_days_and_hours_are_elapsed_time(value: Any, boundary: str) -> None:
    request = replace(REQUEST, at=at("2026-10-25T12:00:00Z"), time_zone=BERLIN)
    older, longer, least = (
        book("logged_at", "older_than", value),
        book("request_age", "longer_than", value),
        book("request_age", "at_least", value),
    )
    younger, shorter, most = (
        book("logged_at", "not_older_than", value),
        book("request_age", "shorter_than", value),
        book("request_age", "at_most", value),
    )
    for moved, expected in (
        (-TICK, (1, 1, 1, 0, 0, 0)),
        (0 * TICK, (0, 0, 1, 1, 0, 1)),
        (TICK, (0, 0, 0, 1, 1, 1)),
    ):
        logged = replace(request, logged_at=at(boundary) + moved)
        results = [
            holds(one, logged, candidate("a")) for one in (older, longer, least, younger, shorter, most)
        ]
        assert results == [bool(one) for one in expected], moved


@pytest.mark.parametrize(
    ("operator", "before", "exactly", "beyond"),
    [
        ("longer_than", False, False, True),
        ("at_least", False, True, True),
        ("shorter_than", True, False, False),
        ("at_most", True, True, False),
    ],
)
def test_time_left_is_counted_from_the_decision(
    operator: str, before: bool, exactly: bool, beyond: bool
) -> None:
    request = replace(REQUEST, at=at("2026-03-28T12:00:00Z"), time_zone=BERLIN)
    rules = book("contract_time_left", operator, {"days": 1})
    end = at("2026-03-29T11:00:00Z")  # 13:00 on both days, though the clocks went forward
    for expires_at, expected in ((end - TICK, before), (end, exactly), (end + TICK, beyond), (None, beyond)):
        assert holds(rules, request, candidate("a", expires_at=expires_at)) is expected


def test_a_contract_ends_on_its_last_day_or_after_every_date() -> None:
    request = replace(REQUEST, time_zone=BERLIN)
    ends_on_eve, endless = candidate("a", expires_at=CHRISTMAS), candidate("b")
    for operator, value, on_eve, never in (
        ("on_or_before", "2026-12-24", True, False),
        ("before", "2026-12-25", True, False),
        ("before", "2026-12-24", False, False),
        ("after", "2026-12-24", False, True),
        ("on_or_after", "2026-12-24", True, True),
        ("after", "2199-12-31", False, True),
        ("within_days_of", {"date": "2026-12-24", "days": 0}, True, False),
        ("not_within_days_of", {"date": "2026-12-24", "days": 0}, False, True),
        ("older_than", {"days": 0}, False, False),
        ("not_older_than", {"days": 0}, True, True),
    ):
        rules = book("contract_ends_on", operator, value)
        assert holds(rules, request, ends_on_eve) is on_eve, operator
        assert holds(rules, request, endless) is never, operator


def test_weekday_and_hour_are_in_the_desks_time_zone() -> None:
    night = replace(REQUEST, logged_at=at("2026-06-05T22:30:00Z"), time_zone=BERLIN)
    assert (night.logged_weekday, night.logged_hour) == ("saturday", 0)
    assert replace(night, time_zone="America/New_York").logged_weekday == "friday"
    assert replace(REQUEST, at=at("2026-06-05T22:30:00Z")).logged_hour == 22
    assert local_clock(at("2026-10-25T01:30:00Z"), BERLIN) == ("sunday", 2)
    assert holds(book("logged_hour", "less_than", 6), night, candidate("a"))


def test_a_day_with_a_skipped_midnight_begins_with_the_change() -> None:
    assert start_of_day(date(2018, 11, 4), "America/Sao_Paulo") == at("2018-11-04T03:00:00Z")
    assert end_of_day(date(2026, 3, 29), BERLIN) - start_of_day(date(2026, 3, 29), BERLIN) == timedelta(
        hours=23
    )
    assert subtract_length(at("2026-03-30T00:30:00Z"), Length(days=1), BERLIN) == at("2026-03-29T01:00:00Z")
    assert add_length(at("2026-10-24T00:30:00Z"), Length(days=1), BERLIN) == at("2026-10-25T00:30:00Z")
    second = at("2026-10-25T01:30:00Z")
    assert subtract_length(second, Length(), BERLIN) == second


def test_operands_convert_to_and_from_the_file_format() -> None:
    for written in ("2026-12-31", "2026-12-31T11:00:00Z"):
        assert to_json(point_from(written)) == written
    assert point_from("2026-12-31T12:00+01:00") == datetime(2026, 12, 31, 11, tzinfo=UTC)
    assert to_json(Length(1, 0, 5)) == {"days": 1, "minutes": 5}
    assert to_json(Length()) == {"minutes": 0}
    assert to_json(Around(date(2026, 12, 24), 3)) == {"date": "2026-12-24", "days": 3}
    assert [str(one) for one in (Length(1, 4), Length(30), Length(), Around(date(2026, 12, 24), 3))] == [
        "1 day and 4 hours", "30 days", "no time", "3 days of 2026-12-24",
    ]  # fmt: skip


DATE_MESSAGE = (
    "is not a date from 1970 to 2199. Write a date such as 2026-12-31, or an instant with its offset"
)


@pytest.mark.parametrize(
    ("name", "operator", "value", "expected"),
    [
        ("logged_at", "before", "31.12.2026", DATE_MESSAGE),
        ("logged_at", "before", "2026-02-30", DATE_MESSAGE),
        ("logged_at", "before", "2026-12-31T12:00:00", DATE_MESSAGE),
        ("logged_at", "before", "2026-12-31T24:30:00Z", DATE_MESSAGE),
        ("logged_at", "before", "1969-12-31", DATE_MESSAGE),
        ("logged_at", "before", "2200-01-01", DATE_MESSAGE),
        ("logged_at", "before", "0001-01-01T00:00+14:00", DATE_MESSAGE),
        ("logged_at", "before", "٢٠٢٦-12-31", DATE_MESSAGE),
        ("logged_at", "before", 20261231, "Found 20261231. Write a date such as"),
        ("logged_at", "older_than", "30 days", 'Found "30 days". Write an object in { }.'),
        ("logged_at", "older_than", {}, 'The length is empty. Write days, hours or minutes, such as {"days": 30}.'),
        ("logged_at", "older_than", {"day": 1}, '"day" is not a known key. Did you mean "days"?'),
        ("logged_at", "older_than", {"days": 1.5}, "1.5 is not a whole number."),
        ("logged_at", "older_than", {"days": -1}, "-1 is out of range."),
        ("logged_at", "older_than", {"days": 36601}, "36601 is out of range."),
        ("logged_at", "within_days_of", {"days": 3}, '"date" is missing. Add it.'),
        ("logged_at", "within_days_of", {"date": "2026-12-24"}, '"days" is missing. Add it.'),
        ("logged_at", "within_days_of", {"date": "9998-12-24", "days": 1}, "The date is out of range."),
        ("logged_at", "equal_to", "2026-12-24", '"equal_to" is not a valid operator of logged_at.'),
        ("logged_at", "longer_than", {"days": 1}, '"longer_than" is not a valid operator of logged_at.'),
        ("contract_age", "older_than", {"days": 1}, '"older_than" is not a valid operator of contract_age.'),
        ("logged_weekday", "equal_to", "Saturday", 'logged_weekday is never "Saturday". Did you mean "saturday"?'),
    ],
)  # fmt: skip
def test_operands_are_checked(name: str, operator: str, value: Any, expected: str) -> None:
    found = error_texts(with_rule(json.dumps({"name": name, "operator": operator, "value": value})))
    assert any(expected in one for one in found), found
    assert all(one.startswith("2:") for one in found)


DATED_EXAMPLE = """{"name": "x", "rank": [], "rules": [
 {"id": "a", "why": "Because.", "actions": [{"name": "cover_with"}], "conditions": {"all": [
   {"name": "contract_ends_on", "operator": "on_or_before", "value": "2026-12-24"},
   {"name": "logged_hour", "operator": "equal_to", "value": 7}]}}],
 "examples": [{"name": "e", "facts": FACTS, "decision": {"outcome": "covered", "rule": "a", "contract": "C"},
   "contracts": [{"id": "C", "contract_holder": "item", "contract_standing": "valid", "ends_on": "2026-12-24"}]}]}"""


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ('{"time_zone": "Asia/Tokyo", "logged_at": "2026-05-31T22:10:00Z"}', None),
        ('{"time_zone": "Asia/Tokyo", "at": "2026-05-31T22:10:00Z"}', None),
        ('{"at": "2026-06-01T09:10:00+02:00"}', None),
        ("{}", "expects covered"),
        (
            '{"time_zone": "Mars/Base"}',
            '"Mars/Base" is not a time zone. Write a name such as Europe/Berlin or UTC.',
        ),
        (
            '{"at": "2026-06-01"}',
            "2026-06-01 is a whole day. Write an instant, such as 2026-06-01T12:00:00Z.",
        ),
        ('{"logged_hour": 7}', '"logged_hour" is not a known key.'),
    ],
)
def test_examples_may_give_instant_and_time_zone(facts: str, expected: str | None) -> None:
    found = [one.message for one in errors(with_text("coverage.json", DATED_EXAMPLE.replace("FACTS", facts)))]
    if expected is None:
        assert found == []
    else:
        assert any(expected in one for one in found), found
