"""Rules with dates: in the provider's time zone, at the instant logged or worked, and verified again."""

import json
from datetime import datetime

import pytest

from tests.rules.files import shipped_files
from tests.support.sample_desk import SampleDesk
from workflows.coverage.snapshot import facts_from
from workflows.coverage.verification import DecisionDifference, verify_decisions
from workflows.store import tables as t

FRIDAY_EVENING = datetime.fromisoformat("2026-03-06T22:00:00Z")
SATURDAY_IN_BERLIN = datetime.fromisoformat("2026-03-06T23:30:00Z")


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """The sample of a provider in Berlin."""
    sample.set(time_zone="Europe/Berlin")
    return sample


def publish(sample: SampleDesk, path: str, *rules: object) -> None:
    document = {"name": "x", "rank": [], "rules": rules, "examples": []}
    if path == "charging.json":
        del document["rank"]
    sample.publish(shipped_files() | {path: json.dumps(document)})


def test_saturday_work_is_charged_by_the_providers_time_zone(sample: SampleDesk) -> None:
    publish(
        sample,
        "charging.json",
        {
            "id": "saturday",
            "why": "Work on a Saturday counts half again.",
            "conditions": {"name": "worked_weekday", "operator": "equal_to", "value": "saturday"},
            "actions": [{"name": "charge_percent", "params": {"percent": 150}}],
        },
    )
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(days=14)
    assert sample.work(request, 60, at=FRIDAY_EVENING) == [("grant", 60)]
    assert sample.work(request, 60, at=SATURDAY_IN_BERLIN) == [("grant", 90)]


def test_a_decision_stores_the_instant_of_logging_and_the_time_zone(sample: SampleDesk) -> None:
    publish(
        sample,
        "coverage.json",
        {
            "id": "fresh",
            "why": "It was logged on a Monday, less than a day ago.",
            "conditions": {
                "all": [
                    {"name": "contract_standing", "operator": "equal_to", "value": "valid"},
                    {"name": "logged_weekday", "operator": "equal_to", "value": "monday"},
                    {"name": "request_age", "operator": "shorter_than", "value": {"days": 1}},
                ]
            },
            "actions": [{"name": "cover_with"}],
        },
        {
            "id": "late",
            "why": "Too late.",
            "conditions": {"name": "contract_validation", "operator": "is_true"},
            "actions": [{"name": "offer_contracts", "params": {"types": ["subscription"]}}],
        },
    )
    request = sample.log()
    sample.clock.move(hours=20)
    sample.sell("subscription")
    sample.clock.move(days=2)
    later = sample.log()
    rows = sample.rows(t.coverage_decision)
    by_request = {row.service_request_id: row for row in sorted(rows, key=lambda row: row.id)}
    assert (by_request[request].rule, by_request[later].rule) == ("fresh", "late")
    facts = facts_from(by_request[request].facts)
    logged_at = sample.request(request).opened_at
    assert (facts.logged_at, facts.time_zone) == (logged_at, "Europe/Berlin")
    assert facts.at > logged_at
    differences: list[DecisionDifference] = []
    verify_decisions(sample.desk, differences.append)
    assert differences == []
