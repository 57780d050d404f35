"""Reservation cases borrowed as facts from other systems: reserve, post, void as hold, settle, release.

One unit of the cases is one incident of a pack, so a reservation of many is as many service requests.
The cases lie in a folder of their own; without it they are skipped.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.sample_desk import SampleDesk
from workflows.core.errors import StateForbids
from workflows.reports.audit import audit_desk

MOST_UNITS = 30
PLENTY = 40


def why_not_ours(case: dict[str, Any]) -> str | None:
    """Why a case has no like here; None where it applies."""
    reserved = {op["id"]: op for op in case["ops"] if op["op"] == "reserve"}
    if any(op["timeout_s"] for op in reserved.values()):
        return "a hold does not run out: it lasts as long as its service request"
    posted = [op for op in case["ops"] if op["op"] == "post"]
    if any(op["amount"] not in ("all", reserved[op["pending_id"]]["amount"]) for op in posted):
        return "an incident is settled whole: a part of one is nothing"
    return None


def test_reservations_agree(sample: SampleDesk, shared_cases: Path) -> None:
    borrowed = json.loads((shared_cases / "reservation_idempotency.json").read_text(encoding="utf-8"))
    applied = [case for case in borrowed["cases"] if why_not_ours(case) is None]
    assert applied
    for case in applied:
        pack = sample.sell("incident_pack", incidents=PLENTY)
        requests: dict[str, list[str]] = {}
        scale = max(1, -(-max(op.get("amount", 0) for op in case["ops"]) // MOST_UNITS))
        for op in case["ops"]:
            if op["op"] == "reserve":
                requests[op["id"]] = [sample.log() for _ in range(op["amount"] // scale)]
            elif op["op"] in ("post", "void"):
                for request in requests[op["pending_id"]]:
                    end(sample, request, op["op"])
            elif op["op"] == "check":
                [grant] = sample.grants(pack)
                assert (grant.held, grant.consumed) == (op["pending"] // scale, op["posted"] // scale), case[
                    "id"
                ]
    assert sample.see(audit_desk).ok


def test_a_hold_ends_once(sample: SampleDesk) -> None:
    """What the cases call already posted and already voided: the second ending is refused, nothing moves."""
    pack = sample.sell("incident_pack", incidents=2)
    for first in ("post", "void"):
        request = sample.log()
        end(sample, request, first)
        before = sample.grants(pack)
        for second in ("post", "void"):
            with pytest.raises(StateForbids):
                end(sample, request, second)
        assert sample.grants(pack) == before
    [grant] = sample.grants(pack)
    assert (grant.available, grant.held, grant.consumed) == (1, 0, 1)


def end(sample: SampleDesk, request: str, how: str) -> None:
    """Settle what is held for a service request by closing it, or release it by cancelling."""
    if how == "post":
        sample.fire(request, "resolve", note="done")
        sample.fire(request, "close")
    else:
        sample.fire(request, "cancel", reason="not needed")
