"""Publishing by two: one administrator proposes a rule set, another approves or rejects it.

A setting asks for it (`two_person_publishing`); `submit_rule_set` is what every door calls, and puts in
force or proposes as the setting says. What is approved is checked again. Source: product.md section 6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from engine.rulebook import RuleSet, load_rule_set
from workflows.core.config_version import config_in_force
from workflows.core.errors import NotAllowed, NotFound, StateForbids, invalid
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.notifications.messages import notify_administrators
from workflows.rule_sets.publishing import (
    READERS,
    clean_note,
    diff_view,
    files_of,
    put_in_force,
    require_base,
    require_types,
    rollback_note,
)
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.rules import ProposalDetail, ProposalView

proposal = t.rule_proposal


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a rule set: it is in force, or it is proposed (the proposal's id)."""

    version: str
    proposal: str | None = None


def submit_rule_set(
    tx: Transaction, files: Mapping[str, str], note: str = "", *, based_on: str | None = None
) -> Submitted:
    """Check the files, and put them in force or propose them where publishing takes two.

    The first rule set of a desk takes force at once: there is nothing in force that it could spoil.
    Raises: RuleSetRefused; RulesChanged where another set than `based_on` is in force; StateForbids where
    the same set is proposed already.
    """
    tx.require("administrator")
    return submit_checked(tx, load_rule_set(files), note, based_on=based_on)


def submit_checked(
    tx: Transaction, rule_set: RuleSet, note: str = "", *, based_on: str | None = None
) -> Submitted:
    """The same for files that were checked and loaded already."""
    note = clean_note(note)
    tx.start_writing()
    config = config_in_force(tx, to_change=True)
    require_base(config, based_on)
    require_types(tx, rule_set)
    if config.version is None or not config.settings.two_person_publishing:
        put_in_force(tx, rule_set, note, published_by=tx.actor.name)
        return Submitted(rule_set.version)
    return Submitted(rule_set.version, _propose(tx, rule_set, note, config.version))


def submit_rollback(
    tx: Transaction, version: str, note: str = "", *, based_on: str | None = None
) -> Submitted:
    """Submit an old rule set again; the beginning of its version will do."""
    tx.require("administrator")
    return submit_rule_set(tx, files_of(tx, version), note or rollback_note(version), based_on=based_on)


def approve_proposal(tx: Transaction, proposal_id: str, *, based_on: str | None = None) -> str:
    """Put a proposed rule set in force, as another administrator than its proposer; answers the version.

    `based_on` is the version in force that it was compared with: needed where that has changed since it was
    proposed. The files are checked again.
    Raises: NotFound; NotAllowed for the proposer; StateForbids when it is decided already; RulesChanged;
    RuleSetRefused.
    """
    row = _to_decide(tx, proposal_id)
    if tx.actor.id is None:
        raise NotAllowed("An approval needs a person.", remedy="Log in and approve it there.")
    if tx.actor.id == row.proposed_by_id:
        raise NotAllowed(
            "You proposed this rule set: another administrator approves it.",
            remedy="Ask another administrator, or reject it to take it back.",
        )
    rule_set = load_rule_set(row.files)
    tx.start_writing()
    row = _to_decide(tx, proposal_id)
    config = config_in_force(tx, to_change=True)
    require_base(config, based_on or row.based_on)
    require_types(tx, rule_set)
    put_in_force(tx, rule_set, row.note, published_by=row.proposed_by, approved_by=tx.actor.name)
    _decide(tx, row, "approved", None)
    return rule_set.version


def reject_proposal(tx: Transaction, proposal_id: str, reason: str) -> None:
    """Decline a proposed rule set; its proposer may take it back so. Raises: NotFound; StateForbids."""
    if not reason.strip():
        raise invalid("/reason", "A rejection needs its reason.", "Say what should be done differently.")
    row = _to_decide(tx, proposal_id)
    _decide(tx, row, "rejected", clean_note(reason, "/reason"))
    notify_administrators(
        tx,
        "rules_rejected",
        subject="A proposed rule set was rejected",
        body=f"{tx.actor.name} rejected rule set {row.version[:12]} of {row.proposed_by}: {reason.strip()}",
        about=("rule_proposal", row.id),
    )


def read_proposal(tx: Transaction, proposal_id: str) -> ProposalDetail:
    """A proposal with its files and how they differ from the set in force. Raises: NotFound."""
    tx.require(*READERS)
    row = tx.connection.execute(select(proposal).where(proposal.c.id == proposal_id)).one_or_none()
    if row is None:
        raise _unknown()
    current = select(t.rule_set).join(t.deployment, t.deployment.c.rule_set == t.rule_set.c.version)
    in_force = tx.connection.execute(current).one_or_none()
    version, files = (in_force.version, in_force.files) if in_force is not None else (None, {})
    diff = diff_view(version, files, row.version, row.files)
    is_another = tx.actor.id is not None and tx.actor.id != row.proposed_by_id
    may_approve = row.state == "open" and tx.actor.role == "administrator" and is_another
    return ProposalDetail(proposal=_view(row), files=row.files, diff=diff, may_approve=may_approve)


def list_proposals(
    tx: Transaction,
    *,
    state: str | None = None,
    order: str = "-proposed_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[ProposalView]:
    """What was proposed, and what became of it; the newest first."""
    tx.require(*READERS)
    columns = [column for column in proposal.c if column.name != "files"]
    statement = select(*columns) if state is None else select(*columns).where(proposal.c.state == state)
    return read_page(
        tx,
        statement,
        _view,
        orders={"proposed_at": Sort(proposal.c.proposed_at)},
        by_id=proposal.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
    )


def _propose(tx: Transaction, rule_set: RuleSet, note: str, in_force: str) -> str:
    same = select(proposal.c.id, proposal.c.proposed_by).where(
        proposal.c.version == rule_set.version, proposal.c.state == "open"
    )
    known = tx.connection.execute(same).one_or_none()
    if known is not None:
        raise StateForbids(
            f"{known.proposed_by} has proposed this very rule set already.",
            remedy="Approve that proposal, or reject it first.",
            state="proposed",
            proposal=known.id,
        )
    proposal_id = new_id()
    tx.add(
        proposal,
        id=proposal_id,
        version=rule_set.version,
        files=dict(rule_set.files),
        note=note,
        based_on=in_force,
        state="open",
        proposed_by=tx.actor.name,
        proposed_by_id=tx.actor.id,
        proposed_at=tx.real_now,
    )
    notify_administrators(
        tx,
        "rules_proposed",
        subject="A rule set is proposed",
        body=f"{tx.actor.name} proposes rule set {rule_set.version[:12]} for approval. {note}".strip(),
        about=("rule_proposal", proposal_id),
    )
    return proposal_id


def _to_decide(tx: Transaction, proposal_id: str) -> Row[Any]:
    tx.require("administrator")
    row = tx.connection.execute(
        select(proposal).where(proposal.c.id == proposal_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise _unknown()
    if row.state != "open":
        raise StateForbids(
            f"The proposal was {row.state} by {row.decided_by} already.",
            remedy="Propose the rule set anew.",
            state=row.state,
        )
    return row


def _decide(tx: Transaction, row: Row[Any], state: str, reason: str | None) -> None:
    tx.change(
        proposal,
        row.id,
        state=state,
        decided_by=tx.actor.name,
        decided_at=tx.real_now,
        reason=reason,
    )


def _unknown() -> NotFound:
    return NotFound("There is no such proposal.", remedy="Look at the list of proposals.")


def _view(row: Row[Any]) -> ProposalView:
    return ProposalView(
        id=row.id,
        version=row.version,
        note=row.note,
        based_on=row.based_on,
        state=row.state,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        reason=row.reason,
    )
