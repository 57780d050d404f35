"""Cases taken as facts from other systems: entries that are recorded late, and grants that are withdrawn.

The cases are in a separate folder; without it these tests are skipped.
"""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.charging import price_minor
from engine.contracts import Grant, Holder, Window
from engine.drawdown import EntryToPay, Payer, plan_entries

Case = dict[str, Any]
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
ANN = Holder("customer", "ann")
NO_MONEY = "grants of money are not there yet"
NO_ORDER_OF_THEIR_OWN = "grants have neither priority nor scope yet"


def why_not_ours(case: Case) -> str | None:
    """The reason why a case does not apply to our draw-down; None if it applies."""
    if case["op"] != "draw":
        return "no draw-down"
    grants = case["input"]["grants"]
    if any(grant["kind"] != "minutes" for grant in grants):
        return NO_MONEY
    if any("scope" in grant for grant in grants) or len({grant.get("priority", 100) for grant in grants}) > 1:
        return NO_ORDER_OF_THEIR_OWN
    return None


def test_late_entries_agree(shared_cases: Path) -> None:
    cases = json.loads((shared_cases / "charging.json").read_text(encoding="utf-8"))["cases"]
    ours = [case for case in cases if why_not_ours(case) is None]
    wrong = [f"{case['id']}: {case['expect']}, got {got}" for case in ours if (got := differing(case))]
    assert not wrong, "\n".join(wrong)
    reasons = Counter(why_not_ours(case) for case in cases if case["op"] == "draw")
    assert reasons == {None: 9, NO_MONEY: 4, NO_ORDER_OF_THEIR_OWN: 4}


def differing(case: Case) -> Case:
    """What a plan gives otherwise than the case expects, by key."""
    given, expected = case["input"], case["expect"]
    entries = [entry_of(one) for one in given["entries"]]
    plan = plan_entries(entries, {"C": payer_of(given["grants"])})
    draws: dict[str, Counter[str]] = {}
    uncovered: Counter[str] = Counter()
    for name, slices in plan.slices.items():
        draws[name] = Counter()
        for piece in slices:
            if piece.grant is not None:
                draws[name][piece.grant] += piece.minutes
            else:
                uncovered[name] += piece.minutes
    found: Case = {
        "draws": {
            name: [[grant, minutes, minutes] for grant, minutes in taken.items()]
            for name, taken in draws.items()
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
    return EntryToPay(row["id"], at, None, row["minutes"], recorded_at, ("C",))


def payer_of(rows: list[Case]) -> Payer:
    grants = tuple(
        Grant(
            row["id"],
            "C",
            "minutes",
            row["amount"],
            instant(row["effective"]),
            instant(row["expires"]) if row["expires"] else None,
            0 if row.get("withdrawn") else row["amount"],
        )
        for row in rows
    )
    return Payer("C", ANN, Window(BEGINNING, None), "minutes", grants)


def instant(text: Any) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
