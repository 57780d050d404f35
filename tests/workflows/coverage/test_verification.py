"""Verification: every stored decision is made again from its snapshot."""

from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from engine.coverage import CandidateContract, find_coverage, judge
from engine.rulebook.vocabulary.registry import COVERAGE
from tests.support.builders import RULES
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import CancelContract
from workflows.commands.service_requests import ChangeServiceRequest, SearchCoverage
from workflows.contracts.use_cases import cancel_contract, enable_contract
from workflows.core.errors import StateForbids
from workflows.coverage.snapshot import candidates_from, facts_from, facts_json, verdict_json
from workflows.coverage.verification import DecisionDifference, VerificationResult, verify_decisions
from workflows.rule_sets.folder import read_rules_folder
from workflows.service_requests.use_cases import change_service_request, search_or_assign
from workflows.store import tables as t
from workflows.store.ids import new_id

TYPES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("subscription", {}),
    ("time_limited_subscription", {"minutes": 40}),
    ("support_hours", {"minutes": 50}),
    ("incident_pack", {"incidents": 2}),
)


def verify(sample: SampleDesk, **span: Any) -> tuple[VerificationResult, list[DecisionDifference]]:
    differences: list[DecisionDifference] = []
    return verify_decisions(sample.desk, differences.append, **span), differences


def customer_first() -> dict[str, str]:
    files = read_rules_folder(RULES)
    return files | {"coverage.json": files["variants/customer_first.json"]}


def test_the_decisions_of_a_busy_desk_are_verified(sample: SampleDesk) -> None:
    """Every outcome, every cause, two rule sets, and contracts in all states."""
    random = Random(3)
    holders = [("item", sample.laptop), ("customer", sample.ann), ("org_unit", sample.site)]
    for day in range(12):
        if day == 6:
            sample.publish(customer_first(), "The customer comes first")
        type_key, terms = random.choice(TYPES)
        exclusions = random.choice([None, {"work_types": ["on_site"]}, {"priorities": ["low"]}])
        sold = sample.sell(
            type_key,
            to=random.choice(holders),
            starts_at=sample.clock.now() + timedelta(days=random.choice([0, 0, 2])),
            ends_on=(sample.clock.now() + timedelta(days=random.choice([1, 4, 30]))).date(),
            enable=random.choice([None, True, False]),
            **({"exclusions": exclusions} if exclusions else {}),
            **terms,
        )
        requests = [
            sample.log(work_type=random.choice([None, "on_site"]), priority=random.choice(["low", "high"]))
            for _ in range(3)
        ]
        for request in requests:
            if sample.request(request).state == "open":
                sample.work(request, 20)
        sample.do(change_service_request, requests[0], ChangeServiceRequest(work_type="remote"))
        sample.do(search_or_assign, requests[1], SearchCoverage())
        candidates = sample.rows(t.coverage_decision, service_request_id=requests[2])[0].candidates
        if candidates and day % 3 == 0:
            pick = SearchCoverage(contract=candidates[-1]["contract"], reason="As agreed by phone")
            with suppress(StateForbids):  # a pack without an incident left
                sample.do(search_or_assign, requests[2], pick)
        for made in sample.rows(t.contract, made_by_rule=True, state="pending")[:1]:
            sample.do(enable_contract, made.id)
        if day % 4 == 3:
            sample.do(cancel_contract, sold, CancelContract())
        sample.clock.move(days=1)
    verified, differences = verify(sample)
    assert differences == []
    stored = sample.rows(t.coverage_decision)
    assert verified == VerificationResult(len(stored), 0)
    assert len(stored) > 60
    assert {row.outcome for row in stored} >= {"covered", "waiting", "created"}
    assert {row.rule for row in stored} >= {"assigned-by-hand", "own-contract"}
    assert len({row.rule_set for row in stored}) == 2


def test_a_span_is_half_open(sample: SampleDesk) -> None:
    sample.log()
    sample.clock.move(hours=1)
    sample.log()
    assert verify(sample, from_=MONDAY, to=sample.clock.now())[0].decisions == 1
    assert verify(sample, from_=MONDAY, to=sample.clock.now() + timedelta(microseconds=1))[0].decisions == 2


def test_batches_omit_nothing(sample: SampleDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even decisions of the same instant."""
    for _ in range(5):
        sample.log()
    monkeypatch.setattr("workflows.coverage.decision_stream.BATCH", 2)
    steps: list[tuple[int, int]] = []
    verify_decisions(sample.desk, lambda _: None, progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (5, 5)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"outcome": "uncovered", "contract_id": None}, "outcome"),
        ({"rule": "another"}, "rule"),
        ({"why": "Because"}, "why"),
        ({"rule_set": "0" * 64}, "rule_set"),
        ({"facts": {}}, "facts"),
        ({"candidates": []}, "outcome"),
    ],
)
def test_a_forged_decision_is_reported(sample: SampleDesk, changes: dict[str, Any], what: str) -> None:
    sample.sell("subscription")
    sample.log()
    (row,) = sample.rows(t.coverage_decision)
    forged = dict(row._mapping) | {"id": new_id()} | changes
    with sample.desk.write() as tx:
        tx.add(t.coverage_decision, **forged)
    verified, differences = verify(sample)
    assert verified == VerificationResult(2, 1)
    assert what in [one.what for one in differences]
    assert {one.decision for one in differences} == {forged["id"]}


def test_a_forged_balance_is_reported(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=60)
    sample.log()
    (row,) = sample.rows(t.coverage_decision)
    candidates = [row.candidates[0] | {"minutes_available": 0}]
    with sample.desk.write() as tx:
        tx.add(t.coverage_decision, **(dict(row._mapping) | {"id": new_id(), "candidates": candidates}))
    _, differences = verify(sample)
    assert "outcome" in [one.what for one in differences]


def test_the_snapshot_has_everything_that_a_variable_reads(sample: SampleDesk) -> None:
    """A variable added to the registry must find its value in the snapshot."""
    sample.sell("incident_pack", incidents=2, ends_on=(MONDAY + timedelta(days=9)).date())
    sample.sell("support_hours", to=("org_unit", sample.parent), minutes=60, enable=False)
    request = sample.log(work_type="remote", channel="phone")
    sample.do(search_or_assign, request, SearchCoverage())
    rules = sample.desk.config.rules
    for row in sample.rows(t.coverage_decision):
        facts = facts_from(row.facts)
        assert facts_json(facts) == row.facts
        held = candidates_from(row.candidates, facts.time_zone)
        decision = find_coverage(facts, held, rules)
        assert [verdict_json(one, facts.time_zone) for one in decision.candidates] == row.candidates
        for one in decision.candidates:
            again = judge(_by_id(held)[one.candidate.contract], facts, rules)
            for variable in COVERAGE.variables.values():
                asked = facts if variable.scope == "request" else one.candidate
                repeated = facts if variable.scope == "request" else again
                assert variable.read(asked) == variable.read(repeated), variable.name


def _by_id(held: list[CandidateContract]) -> dict[str, CandidateContract]:
    return {one.contract.id: one for one in held}
