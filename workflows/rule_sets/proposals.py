"""Publishing with approval: one administrator proposes a rule set, another approves or rejects it.

The setting `two_person_publishing` requires it. Every interface calls `submit_rule_set`, which publishes or
proposes as the setting says. A proposal is checked again on approval. Source: product.md section 6.
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
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.service_requests.sla import service_levels
from workflows.lifecycle.service_requests.sla_changes import preview_moved_targets
from workflows.notifications.messages import notify_administrators
from workflows.rule_sets.publishing import (
    READERS,
    check_rules,
    clean_note,
    diff_view,
    files_of,
    put_in_force,
    require_base,
    require_usable,
    rollback_note,
)
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.rules import ProposalDetail, ProposalView

proposal = t.rule_proposal


@dataclass(frozen=True, slots=True)
class Submitted:
    """The result of submitting a rule set: it is in force, or proposed if `proposal` has an id.

    `moved_targets` counts the open service level targets that moved, or that would move if it is approved.
    """

    version: str
    proposal: str | None = None
    unchanged: bool = False
    moved_targets: int = 0


def submit_rule_set(
    tx: Transaction, files: Mapping[str, str], note: str = "", *, based_on: str | None = None
) -> Submitted:
    """Check the files, then publish them, or propose them if approval is required.

    The first rule set of a desk is published at once: there is none in force that it could break.

    Raises:
        NotAllowed: the actor is no administrator.
        RuleSetRefused: the files have errors, or a contract type in use is missing.
        RulesChanged: the rule set in force is not `based_on`.
        StateForbids: the same rule set is proposed already.
        InvalidInput: the note is too long or contains control characters.

    Source: product.md section 6.
    """
    tx.require("administrator")
    return submit_checked(tx, load_rule_set(files), note, based_on=based_on)


def submit_checked(
    tx: Transaction, rule_set: RuleSet, note: str = "", *, based_on: str | None = None
) -> Submitted:
    """The same as `submit_rule_set` for a rule set that has been checked and loaded.

    The rule set in force is neither published nor proposed again.
    """
    note = clean_note(note)
    tx.start_writing()
    config = config_in_force(tx, to_change=True)
    if config.version == rule_set.version:
        return Submitted(rule_set.version, unchanged=True)
    require_base(config, based_on)
    require_usable(tx, rule_set)
    if config.version is None or not config.settings.two_person_publishing:
        moved = put_in_force(tx, rule_set, note, published_by=tx.actor.name)
        return Submitted(rule_set.version, moved_targets=moved)
    proposed = _propose(tx, rule_set, note, config.version)
    levels = service_levels(rule_set, tx.settings)
    return Submitted(rule_set.version, proposed, moved_targets=preview_moved_targets(tx, levels).count)


def submit_rollback(
    tx: Transaction, version: str, note: str = "", *, based_on: str | None = None
) -> Submitted:
    """Submit an old rule set again; `version` may be shortened to its beginning.

    Raises: NotFound and InvalidInput for the version; else as `submit_rule_set`.
    """
    tx.require("administrator")
    return submit_rule_set(tx, files_of(tx, version), note or rollback_note(version), based_on=based_on)


def approve_proposal(tx: Transaction, proposal_id: str, *, based_on: str | None = None) -> str:
    """Publish a proposed rule set; the actor must not be its proposer. Returns the version.

    `based_on` is the version in force that the approver has seen; it is required if the rule set in force has
    changed since the proposal. The files are checked again.

    Raises:
        NotAllowed: the actor is no administrator, is the proposer, or is no person.
        NotFound: there is no such proposal.
        StateForbids: it has been decided already.
        RulesChanged: the rule set in force is not `based_on`.
        RuleSetRefused: the files have errors, or a contract type in use is missing.

    Source: product.md section 6.
    """
    row = _to_decide(tx, proposal_id)
    if tx.actor.id is None:
        raise NotAllowed(
            gettext("Only a person can approve a rule set."), remedy=gettext("Sign in and approve it there.")
        )
    if tx.actor.id == row.proposed_by_id:
        raise NotAllowed(
            gettext("You proposed this rule set, so another administrator must approve it."),
            remedy=gettext("Ask another administrator, or reject it to withdraw it."),
        )
    rule_set = load_rule_set(row.files)
    tx.start_writing()
    row = _to_decide(tx, proposal_id)
    config = config_in_force(tx, to_change=True)
    require_base(config, based_on or row.based_on)
    require_usable(tx, rule_set)
    if config.version != rule_set.version:
        put_in_force(tx, rule_set, row.note, published_by=row.proposed_by, approved_by=tx.actor.name)
    _decide(tx, row, "approved", None)
    return rule_set.version


def reject_proposal(tx: Transaction, proposal_id: str, reason: str) -> None:
    """Reject a proposed rule set; its proposer may withdraw it in this way.

    Raises:
        NotAllowed: the actor is no administrator.
        InvalidInput: the reason is missing, too long or contains control characters.
        NotFound: there is no such proposal.
        StateForbids: it has been decided already.
    """
    if not reason.strip():
        raise invalid(
            "/reason", gettext("A rejection needs a reason."), gettext("Say what should be changed.")
        )
    row = _to_decide(tx, proposal_id)
    _decide(tx, row, "rejected", clean_note(reason, "/reason"))
    values = {
        "author": tx.actor.name,
        "version": row.version[:12],
        "proposer": row.proposed_by,
        "reason": reason.strip(),
    }
    notify_administrators(
        tx,
        "rules_rejected",
        values,
        about=("rule_proposal", row.id),
    )


def read_proposal(tx: Transaction, proposal_id: str) -> ProposalDetail:
    """A proposal, its files and their difference to the set in force. Raises: NotAllowed; NotFound."""
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
    return ProposalDetail(
        proposal=_view(row),
        files=row.files,
        diff=diff,
        may_approve=may_approve,
        moved_targets=check_rules(tx, row.files).moved_targets if row.state == "open" else 0,
    )


def list_proposals(
    tx: Transaction,
    *,
    state: str | None = None,
    order: str = "-proposed_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[ProposalView]:
    """A page of the proposals and the decisions on them, newest first. Raises: NotAllowed; InvalidInput."""
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
        counted=counted,
    )


def _propose(tx: Transaction, rule_set: RuleSet, note: str, in_force: str) -> str:
    same = select(proposal.c.id, proposal.c.proposed_by).where(
        proposal.c.version == rule_set.version, proposal.c.state == "open"
    )
    known = tx.connection.execute(same).one_or_none()
    if known is not None:
        raise StateForbids(
            gettext("%(proposed_by)s has already proposed this rule set.", proposed_by=known.proposed_by),
            remedy=gettext("Approve that proposal, or reject it first."),
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
        {"author": tx.actor.name, "version": rule_set.version[:12], "note": note.strip()},
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
            gettext(
                "%(decided_by)s has already %(state)s this proposal.",
                decided_by=row.decided_by,
                state=word(row.state),
            ),
            remedy=gettext("Propose the rule set again."),
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
    return NotFound(gettext("There is no such proposal."), remedy=gettext("See the list of proposals."))


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
