"""The schemas and the guide agree with the registry, the shipped files and the checker."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from engine.rulebook import check_rule_set
from engine.rulebook.schemas import schema_texts
from engine.rulebook.vocabulary.operators import OPERATORS
from engine.rulebook.vocabulary.registry import CHARGING, CONTRACT_TYPE, COVERAGE, INVOICE_CHECK, RATES
from tests.rules.files import RULES, shipped_files, with_text
from tests.rules.mutations import structural_mutation
from tests.rules.regenerate import README, readme_text

REGENERATE = "Run: python -m tests.rules.regenerate"
KINDS = [
    "coverage.json",
    "charging.json",
    "contract_types/incident_pack.json",
    "slas.json",
    "calendars.json",
    "rate_cards/standard.json",
]


def dated(name: str, operator: str, value: object) -> dict[str, object]:
    return {"name": name, "operator": operator, "value": value}


def validator(path: str) -> Draft202012Validator:
    """The validator of the schema that a shipped file names."""
    schema_path = (RULES / path).parent / json.loads(shipped_files()[path])["$schema"]
    return Draft202012Validator(json.loads(schema_path.read_text(encoding="utf-8")))


def test_the_schemas_match_the_registry() -> None:
    on_disk = {path.name: path.read_text(encoding="utf-8") for path in (RULES / "schema").iterdir()}
    assert on_disk == schema_texts(), REGENERATE


def test_the_reference_in_the_guide_matches_the_registry() -> None:
    assert README.read_text(encoding="utf-8") == readme_text(), REGENERATE


def test_the_examples_in_the_guide_are_valid() -> None:
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", readme_text(), re.DOTALL)]
    covering, conditions, example, charging = blocks
    coverage = json.loads(shipped_files()["coverage.json"])
    assert coverage["rules"][0] == covering
    coverage["rules"].insert(3, {**covering, "id": "dated", "conditions": conditions})
    coverage["examples"].append(example)
    charges = {"rules": [charging], "examples": []}
    files = with_text("coverage.json", json.dumps(coverage)) | {"charging.json": json.dumps(charges)}
    assert [one for one in check_rule_set(files) if one.severity == "error"] == []


def test_each_example_of_the_reference_is_valid() -> None:
    _, _, reference = readme_text().partition("## Reference\n")
    covered = json.loads(shipped_files()["coverage.json"])
    typed = json.loads(shipped_files()["contract_types/support_hours.json"])
    anything = dated("priority", "equal_to", "high")
    tried = 0
    for section in reference.split("\n### ")[1:]:
        title = section.partition("\n")[0]
        for line in section.splitlines():
            if not line.endswith("` |"):
                continue
            example = json.loads(line.rpartition("| `")[2].removesuffix("` |"))
            act, conditions = (example, anything) if "Actions" in title else (None, example)
            rule: dict[str, Any] = {"id": "tried", "why": "Tried.", "conditions": conditions}
            if "contract types" in title:
                path, document = (
                    "contract_types/support_hours.json",
                    {**typed, "valid_when": conditions, "examples": []},
                )
            elif "rate rules" in title:
                rule["actions"] = [act]
                path, document = (
                    "rate_cards/standard.json",
                    {"label": "Own", "currency": "EUR", "rules": [rule], "examples": []},
                )
            elif "checks of invoices" in title:
                rule["actions"] = [act or {"name": "require_confirmation"}]
                if act:
                    rule["conditions"] = {"all": [{"name": "has_overage", "operator": "is_true"}]}
                path, document = "invoice_checks.json", {"rules": [rule], "examples": []}
            elif "charging" in title or line.startswith("| names |"):
                rule["actions"] = [act or {"name": "do_not_charge"}]
                path, document = "charging.json", {"rules": [rule], "examples": []}
            else:
                usual = "leave_uncovered" if "of the service request" in title else "cover_with"
                rule["actions"] = [act or {"name": usual}]
                path, document = "coverage.json", {**covered, "rules": [*covered["rules"], rule]}
            problems = check_rule_set(with_text(path, json.dumps(document)))
            assert [one.message for one in problems if one.severity == "error"] == [], line
            assert validator(path).is_valid(document), line
            tried += 1
    operators = sum(len(some) for some in OPERATORS.values())
    words = sum(
        len(one.variables) + len(one.actions) for one in (COVERAGE, CHARGING, INVOICE_CHECK, CONTRACT_TYPE)
    )
    words += len(RATES.actions)
    assert tried == operators + words


@pytest.mark.parametrize("name", schema_texts())
def test_the_schemas_are_valid(name: str) -> None:
    Draft202012Validator.check_schema(json.loads(schema_texts()[name]))


@pytest.mark.parametrize("path", shipped_files())
def test_the_shipped_files_conform_to_their_schemas(path: str) -> None:
    assert [error.message for error in validator(path).iter_errors(json.loads(shipped_files()[path]))] == []


@pytest.mark.parametrize(
    ("path", "pointer", "value"),
    [
        ("coverage.json", "/rules/0/conditions/all/0/name", "contract_holdr"),
        ("coverage.json", "/rules/0/conditions/all/0/value", "itme"),
        ("coverage.json", "/rules/0/conditions/all/0/operator", "greater_than"),
        ("coverage.json", "/rules/0/conditions/all", []),
        ("coverage.json", "/rules/3/conditions/all/0/name", "contract_standing"),
        ("coverage.json", "/rules/7/actions/0/params", {}),
        ("coverage.json", "/rules/7/actions/0/params/holder", "item"),
        ("coverage.json", "/rules/0/conditions", dated("logged_at", "before", "31.12.2026")),
        ("coverage.json", "/rules/0/conditions", dated("logged_at", "older_than", 30)),
        ("coverage.json", "/rules/0/conditions", dated("contract_age", "before", "2026-12-31")),
        ("coverage.json", "/rules/0/conditions", dated("contract_age", "at_least", {"weeks": 1})),
        ("coverage.json", "/examples/0/facts/logged_hour", 3),
        ("coverage.json", "/examples/0/decision/outcome", "done"),
        ("contract_types/incident_pack.json", "/expires_when/any/0/name", "priority"),
        ("contract_types/incident_pack.json", "/draws", "coins"),
        ("slas.json", "/slas/0/targets", {}),
        ("charging.json", "/examples/0/charge/percent", 1001),
        ("calendars.json", "/calendars/0/weekly/mon", [["9 o'clock", "17:00"]]),
        ("calendars.json", "/calendars/0/weekly/holiday", []),
        ("rate_cards/standard.json", "/currency", "euro"),
        ("rate_cards/standard.json", "/examples/0/rate", {"per_hour_minor": 0, "rule": "a"}),
    ],
)
def test_the_schemas_detect_mistakes_for_editors(path: str, pointer: str, value: Any) -> None:
    document = json.loads(shipped_files()[path])
    *steps, last = pointer[1:].split("/")
    target = document
    for step in steps:
        target = target[int(step) if isinstance(target, list) else step]
    target[last] = value
    assert not validator(path).is_valid(document)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_checker_refuses_whatever_a_schema_refuses(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(KINDS))
    document = json.loads(shipped_files()[path])
    for _ in range(data.draw(st.integers(1, 3))):
        document = data.draw(structural_mutation(document))
    if validator(path).is_valid(document):
        return
    problems = check_rule_set(with_text(path, json.dumps(document)))
    assert [one for one in problems if one.severity == "error" and one.file == path]
