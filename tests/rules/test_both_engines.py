"""Compiled rules and business-rules give the same results for random rules and facts.

COVERDESK_RANDOM_RULE_SETS is the number of rule sets; each is evaluated several times.
"""

import json
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.facts import Candidate
from engine.rulebook import CoverageBook, check_rule_set, load_rule_set
from engine.rulebook.compiled.rank import NO_END, RANK_CRITERIA
from engine.rulebook.evaluation.charging import ChargingBook
from engine.rulebook.evaluation.contract_types import TypeRules
from engine.rulebook.syntax.syntax_tree import Conditions, Rule, as_json
from engine.rulebook.vocabulary.registry import CHARGING, CONTRACT_TYPE, COVERAGE
from tests.rules import random_rules as some
from tests.rules.files import shipped_files, with_text

MANY = settings(
    max_examples=some.CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FEW = settings(MANY, max_examples=max(20, some.CASES // 20))
ASKED = 10
TYPE = load_rule_set(shipped_files()).type_rules["subscription"].type


@MANY
@given(rules=some.rules(COVERAGE), rank_by=some.ranks, data=st.data())
def test_coverage(rules: tuple[Rule, ...], rank_by: tuple[str, ...], data: st.DataObject) -> None:
    book = CoverageBook("random", rank_by, rules)
    plainly = replace(book, engine="plain")
    for _ in range(ASKED):
        request, candidates = data.draw(some.requests), data.draw(some.candidates())
        rule, taken = book.decide(request, candidates)
        plain_rule, plainly_taken = plainly.decide(request, candidates)
        assert rule is plain_rule
        assert taken is plainly_taken
        assert book.first_match(request, candidates) == plainly.first_match(request, candidates)
        assert list(book.rank(candidates)) == ranked(candidates, rank_by)
        for candidate in candidates:
            assert book.first_failing(request, candidate) == plainly.first_failing(request, candidate)


def ranked(candidates: list[Candidate], rank_by: tuple[str, ...]) -> list[Candidate]:
    """Stable sorts, least significant criterion first."""
    order = sorted(candidates, key=lambda one: one.contract)
    for name in reversed(rank_by):
        criterion = RANK_CRITERIA[name]
        order.sort(key=lambda one: getattr(one, criterion.fact) or NO_END, reverse=criterion.latest_first)
    return sorted(order, key=lambda one: one.distance)


@FEW
@given(
    valid_when=some.conditions(CONTRACT_TYPE.variables),
    expires_when=some.conditions(CONTRACT_TYPE.variables),
    data=st.data(),
)
def test_contract_types(valid_when: Conditions, expires_when: Conditions, data: st.DataObject) -> None:
    written = replace(TYPE, valid_when=as_json(valid_when), expires_when=as_json(expires_when))
    compiled = TypeRules(written, valid_when, expires_when)
    plain = compiled.run_by("plain")
    for _ in range(ASKED):
        facts = data.draw(some.contract_facts)
        assert compiled.is_valid(facts) == plain.is_valid(facts)
        assert compiled.has_ended(facts) is plain.has_ended(facts)


@FEW
@given(rules=some.rules(CHARGING), data=st.data())
def test_charging(rules: tuple[Rule, ...], data: st.DataObject) -> None:
    compiled = ChargingBook(rules)
    plain = compiled.run_by("plain")
    for _ in range(ASKED):
        facts = data.draw(some.charging_facts)
        assert compiled.charge(facts) == plain.charge(facts)


@FEW
@given(rules=some.rules(COVERAGE))
def test_random_rules_can_be_written_to_a_file(rules: tuple[Rule, ...]) -> None:
    """Written to a file, they pass the checker and are read back as the same rules."""
    written = [
        {"id": one.id, "why": one.why, "conditions": one.conditions_json, "actions": one.actions_json}
        for one in rules
    ]
    text = json.dumps({"name": "random", "rank": [], "rules": written, "examples": []})
    files = with_text("coverage.json", text)
    problems = [one for one in check_rule_set(files) if one.severity == "error"]
    unknown = [one for one in problems if "contract_type is never" in one.message]
    assert problems == unknown
    if not problems:
        assert load_rule_set(files).coverage.rules == rules
