"""The `why` of each shipped coverage rule says what its conditions ask and what its action does."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import RULES

FILES = [RULES / "coverage.json", *sorted((RULES / "variants").glob("*.json"))]
HOLDERS = {"item": "item", "customer": "The customer has", "org_unit": "organization"}
SAYS = {
    "cover_with": ["valid contract"],
    "wait_for": ["pending contract", "Work starts as soon as it is valid."],
    "create_contract": ["No valid or pending contract was found.", "is created for this request"],
    "leave_uncovered": ["No valid contract was found.", "without one"],
}
"""By action: words of its `why`, in the terms of a contract's standing."""


def conditions(rule: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value") for one in rule["conditions"]["all"]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_why_agrees_with_its_rule(path: Path) -> None:
    for rule in json.loads(path.read_text())["rules"]:
        why, asked = rule["why"], conditions(rule)
        action = rule["actions"][0]["name"]
        for words in SAYS[action]:
            assert words in why, (rule["id"], words)
        standing = asked.get("contract_standing")
        if standing is not None:
            other = {"valid": "pending", "pending": "a valid"}[standing]
            assert standing in why, rule["id"]
            assert other not in why, rule["id"]
            assert HOLDERS[asked["contract_holder"]] in why, rule["id"]
        assert "in force" not in why, "a contract is valid or pending; rules are in force"
        assert ("Contract validation is off" in why) == (action == "leave_uncovered")
