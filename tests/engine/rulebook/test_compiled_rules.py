"""Compiled rules: readable, free of text from rule files, and refused if business-rules disagrees."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from engine.facts import Candidate, RequestFacts
from engine.rulebook import Match, Problem, RuleSet, check_rule_set, compiled_source, load_rule_set
from engine.rulebook.compiled.coverage import CompiledCoverage, RuleMatch, compile_coverage
from engine.rulebook.compiled.single import CompiledCharging, CompiledType, compile_charging, compile_type
from tests.engine.rulebook.test_evaluation import REQUEST, candidate
from tests.rules.files import shipped_files, with_change, with_rule, with_text

CHOOSY = """{"all": [
  {"name": "contract_number", "operator": "starts_with", "value": TEXT},
  {"name": "contract_minutes_available", "operator": "greater_than", "value": NUMBER},
  {"any": [{"name": "item_type", "operator": "equal_to", "value": TEXT},
           {"name": "customer", "operator": "not_equal_to", "value": TEXT}]}]}"""


def choosy(text: str, number: int) -> RuleSet:
    conditions = CHOOSY.replace("TEXT", json.dumps(text)).replace("NUMBER", str(number))
    return load_rule_set(with_rule(conditions))


def test_the_generated_code_is_readable() -> None:
    shown = compiled_source(load_rule_set(shipped_files()))
    assert '            if best > 0:  # "item-valid"' in shown.replace("    " * 4, "    " * 3)
    assert "if contract_standing == 'valid':" in shown
    assert shown.count("\n# ") == len(shipped_files()) - len(["slas.json", "calendars.json"]) - len(
        ["the first"]
    )
    assert "def has_ended(contract):\n    return contract.service_request_closed" in shown


def test_a_text_compared_by_many_rules_is_read_once() -> None:
    decide = load_rule_set(shipped_files()).coverage.compiled.source.code.partition("def decide")[2]
    assert decide.partition("def ")[0].count("contract.standing") == 1


@pytest.mark.parametrize(
    "text", ['"', "'''", "\\", "x\ny", "# k0", "{fact}", "}", "k0", "__import__('os')", "é", "\u2028", "%s"]
)
def test_no_text_of_a_rule_file_becomes_code(text: str) -> None:
    usual, odd = choosy("SH", 1), choosy(text, -(10**12))
    assert odd.coverage.compiled.source.code == usual.coverage.compiled.source.code
    shown = compiled_source(odd)
    assert json.dumps(text) in shown
    assert all(line.isprintable() for line in shown.split("\n"))
    compile(shown, "shown", "exec")
    matching = candidate("a", number=text, minutes_available=5)
    assert odd.coverage.decide(REQUEST, [matching])[1] is matching
    assert odd.coverage.decide(REQUEST, [matching._replace(number="nothing")]) == (None, None)


def test_the_code_can_access_only_its_values() -> None:
    book = load_rule_set(shipped_files()).coverage
    assert book.compiled.decide.__globals__["__builtins__"] == {}


def test_candidates_may_be_in_any_order_and_any_iterable() -> None:
    book = load_rule_set(shipped_files()).coverage
    far, near = candidate("far", "org_unit", distance=2), candidate("near", "org_unit", distance=1)
    for given in ([far, near], [near, far]):
        rule, taken = book.decide(REQUEST, iter(given))
        assert rule is not None
        assert (rule.id, taken) == ("org-unit-valid", near)


def test_a_rule_that_needs_no_contract_keeps_its_position() -> None:
    first = json.dumps(
        {
            "name": "x",
            "rank": [],
            "rules": [
                rule("early", "has_item", "is_false", "leave_uncovered"),
                rule("valid", "contract_standing", "equal_to", "cover_with", "valid"),
                rule("late", "has_item", "is_true", "leave_uncovered"),
                rule("never", "contract_standing", "equal_to", "wait_for", "pending"),
            ],
            "examples": [],
        }
    )
    book = load_rule_set(with_text("coverage.json", first)).coverage
    without = replace(REQUEST, item=None)
    assert matched(book.first_match(without, [candidate("a")])) == ("early", None)
    assert matched(book.first_match(REQUEST, [candidate("a")])) == ("valid", "a")
    assert matched(book.first_match(REQUEST, [candidate("a", standing="pending")])) == ("late", None)
    assert matched(book.first_match(REQUEST, [])) == ("late", None)


def rule(id: str, name: str, operator: str, action: str, value: object = None) -> dict[str, Any]:
    conditions = {"name": name, "operator": operator} | ({} if value is None else {"value": value})
    return {"id": id, "why": "Because.", "conditions": conditions, "actions": [{"name": action}]}


def matched(match: Match | None) -> tuple[str, str | None] | None:
    return match and (match.rule_id, match.candidate.contract if match.candidate else None)


def test_two_thousand_rules_are_one_function() -> None:
    rules = [
        rule(f"r{number}", "contract_number", "equal_to", "cover_with", f"N-{number}")
        for number in range(1999)
    ]
    rules.append(rule("last", "contract_minutes_available", "greater_than", "cover_with", 10))
    document = json.dumps({"name": "x", "rank": [], "rules": rules, "examples": []})
    book = load_rule_set(with_text("coverage.json", document)).coverage
    asked = [candidate(f"c{number}", number=f"N-{number}") for number in (1998, 7, 1000)]
    assert matched(book.first_match(REQUEST, asked)) == ("r7", "c7")
    assert matched(book.first_match(REQUEST, [candidate("c", number="N", minutes_available=11)])) == (
        "last",
        "c",
    )
    assert book.first_match(REQUEST, [candidate("c", number="N")]) is None


# A faulty compiler


def refused(files: dict[str, str]) -> list[Problem]:
    return [one for one in check_rule_set(files) if "with the compiled rules" in one.message]


def test_a_file_is_refused_where_compiled_coverage_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(rules: Any, rank_by: Any) -> CompiledCoverage:
        made = compile_coverage(rules, rank_by)

        def decide(request: RequestFacts, contracts: Iterable[Candidate]) -> RuleMatch:
            return made.decide(request, [one for one in contracts if one.contract != "C"])

        return replace(made, decide=decide)

    monkeypatch.setattr("engine.rulebook.evaluation.coverage.compile_coverage", broken)
    found = refused(shipped_files())
    assert found
    assert {(one.file, one.severity) for one in found} == {
        ("coverage.json", "error"),
        ("variants/customer_first.json", "error"),
    }
    assert all(one.pointer.endswith("/decision") and one.line > 1 for one in found)


def test_a_file_is_refused_where_a_compiled_type_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*conditions: Any) -> CompiledType:
        return replace(compile_type(*conditions), has_ended=lambda facts: False)

    monkeypatch.setattr("engine.rulebook.evaluation.contract_types.compile_type", broken)
    assert {one.file for one in refused(shipped_files())} == {
        path for path in shipped_files() if path.startswith("contract_types/")
    }


def test_a_file_is_refused_where_compiled_charging_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(rules: Any) -> CompiledCharging:
        return replace(compile_charging(rules), first_rule=lambda facts: None)

    monkeypatch.setattr("engine.rulebook.evaluation.charging.compile_charging", broken)

    def change(document: Any) -> None:
        charged = rule("travel", "work_type", "equal_to", "do_not_charge", "travel")
        document["rules"] = [charged]
        document["examples"] = [
            {"name": "a", "facts": {"work_type": "travel"}, "charge": {"percent": 0, "rule": "travel"}}
        ]

    (found,) = refused(with_change("charging.json", change))
    assert (found.file, found.pointer) == ("charging.json", "/examples/0/charge")


def test_a_rule_set_can_be_run_by_business_rules() -> None:
    rules = load_rule_set(shipped_files())
    plain = rules.run_by("plain")
    assert plain.version == rules.version
    assert plain.run_by("plain") is plain
    assert plain.run_by("compiled") == rules
    assert {
        plain.coverage.engine,
        plain.charging.engine,
        *(one.engine for one in plain.type_rules.values()),
    } == {"plain"}
    for holder, standing in (("item", "valid"), ("org_unit", "pending"), ("customer", "ended")):
        one = candidate("a", holder, standing)
        assert plain.coverage.first_match(REQUEST, [one]) == rules.coverage.first_match(REQUEST, [one])
        assert plain.coverage.first_failing(REQUEST, one) == rules.coverage.first_failing(REQUEST, one)
