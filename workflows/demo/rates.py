"""The rate card of the demonstration: what an hour costs that a prepaid amount pays for."""

import json
from collections.abc import Mapping

from workflows.demo.timeline import Timeline
from workflows.rule_sets.proposals import submit_rule_set

CARD = "retainer"
PER_HOUR_MINOR = 9_600
CURRENCY = "EUR"


def with_rate_card(files: Mapping[str, str]) -> dict[str, str]:
    """The rule files with the rate card."""
    rule = {
        "id": "all-work",
        "why": "Agreed with the retainers.",
        "conditions": {"all": [{"name": "worked_hour", "operator": "greater_than_or_equal_to", "value": 0}]},
        "actions": [{"name": "charge_rate", "params": {"per_hour_minor": PER_HOUR_MINOR}}],
    }
    example = {
        "name": "A visit in the morning",
        "facts": {"worked_hour": 9},
        "rate": {"per_hour_minor": PER_HOUR_MINOR, "rule": "all-work"},
    }
    card = {"label": "Retainers", "currency": CURRENCY, "rules": [rule], "examples": [example]}
    return {**files, f"rate_cards/{CARD}.json": json.dumps(card, indent=2) + "\n"}


def plan_rate_card(timeline: Timeline, files: Mapping[str, str]) -> None:
    """Plan the publication of these rule files on the day before contracts are sold by the card."""
    timeline.plan(
        timeline.at(62, 10),
        "administrator",
        lambda tx: submit_rule_set(tx, files, "A rate card for prepaid amounts"),
        is_exclusive=True,
    )
