# ruff: noqa: E501  (the cases are tables, one a line)
"""The checker's messages about contract types, service levels, and the files themselves."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.contracts import Borrow, CarryOver
from engine.rulebook import (
    Problem,
    RuleSetRefused,
    check_rule_set,
    decode_rule_file,
    load_rule_set,
)
from tests.rules.files import error_texts, errors, shipped_files, with_change, with_rule, with_text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda one: one.update(key="support_minutes"), 'differs from the file\'s name. Write "support_hours", or rename the file support_minutes.json.'),
        (lambda one: one.update(number_prefix="SUB"), '"SUB" is already the prefix of "subscription". Choose another.'),
        (lambda one: one.update(number_prefix="sh"), '"sh" is not allowed as a name here. Use capital letters and digits'),
        (lambda one: one.update(held_by=["item", "item"]), '"item" is listed twice. Keep one.'),
        (lambda one: one.update(draws="incidents"), 'A type that draws incidents must be limited by them. Write "incidents": "required" in limits.'),
        (lambda one: one.update(allocation="monthly"), 'Monthly minutes need "draws": "minutes" and "period": "required" in limits.'),
        (lambda one: one["defaults"].update(incidents=3), "The type has no limit on incidents. Add it to limits, or remove incidents."),
        (lambda one: one["defaults"].update(sla="platinum"), '"platinum" is not a valid service level of slas.json.'),
        (lambda one: one["limits"].update(minutes="yes"), '"yes" is not a valid use of a limit.'),
        (lambda one: one.update(on_expiry="ignore"), '"ignore" is not a valid on_expiry. Known: time_expired.'),
        (lambda one: one["valid_when"]["all"][0].update(name="contract_standing"), '"contract_standing" is not a valid variable.'),
        (lambda one: one["examples"][0].update(valid=False), "expects valid false, but the result is true. Correct the conditions or the example."),
        (lambda one: one["examples"][1].update(valid=True), "expects valid true, but the result is false (no_minutes_left). Correct"),
        (lambda one: one["examples"][0].update(ended=True), "expects ended true, but the result is false. Correct"),
        (lambda one: one["examples"][0]["facts"].update(minutes_available=-1), "-1 is out of range."),
    ],
)  # fmt: skip
def test_contract_types_are_checked(change: Callable[[Any], object], expected: str) -> None:
    path = "contract_types/support_hours.json"
    found = error_texts(with_change(path, change), path) + error_texts(
        with_change(path, change), "contract_types/subscription.json"
    )
    assert any(expected in one for one in found), found


def test_days_before_the_projected_exhaustion_are_for_types_that_work_draws_from() -> None:
    def problems(name: str, days: Any) -> list[str]:
        files = with_change(f"contract_types/{name}.json", lambda one: one.update(exhaustion_alert_days=days))
        return [one.message for one in errors(files, f"contract_types/{name}.json")]

    for days in (None, 0, 365):
        assert problems("support_hours", days) == []
    assert len(problems("support_hours", 366)) == len(problems("support_hours", "10")) == 1
    [message] = problems("subscription", 10)
    assert (
        message == 'Only a type that draws "minutes" or "money" is projected. Remove exhaustion_alert_days.'
    )


BY_MONTH = "contract_types/support_hours_by_month.json"


@pytest.mark.parametrize(
    ("terms", "carry_over", "borrow"),
    [
        ({}, None, None),
        ({"carry_over": None, "borrow": None}, None, None),
        ({"carry_over": {"months": 1}}, CarryOver(1), None),
        (
            {"carry_over": {"months": 120, "cap_percent": 50, "cap_minutes": None}},
            CarryOver(120, None, 50),
            None,
        ),
        ({"carry_over": {"months": 2, "cap_minutes": 90}}, CarryOver(2, 90), None),
        ({"borrow": {"cap_minutes": 90}}, None, Borrow(90)),
        ({"borrow": {"cap_percent": 100}}, None, Borrow(None, 100)),
    ],
)
def test_a_type_by_the_month_may_carry_over_and_borrow(
    terms: dict[str, Any], carry_over: CarryOver | None, borrow: Borrow | None
) -> None:
    files = with_change(BY_MONTH, lambda one: one.update(terms))
    found = load_rule_set(files).contract_types["support_hours_by_month"]
    assert (found.carry_over, found.borrow) == (carry_over, borrow)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"carry_over": {"months": 0}}, "0 is out of range. Write a number from 1 to 120."),
        ({"carry_over": {"months": 121}}, "121 is out of range. Write a number from 1 to 120."),
        (
            {"carry_over": {"months": 1, "cap_minutes": -1}},
            "-1 is out of range. Write a number from 1 to 10000000.",
        ),
        (
            {"carry_over": {"months": 1, "cap_percent": 101}},
            "101 is out of range. Write a number from 1 to 100.",
        ),
        ({"carry_over": {"months": 1.5}}, "1.5 is not a whole number."),
        ({"carry_over": {"cap_percent": 50}}, '"months" is missing. Add it.'),
        ({"carry_over": 5}, "Found 5. Write an object in { }."),
        ({"carry_over": {"months": 1, "life": 2}}, '"life" is not a known key.'),
        ({"carry_over": {"months": 1, "cap_percent": 50, "cap_minutes": 60}}, "There are two caps."),
        ({"borrow": {}}, "How much may be drawn ahead is missing."),
        ({"borrow": {"cap_minutes": 0}}, "0 is out of range."),
        ({"borrow": {"cap_percent": 101}}, "101 is out of range. Write a number from 1 to 100."),
        ({"borrow": {"cap_percent": 5, "cap_minutes": 5}}, "There are two caps."),
    ],
)
def test_what_a_type_by_the_month_cannot_carry_over_or_borrow(terms: dict[str, Any], message: str) -> None:
    (found,) = errors(with_change(BY_MONTH, lambda one: one.update(terms)), BY_MONTH)
    assert message in found.message


@pytest.mark.parametrize("terms", [{"carry_over": {"months": 1}}, {"borrow": {"cap_minutes": 5}}])
def test_only_a_type_by_the_month_has_months(terms: dict[str, Any]) -> None:
    path = "contract_types/support_hours.json"
    (found,) = errors(with_change(path, lambda one: one.update(terms)), path)
    [name] = terms
    assert found.message == f'Only a type with "allocation": "monthly" has months. Remove {name}.'


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda one: one["slas"][0].update(id="gold"), 'The id "gold" is used twice. Choose another.'),
        (lambda one: one["slas"][0].update(calendar="nights"), '"nights" is not a valid calendar. Known: always, business_hours, after_hours, weekend.'),
        (lambda one: one["slas"][0]["targets"].pop("low"), '"low" is missing. Add it.'),
        (lambda one: one["slas"][1]["targets"]["high"].update(response_minutes=0), "0 is out of range."),
        (lambda one: one["slas"][1]["targets"]["high"].update(response_minutes=481), "The time to resolve, 480 minutes, is shorter than the time to respond, 481 minutes. Write 481 or more."),
        (lambda one: one["examples"][1]["targets"].update(response_minutes=5), 'expects 5 and 240 minutes, but "gold" says 15 and 240 minutes. Correct'),
    ],
)  # fmt: skip
def test_service_levels_are_checked(change: Callable[[Any], object], expected: str) -> None:
    found = error_texts(with_change("slas.json", change), "slas.json")
    assert any(expected in one for one in found), found


def with_calendar(calendar: dict[str, Any], *, named: bool) -> dict[str, str]:
    """The shipped files with one calendar, which the first service level names or not."""
    calendars = json.dumps({"calendars": [{"label": "C", **calendar}]})
    name = calendar["id"] if named else "business_hours"
    files = with_change("slas.json", lambda one: one["slas"][0].update(calendar=name))
    return {**files, "calendars.json": calendars}


def test_a_service_level_counts_in_any_named_calendar() -> None:
    calendar = {"id": "saturdays", "weekly": {"sat": [["09:00", "12:00"]]}}
    assert load_rule_set(with_calendar(calendar, named=True)).slas["standard"].calendar == "saturdays"
    gone = {**with_calendar(calendar, named=True), "calendars.json": json.dumps({"calendars": []})}
    [text] = error_texts(gone, "slas.json")[:1]
    assert '"saturdays" is not a valid calendar. Known: always, business_hours.' in text


def test_a_calendar_that_runs_out_serves_no_service_level() -> None:
    dates = {"id": "fair", "dates": {"2026-12-24": [["09:00", "12:00"]]}}
    assert error_texts(with_calendar(dates, named=False), "calendars.json") == []
    assert "has hours on single dates only" in error_texts(with_calendar(dates, named=True), "slas.json")[0]


@pytest.mark.parametrize("id", ["always", "business_hours"])
def test_a_calendar_cannot_have_a_name_that_service_levels_know(id: str) -> None:
    calendar = {"id": id, "weekly": {"sat": [["09:00", "12:00"]]}}
    assert "a meaning of its own" in error_texts(with_calendar(calendar, named=False), "calendars.json")[0]


def test_problems_of_a_file_are_not_repeated_where_it_is_used() -> None:
    def wrong(path: str) -> set[str]:
        return {one.file for one in check_rule_set(with_text(path, "{"))}

    assert wrong("slas.json") == {"slas.json"}
    assert wrong("contract_types/per_request.json") == {"contract_types/per_request.json"}


def test_charging_examples_run() -> None:
    def change(document: Any) -> None:
        document["examples"][0]["charge"] = {"percent": 150, "rule": "night"}

    (found,) = errors(with_change("charging.json", change), "charging.json")
    assert 'expects 150 % by rule "night", but the result is 100 % by no rule. Correct' in found.message


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "contract_type/x.json",
            'Move it to contract_types/, rate_cards/ or variants/. Did you mean "contract_types"?',
        ),
        ("coverge.json", 'Did you mean "coverage.json"?'),
        ("contract_types/Big Type.json", "Name it with lowercase letters"),
        ("contract_types/../coverage.json", "Move it to contract_types/, rate_cards/ or variants/."),
        ("../coverage.json", "Move it to contract_types/, rate_cards/ or variants/."),
        ("contract_types/a\nb.json", "Name it with lowercase letters"),
        (
            "\ud800.json",
            "Known: coverage.json, charging.json, calendars.json, slas.json, invoice_checks.json.",
        ),
    ],
)
def test_a_file_in_the_wrong_place_is_an_error(path: str, expected: str) -> None:
    found = [one for one in check_rule_set(with_text(path, "{}")) if one.severity == "error"]
    assert len(found) == 1
    assert expected in found[0].message
    assert found[0].file.encode()


def test_missing_files() -> None:
    def without(*paths: str) -> list[str]:
        left = {path: text for path, text in shipped_files().items() if not path.startswith(paths)}
        return [str(problem) for problem in check_rule_set(left)]

    assert without("coverage.json") == [
        "coverage.json:1:1: error: The file is missing. Add it: without coverage rules nothing can be decided."
    ]
    assert without("charging.json") == [
        "charging.json:1:1: warning: The file is missing, so time is charged as worked. "
        "Add it, with an empty list of rules."
    ]
    assert any("There is no contract type. Add a file for each" in one for one in without("contract_types/"))
    assert any('"standard" is not a valid service level of slas.json.' in one for one in without("slas.json"))
    assert len(check_rule_set({})) == 3


def test_other_files_are_ignored() -> None:
    files = {**shipped_files(), "coverage.json~": "{", "README.md": "#", "schema/x.schema.json": "{"}
    rules = load_rule_set(files)
    assert [str(one) for one in rules.warnings] == [
        "coverage.json~:1:1: warning: This is not a rule file and is ignored. Rule files end in .json."
    ]
    assert rules.version == load_rule_set(shipped_files()).version


def test_warnings_do_not_block() -> None:
    own = '{"name": "contract_holder", "operator": "equal_to", "value": "service_request"}'
    warnings = load_rule_set(with_rule(own)).warnings
    assert [one.message.split(". ")[0] for one in warnings] == [
        "With contract validation on, no rule matches a service request without a contract: it is refused",
        'Rule "a" can apply cover_with to a contract that is pending or ended or excluded',
        'Rule "a" requires a contract of the service request itself, which takes precedence over all rules',
        "There are no examples",
    ]
    assert [one.line for one in warnings] == [1, 2, 2, 4]


def test_refused_with_all_problems() -> None:
    files = with_text("coverage.json", '{"rules": 1, "rank": 2}') | {"slas.json": "{"}
    with pytest.raises(RuleSetRefused) as caught:
        load_rule_set(files)
    refusal = caught.value
    assert refusal.code == "rule-set-refused"
    assert list(refusal.problems) == check_rule_set(files)
    assert {one.file for one in refusal.problems if one.severity == "error"} >= {"coverage.json", "slas.json"}
    assert "The first: " in refusal.detail


def test_all_kinds_of_line_ends_count() -> None:
    broken = '{\r\n "rules": [],\r "name": 5,\n "rank": 5}'
    assert [(one.line, one.column) for one in errors(with_text("coverage.json", broken))] == [
        (3, 10),
        (4, 10),
    ]
    windows = {path: text.replace("\n", "\r\n") for path, text in shipped_files().items()}
    assert check_rule_set(windows) == []


def test_bytes_are_decoded_or_reported_with_a_position() -> None:
    assert decode_rule_file("a.json", "é".encode()) == "é"
    problems: list[Problem] = []
    assert decode_rule_file("a.json", b"\xef\xbb\xbf{}", problems) == "{}"
    assert decode_rule_file("a.json", b'{\n"n": "\xff"}', problems) == ""
    assert decode_rule_file("a.json", "{}".encode("utf-16"), problems) == ""
    assert decode_rule_file("a.json", b" " * (1024 * 1024 + 1), problems) == ""
    assert [(one.line, one.column, one.severity, one.message.split(". ")[0]) for one in problems] == [
        (1, 1, "warning", "The file starts with a byte order mark (BOM)"),
        (2, 7, "error", "Byte 0xFF is not UTF-8"),
        (1, 1, "error", "The file is saved as UTF-16"),
        (1, 1, "error", "The file has 1,048,577 bytes; a rule file may have 1,048,576"),
    ]
    with pytest.raises(RuleSetRefused):
        decode_rule_file("a.json", b"\xff")


def test_a_byte_order_mark_in_text_is_dropped() -> None:
    files = shipped_files()
    marked = load_rule_set({**files, "slas.json": "\ufeff" + files["slas.json"]})
    assert marked.version == load_rule_set(files).version
    assert [one.message.split(". ")[0] for one in marked.warnings] == [
        "The file starts with a byte order mark (BOM)"
    ]
    assert error_texts({**files, "slas.json": '\ufeff{\n"slas": 5}'}, "slas.json") == [
        "2:9 /slas Found 5. Write a list of service levels in [ ]."
    ]


def test_large_files_and_many_problems_are_limited() -> None:
    (large,) = errors(with_text("coverage.json", " " * (1024 * 1024 + 1)))
    assert "a rule file may have 1,048,576" in large.message
    many = '{"rules": [' + ",".join('{"x": 1}' for _ in range(1500)) + "]}"
    found = [one for one in check_rule_set(with_text("coverage.json", many)) if one.file == "coverage.json"]
    assert len(found) == 201
    assert found[-1].message == "The file has more than 200 problems. Fix these first."
    folder = check_rule_set({f"variants/v{number}.json": "" for number in range(301)})
    assert [one.message for one in folder] == [
        "301 files are too many for a rule set. At most 300 are allowed."
    ]
    folder = check_rule_set({f"variants/v{number}.json": " " * 1_000_000 for number in range(5)})
    assert [one.message.split(";")[0] for one in folder] == ["The files have 5,000,000 characters"]


NEEDED = ("slas.json", "calendars.json", "contract_types/per_request.json")
"""What other files name: enough for each of them to be read to its end, faster than with the whole set."""


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each member of the objects in a parsed file, and of the first element of its lists."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield (*at, key)
        yield from _places(member, (*at, key))


@pytest.mark.parametrize(
    "path", [*NEEDED, BY_MONTH, "charging.json", "coverage.json", "invoice_checks.json", "rate_cards/standard.json"]
)  # fmt: skip
def test_what_is_left_out_or_has_a_wrong_type_never_ends_the_check(path: str) -> None:
    documents = {one: json.loads(shipped_files()[one]) for one in (*NEEDED, path)}
    for document in documents.values():
        document["examples"] = document["examples"][:2]
    files = {one: json.dumps(document) for one, document in documents.items()}
    assert error_texts(files, path) == []
    for place in _places(documents[path]):
        for wrong in ("left out", None, ["x"]):
            document = json.loads(files[path])
            holder = document
            for key in place[:-1]:
                holder = holder[key]
            if wrong == "left out":
                del holder[place[-1]]
            else:
                holder[place[-1]] = wrong
            for problem in check_rule_set({**files, path: json.dumps(document)}):
                assert min(problem.line, problem.column) >= 1, problem


@pytest.mark.parametrize("path", [one for one in shipped_files() if '"examples"' in shipped_files()[one]])
def test_a_file_without_examples_is_warned_about_as_one_with_an_empty_list(path: str) -> None:
    def problems(change: Callable[[Any], object]) -> list[tuple[str, str]]:
        found = check_rule_set(with_change(path, change))
        return [(one.severity, one.message) for one in found if one.file == path]

    [warning] = problems(lambda one: one.pop("examples"))
    assert [warning] == problems(lambda one: one.update(examples=[]))
    assert warning[0] == "warning"
