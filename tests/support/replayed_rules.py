"""Rule sets for tests of replays: the shipped one with other rules, charges or rates."""

import json
from typing import Any

from tests.support.builders import RULES
from workflows.rule_sets.folder import read_rules_folder

SHIPPED = read_rules_folder(RULES)
CUSTOMER_FIRST = SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]}


def with_rules(*rules: dict[str, Any], before: str | None = None) -> dict[str, str]:
    """The shipped rule set with `rules` inserted before the rule `before`, or as its only rules."""
    book = json.loads(SHIPPED["coverage.json"])
    if before is None:
        book["rules"] = list(rules)
    else:
        at = [rule["id"] for rule in book["rules"]].index(before)
        book["rules"][at:at] = rules
    return SHIPPED | {"coverage.json": json.dumps(book | {"examples": []})}


def rule(id: str, action: str, *conditions: tuple[str, str, Any], **params: Any) -> dict[str, Any]:
    asked = [{"name": name, "operator": operator, "value": value} for name, operator, value in conditions]
    return {
        "id": id,
        "why": "For a test.",
        "conditions": {"all": asked},
        "actions": [{"name": action, "params": params} if params else {"name": action}],
    }


ALWAYS = ("customer", "non_empty", True)
VALID = ("contract_standing", "equal_to", "valid")


def charged_by(*rules: dict[str, Any]) -> str:
    return json.dumps({"rules": list(rules), "examples": []})


EVENING = ("calendars", "contains", "after_hours")


def rate_card(per_hour_minor: int, evening_minor: int) -> str:
    rules = [
        rule("evening", "charge_rate", EVENING, per_hour_minor=evening_minor),
        rule(
            "day",
            "charge_rate",
            ("worked_hour", "greater_than_or_equal_to", 0),
            per_hour_minor=per_hour_minor,
        ),
    ]
    return json.dumps({"label": "Standard", "currency": "EUR", "rules": rules, "examples": []})
