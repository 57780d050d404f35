"""Cases taken as facts from other systems: late entries, withdrawn grants, priorities and scopes.

The cases are in a separate folder; without it these tests are skipped.
"""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.charging import price_minor
from engine.contracts import Grant, Holder, Window
from engine.drawdown import plan_entries
from engine.payers import EntryToPay, Payer, SegmentToPay
from engine.quantities import Money
from engine.rulebook import ChargingFacts, scope_of

Case = dict[str, Any]
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
ANN = Holder("customer", "ann")
FACTS = {"fee": "work_type", "metric": "item_type"}
"""The facts that their scopes are about, and those of ours that have any text."""


def why_not_ours(case: Case) -> str | None:
    """The reason why a case does not apply to our draw-down; None if it applies."""
    if case["op"] != "draw":
        return "no draw-down"
    return None


def test_late_entries_agree(shared_cases: Path) -> None:
    cases = json.loads((shared_cases / "charging.json").read_text(encoding="utf-8"))["cases"]
    ours = [case for case in cases if why_not_ours(case) is None]
    wrong = [f"{case['id']}: {case['expect']}, got {got}" for case in ours if (got := differing(case))]
    assert not wrong, "\n".join(wrong)
    reasons = Counter(why_not_ours(case) for case in cases if case["op"] == "draw")
    assert reasons.keys() == {None}


def differing(case: Case) -> Case:
    """What a plan gives otherwise than the case expects, by key."""
    given, expected = case["input"], case["expect"]
    entries = [entry_of(one) for one in given["entries"]]
    plan = plan_entries(entries, {"C": payer_of(given["grants"])})
    draws: dict[str, dict[str, list[int]]] = {}
    uncovered: Counter[str] = Counter()
    for name, slices in plan.slices.items():
        draws[name] = {}
        for piece in slices:
            if piece.grant is not None:
                drawn, minutes = draws[name].get(piece.grant, (0, 0))
                draws[name][piece.grant] = [drawn + piece.drawn, minutes + piece.minutes]
            else:
                uncovered[name] += piece.minutes
    found: Case = {
        "draws": {
            name: [[grant, *amounts] for grant, amounts in taken.items()] for name, taken in draws.items()
        },
        "balances": plan.left,
        "uncovered": dict(uncovered),
        "overage_price": {
            name: price_minor(minutes, given.get("overage_rate", 0)) for name, minutes in uncovered.items()
        },
    }
    return {
        key: found[key] for key in found.keys() & expected.keys() if not agrees(found[key], expected[key])
    }


def agrees(found: Any, expected: Any) -> bool:
    return all(found.get(name, []) == value for name, value in expected.items())


def entry_of(row: Case) -> EntryToPay:
    at = instant(row["at"])
    recorded_at = instant(row.get("recorded", row["at"]))
    minutes = row["minutes"]
    rate = Money(row["rate"], "EUR") if "rate" in row else None
    segments = (SegmentToPay(at, None, minutes, rate=rate),)
    facts = ChargingFacts(**{FACTS[name]: value for name, value in row.get("facts", {}).items()})
    return EntryToPay(row["id"], at, None, minutes, recorded_at, ("C",), segments=segments, facts=facts)


def payer_of(rows: list[Case]) -> Payer:
    grants = tuple(
        Grant(
            row["id"],
            "C",
            row["kind"],
            row["amount"],
            instant(row["effective"]),
            instant(row["expires"]) if row["expires"] else None,
            0 if row.get("withdrawn") else row["amount"],
            currency="EUR" if row["kind"] == "money" else None,
            priority=row.get("priority", 100),
            scope=scope_of(scope_json(row["scope"])) if "scope" in row else None,
        )
        for row in rows
    )
    return Payer("C", ANN, Window(BEGINNING, None), rows[0]["kind"], grants)


def scope_json(scope: Case) -> Case:
    """The scope of a case, in the form of ours: each fact has one of the values."""
    parts = [
        {"any": [{"name": FACTS[name], "operator": "equal_to", "value": value} for value in values]}
        for name, values in scope.items()
    ]
    return {"all": parts}


def instant(text: Any) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
