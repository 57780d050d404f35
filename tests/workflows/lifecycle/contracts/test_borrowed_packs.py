"""Cases taken as facts from other systems: incidents of a pack over the life of its requests.

The cases are in a separate folder; without it these tests are skipped.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.sample_desk import SampleDesk
from workflows.contracts.queries import read_contract
from workflows.reports.audit import audit_desk


def test_packs_agree(shared_cases: Path, sample: SampleDesk) -> None:
    every = json.loads((shared_cases / "charging.json").read_text(encoding="utf-8"))["cases"]
    packs = [one for one in every if one["op"] == "pack"]
    assert packs
    for case in packs:
        assert outcome_of(sample, case["input"]) == case["expect"], case["id"]
    assert sample.see(audit_desk).ok


def test_a_reopening_past_the_window_that_finds_no_incident_waits(sample: SampleDesk) -> None:
    events = [("01", "cover"), ("03", "close"), ("04", "reopen"), ("05", "close"), ("07", "reopen")]
    given = {
        "size": 1,
        "reopen_window_days": 2,
        "events": [{"at": f"2024-01-{day}T10:00:00Z", "op": op, "request": "r1"} for day, op in events],
    }
    assert outcome_of(sample, given) == {"held": 0, "used": 1, "available": 0, "refused": ["r1"]}


def outcome_of(sample: SampleDesk, given: dict[str, Any]) -> dict[str, Any]:
    """What a pack has at the end. Each case is played later than those before it, by another customer."""
    events = [(datetime.fromisoformat(one["at"]).astimezone(UTC), one) for one in given["events"]]
    later = max(sample.clock.at - events[0][0], timedelta())
    sample.clock.at = events[0][0] + later
    sample.set(reopen_window_days=given["reopen_window_days"])
    holder = sample.customer(f"Holder {later.days}", sample.site)
    pack = sample.sell("incident_pack", to=("customer", holder), incidents=given["size"])
    requests: dict[str, str] = {}
    refused = []
    for at, event in events:
        sample.clock.at = at + later
        name = event["request"]
        if event["op"] == "cover":
            requests[name] = sample.log(customer=holder, item=None)
        elif event["op"] == "close":
            sample.fire(requests[name], "resolve", note="Done")
            sample.fire(requests[name], "close")
        else:
            sample.fire(requests[name], event["op"], reason="Agreed")
        if sample.request(requests[name]).state == "pending_no_contract":
            refused.append(name)
            # with the cases, what is refused does not wait for an incident that becomes free
            sample.fire(requests[name], "cancel", reason="Refused")
    sample.clock.move(hours=1)
    has = sample.see(read_contract, pack).balance.incidents
    return {"held": has.held, "used": has.drawn, "available": has.available, "refused": refused}
