"""Rule sets over HTTP."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from web.api.queries import ListQuery, Query
from web.api.routing import Accepted, RouteGroup
from workflows.commands.fields import Command, Instant, LongText
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.replay import use_cases
from workflows.rule_sets import proposals, publishing
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
    RuleSetView,
)

rules = RouteGroup("Rules")

MOST_RULES_BYTES = 16 * 1024 * 1024

FilePath = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Files = Annotated[dict[FilePath, str], Field(max_length=1000)]
Note = Annotated[LongText, StringConstraints(max_length=2000)]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{6,64}$")]
WholeVersion = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class RuleFiles(Command):
    """The whole set: texts by their paths, relative to the rules folder; schemas left out."""

    files: Files


class Publication(Command):
    """The whole set, and what is new about it.

    `based_on` is the version it was edited from: where another is in force by now, it is refused.
    """

    files: Files
    note: Note = ""
    based_on: WholeVersion | None = None


class Republication(Command):
    """Why an old set comes back. `based_on` as in publishing."""

    note: Note = ""
    based_on: WholeVersion | None = None


class Approval(Command):
    """`based_on` is the version in force that it was compared with, where that has changed since."""

    based_on: WholeVersion | None = None


class Rejection(Command):
    """What should be done differently."""

    reason: Annotated[Note, StringConstraints(min_length=1)]


class Trial(Command):
    """The whole set, and the span [from, to) of the decisions to make again by it."""

    model_config = ConfigDict(populate_by_name=True)

    files: Files
    from_: Annotated[Instant, Field(alias="from")]
    to: Instant


class DiffQuery(Query):
    """Versions, or the beginnings of some; one that is left out is the one in force."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Annotated[Version | None, Field(alias="from")] = None
    to: Version | None = None


class ProposalsQuery(ListQuery):
    """`state` is open, approved or rejected."""

    state: ProposalState | None = None


class DifferencesQuery(ListQuery):
    """What differs, and the number of a service request or of a contract on either side."""

    change: Change | None = None
    number: str | None = None


@rules.get("/rules")
def read_rules(tx: Transaction) -> RuleSetView:
    """The rule set in force."""
    return publishing.rule_set_in_force(tx)


@rules.get("/rules/versions")
def list_rule_versions(tx: Transaction, query: ListQuery) -> Page[PublicationView]:
    """What was published when, by whom and why; the newest first."""
    return publishing.list_publications(tx, **query.given())


@rules.get("/rules/diff")
def diff_rule_versions(tx: Transaction, query: DiffQuery) -> DiffView:
    """How two versions differ, file by file, as unified diffs."""
    return publishing.diff_rule_sets(tx, query.from_, query.to)


@rules.get("/rules/folders")
def list_watched_folders(tx: Transaction) -> Page[FolderView]:
    """The rules folders whose edits are picked up, and what was wrong with each when it last changed."""
    return Page(list_rules_folders(tx), None)


@rules.get("/rules/{version}")
def read_rule_version(tx: Transaction, version: str) -> RuleSetView:
    """A rule set that was published at any time."""
    return publishing.get_rule_set(tx, version)


@rules.post("/rules/check", reads=True, conflicts=False, most_body_bytes=MOST_RULES_BYTES)
def check_rules(tx: Transaction, command: RuleFiles) -> CheckView:
    """All that is wrong with a set of files, by file, line and column. Nothing is saved."""
    return publishing.check_rules(tx, command.files)


@rules.post(
    "/rules/publish",
    status=201,
    reads_first=True,
    most_body_bytes=MOST_RULES_BYTES,
    accepted_at="/rules/proposals/{id}",
)
def publish_rules(tx: Transaction, command: Publication) -> RuleSetView | Accepted[ProposalView]:
    """Check the files and put them in force; a bad set is refused and the one in force stays.

    Where rules are published by two, the answer is 202 with a proposal that another administrator approves.
    """
    submitted = proposals.submit_rule_set(tx, command.files, command.note, based_on=command.based_on)
    return _submitted(tx, submitted)


@rules.post("/rules/{version}/publish", status=201, reads_first=True, accepted_at="/rules/proposals/{id}")
def publish_rules_again(
    tx: Transaction, version: str, command: Republication
) -> RuleSetView | Accepted[ProposalView]:
    """Roll back: publish an old version again. The beginning of its name is enough."""
    submitted = proposals.submit_rollback(tx, version, command.note, based_on=command.based_on)
    return _submitted(tx, submitted)


@rules.get("/rules/proposals")
def list_rule_proposals(tx: Transaction, query: ProposalsQuery) -> Page[ProposalView]:
    """What was proposed, and what became of it; the newest first."""
    return proposals.list_proposals(tx, **query.given())


@rules.get("/rules/proposals/{proposal}")
def read_rule_proposal(tx: Transaction, proposal: str) -> ProposalDetail:
    """A proposal, its files, and how they differ from the rule set in force."""
    return proposals.read_proposal(tx, proposal)


@rules.post("/rules/proposals/{proposal}/approve", reads_first=True)
def approve_rule_proposal(tx: Transaction, proposal: str, command: Approval) -> RuleSetView:
    """Put a proposed rule set in force; its proposer cannot. It is checked again."""
    version = proposals.approve_proposal(tx, proposal, based_on=command.based_on)
    return publishing.get_rule_set(tx, version)


@rules.post("/rules/proposals/{proposal}/reject")
def reject_rule_proposal(tx: Transaction, proposal: str, command: Rejection) -> ProposalDetail:
    """Decline a proposed rule set; its proposer may take it back so."""
    proposals.reject_proposal(tx, proposal, command.reason)
    return proposals.read_proposal(tx, proposal)


@rules.post(
    "/rules/replay", conflicts=True, most_body_bytes=MOST_RULES_BYTES, accepted_at="/rules/replays/{id}"
)
def replay_rules(desk: Desk, actor: Actor, command: Trial) -> ReplayResult | Accepted[ReplayView]:
    """Make the decisions of a span again by an edited set, and say which would differ.

    With the minutes worked under them that would move, the overage, and the sums; nothing of the desk is
    changed. What takes longer than 20 seconds is answered with 202: ask at the Location.
    """
    replay_id, thread = use_cases.start_replay(desk, actor, command.files, command.from_, command.to)
    thread.join(use_cases.WAIT_SECONDS)
    with desk.read(actor) as tx:
        found = use_cases.replay_result(tx, replay_id)
    return found if isinstance(found, ReplayResult) else Accepted(found)


@rules.get("/rules/replays")
def list_rule_replays(tx: Transaction, query: ListQuery) -> Page[ReplayView]:
    """The replays of the last 30 days, the newest first."""
    return use_cases.list_replays(tx, **query.given())


@rules.get("/rules/replays/{replay}")
def read_rule_replay(tx: Transaction, replay: str) -> ReplayView:
    """How far a replay is, and its sums when it is done."""
    return use_cases.read_replay(tx, replay)


@rules.post("/rules/replays/{replay}/cancel")
def cancel_rule_replay(tx: Transaction, replay: str) -> ReplayView:
    """Stop a replay that runs; what it found so far is dropped."""
    use_cases.cancel_replay(tx, replay)
    return use_cases.read_replay(tx, replay)


@rules.get("/rules/replays/{replay}/differences")
def list_replay_differences(tx: Transaction, replay: str, query: DifferencesQuery) -> Page[DifferenceView]:
    """The decisions that would differ, in the order in which they were made."""
    return use_cases.list_differences(tx, replay, **query.given())


def _submitted(tx: Transaction, submitted: proposals.Submitted) -> RuleSetView | Accepted[ProposalView]:
    if submitted.proposal is None:
        return publishing.get_rule_set(tx, submitted.version)
    return Accepted(proposals.read_proposal(tx, submitted.proposal).proposal)
