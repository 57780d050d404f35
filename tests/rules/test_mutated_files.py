"""Any mutated rule file is either refused with a position, or accepted and works."""

import json
from datetime import UTC, datetime
from time import thread_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contracts import HOLDER_KINDS
from engine.facts import Candidate, RequestFacts, Standing
from engine.rulebook import (
    OUTCOME_OF_ACTION,
    ChargingFacts,
    ContractFacts,
    RuleSet,
    RuleSetRefused,
    check_rule_set,
    load_rule_set,
)
from tests.rules.files import shipped_files, with_text
from tests.rules.mutations import mutated_text, structural_mutation

PATHS = list(shipped_files())
NOON = datetime(2026, 6, 1, tzinfo=UTC)
STANDINGS: tuple[Standing, ...] = ("valid", "pending", "ended", "excluded")
REQUESTS = [
    RequestFacts(at=NOON, contract_validation=validation, customer="ann", item=item)
    for validation in (True, False)
    for item in (None, "printer")
]
CANDIDATES = [
    Candidate(
        contract=f"{holder}-{standing}",
        number="N-1",
        type="subscription",
        holder_kind=holder,
        holder_id="h",
        distance=int(holder == "org_unit"),
        state="active",
        pending_reason=None,
        created_at=NOON,
        starts_at=NOON,
        expires_at=None,
        standing=standing,
    )
    for holder in HOLDER_KINDS
    for standing in STANDINGS
]
MANY = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check_or_use(files: dict[str, str]) -> None:
    problems = check_rule_set(files)
    lines = {path: text.replace("\r\n", "\n").replace("\r", "\n").split("\n") for path, text in files.items()}
    for problem in problems:
        text = lines[problem.file]
        assert 1 <= problem.line <= len(text)
        assert 1 <= problem.column <= len(text[problem.line - 1]) + 2
        assert problem.message.endswith((".", "?", "}", "]", '"', "'"))
        f"{problem}".encode()
    if any(problem.severity == "error" for problem in problems):
        with pytest.raises(RuleSetRefused) as refused:
            load_rule_set(files)
        assert list(refused.value.problems) == problems
    else:
        use(load_rule_set(files))


def use(rules: RuleSet) -> None:
    for book in (rules.coverage, *rules.variants.values()):
        for request in REQUESTS:
            match = book.first_match(request, book.rank(CANDIDATES))
            assert match is None or match.action in OUTCOME_OF_ACTION
            for candidate in CANDIDATES:
                book.first_failing(request, candidate)
    assert 0 <= rules.charging.charge(ChargingFacts(work_type="travel")).percent <= 1000
    facts = ContractFacts(
        within_period=True,
        period_over=False,
        minutes_available=1,
        incidents_available=1,
        incidents_held=1,
        money_available=1,
        own_incident_held=False,
        service_request_closed=False,
    )
    for key in rules.contract_types:
        rules.is_valid(key, facts)
        rules.has_ended(key, facts)


@MANY
@given(data=st.data())
def test_mutated_text(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(PATHS))
    check_or_use(with_text(path, data.draw(mutated_text(shipped_files()[path]))))


@MANY
@given(data=st.data())
def test_mutated_structure(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(PATHS))
    document = json.loads(shipped_files()[path])
    for _ in range(data.draw(st.integers(1, 4))):
        document = data.draw(structural_mutation(document))
    check_or_use(with_text(path, json.dumps(document, indent=data.draw(st.sampled_from([None, 2])))))


@settings(max_examples=60, deadline=None)
@given(
    path=st.text(max_size=30) | st.sampled_from(["contract_types/x.json", "variants/x.json"]), text=st.text()
)
def test_any_path_and_text(path: str, text: str) -> None:
    check_or_use({**shipped_files(), path: text})


def test_a_rule_set_loads_fast() -> None:
    files = shipped_files()
    started = thread_time()
    load_rule_set(files)
    assert thread_time() - started < 0.1
