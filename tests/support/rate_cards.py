"""Rate cards for tests."""

import json

ALWAYS = {"any": [{"name": "worked_hour", "operator": "greater_than_or_equal_to", "value": 0}]}


def rate_card(per_hour_minor: int, currency: str = "EUR", *, work_type: str | None = None) -> str:
    """A rate card by which an hour of any work, or of one type alone, costs so many minor units."""
    of_type = {"any": [{"name": "work_type", "operator": "equal_to", "value": work_type}]}
    rule = {
        "id": "all-work",
        "why": "Agreed.",
        "conditions": ALWAYS if work_type is None else of_type,
        "actions": [{"name": "charge_rate", "params": {"per_hour_minor": per_hour_minor}}],
    }
    return json.dumps({"label": "Standard", "currency": currency, "rules": [rule], "examples": []})
