"""Rules that ask for dates, on a desk: by its clocks, of the instant logged or worked, and made again."""

import json
from datetime import datetime

import pytest

from tests.rules.files import shipped_files
from tests.support.office import Office
from workflows.coverage.snapshot import facts_from
from workflows.coverage.verification import Differs, verify_decisions
from workflows.store import tables as t

FRIDAY_EVENING = datetime.fromisoformat("2026-03-06T22:00:00Z")
SATURDAY_IN_BERLIN = datetime.fromisoformat("2026-03-06T23:30:00Z")


@pytest.fixture
def office(office: Office) -> Office:
    """Of a provider in Berlin."""
    office.set(time_zone="Europe/Berlin")
    return office


def publish(office: Office, path: str, *rules: object) -> None:
    document = {"name": "x", "rank": [], "rules": rules, "examples": []}
    if path == "charging.json":
        del document["rank"]
    office.publish(shipped_files() | {path: json.dumps(document)})


def test_work_of_a_saturday_is_charged_by_the_desks_clocks(office: Office) -> None:
    publish(
        office,
        "charging.json",
        {
            "id": "saturday",
            "why": "Work on a Saturday counts half again.",
            "conditions": {"name": "worked_weekday", "operator": "equal_to", "value": "saturday"},
            "actions": [{"name": "charge_percent", "params": {"percent": 150}}],
        },
    )
    office.sell("support_hours", minutes=600)
    request = office.log()
    office.clock.move(days=14)
    assert office.work(request, 60, at=FRIDAY_EVENING) == [("grant", 60)]
    assert office.work(request, 60, at=SATURDAY_IN_BERLIN) == [("grant", 90)]


def test_the_time_of_logging_and_the_zone_are_kept_with_a_decision(office: Office) -> None:
    publish(
        office,
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
    request = office.log()
    office.clock.move(hours=20)
    office.sell("subscription")
    office.clock.move(days=2)
    later = office.log()
    rows = office.rows(t.coverage_decision)
    by_request = {row.service_request_id: row for row in sorted(rows, key=lambda row: row.id)}
    assert (by_request[request].rule, by_request[later].rule) == ("fresh", "late")
    facts = facts_from(by_request[request].facts)
    logged_at = office.request(request).opened_at
    assert (facts.logged_at, facts.time_zone) == (logged_at, "Europe/Berlin")
    assert facts.at > logged_at
    told: list[Differs] = []
    verify_decisions(office.desk, told.append)
    assert told == []
