"""API routes of rule sets."""

from dataclasses import asdict
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from web.api.queries import ListQuery, Query, Text
from web.api.routing import Accepted, RouteGroup
from workflows.commands.fields import Command, Instant, LongText
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.replay import use_cases
from workflows.rule_sets import proposals, publishing
from workflows.rule_sets.closures import import_closures
from workflows.rule_sets.folder_watch import list_rules_folders
from workflows.views import Page
from workflows.views.replays import Change, DifferenceView, ReplayResult, ReplayView
from workflows.views.rules import (
    CheckView,
    DiffView,
    FolderView,
    ProposalDetail,
    ProposalState,
    ProposalView,
    PublicationView,
    PublishedView,
    RuleSetView,
)

rules = RouteGroup("Rules")

MAX_RULES_BYTES = 16 * 1024 * 1024

FilePath = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Files = Annotated[dict[FilePath, str], Field(max_length=1000)]
Note = Annotated[LongText, StringConstraints(max_length=2000)]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{6,64}$")]
WholeVersion = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class RuleFiles(Command):
    """A complete rule set: file contents by path relative to the rules folder, without the schemas."""

    files: Files


class Publication(Command):
    """A complete rule set and a note on what changed.

    `based_on` is the version that was edited: if another is in force by now, the call is refused.
    """

    files: Files
    note: Note = ""
    based_on: WholeVersion | None = None


class Republication(Command):
    """Why an earlier version is published again. `based_on` as in publishing."""

    note: Note = ""
    based_on: WholeVersion | None = None


class ClosuresFile(Command):
    """The text of an iCalendar file, of at most 1 MiB, and what to write in the history."""

    file: str
    note: Note = ""


class Approval(Command):
    """`based_on` is the version in force that the approver compared with, if it has changed meanwhile."""

    based_on: WholeVersion | None = None


class Rejection(Command):
    """Why the proposal is rejected."""

    reason: Annotated[Note, StringConstraints(min_length=1)]


class Trial(Command):
    """A complete rule set and the half-open period [from, to) of the decisions to replay with it."""

    model_config = ConfigDict(populate_by_name=True)

    files: Files
    from_: Annotated[Instant, Field(alias="from")]
    to: Instant


class DiffQuery(Query):
    """Two versions or unique prefixes of them; each defaults to the one in force."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Annotated[Version | None, Field(alias="from")] = None
    to: Version | None = None


class ProposalsQuery(ListQuery):
    """Filters of proposals. `state` is open, approved or rejected."""

    state: ProposalState | None = None


class DifferencesQuery(ListQuery):
    """Filters of differences. `change` is what differs; `number` is a service request's or a contract's."""

    change: Change | None = None
    number: Text | None = None


@rules.get("/rules")
def read_rules(tx: Transaction) -> RuleSetView:
    """Return the rule set in force."""
    return publishing.rule_set_in_force(tx)


@rules.get("/rules/versions")
def list_rule_versions(tx: Transaction, query: ListQuery) -> Page[PublicationView]:
    """List the publications: what was published when, by whom and why, newest first."""
    return publishing.list_publications(tx, **query.given())


@rules.get("/rules/diff")
def diff_rule_versions(tx: Transaction, query: DiffQuery) -> DiffView:
    """Compare two versions, file by file, as unified diffs."""
    return publishing.diff_rule_sets(tx, query.from_, query.to)


@rules.get("/rules/folders")
def list_watched_folders(tx: Transaction) -> Page[FolderView]:
    """List the watched rules folders and the problems found at the last change of each."""
    return Page(list_rules_folders(tx), None)


@rules.get("/rules/{version}")
def read_rule_version(tx: Transaction, version: str) -> RuleSetView:
    """Return a rule set that was ever published."""
    return publishing.get_rule_set(tx, version)


@rules.post("/rules/check", reads=True, conflicts=False, max_body_bytes=MAX_RULES_BYTES)
def check_rules(tx: Transaction, command: RuleFiles) -> CheckView:
    """Check a rule set and return every problem by file, line and column. Nothing is saved."""
    return publishing.check_rules(tx, command.files)


@rules.post(
    "/rules/publish",
    status=201,
    reads_first=True,
    max_body_bytes=MAX_RULES_BYTES,
    accepted_at="/rules/proposals/{id}",
)
def publish_rules(tx: Transaction, command: Publication) -> PublishedView | Accepted[ProposalView]:
    """Check the files and put them in force; a set with errors is refused and the one in force is unchanged.

    Files that are in force already are not published again: `unchanged` is true then.

    If publishing requires approval, responds with 202 and a proposal that another administrator approves.
    """
    submitted = proposals.submit_rule_set(tx, command.files, command.note, based_on=command.based_on)
    return _submitted(tx, submitted)


@rules.post("/rules/{version}/publish", status=201, reads_first=True, accepted_at="/rules/proposals/{id}")
def publish_rules_again(
    tx: Transaction, version: str, command: Republication
) -> PublishedView | Accepted[ProposalView]:
    """Publish an earlier version again (rollback). A unique prefix of the version is enough."""
    submitted = proposals.submit_rollback(tx, version, command.note, based_on=command.based_on)
    return _submitted(tx, submitted)


@rules.post(
    "/rules/calendars/{calendar}/closures",
    status=201,
    reads_first=True,
    max_body_bytes=MAX_RULES_BYTES,
    accepted_at="/rules/proposals/{id}",
)
def import_calendar_closures(
    tx: Transaction, calendar: str, command: ClosuresFile
) -> PublishedView | Accepted[ProposalView]:
    """Replace the closures of a calendar by those of an iCalendar file, and publish the rule set.

    Events of the last year and the next five years are taken; cancelled ones and those marked as free time
    are not. If publishing requires approval, responds with 202 and a proposal.
    """
    return _submitted(tx, import_closures(tx, calendar, command.file, command.note))


@rules.get("/rules/proposals")
def list_rule_proposals(tx: Transaction, query: ProposalsQuery) -> Page[ProposalView]:
    """List proposals and their outcome, newest first."""
    return proposals.list_proposals(tx, **query.given())


@rules.get("/rules/proposals/{proposal}")
def read_rule_proposal(tx: Transaction, proposal: str) -> ProposalDetail:
    """Return a proposal, its files, and how they differ from the rule set in force."""
    return proposals.read_proposal(tx, proposal)


@rules.post("/rules/proposals/{proposal}/approve", reads_first=True)
def approve_rule_proposal(tx: Transaction, proposal: str, command: Approval) -> RuleSetView:
    """Check a proposed rule set again and put it in force. The proposer cannot approve it."""
    version = proposals.approve_proposal(tx, proposal, based_on=command.based_on)
    return publishing.get_rule_set(tx, version)


@rules.post("/rules/proposals/{proposal}/reject")
def reject_rule_proposal(tx: Transaction, proposal: str, command: Rejection) -> ProposalDetail:
    """Reject a proposed rule set. The proposer may withdraw it this way."""
    proposals.reject_proposal(tx, proposal, command.reason)
    return proposals.read_proposal(tx, proposal)


@rules.post(
    "/rules/replay", conflicts=True, max_body_bytes=MAX_RULES_BYTES, accepted_at="/rules/replays/{id}"
)
def replay_rules(desk: Desk, actor: Actor, command: Trial) -> ReplayResult | Accepted[ReplayView]:
    """Replay the decisions of a period with an edited rule set and return those that would differ.

    Includes the minutes of work that would move, the overage and the totals. Nothing else is changed. A
    replay of more than 20 seconds responds with 202; its result can then be read at the Location.
    """
    replay_id, thread = use_cases.start_replay(desk, actor, command.files, command.from_, command.to)
    thread.join(use_cases.WAIT_SECONDS)
    with desk.read(actor) as tx:
        found = use_cases.replay_result(tx, replay_id)
    return found if isinstance(found, ReplayResult) else Accepted(found)


@rules.get("/rules/replays")
def list_rule_replays(tx: Transaction, query: ListQuery) -> Page[ReplayView]:
    """List the replays of the last 30 days, newest first."""
    return use_cases.list_replays(tx, **query.given())


@rules.get("/rules/replays/{replay}")
def read_rule_replay(tx: Transaction, replay: str) -> ReplayView:
    """Return the progress of a replay, and its totals when it is done."""
    return use_cases.read_replay(tx, replay)


@rules.post("/rules/replays/{replay}/cancel")
def cancel_rule_replay(tx: Transaction, replay: str) -> ReplayView:
    """Cancel a running replay; its partial results are discarded."""
    use_cases.cancel_replay(tx, replay)
    return use_cases.read_replay(tx, replay)


@rules.get("/rules/replays/{replay}/differences")
def list_replay_differences(tx: Transaction, replay: str, query: DifferencesQuery) -> Page[DifferenceView]:
    """List the decisions that would differ, in the order in which they were made."""
    return use_cases.list_differences(tx, replay, **query.given())


def _submitted(tx: Transaction, submitted: proposals.Submitted) -> PublishedView | Accepted[ProposalView]:
    if submitted.proposal is None:
        return PublishedView(
            **asdict(publishing.get_rule_set(tx, submitted.version)),
            unchanged=submitted.unchanged,
            moved_targets=submitted.moved_targets,
        )
    return Accepted(proposals.read_proposal(tx, submitted.proposal).proposal)
