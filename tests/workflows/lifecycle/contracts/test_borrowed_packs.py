"""Cases taken as facts from other systems: incidents of a pack over the life of its requests.

The cases are in a separate folder; without it these tests are skipped.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.sample_desk import SampleDesk
from workflows.contracts.queries import read_contract
from workflows.reports.audit import audit_desk


def test_packs_agree(shared_cases: Path, sample: SampleDesk) -> None:
    every = json.loads((shared_cases / "charging.json").read_text(encoding="utf-8"))["cases"]
    [case] = [one for one in every if one["op"] == "pack"]
    assert outcome_of(sample, case["input"]) == case["expect"]
    assert sample.see(audit_desk).ok


def outcome_of(sample: SampleDesk, given: dict[str, Any]) -> dict[str, Any]:
    events = [(datetime.fromisoformat(one["at"]).astimezone(UTC), one) for one in given["events"]]
    sample.clock.at = events[0][0]
    sample.set(reopen_window_days=given["reopen_window_days"])
    pack = sample.sell("incident_pack", incidents=given["size"])
    requests: dict[str, str] = {}
    refused = []
    for at, event in events:
        sample.clock.at = at
        name = event["request"]
        if event["op"] == "cover":
            requests[name] = sample.log()
            if sample.request(requests[name]).contract_id != pack:
                refused.append(name)
        elif event["op"] == "close":
            sample.fire(requests[name], "resolve", note="Done")
            sample.fire(requests[name], "close")
        else:
            sample.fire(requests[name], event["op"], reason="Agreed")
    has = sample.see(read_contract, pack).balance.incidents
    return {"held": has.held, "used": has.drawn, "available": has.available, "refused": refused}
