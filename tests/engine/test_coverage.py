"""The search for a covering contract: standings with reasons, and one decision for any insertion order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts import Contract, Holder, HolderKind, Limits
from engine.coverage import CandidateContract, CoverageDecision, contract_state, find_coverage, judge
from engine.facts import RequestFacts, RuledOut
from engine.rulebook import RuleSet, load_rule_set
from tests.rules.files import shipped_files

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
START, END = NOON - 10 * DAY, NOON + 20 * DAY
REQUEST = RequestFacts(
    at=NOON, contract_validation=True, customer="ann", item="printer", service_request="SR1"
)
LEFT = {
    "support_hours": Limits(minutes_available=60),
    "time_limited_subscription": Limits(minutes_available=60),
    "incident_pack": Limits(incidents_available=1),
    "prepaid_amount": Limits(money_available=1),
}
RULES = load_rule_set(shipped_files())
"""Loaded once: Hypothesis uses it many times."""


def found_contract(
    contract_id: str = "C1",
    type_key: str = "subscription",
    holder: HolderKind = "customer",
    *,
    limits: Limits | None = None,
    distance: int = 0,
    own_incident_held: bool = False,
    **dates: Any,
) -> CandidateContract:
    """A contract that is in force unless `dates` say otherwise, and not used up unless `limits` do."""
    values: dict[str, Any] = {
        "created_at": START,
        "starts_at": START,
        "expires_at": None if type_key in ("per_request", "support_hours") else END,
        "enabled_at": START,
    }
    contract = Contract(
        id=contract_id, number=contract_id, type=type_key, holder=Holder(holder, "h"), **(values | dates)
    )
    left = LEFT.get(type_key, Limits()) if limits is None else limits
    return CandidateContract(contract, distance, left, own_incident_held)


def decide(*contracts: CandidateContract, rules: RuleSet = RULES, **facts: Any) -> CoverageDecision:
    return find_coverage(replace(REQUEST, **facts), contracts, rules)


def standing(one: CandidateContract, **facts: Any) -> tuple[str, str | None]:
    candidate = judge(one, replace(REQUEST, **facts), RULES)
    return candidate.standing, candidate.ruled_out.code if candidate.ruled_out else None


def reasons(decision: CoverageDecision) -> dict[str, str | None]:
    return {
        verdict.candidate.contract: verdict.ruled_out.code if verdict.ruled_out else None
        for verdict in decision.candidates
    }


# Standing


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (START - TICK, ("pending", "awaiting_enable")),
        (START, ("valid", None)),
        (END - TICK, ("valid", None)),
        (END, ("ended", "expired")),
    ],
)
def test_a_subscription_is_valid_from_its_start_until_just_before_its_end(
    at: datetime, expected: tuple[str, str | None]
) -> None:
    assert standing(found_contract(), at=at) == expected


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ({"starts_at": NOON}, ("valid", None)),
        ({"starts_at": NOON + TICK}, ("pending", "awaiting_start")),
        ({"enabled_at": None}, ("pending", "awaiting_enable")),
        ({"payment_due": True}, ("pending", "awaiting_payment")),
        ({"payment_due": True, "paid_at": NOON}, ("valid", None)),
        ({"cancelled_at": NOON + TICK}, ("valid", None)),
        ({"cancelled_at": NOON}, ("ended", "cancelled")),
        ({"expires_at": NOON}, ("ended", "expired")),
        ({"ended_at": NOON}, ("ended", "expired")),
    ],
)
def test_dates_give_the_standing_with_its_reason(dates: Any, expected: tuple[str, str | None]) -> None:
    assert standing(found_contract(**dates)) == expected


@pytest.mark.parametrize(
    ("type_key", "limits", "expected"),
    [
        ("support_hours", Limits(minutes_available=1), ("valid", None)),
        ("support_hours", Limits(), ("ended", "no_minutes_left")),
        ("time_limited_subscription", Limits(minutes_available=1), ("valid", None)),
        ("time_limited_subscription", Limits(), ("ended", "no_minutes_left")),
        ("support_hours_by_month", Limits(), ("valid", None)),
        ("incident_pack", Limits(incidents_available=1), ("valid", None)),
        ("incident_pack", Limits(incidents_held=1), ("ended", "no_incidents_left")),
        ("incident_pack", Limits(), ("ended", "no_incidents_left")),
        ("prepaid_amount", Limits(money_available=1), ("valid", None)),
        ("prepaid_amount", Limits(minutes_available=60), ("ended", "no_money_left")),
        ("subscription", Limits(), ("valid", None)),
    ],
)
def test_remaining_limits_give_the_standing(
    type_key: str, limits: Limits, expected: tuple[str, str | None]
) -> None:
    assert standing(found_contract(type_key=type_key, limits=limits)) == expected


def test_an_incident_held_for_the_request_itself_counts_as_remaining() -> None:
    pack = found_contract(type_key="incident_pack", limits=Limits(incidents_held=1), own_incident_held=True)
    assert standing(pack) == ("valid", None)
    assert contract_state(pack.contract, pack.limits, NOON, RULES).state == "active"
    assert contract_state(pack.contract, Limits(), NOON, RULES).state == "exhausted"


def test_expired_takes_precedence_over_exhausted() -> None:
    hours = found_contract(type_key="support_hours", limits=Limits(), expires_at=END)
    assert contract_state(hours.contract, Limits(), END - TICK, RULES).state == "exhausted"
    assert contract_state(hours.contract, Limits(), END, RULES).state == "expired"


@pytest.mark.parametrize(
    ("key", "fact", "code"),
    [
        ("work_types", {"work_type": "training"}, "excluded_work_type"),
        ("priorities", {"priority": "critical"}, "excluded_priority"),
        ("item_types", {"item_type": "printer"}, "excluded_item_type"),
    ],
)
def test_an_exclusion_keeps_a_valid_contract_from_covering(key: str, fact: Any, code: str) -> None:
    [value] = fact.values()
    excluding = found_contract(exclusions={key: (value,)})
    assert standing(excluding, **fact) == ("excluded", code)
    assert standing(excluding) == ("valid", None)


def test_a_type_that_the_rules_no_longer_have_covers_nothing() -> None:
    decision = decide(found_contract(type_key="gone"))
    assert decision.outcome == "created"
    assert reasons(decision) == {"C1": "type_not_in_force"}


# Decisions


def test_the_item_then_the_customer_then_the_nearest_org_unit() -> None:
    item, customer = found_contract("I", holder="item"), found_contract("C")
    near, far = (
        found_contract("N", holder="org_unit", distance=1),
        found_contract("F", holder="org_unit", distance=2),
    )
    everyone = [far, near, customer, item]
    for expected in ("I", "C", "N", "F"):
        decision = decide(*everyone)
        assert (decision.outcome, decision.contract) == ("covered", expected)
        everyone.pop()


def test_a_valid_contract_of_the_request_itself_comes_before_the_rules() -> None:
    own = found_contract("OWN", "per_request", "service_request")
    decision = decide(found_contract("I", holder="item"), own)
    assert (decision.outcome, decision.contract, decision.rule) == ("covered", "OWN", "own-contract")
    assert reasons(decision) == {"OWN": None, "I": "came_after"}


def test_a_pending_contract_of_the_request_itself_comes_after_all_others() -> None:
    own = found_contract("OWN", "per_request", "service_request", enabled_at=None)
    assert decide(own).outcome == "waiting"
    assert decide(own).contract == "OWN"
    assert decide(own, found_contract("C")).contract == "C"
    assert decide(own, found_contract("P", enabled_at=None)).contract == "P"
    assert decide(own, contract_validation=False).outcome == "uncovered"


def test_every_candidate_has_the_reason_that_ruled_it_out() -> None:
    decision = decide(
        found_contract("TAKEN"),
        found_contract("LATER", expires_at=END + DAY),
        found_contract("ENDED", expires_at=NOON),
        found_contract("PENDING", enabled_at=None),
        found_contract("EMPTY", "support_hours", limits=Limits()),
        found_contract("EXCLUDES", exclusions={"priorities": ("normal",)}),
        found_contract("UNIT", holder="org_unit", distance=1),
    )
    assert decision.contract == "TAKEN"
    assert reasons(decision) == {
        "TAKEN": None,
        "LATER": "came_after",
        "ENDED": "expired",
        "PENDING": "awaiting_enable",
        "EMPTY": "no_minutes_left",
        "EXCLUDES": "excluded_priority",
        "UNIT": "came_after",
    }
    ruled_out = {one.candidate.contract: one.ruled_out for one in decision.candidates}
    assert ruled_out["LATER"] == RuledOut("came_after", value="TAKEN")
    assert ruled_out["ENDED"] == RuledOut("expired", at=NOON)


# Any order

kinds: st.SearchStrategy[HolderKind] = st.sampled_from(["item", "customer", "org_unit", "service_request"])
ends = st.none() | st.integers(-2, 4).map(lambda days: NOON + days * DAY)


@st.composite
def contracts_strategy(draw: st.DrawFn) -> list[CandidateContract]:
    found = []
    for index in range(draw(st.integers(0, 6))):
        holder = draw(kinds)
        type_key = (
            "per_request"
            if holder == "service_request"
            else draw(st.sampled_from(["subscription", "support_hours", "incident_pack"]))
        )
        held_own, held_others = draw(st.booleans()), draw(st.integers(0, 1))
        found.append(
            found_contract(
                f"K{index}",
                type_key,
                holder,
                limits=Limits(draw(st.integers(0, 1)), draw(st.integers(0, 1)), max(held_own, held_others)),
                distance=draw(st.integers(1, 3)) if holder == "org_unit" else 0,
                own_incident_held=held_own,
                created_at=START + draw(st.integers(0, 2)) * DAY,
                starts_at=START + draw(st.sampled_from([0, 1, 10, 11])) * DAY,
                expires_at=draw(ends),
                enabled_at=draw(st.sampled_from([None, START, NOON])),
                cancelled_at=draw(st.sampled_from([None, None, None, NOON])),
                exclusions=draw(st.sampled_from([{}, {}, {"priorities": ("normal",)}])),
            )
        )
    return found


@given(contracts_strategy(), st.booleans(), st.randoms(use_true_random=False))
def test_the_decision_does_not_depend_on_the_order_of_insertion(
    found: list[CandidateContract], validation: bool, random: Any
) -> None:
    expected = decide(*found, contract_validation=validation)
    shuffled = list(found)
    random.shuffle(shuffled)
    assert decide(*shuffled, contract_validation=validation) == expected


@given(contracts_strategy(), st.booleans())
def test_each_candidate_is_listed_once_and_only_the_chosen_one_has_no_reason(
    found: list[CandidateContract], validation: bool
) -> None:
    decision = decide(*found, contract_validation=validation)
    by_contract = reasons(decision)
    assert sorted(by_contract) == sorted(one.contract.id for one in found)
    without = [contract for contract, code in by_contract.items() if code is None]
    assert without == ([decision.contract] if decision.contract else [])
    assert (decision.contract is not None) == (decision.outcome in ("covered", "waiting"))
    by_id = {verdict.candidate.contract: verdict.candidate for verdict in decision.candidates}
    if decision.outcome == "covered":
        taken = by_id[str(decision.contract)]
        assert (taken.standing, taken.state) == ("valid", "active")
    else:
        assert not any(one.standing == "valid" for one in by_id.values())
    if decision.outcome == "waiting":
        assert by_id[str(decision.contract)].standing == "pending"
        assert validation
    if decision.outcome == "created":
        assert validation
        assert not any(one.standing == "pending" for one in by_id.values())
