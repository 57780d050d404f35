"""The problems of rule files, found once for each content.

Checking takes some 200 ms and depends on the texts alone, which a process is asked about again and again: by
each view of the rules page, for the set in force and for the folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from engine.rulebook import Problem, RuleSet, RuleSetRefused
from workflows.core.stored_rules import load_once

MOST_KNOWN = 4
"""The set in force, the folder, and a draft or two; each holds its texts."""


@dataclass(frozen=True, slots=True)
class CheckedFiles:
    """All problems, warnings too, by file and position; `rule_set` is None if there are errors."""

    problems: tuple[Problem, ...]
    rule_set: RuleSet | None


def checked_files(files: Mapping[str, str]) -> CheckedFiles:
    """The problems of rule files, by their path relative to the rules folder."""
    return _checked(tuple(sorted(files.items())))


@lru_cache(maxsize=MOST_KNOWN)
def _checked(files: tuple[tuple[str, str], ...]) -> CheckedFiles:
    try:
        rule_set = load_once(dict(files))
    except RuleSetRefused as refused:
        return CheckedFiles(refused.problems, None)
    return CheckedFiles(rule_set.warnings, rule_set)
