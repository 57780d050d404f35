"""The rule sets that a user can choose to try or read: in force, proposed, earlier, or of a replay."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.rulebook import RuleSet, version_of
from workflows.core.errors import NotFound
from workflows.core.stored_rules import load_stored_rules
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.replay.use_cases import files_of_replay
from workflows.rule_sets.proposals import list_proposals, read_proposal
from workflows.rule_sets.publishing import files_of, list_publications

MOST_CHOICES = 100


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """One option of the list. `value` identifies it in `files_of_choice` and `rules_of_choice`."""

    value: str
    kind: Literal["in_force", "proposed", "earlier"]
    version: str
    note: str
    by: str
    at: datetime


def rule_choices(tx: Transaction) -> list[RuleChoice]:
    """The rule set in force, then open proposals, then earlier versions, newest first."""
    in_force: list[RuleChoice] = []
    earlier: list[RuleChoice] = []
    seen: set[str] = set()
    for one in list_publications(tx, limit=MOST_CHOICES).items:
        if one.version in seen:
            continue
        seen.add(one.version)
        kind: Literal["in_force", "earlier"] = "in_force" if one.in_force else "earlier"
        choice = RuleChoice(one.version, kind, one.version, one.note, one.published_by, one.published_at)
        (in_force if one.in_force else earlier).append(choice)
    proposed = [
        RuleChoice(f"proposal:{one.id}", "proposed", one.version, one.note, one.proposed_by, one.proposed_at)
        for one in list_proposals(tx, state="open").items
    ]
    return [*in_force, *proposed, *earlier]


def files_of_choice(tx: Transaction, value: str) -> dict[str, str]:
    """The rule files of a choice, by path. `value` is a version, `proposal:ID` or `replay:ID`.

    Raises:
        NotFound: there is no such version, proposal or replay.
        InvalidInput: several versions begin with `value`.
        NotAllowed: the actor may not read rules.
    """
    kind, _, record_id = value.partition(":")
    if kind == "proposal":
        return read_proposal(tx, record_id).files
    if kind == "replay":
        return files_of_replay(tx, record_id)
    if record_id:
        raise NotFound(gettext("There is no rule set %(value)s.", value=repr(value)))
    return files_of(tx, value)


def rules_of_choice(tx: Transaction, value: str) -> RuleSet:
    """The loaded rule set of a choice; an empty `value` means the rule set in force.

    Raises:
        NotFound: there is no such version, proposal or replay.
        InvalidInput: several versions begin with `value`.
        RuleSetRefused: an old rule set can no longer be read.
    """
    if value in ("", tx.rules.version):
        return tx.rules
    files = files_of_choice(tx, value)
    return load_stored_rules(version_of(files), files)
