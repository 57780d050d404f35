# ruff: noqa: E501  (the cases are tables, one a line)
"""The checker's messages: each mistake with its position and what to write instead, and all at once."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.rules.files import VALID, error_texts, errors, with_change, with_rule, with_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1:1  The file ends where a value is expected. Add the value and the missing closing brackets."]),
        ('{"rules": []', ["1:13  The file ends too early. Add the missing } at its end."]),
        ('{"rules": [1 2]}', ["1:14 /rules A comma is missing before this."]),
        ('{"rules": [],}', ["1:13  There is a comma right before }. Remove it."]),
        ('{"rules": [,]}', ["1:12 /rules There is an extra comma. Remove it.", "1:12 /rules There is a comma right before ]. Remove it."]),
        ('{"rules": [1,,2]}', ["1:14 /rules There is an extra comma. Remove it."]),
        ('{"rules" []}', ['1:10  A colon is missing after "rules".']),
        ("{rules: []}", ['1:2  A key needs double quotes: "rules".']),
        ("{'rules': []}", ["1:2  JSON text needs double quotes, not single quotes."]),
        ('{\n // note\n "rules": []}', ['2:2  JSON has no comments. Remove it, or move it to a "why" or "description".']),
        ('{"rules": [], "rules": []}', ['1:15 /rules "rules" appears twice, first on line 1. Keep one of them.']),
        ('{"rules": []} x', ["1:15  The JSON value ends before this. Remove the rest, or an extra closing bracket."]),
        ('{"rules": [}', ["1:12 /rules } is not expected here. Add the missing ] first."]),
        ('{"name": "x\n"}', ["1:10 /name This text is not closed on the same line. Add the missing \" to it."]),
        ('{"name": "a\tb", "rules": []}', ["1:12 /name The text contains a control character. Write \\t for a tab, or remove it."]),
        ('{"name": "\\u0000", "rules": []}', ["1:10 /name The text contains a control character or an unpaired surrogate. Remove it."]),
        ('{"name": "\\ud800", "rules": []}', ["1:10 /name The text contains a control character or an unpaired surrogate. Remove it."]),
        ('{"name": "\\q", "rules": []}', ["1:11 /name Unknown escape sequence. Write \\\\ for a backslash."]),
        ('{"name": NaN, "rules": []}', ["1:10 /name NaN is not a JSON number. Write a whole number."]),
        ('{"name": -Infinity, "rules": []}', ["1:10 /name -Infinity is not a JSON number. Write a whole number."]),
        ('{"name": 1e999, "rules": []}', ["1:10 /name The number is too large. Write a smaller one."]),
        ('{"name": 12345678901234567890, "rules": []}', ["1:10 /name The number has more than 19 digits. Write a smaller one."]),
        ('{"name": 007, "rules": []}', ["1:10 /name A number must not start with 0. Remove the leading zeros."]),
        ('{"name": 0x1F, "rules": []}', ["1:10 /name 0x1F is not a JSON number. Write it like 90 or -90."]),
        ('{"name": None, "rules": []}', ["1:10 /name None is not a JSON value. Write null."]),
        ('{"name": yes, "rules": []}', ["1:10 /name yes is not a JSON value. Put text in double quotes."]),
        ('{"name": €, "rules": []}', ['1:10 /name "€" is not a JSON value. Write text in double quotes, or a number.']),
        ('{"name": ٣, "rules": []}', ["1:10 /name ٣ is not a JSON number. Write it like 90 or -90."]),
        ('{"name": 5, "rules": []}', ["1:10 /name Found 5. Write text in double quotes."]),
        ('{"name": " ", "rules": []}', ["1:10 /name The text is empty. Write something, or remove the key if it is optional."]),
        ("[]", ["1:1  Found a list. Write an object in { }."]),
        ("{}", ['1:1  "rules" is missing. Add it.']),
        ('{"rules": {}}', ["1:11 /rules Found an object. Write a list of rules in [ ]."]),
        ('{"rules": [], "exampels": []}', ['1:15 /exampels "exampels" is not a known key. Did you mean "examples"?']),
        ('{"rules": [], "rank": ["ends_fist"]}', ['1:24 /rank/0 "ends_fist" is not a valid rank criterion. Did you mean "ends_first"?']),
        ('{"rules": [], "rank": ["ends_first", "ends_last"]}', ['1:38 /rank/1 "ends_first" already determines this order. Remove "ends_last".']),
    ],
)  # fmt: skip
def test_syntax_errors(text: str, expected: list[str]) -> None:
    found = error_texts(with_text("coverage.json", text))
    assert [one for one in found if "Found 1." not in one and "Found 2." not in one] == expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ('{"name": "contract_holdr", "operator": "equal_to", "value": "item"}', '"contract_holdr" is not a valid variable. Did you mean "contract_holder"?'),
        ('{"name": "__class__", "operator": "equal_to", "value": "item"}', '"__class__" is not a valid variable. Known: contract_validation, priority'),
        ('{"name": "get_all_variables", "operator": "is_true"}', '"get_all_variables" is not a valid variable.'),
        ('{"name": "contract_holder", "operator": "_assert_valid_value_and_cast", "value": "item"}', '"_assert_valid_value_and_cast" is not a valid operator of contract_holder.'),
        ('{"name": "contract_holder", "operator": "__eq__", "value": "item"}', '"__eq__" is not a valid operator of contract_holder.'),
        ('{"name": "contract_holder", "operator": "matches_regex", "value": "(a+)+$"}', "matches_regex is not supported: a pattern can hang. Use contains or starts_with."),
        ('{"name": "contract_holder", "operator": "greater_than", "value": 3}', '"greater_than" is not a valid operator of contract_holder.'),
        ('{"name": "contract_holder", "operator": "equal_to"}', '"value" is missing: what contract_holder is compared with. Add it.'),
        ('{"name": "contract_holder", "operator": "equal_to", "value": "itme"}', 'contract_holder is never "itme". Did you mean "item"?'),
        ('{"name": "contract_holder", "operator": "equal_to", "value": ""}', "Empty text has no meaning here. Write a value."),
        ('{"name": "work_type", "operator": "contains", "value": ""}', "Empty text has no meaning here. Use non_empty to ask for any value."),
        ('{"name": "contract_holder", "operator": "equal_to", "value": null}', "Found null. Write text in double quotes."),
        ('{"name": "contract_holder", "operator": "equal_to", "value": ["item"]}', "Found a list. Write text in double quotes."),
        ('{"name": "contract_type", "operator": "equal_to", "value": "suport_hours"}', 'contract_type is never "suport_hours". Did you mean "support_hours"?'),
        ('{"name": "org_unit_distance", "operator": "equal_to", "value": true}', "Found true. Write a whole number."),
        ('{"name": "org_unit_distance", "operator": "equal_to", "value": 1.0}', "1.0 is not a whole number. Write it without a decimal point or exponent, such as 1."),
        ('{"name": "org_unit_distance", "operator": "equal_to", "value": "1"}', 'Found "1". Write a whole number.'),
        ('{"name": "org_unit_distance", "operator": "equal_to", "value": 9999999999999}', "9999999999999 is out of range. Write a number from"),
        ('{"name": "has_item", "operator": "is_true", "value": 3}', "is_true takes no value. Remove 3."),
        ('{"name": "has_item"}', '"operator" is missing. Add it.'),
        ('{"operator": "is_true"}', '"name" is missing. Add it.'),
        ("{}", '"name" is missing. Add it.'),
        ('{"all": []}', '"all" is empty. Add a condition, or remove the rule.'),
        ('{"any": []}', '"any" is empty. Add a condition, or remove the rule.'),
        ('{"all": [], "any": []}', '"all", "any" are in the same object. Use all or any as its only key.'),
        ('{"all": {}}', "Found an object. Write a list of conditions in [ ]."),
        ('{"all": [7]}', "Found 7. Write an object in { }."),
        ("[]", "Found a list. Write an object in { }."),
    ],
)  # fmt: skip
def test_conditions_are_checked_against_the_registry(conditions: str, expected: str) -> None:
    found = error_texts(with_rule(conditions))
    assert any(expected in one for one in found), found
    assert all(one.startswith("2:") and " /rules/0/conditions" in one for one in found)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ('{"name": "cover"}', '"cover" is not a valid action. Did you mean "cover_with"?'),
        ('{"name": "__init__"}', '"__init__" is not a valid action.'),
        ('{"name": "get_all_actions"}', '"get_all_actions" is not a valid action.'),
        ('{"name": "cover_with", "params": {"x": 1}}', '"x" is not a known key.'),
        ('{"name": "cover_with", "params": []}', "Found a list. Write an object in { }."),
        ('{"name": "wait_for", "parms": {}}', '"parms" is not a known key. Did you mean "params"?'),
        ('{"params": {}}', '"name" is missing. Add it.'),
        ("7", "Found 7. Write an object in { }."),
    ],
)
def test_actions_are_checked_against_the_registry(action: str, expected: str) -> None:
    found = error_texts(with_rule(action=action))
    assert any(expected in one for one in found), found
    assert all(one.startswith("3:") for one in found)


NO_CONTRACT = '{"name": "has_item", "operator": "is_true"}'


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ('{"name": "create_contract"}', 'create_contract needs "params" with "type". Add it.'),
        ('{"name": "create_contract", "params": {}}', '"type" is missing. Add it.'),
        ('{"name": "create_contract", "params": {"type": "per_reqest"}}', '"per_reqest" is not a valid contract type. Did you mean "per_request"?'),
        ('{"name": "create_contract", "params": {"type": "subscription"}}', "cannot be held by a service request. Offer it with offer_contracts"),
        ('{"name": "create_contract", "params": {"type": "per_request", "minutes": 60}}', 'Type "per_request" has no limit on minutes. Remove minutes'),
        ('{"name": "create_contract", "params": {"type": "per_request", "price_minor": -1}}', "-1 is out of range."),
        ('{"name": "create_contract", "params": {"type": "per_request", "enable": "yes"}}', 'Found "yes". Write true or false.'),
        ('{"name": "create_contract", "params": {"type": "per_request", "sla": "golden"}}', '"golden" is not a valid service level of slas.json. Did you mean "gold"?'),
        ('{"name": "create_contract", "params": {"type": "per_request", "time_expired": "keep"}}', '"keep" is not a valid way of handling expired time.'),
        ('{"name": "offer_contracts", "params": {"types": []}}', "The list is empty. Name the types to choose from."),
        ('{"name": "offer_contracts", "params": {"types": "subscription"}}', 'Found "subscription". Write a list of contract types in [ ].'),
        ('{"name": "offer_contracts", "params": {"types": ["subscription", "subscription"]}}', '"subscription" is listed twice. Keep one.'),
        ('{"name": "refuse", "params": {"message": ""}}', "The text is empty."),
    ],
)  # fmt: skip
def test_parameters_are_checked(action: str, expected: str) -> None:
    found = error_texts(with_rule(NO_CONTRACT, action))
    assert len(found) == 1, found
    assert expected in found[0]


def test_a_rule_that_needs_no_contract_cannot_use_contract_variables() -> None:
    conditions = f'{{"all": [{NO_CONTRACT}, {{"any": [{VALID}]}}]}}'
    (found,) = errors(with_rule(conditions, '{"name": "leave_uncovered"}'))
    assert "contract_standing has no value there" in found.message
    assert found.pointer == "/rules/0/conditions/all/1/any/0/name"


def test_a_rule_needs_all_keys_one_action_and_a_unique_id() -> None:
    def change(document: Any) -> None:
        rules = document["rules"]
        del rules[0]["why"]
        rules[1]["actions"] *= 2
        rules[2]["id"] = rules[3]["id"]
        rules[4]["id"] = "Item Pending"
        rules[5]["id"] = "no-rule"
        rules[6]["note"] = "x"

    files = with_change("coverage.json", change)
    lines = files["coverage.json"].splitlines()
    found = errors(files)
    assert [(one.pointer, one.message) for one in found] == [
        ("/rules/0", '"why" is missing. Add it.'),
        ("/rules/1/actions", "A rule has exactly one action, but this one has 2. Keep one."),
        (
            "/rules/3/id",
            f'The id "validation-off" is already used by the rule on line {line_of(lines, "validation-off")}. Choose another.',
        ),
        (
            "/rules/4/id",
            '"Item Pending" is not allowed as a name here. '
            "Use lowercase letters, digits, - and _, at most 64, such as item-valid.",
        ),
        ("/rules/5/id", '"no-rule" is reserved. Choose another.'),
        ("/rules/6/note", '"note" is not a known key. Known: id, why, conditions, actions.'),
    ]
    assert [one.line for one in found] == sorted(one.line for one in found)


def line_of(lines: list[str], part: str) -> int:
    return next(number for number, line in enumerate(lines, 1) if part in line)


def test_depth_is_limited() -> None:
    nested = "".join('{"all": [' for _ in range(20)) + VALID + "]}" * 20
    assert errors(with_rule(nested)) == []
    (found,) = errors(with_rule('{"any": [' + nested + "]}"))
    assert found.message == "Conditions are nested deeper than 20 levels. Flatten them."
    (found,) = errors(with_text("coverage.json", "[" * 100_000))
    assert found.message == "Nested deeper than 64 levels. Flatten it."


def test_a_failing_example_reports_expected_and_actual_decision() -> None:
    def change(document: Any) -> None:
        document["rules"][0], document["rules"][1] = document["rules"][1], document["rules"][0]

    found = errors(with_change("coverage.json", change))
    assert [one.message for one in found] == [
        'Example "The item\'s contract comes first" expects covered by rule "item-valid" with contract "I", but the '
        'result is covered by rule "customer-valid" with contract "C". Correct the rules or the example.'
    ]
    assert found[0].pointer == "/examples/0/decision"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda one: one.update(facts={"has_item": False, "item_type": "printer"}), "item_type cannot be given if has_item is false. Remove one."),
        (lambda one: one.update(facts={"contract_holder": "item"}), '"contract_holder" is not a known key.'),
        (lambda one: one.update(facts={"priority": "urgent"}), '"urgent" is not a valid priority.'),
        (lambda one: one["contracts"][0].pop("contract_standing"), '"contract_standing" is missing. Add it.'),
        (lambda one: one["contracts"][0].update(ends_on="2026-02-30"), '"2026-02-30" is not a date. Write it as YYYY-MM-DD, such as 2026-12-31.'),
        (lambda one: one["contracts"][0].update(ends_on="0000-01-01"), '"0000-01-01" is not a date.'),
        (lambda one: one["contracts"][0].update(ends_on="20260101"), '"20260101" is not a date.'),
        (lambda one: one["contracts"][0].update(id="C"), 'Contract "C" is listed twice. Rename one.'),
        (lambda one: one["contracts"][0].update(contract_holder="service_request"), "takes precedence over all rules. Leave it out."),
        (lambda one: one["decision"].update(outcome="taken"), '"taken" is not a valid outcome.'),
        (lambda one: one.pop("decision"), '"decision" is missing. Add it.'),
    ],
)  # fmt: skip
def test_invalid_examples_are_reported(change: Callable[[Any], object], expected: str) -> None:
    found = error_texts(with_change("coverage.json", lambda document: change(document["examples"][0])))
    assert len(found) == 1, found
    assert expected in found[0]


def test_examples_that_would_take_too_long_are_refused() -> None:
    files = with_change(
        "coverage.json", lambda document: document.update(examples=document["examples"][:1] * 500)
    )
    document = json.loads(files["coverage.json"])
    document["rules"] = [{**document["rules"][0], "id": f"rule-{number}"} for number in range(200)]
    (found,) = errors(with_text("coverage.json", json.dumps(document)))
    assert (
        found.message
        == "The examples evaluate 600,000 conditions; 500,000 are allowed. Remove some examples."
    )
