"""The shipped rule files, and functions that change a copy of them."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from engine.rulebook import Problem, check_rule_set

RULES = Path(__file__).parents[2] / "rules"
RULE = """{"name": "x", "rank": [], "rules": [
  {"id": "a", "why": "Because.", "conditions": CONDITIONS,
   "actions": [ACTION]}
], "examples": []}"""
COVER = '{"name": "cover_with"}'
VALID = '{"name": "contract_standing", "operator": "equal_to", "value": "valid"}'


def shipped_files() -> dict[str, str]:
    """Every file of the rule set, without schemas and documentation."""
    return dict(_shipped())


def with_text(path: str, text: str) -> dict[str, str]:
    """The shipped files with one replaced or added."""
    return {**shipped_files(), path: text}


def with_change(path: str, change: Callable[[Any], object]) -> dict[str, str]:
    """The shipped files with the parsed document of one changed."""
    document = json.loads(shipped_files()[path])
    change(document)
    return with_text(path, json.dumps(document, indent=2))


def errors(files: dict[str, str], path: str = "coverage.json") -> list[Problem]:
    """The errors reported for one file."""
    return [one for one in check_rule_set(files) if one.severity == "error" and one.file == path]


def error_texts(files: dict[str, str], path: str = "coverage.json") -> list[str]:
    """The errors as text: line:column pointer message."""
    return [f"{one.line}:{one.column} {one.pointer} {one.message}" for one in errors(files, path)]


def with_rule(conditions: str = VALID, action: str = COVER) -> dict[str, str]:
    """The shipped files with a coverage file that has a single rule."""
    return with_text("coverage.json", RULE.replace("CONDITIONS", conditions).replace("ACTION", action))


def test_the_shipped_files_have_no_problem() -> None:
    assert check_rule_set(shipped_files()) == []


@cache
def _shipped() -> dict[str, str]:
    return {
        path.relative_to(RULES).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(RULES.rglob("*.json"))
        if path.relative_to(RULES).parts[0] != "schema"
    }
