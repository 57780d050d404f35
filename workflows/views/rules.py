"""Rule sets as they are shown."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

FileChange = Literal["added", "removed", "changed"]
ProposalState = Literal["open", "approved", "rejected"]


@dataclass(frozen=True, slots=True)
class PublicationView:
    """One time that a rule set took force. `version` is the hash of its files.

    `approved_by` is the second administrator where publishing takes two.
    """

    version: str
    note: str
    published_by: str
    approved_by: str | None
    published_at: datetime
    in_force: bool


@dataclass(frozen=True, slots=True)
class RuleSetView:
    """A rule set and its newest publication; `files` are texts by their path in the rules folder."""

    version: str
    files: dict[str, str]
    note: str
    published_by: str
    approved_by: str | None
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


@dataclass(frozen=True, slots=True)
class FileDiffView:
    """One file that differs, as a unified diff."""

    path: str
    change: FileChange
    diff: str


@dataclass(frozen=True, slots=True)
class DiffView:
    """How two rule sets differ. `from_version` is None where there was none."""

    from_version: str | None
    to_version: str
    files: list[FileDiffView]


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A rule set that waits for another administrator, or what became of it.

    `based_on` is the version that was in force when it was proposed.
    """

    id: str
    version: str
    note: str
    based_on: str | None
    state: ProposalState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class ProposalDetail:
    """A proposal, its files, and how they differ from the rule set in force now.

    `may_approve` tells whether who asks may put it in force: its proposer may not.
    """

    proposal: ProposalView
    files: dict[str, str]
    diff: DiffView
    may_approve: bool


@dataclass(frozen=True, slots=True)
class FolderView:
    """A rules folder of one machine when it was last found changed, and what was wrong with it then.

    `ok` is false while its content is refused: the set in force stays. `version` is the content last taken.
    """

    host: str
    path: str
    checked_at: datetime
    ok: bool
    problems: list[ProblemView]
    version: str | None
    in_force: bool
