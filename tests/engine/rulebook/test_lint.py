# ruff: noqa: E501  (the cases are tables, one a line)
"""Probable mistakes are reported with their position, and nothing else is."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.facts import RequestFacts
from engine.rulebook import CoverageBook, check_rule_set
from engine.rulebook.checks.fact_constraints import VALIDATION_ON, coverage_constraints
from engine.rulebook.checks.lint import lint_coverage
from engine.rulebook.checks.satisfiability import OTHER_TEXT, Satisfiability, SearchBudget
from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node
from engine.rulebook.syntax.syntax_tree import Rule
from engine.rulebook.vocabulary.registry import COVERAGE
from tests.rules import random_rules as some
from tests.rules.files import with_change, with_text

VALID = ["contract_standing", "equal_to", "valid"]
ITEM = ["contract_holder", "equal_to", "item"]
REFUSE = {"name": "refuse", "params": {"message": "No."}}
CATCH_ALL = {
    "id": "end",
    "why": "No.",
    "conditions": {"name": "contract_validation", "operator": "is_true"},
    "actions": [REFUSE],
}


def condition_json(condition: Any) -> Any:
    """A condition in file form, from ["name", "operator", value], or from {"all": [...]} of such."""
    if isinstance(condition, dict):
        return {joint: [condition_json(part) for part in parts] for joint, parts in condition.items()}
    return dict(zip(("name", "operator", "value"), condition, strict=False))


def covering(id: str, *conditions: Any) -> dict[str, Any]:
    parts = [condition_json(one) for one in conditions]
    joined = parts[0] if len(parts) == 1 else {"all": parts}
    return {"id": id, "why": "Because.", "conditions": joined, "actions": [{"name": "cover_with"}]}


def once(id: str, *conditions: Any) -> dict[str, Any]:
    return {**covering(id, *conditions), "actions": [{"name": "leave_uncovered"}]}


def warnings_of(*rules: dict[str, Any], catch_all: bool = True) -> list[tuple[str, str]]:
    """Pointer and text of the warnings about rules, without the final remedy."""
    document = {
        "name": "x",
        "rank": [],
        "rules": [*rules, *([CATCH_ALL] if catch_all else [])],
        "examples": [],
    }
    problems = check_rule_set(with_text("coverage.json", json.dumps(document, indent=1)))
    of_rules = [one for one in problems if one.file == "coverage.json" and one.pointer.startswith("/rules")]
    assert all(one.severity == "warning" for one in of_rules), of_rules
    assert all(one.line > 1 for one in of_rules)
    return [(one.pointer, one.message.rpartition(". ")[0]) for one in of_rules]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([covering("a", VALID), covering("b", ITEM, VALID)],
         [("/rules/1", 'Rule "b" can never match: everything it matches is already matched by "a" before it')]),
        ([covering("a", ITEM, VALID), covering("b", VALID, ITEM)],
         [("/rules/1", 'Rule "b" has the same conditions as "a" before it, so it never matches')]),
        ([covering("a", VALID, ITEM), covering("b", {"all": [ITEM, {"any": [VALID, VALID]}]})],
         [("/rules/1", 'Rule "b" has the same conditions as "a" before it, so it never matches')]),
        ([covering("a", VALID, ITEM), covering("b", VALID, ["contract_holder", "equal_to", "customer"])], []),
        ([covering("a", VALID, ["contract_holder", "not_equal_to", "org_unit"]), covering("b", VALID, ["contract_holder", "equal_to", "org_unit"]), covering("c", VALID)],
         [("/rules/2", 'Rule "c" can never match: everything it matches is already matched by "a" or "b" before it')]),
        ([covering("a", ITEM, VALID, ["contract_holder", "equal_to", "customer"])],
         [("/rules/0", 'The conditions of rule "a" contradict each other')]),
        ([once("a", ["has_item", "is_true"]), covering("b", VALID, ["item", "non_empty"])],
         [("/rules/1", 'Rule "b" can never match: everything it matches is already matched by "a" before it')]),
        ([once("a", ["has_item", "is_true"]), covering("b", VALID, ITEM)],
         [("/rules/1", 'Rule "b" can never match: everything it matches is already matched by "a" before it')]),
        ([once("a", ["has_item", "is_false"]), once("b", ["priority", "equal_to", "low"], ["item", "equal_to", ""])],
         [("/rules/1", 'Rule "b" can never match: everything it matches is already matched by "a" before it')]),
        # There may be no contract at all, so a rule without one can match after a less specific contract rule.
        ([covering("a", VALID), once("b", ["priority", "equal_to", "low"])], []),
        ([covering("a", VALID, ["contract_minutes_available", "greater_than", 10]), covering("b", VALID, ["contract_minutes_available", "greater_than_or_equal_to", 11])],
         [("/rules/1", 'Rule "b" can never match: everything it matches is already matched by "a" before it')]),
        ([covering("a", VALID, ["contract_minutes_available", "greater_than", 10]), covering("b", VALID, ["contract_minutes_available", "greater_than_or_equal_to", 10])], []),
        ([covering("a", VALID, ["contract_minutes_available", "less_than", 0])], [("/rules/0", 'The conditions of rule "a" contradict each other')]),
        ([covering("a", VALID, ["logged_hour", "greater_than", 23])], [("/rules/0", 'The conditions of rule "a" contradict each other')]),
        ([covering("a", VALID, ["contract_minutes_available", "greater_than", -5])], []),
        # Dates and prefixes of texts are not compared with each other, so nothing is reported.
        ([covering("a", VALID, ["logged_at", "before", "2026-12-31"]), covering("b", VALID, ["logged_at", "before", "2026-01-31"])], []),
        ([covering("a", VALID, ["work_type", "starts_with", "on"]), covering("b", VALID, ["work_type", "starts_with", "on_s"])], []),
        ([covering("a", VALID, ["work_type", "starts_with", "on"]), covering("b", VALID, ["work_type", "equal_to", "on_site"])],
         [("/rules/1", 'Rule "b" can never match: everything it matches is already matched by "a" before it')]),
        ([covering("a", VALID, ["logged_at", "before", "2026-12-31"]), covering("b", VALID, ITEM, ["logged_at", "before", "2026-12-31"])],
         [("/rules/1", 'Rule "b" can never match: everything it matches is already matched by "a" before it')]),
    ],
)  # fmt: skip
def test_rules_that_never_match(rules: list[Any], expected: list[tuple[str, str]]) -> None:
    assert warnings_of(*rules) == expected


UNMATCHED = "With contract validation on, no rule matches a service request without a contract"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([covering("a", VALID)], [("/rules", f"{UNMATCHED}: it is refused")]),
        ([covering("a", VALID), once("b", ["contract_validation", "is_false"])], [("/rules", f"{UNMATCHED}: it is refused")]),
        ([covering("a", VALID), once("b", ["priority", "not_equal_to", "low"])], [("/rules", f"{UNMATCHED}, for example if priority is low: it is refused")]),
        ([covering("a", VALID), once("b", ["work_type", "equal_to", "x"])], [("/rules", f"{UNMATCHED}, for example if work type is empty: it is refused")]),
        ([covering("a", VALID), once("b", ["has_item", "is_true"]), once("c", ["item", "equal_to", ""])], []),
        ([covering("a", VALID), once("b", ["priority", "equal_to", "low"]), once("c", ["priority", "not_equal_to", "low"])], []),
        # Whether such a date is possible is unknown, so nothing is reported.
        ([covering("a", VALID), once("b", ["logged_at", "before", "2026-12-31"])], []),
    ],
)  # fmt: skip
def test_cases_that_no_rule_matches(rules: list[Any], expected: list[tuple[str, str]]) -> None:
    assert warnings_of(*rules, catch_all=False) == expected


def test_an_exclusion_without_a_fallback() -> None:
    excluding = covering("a", VALID, ["work_type", "not_equal_to", "training"])
    not_trained = once("b", ["work_type", "not_equal_to", "training"])
    words = 'Rule "a" excludes work type training, and no other rule matches it: with contract validation on, it is refused'
    assert ("/rules/0", words) in warnings_of(excluding, not_trained, catch_all=False)
    assert warnings_of(excluding) == []
    taken = covering("c", VALID, ["work_type", "equal_to", "training"])
    assert [place for place, _ in warnings_of(excluding, taken, not_trained, catch_all=False)] == ["/rules"]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"valid_when": {"all": [["within_period", "is_true"], ["period_over", "is_true"]]}}, [("/valid_when", "This can never hold, so no contract of the type ever covers")]),
        ({"expires_when": ["within_period", "is_true"]}, [("/expires_when", "This holds whenever valid_when does, so a contract of the type has ended before it covers")]),
        ({"valid_when": ["minutes_available", "greater_than", 0]}, []),
    ],
)  # fmt: skip
def test_contract_types_that_never_cover(conditions: Any, expected: list[tuple[str, str]]) -> None:
    path = "contract_types/subscription.json"

    def change(document: Any) -> None:
        document.update({key: condition_json(value) for key, value in conditions.items()}, examples=[])

    problems = [one for one in check_rule_set(with_change(path, change)) if one.file == path]
    messages = [
        (one.pointer, one.message.rpartition(". ")[0]) for one in problems if "examples" not in one.message
    ]
    assert messages == expected


def test_a_contract_type_without_holders() -> None:
    path = "contract_types/subscription.json"
    (found,) = check_rule_set(with_change(path, lambda one: one.update(held_by=[])))
    assert (found.file, found.pointer, found.severity) == (path, "/held_by", "warning")
    assert found.message == (
        "The type allows no holder, so no contract of it can be created. Add service_request, item, customer "
        "or org_unit."
    )


def test_charging_rules_that_never_match() -> None:
    def charged(id: str, condition: Any) -> dict[str, Any]:
        return {**once(id, condition), "actions": [{"name": "do_not_charge"}]}

    rules = [charged("a", ["worked_hour", "less_than", 24]), charged("b", ["priority", "equal_to", "low"])]
    problems = check_rule_set(with_change("charging.json", lambda one: one.update(rules=rules, examples=[])))
    messages = [one.message for one in problems if "never match" in one.message]
    assert messages == [
        'Rule "b" can never match: everything it matches is already matched by "a" before it. Move it up, or change its conditions.'
    ]


def test_too_many_rules_to_check_are_reported() -> None:
    rules = [
        covering(f"r{number}", VALID, ["contract_number", "equal_to", f"N-{number}"]) for number in range(600)
    ]
    assert [place for place, words in warnings_of(*rules) if "too many" in words] == ["/rules"]


search_settings = settings(
    max_examples=max(60, some.CASES // 4), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@search_settings
@given(rules=some.rules(COVERAGE, most=6), data=st.data())
def test_a_rule_reported_as_never_matching_never_matches(
    rules: tuple[Rule, ...], data: st.DataObject
) -> None:
    report = FileReport("coverage.json", "")
    lint_coverage(report, rules, Node([Node(number, 0) for number in range(len(rules))], 0))
    messages = [one.message for one in report.problems]
    never = {words.split('"')[1] for words in messages if "never match" in words or "contradict" in words}
    if not never:
        return
    book = CoverageBook("random", (), rules)
    for _ in range(30):
        request = data.draw(some.requests)
        request = replace(request, item_type=request.item_type if request.item else None)
        found = [
            one._replace(distance=max(1, one.distance) if one.holder_kind == "org_unit" else 0)
            for one in data.draw(some.candidates())
            if request.item or one.holder_kind != "item"
        ]
        rule, _ = book.decide(request, found)
        assert rule is None or rule.id not in never


@search_settings
@given(rules=some.rules(COVERAGE, most=4))
def test_a_case_reported_as_unmatched_matches_no_rule(rules: tuple[Rule, ...]) -> None:
    asked_once = [one.conditions for one in rules if not one.action.needs_contract]
    facts = coverage_constraints([VALIDATION_ON, *asked_once])
    search = Satisfiability([VALIDATION_ON, *asked_once, *facts], SearchBudget(10**6), facts_only=True)
    assignment = search.find((VALIDATION_ON, *facts), asked_once)
    if assignment is None or {"logged_weekday", "logged_hour"} & assignment.keys():
        return
    values: dict[str, Any] = {
        str(name): "none of these" if value is OTHER_TEXT else value for name, value in assignment.items()
    }
    request = RequestFacts(
        at=some.NOON,
        contract_validation=True,
        customer=values.get("customer", "c-1"),
        item=values.get("item", "i-1" if values.get("has_item", True) else None) or None,
        item_type=values.get("item_type") or None,
        org_unit=values.get("org_unit", "o-1" if values.get("has_org_unit", True) else None) or None,
        priority=values.get("priority", "normal"),
        work_type=values.get("work_type"),
        channel=values.get("channel"),
    )
    assert CoverageBook("random", (), rules, "plain").decide(request, []) == (None, None)
