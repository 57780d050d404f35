"""Charging cases taken from other systems: rounding, segments, percentages and prices."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.charging import TimeToCharge, charge_time
from engine.quantities import Rounding
from engine.rounding import WorkToRound, minutes_before, rounded_minutes
from engine.rulebook import ChargingFacts, RuleSet, load_rule_set
from tests.rules.files import shipped_files

ELSEWHERE: dict[str, str] = {
    "draw": "in test_borrowed_late_entries.py",
    "pack": "in tests/workflows/lifecycle/contracts/test_borrowed_packs.py",
    "sla": "in test_sla_clock.py",
    "months": "in test_months.py",
}
"""The operations of the file that are not charging, and where they are run."""
FACTS = {"work_type": "work_type", "role": "role", "priority": "priority", "item_type": "item_type"}


def cases(folder: Path, op: str) -> list[Any]:
    every = json.loads((folder / "charging.json").read_text(encoding="utf-8"))["cases"]
    assert {case["op"] for case in every} == {*ELSEWHERE, "round_entries", "charge"}
    return [case for case in every if case["op"] == op]


def rounding(rule: dict[str, Any]) -> Rounding:
    return Rounding(
        rule.get("increment") or 1, rule.get("minimum", 0), rule.get("grace", 0), rule.get("scope", "entry")
    )


def test_rounding_agrees(shared_cases: Path) -> None:
    for case in cases(shared_cases, "round_entries"):
        given = case["input"]
        by_request: dict[str, list[WorkToRound]] = {}
        for one in given["entries"]:
            at = datetime.fromisoformat(one["at"])
            recorded = datetime.fromisoformat(one.get("recorded", one["at"]))
            work = WorkToRound(
                one["id"], at, recorded, one["minutes"], rounding(given["rule"]), given.get("zone", "UTC")
            )
            by_request.setdefault(one.get("request", ""), []).append(work)
        charged = {
            one.id: rounded_minutes(one.worked_minutes, one.rounding, before_minutes=before[one.id])
            for entries in by_request.values()
            for before in [minutes_before(entries)]
            for one in entries
        }
        found = {"chargeable": charged, "total": sum(charged.values())}
        assert {key: found[key] for key in case["expect"]} == case["expect"], case["id"]


def test_segments_percentages_and_prices_agree(shared_cases: Path) -> None:
    for case in cases(shared_cases, "charge"):
        assert charged(case["input"], case["expect"]) == case["expect"], case["id"]


def charged(given: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    entry, zone = given["entry"], given.get("zone", "UTC")
    rules = rule_set(given)
    start = datetime.fromisoformat(entry.get("start") or entry["at"])
    end = datetime.fromisoformat(entry["end"]) if "end" in entry else None
    worked = entry.get("minutes") if end is None else int((end - start).total_seconds()) // 60
    # Some cases give the rounded minutes: no rounding, as many minutes worked.
    time = TimeToCharge(start, end, given.get("rounded", worked), rounding(given.get("rule", {})), 0, zone)
    facts = ChargingFacts(**{name: value for name, value in given.get("facts", {}).items() if name in FACTS})
    segments = charge_time(time, facts, rules, rules.rate_cards.get("standard"))
    prices = [one.price_minor for one in segments]
    found = {
        "segments": [
            [
                text(one.start),
                text(one.end or one.start),
                one.rounded_minutes,
                one.chargeable_minutes,
                one.price_minor,
            ]
            for one in segments
        ],
        "minutes": sum(one.chargeable_minutes for one in segments),
        "price": None if None in prices else sum(price for price in prices if price is not None),
    }
    return {key: found[key] for key in expected}


def rule_set(given: dict[str, Any]) -> RuleSet:
    """The rules of a case, as the rule files of a desk."""
    named = given.get("calendars", {})
    calendars = [{"id": calendar_id(name), "label": name, **calendar(one)} for name, one in named.items()]
    percents = [
        rule(f"p{number}", one["when"], {"name": "charge_percent", "params": {"percent": one["percent"]}})
        for number, one in enumerate(given.get("percents", []))
    ]
    rates = [rate(f"r{number}", one) for number, one in enumerate(given.get("rates", []))]
    files = shipped_files() | {
        "calendars.json": json.dumps({"calendars": calendars, "examples": []}),
        "charging.json": json.dumps({"rules": percents, "examples": []}),
        "rate_cards/standard.json": json.dumps(
            {"label": "Standard", "currency": "EUR", "rules": rates, "examples": []}
        ),
    }
    return load_rule_set(files)


def calendar(given: dict[str, Any]) -> dict[str, Any]:
    closed: dict[str, list[list[str]]] = {day: [] for day in given.get("holidays", [])}
    return {"weekly": given.get("weekly", {}), "dates": closed | given.get("dates", {})}


def rate(id: str, given: dict[str, Any]) -> dict[str, Any]:
    params = {"per_hour_minor": given["per_hour"]}
    params |= {f"{name}_day": given[name] for name in ("first", "last") if name in given}
    return rule(id, given["when"], {"name": "charge_rate", "params": params})


def rule(id: str, when: dict[str, str], action: dict[str, Any]) -> dict[str, Any]:
    operators = {"calendar": "contains", "not_calendar": "does_not_contain"}
    conditions = [
        {"name": "calendars", "operator": operators[name], "value": calendar_id(value)}
        if name in operators
        else {"name": name, "operator": "equal_to", "value": value}
        for name, value in when.items()
    ]
    always = {"any": [{"name": "worked_hour", "operator": "greater_than_or_equal_to", "value": 0}]}
    return {
        "id": id,
        "why": "Agreed.",
        "conditions": {"all": conditions} if conditions else always,
        "actions": [action],
    }


def calendar_id(name: str) -> str:
    return name.lower().replace(" ", "_")


def text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_every_operation_is_run(shared_cases: Path) -> None:
    # `cases` refuses an operation that neither this module nor another one runs
    assert all(cases(shared_cases, op) for op in ("round_entries", "charge", *ELSEWHERE))
