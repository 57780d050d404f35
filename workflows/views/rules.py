"""Rule sets as they are shown."""

from datetime import datetime
from typing import Literal

from workflows.views.base import View, view

FileChange = Literal["added", "removed", "changed"]
ProposalState = Literal["open", "approved", "rejected"]


@view
class PublicationView(View):
    """One publication of a rule set. `version` is the hash of its files.

    `approved_by` is the second administrator if approval was required.
    """

    version: str
    note: str
    published_by: str
    approved_by: str | None
    published_at: datetime
    in_force: bool


@view
class RuleSetView(View):
    """A rule set and its latest publication; `files` are texts by path relative to the rules folder."""

    version: str
    files: dict[str, str]
    note: str
    published_by: str
    approved_by: str | None
    published_at: datetime
    in_force: bool


@view
class PublishedView(RuleSetView):
    """A published rule set; `unchanged` is true if it was in force already, so that nothing was added.

    `moved_targets` counts the open service level targets that moved.
    """

    unchanged: bool
    moved_targets: int = 0


@view
class ProblemView(View):
    """A problem in a rule file; `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    pointer: str
    severity: Literal["error", "warning"]
    message: str


@view
class CheckView(View):
    """The result of a check. `ok` is false if there are errors; warnings do not count.

    `moved_targets` counts the open service level targets that publishing would move.
    """

    ok: bool
    problems: list[ProblemView]
    moved_targets: int = 0


@view
class FileDiffView(View):
    """One file that differs, as a unified diff."""

    path: str
    change: FileChange
    diff: str


@view
class DiffView(View):
    """How two rule sets differ. `from_version` is None if no rule set was in force."""

    from_version: str | None
    to_version: str
    files: list[FileDiffView]


@view
class ProposalView(View):
    """A rule set that was proposed for approval, and the decision on it.

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


@view
class ProposalDetail(View):
    """A proposal, its files, and how they differ from the rule set in force now.

    `may_approve` is true if the current user may approve it; its proposer may not. `moved_targets` counts the
    open service level targets that approving it would move: 0 once it is decided.
    """

    proposal: ProposalView
    files: dict[str, str]
    diff: DiffView
    may_approve: bool
    moved_targets: int = 0


@view
class FolderView(View):
    """The rules folder of one machine as of its last change, with the problems found then.

    `ok` is false while its content is refused; the rule set in force does not change then. `version` is that
    of the content last accepted.
    """

    host: str
    path: str
    checked_at: datetime
    ok: bool
    problems: list[ProblemView]
    version: str | None
    in_force: bool
