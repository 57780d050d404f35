"""The scope of a grant: for which work it pays, as conditions in the JSON form of the rules.

Source: product.md section 7 (Who pays).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from engine.rulebook.compiled.single import compile_scope
from engine.rulebook.evaluation.charging import ChargingFacts
from engine.rulebook.files.rule_reader import Declarations, RuleReader
from engine.rulebook.syntax.problems import FileReport, Problem, RuleSetRefused
from engine.rulebook.syntax.scanner import scan
from engine.rulebook.syntax.syntax_tree import AllOf, AnyOf, Conditions, size
from engine.rulebook.vocabulary.registry import SCOPE

MAX_CONDITIONS = 50


@dataclass(frozen=True)
class GrantScope:
    """Checked conditions on the facts of work."""

    conditions: Conditions
    _holds: Callable[[ChargingFacts], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_holds", compile_scope(self.conditions))

    def holds(self, facts: ChargingFacts) -> bool:
        """Whether the conditions are met by work with these facts."""
        return self._holds(facts)

    @property
    def text(self) -> str:
        """The conditions as a sentence: "work type is on_site and priority is critical"."""
        return _text(self.conditions)


def check_scope(given: Any) -> list[Problem]:
    """The problems of a scope, each with the JSON pointer of its place; none if it can be used."""
    try:
        text = json.dumps(given)
    except RecursionError:
        return [_problem("The conditions are nested too deeply. Flatten them.")]
    report = FileReport("scope", text)
    conditions = report.within_limit(lambda: _read(report))
    if conditions is not None and size(conditions) > MAX_CONDITIONS:
        return [_problem(f"A scope has at most {MAX_CONDITIONS} conditions. Leave some out.")]
    return [one for one in report.problems if one.severity == "error"]


def _problem(message: str) -> Problem:
    return Problem("scope", 1, 1, "", "error", message)


def scope_of(stored: Any) -> GrantScope | None:
    """The scope of a stored grant, read as it was when it was accepted; None if it has none.

    Raises: RuleSetRefused if it can no longer be read.
    """
    return None if stored is None else _scope_of(json.dumps(stored, sort_keys=True))


@lru_cache(maxsize=4096)
def _scope_of(text: str) -> GrantScope:
    report = FileReport("scope", text, was_accepted=True)
    conditions = report.within_limit(lambda: _read(report))
    if conditions is None:
        raise RuleSetRefused(tuple(report.problems))
    return GrantScope(conditions)


def _read(report: FileReport) -> Conditions | None:
    root = scan(report)
    return RuleReader(report, SCOPE, Declarations()).conditions(root) if root is not None else None


def _text(conditions: Conditions, *, is_part: bool = False) -> str:
    match conditions:
        case AllOf(parts):
            text = " and ".join(_text(one, is_part=True) for one in parts)
        case AnyOf(parts):
            text = " or ".join(_text(one, is_part=True) for one in parts)
        case _:
            return conditions.text
    return f"({text})" if is_part and len(parts) > 1 else text
