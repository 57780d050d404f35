"""Rule sets as they are shown."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class PublicationView:
    """One time that a rule set took force. `version` is the hash of its files."""

    version: str
    note: str
    published_by: str
    published_at: datetime
    in_force: bool


@dataclass(frozen=True, slots=True)
class RuleSetView:
    """A rule set and its newest publication; `files` are texts by their path in the rules folder."""

    version: str
    files: dict[str, str]
    note: str
    published_by: str
    published_at: datetime
    in_force: bool


@dataclass(frozen=True, slots=True)
class ProblemView:
    """One place in a rule file, `line` and `column` from 1, and what is wrong there."""

    file: str
    line: int
    column: int
    pointer: str
    severity: Literal["error", "warning"]
    message: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """What the checker found. `ok` is false on errors, not on warnings."""

    ok: bool
    problems: list[ProblemView]
