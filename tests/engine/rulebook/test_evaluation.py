"""The shipped rules decide as described in product.md sections 4, 6 and 7."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from engine.errors import DeskError
from engine.facts import Candidate, RequestFacts, RuledOut
from engine.rulebook import Charge, ChargingFacts, ContractFacts, CoverageBook, RuleSet, load_rule_set
from tests.rules.files import shipped_files, with_text

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
REQUEST = RequestFacts(at=NOON, contract_validation=True, customer="ann", item="printer")
RUNNING = ContractFacts(
    within_period=True,
    period_over=False,
    minutes_available=0,
    incidents_available=0,
    incidents_held=0,
    money_available=0,
    own_incident_held=False,
    service_request_closed=False,
)


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load_rule_set(shipped_files())


def candidate(contract: str, holder: str = "item", standing: str = "valid", **values: Any) -> Candidate:
    made: dict[str, Any] = {
        "contract": contract,
        "number": contract,
        "type": "subscription",
        "holder_kind": holder,
        "holder_id": "h",
        "distance": 1 if holder == "org_unit" else 0,
        "state": "active",
        "pending_reason": None,
        "created_at": NOON,
        "starts_at": NOON,
        "expires_at": None,
        "standing": standing,
    }
    return Candidate(**{**made, **values})


def decide(
    book: CoverageBook, *candidates: Candidate, request: RequestFacts = REQUEST
) -> tuple[str, str | None]:
    match = book.first_match(request, book.rank(candidates))
    assert match is not None
    return match.rule_id, match.candidate.contract if match.candidate else None


@pytest.mark.parametrize(
    ("book", "order"),
    [("coverage", ("item", "customer", "org_unit")), ("customer_first", ("customer", "org_unit", "item"))],
)
def test_holders_are_checked_in_order_valid_before_pending(
    rules: RuleSet, book: str, order: tuple[str, ...]
) -> None:
    coverage = rules.coverage if book == "coverage" else rules.variants[book]
    steps = [(holder, standing) for standing in ("valid", "pending") for holder in order]
    for first in range(len(steps)):
        left = [candidate(f"{holder}-{standing}", holder, standing) for holder, standing in steps[first:]]
        expected = left[0].contract
        assert decide(coverage, *reversed(left)) == (expected.replace("_", "-"), expected)


def test_finding_nothing_creates_a_per_request_contract(rules: RuleSet) -> None:
    match = rules.coverage.first_match(REQUEST, [candidate("old", standing="ended")])
    assert match is not None
    assert (match.action, match.params, match.candidate) == ("create_contract", {"type": "per_request"}, None)


def test_validation_off_leaves_requests_without_valid_contract_uncovered(rules: RuleSet) -> None:
    relaxed = replace(REQUEST, contract_validation=False)
    assert decide(rules.coverage, request=relaxed) == ("validation-off", None)
    assert decide(rules.coverage, candidate("a", standing="pending"), request=relaxed) == (
        "validation-off",
        None,
    )
    assert decide(rules.coverage, candidate("a"), request=relaxed) == ("item-valid", "a")


def test_rank_is_the_same_in_any_order_of_insertion(rules: RuleSet) -> None:
    day = timedelta(days=1)
    ranked = [
        candidate("d", expires_at=NOON + day),
        candidate("e", expires_at=NOON + 2 * day, starts_at=NOON - day),
        candidate("c", expires_at=NOON + 2 * day, created_at=NOON - day),
        candidate("b", expires_at=NOON + 2 * day),
        candidate("f", expires_at=NOON + 2 * day),
        candidate("a"),
        candidate("near", "org_unit", distance=1),
        candidate("far", "org_unit", distance=2, expires_at=NOON + day),
    ]
    for shuffled in list(permutations(ranked))[::997]:
        assert rules.coverage.rank(shuffled) == tuple(ranked)


def test_rank_by_latest_first(rules: RuleSet) -> None:
    book = replace(rules.coverage, rank_by=("ends_last", "started_last", "created_last"))
    day = timedelta(days=1)
    ranked = [
        candidate("b"),
        candidate("a", expires_at=NOON + 2 * day),
        candidate("d", expires_at=NOON + day, starts_at=NOON + day),
        candidate("e", expires_at=NOON + day, created_at=NOON + day),
        candidate("c", expires_at=NOON + day),
        candidate("f", expires_at=NOON + day),
    ]
    assert book.rank(reversed(ranked)) == tuple(ranked)


def test_first_failing_returns_the_rule_for_the_holder(rules: RuleSet) -> None:
    book = rules.coverage
    assert book.first_failing(REQUEST, candidate("a", standing="ended")) == (
        "item-valid",
        "contract standing is valid",
    )
    assert book.first_failing(REQUEST, candidate("a", "org_unit", "excluded")) == (
        "org-unit-valid",
        "contract standing is valid",
    )
    assert book.first_failing(REQUEST, candidate("a")) is None
    assert book.first_failing(REQUEST, candidate("a", standing="pending")) is None
    assert book.first_failing(REQUEST, candidate("a", "service_request")) == (
        "item-valid",
        "contract holder is item",
    )
    assert replace(book, rules=book.rules[-1:]).first_failing(REQUEST, candidate("a")) is None


OVER = {"within_period": False, "period_over": True}
BEFORE = {"within_period": False}


@pytest.mark.parametrize(
    ("type_key", "facts", "ruled_out", "ended"),
    [
        ("per_request", {}, None, False),
        ("per_request", BEFORE, None, False),
        ("per_request", {"service_request_closed": True}, "service_request_closed", True),
        ("incident_pack", {"incidents_available": 1}, None, False),
        ("incident_pack", {"incidents_held": 1, "own_incident_held": True}, None, False),
        ("incident_pack", {"incidents_held": 1}, "no_incidents_left", False),
        ("incident_pack", {}, "no_incidents_left", True),
        ("incident_pack", {"incidents_available": 1, **OVER}, "outside_period", True),
        ("incident_pack", {"incidents_available": 1, **BEFORE}, "outside_period", False),
        ("subscription", {}, None, False),
        ("subscription", OVER, "outside_period", True),
        ("subscription", BEFORE, "outside_period", False),
        ("time_limited_subscription", {"minutes_available": 1}, None, False),
        ("time_limited_subscription", {}, "no_minutes_left", True),
        ("time_limited_subscription", {"minutes_available": 1, **OVER}, "outside_period", True),
        ("support_hours", {"minutes_available": 1}, None, False),
        ("prepaid_amount", {"money_available": 1}, None, False),
        ("prepaid_amount", {}, "no_money_left", True),
        ("prepaid_amount", {"money_available": 1, **OVER}, "outside_period", True),
        ("prepaid_amount", {"money_available": 1, **BEFORE}, "outside_period", False),
        ("support_hours", {}, "no_minutes_left", True),
        ("support_hours", {"minutes_available": 1, **OVER}, "outside_period", True),
        ("support_hours_by_month", {"minutes_available": 1}, None, False),
        ("support_hours_by_month", {}, None, False),
        ("support_hours_by_month", {"minutes_available": 1, **OVER}, "outside_period", True),
    ],
)
def test_contract_types(
    rules: RuleSet, type_key: str, facts: dict[str, Any], ruled_out: str | None, ended: bool
) -> None:
    given = RUNNING._replace(**facts)
    assert rules.is_valid(type_key, given) == (RuledOut(ruled_out) if ruled_out else None)
    assert rules.has_ended(type_key, given) is ended


def test_contract_types_are_loaded(rules: RuleSet) -> None:
    types = rules.contract_types
    assert {key: one.number_prefix for key, one in types.items()} == {
        "per_request": "PR",
        "incident_pack": "IP",
        "prepaid_amount": "PA",
        "subscription": "SUB",
        "time_limited_subscription": "TLS",
        "support_hours": "SH",
        "support_hours_by_month": "SHM",
    }
    assert types["per_request"].held_by == ("service_request",)
    assert all(
        one.held_by == ("item", "customer", "org_unit") for key, one in types.items() if key != "per_request"
    )
    assert types["support_hours"].limits == {"period": "optional", "minutes": "required"}
    assert [key for key, one in types.items() if one.allocation == "monthly"] == ["support_hours_by_month"]


def test_an_unknown_type_is_a_named_error(rules: RuleSet) -> None:
    with pytest.raises(DeskError, match='Did you mean "support_hours"') as caught:
        rules.is_valid("support_hour", RUNNING)
    assert caught.value.code == "unknown-contract-type"


def test_time_is_charged_as_worked_without_a_rule(rules: RuleSet) -> None:
    assert rules.charging.charge(ChargingFacts(work_type="on_site", role="technician")) == Charge(100)


def test_the_first_matching_charging_rule_decides() -> None:
    text = """{"name": "Travel is free, urgent work dearer", "rules": [
      {"id": "travel", "why": "The way to you is free.", "actions": [{"name": "do_not_charge"}],
       "conditions": {"name": "work_type", "operator": "equal_to", "value": "travel"}},
      {"id": "urgent", "why": "Critical work counts half again.",
       "conditions": {"any": [{"name": "priority", "operator": "equal_to", "value": "critical"}]},
       "actions": [{"name": "charge_percent", "params": {"percent": 150}}]}],
      "examples": [{"name": "Both", "facts": {"work_type": "travel", "priority": "critical"},
                    "charge": {"percent": 0, "rule": "travel"}}]}"""
    charging = load_rule_set(with_text("charging.json", text)).charging
    assert charging.charge(ChargingFacts("travel", "critical")) == Charge(
        0, "The way to you is free.", "travel"
    )
    assert charging.charge(ChargingFacts(None, "critical")) == Charge(
        150, "Critical work counts half again.", "urgent"
    )
    assert charging.charge(ChargingFacts("remote", "low")) == Charge(100)


def test_service_levels(rules: RuleSet) -> None:
    assert list(rules.slas) == ["standard", "gold"]
    assert rules.slas["gold"].calendar == "always"
    assert rules.slas["gold"].targets["critical"].response_minutes == 15


def test_the_version_depends_only_on_the_content(rules: RuleSet) -> None:
    files = shipped_files()
    shuffled = dict(reversed(files.items()))
    assert load_rule_set(shuffled).version == rules.version
    assert load_rule_set({**files, "README.md": "x", "schema/a.schema.json": "{}"}).version == rules.version
    assert load_rule_set(with_text("slas.json", files["slas.json"] + "\n")).version != rules.version
    assert len(rules.version) == 64
    assert rules.files == files
