"""The rule sets that one may try or look through: in force, proposed, kept, or tried by a replay."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.rulebook import RuleSet, version_of
from workflows.core.errors import NotFound
from workflows.core.stored_rules import load_stored_rules
from workflows.core.transaction import Transaction
from workflows.replay.use_cases import files_of_replay
from workflows.rule_sets.proposals import list_proposals, read_proposal
from workflows.rule_sets.publishing import files_of, list_publications

MOST_CHOICES = 100


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """One rule set to choose. `value` names it to `files_of_choice` and `rules_of_choice`."""

    value: str
    kind: Literal["in_force", "proposed", "kept"]
    version: str
    note: str
    by: str
    at: datetime


def rule_choices(tx: Transaction) -> list[RuleChoice]:
    """The set in force, what is proposed, then the versions before, the newest first."""
    in_force: list[RuleChoice] = []
    kept: list[RuleChoice] = []
    seen: set[str] = set()
    for one in list_publications(tx, limit=MOST_CHOICES).items:
        if one.version in seen:
            continue
        seen.add(one.version)
        kind: Literal["in_force", "kept"] = "in_force" if one.in_force else "kept"
        choice = RuleChoice(one.version, kind, one.version, one.note, one.published_by, one.published_at)
        (in_force if one.in_force else kept).append(choice)
    proposed = [
        RuleChoice(f"proposal:{one.id}", "proposed", one.version, one.note, one.proposed_by, one.proposed_at)
        for one in list_proposals(tx, state="open").items
    ]
    return [*in_force, *proposed, *kept]


def files_of_choice(tx: Transaction, value: str) -> dict[str, str]:
    """The rule files of a choice: a version, `proposal:ID` or `replay:ID`. Raises: NotFound."""
    kind, _, record_id = value.partition(":")
    if kind == "proposal":
        return read_proposal(tx, record_id).files
    if kind == "replay":
        return files_of_replay(tx, record_id)
    if record_id:
        raise NotFound(f"{value!r} names no rule set.")
    return files_of(tx, value)


def rules_of_choice(tx: Transaction, value: str) -> RuleSet:
    """The rule set of a choice, ready to decide; the empty one is the set in force.

    Raises: NotFound; RuleSetRefused where an old set no longer passes the checker.
    """
    if value in ("", tx.rules.version):
        return tx.rules
    files = files_of_choice(tx, value)
    return load_stored_rules(version_of(files), files)
