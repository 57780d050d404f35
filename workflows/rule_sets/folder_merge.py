"""Merges an edit of the rules folder into the rule set in force, which may have been published otherwise.

An edit is the difference from the folder's files of before. So a rule set that was published by page, API or
from another folder keeps its changes, and where both changed the same lines, nothing is published.
Source: operations.md, the rules folder.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, select

from engine.rulebook import Problem, RuleSetRefused
from workflows.core.transaction import Transaction
from workflows.rule_sets.merge import merge_rule_files
from workflows.store import tables as t

Files = Mapping[str, str]


def base_of_edit(tx: Transaction, row: Row[Any] | None) -> Files:
    """The files of the folder whose edits the rule set in force has: of a proposal, once it is approved."""
    if row is None:
        return {}
    if row.proposed is not None and _is_approved(tx, row.proposed["proposal"]):
        files: Files = row.proposed["files"]
        return files
    return row.base or {}


def merge_edit(base: Files, edited: Files, in_force: Files, version: str) -> Files:
    """The files of `version`, which is in force, with the edit from `base` to `edited`.

    Raises: RuleSetRefused for files that both changed in the same lines, or that one removed and one changed.
    """
    merged = merge_rule_files(base, edited, in_force)
    refused = sorted({*merged.unresolved, *merged.restored})
    if refused:
        raise RuleSetRefused(tuple(_both_changed(path, version) for path in refused))
    return merged.files


def _is_approved(tx: Transaction, proposal_id: str) -> bool:
    proposal = t.rule_proposal
    state = tx.connection.execute(select(proposal.c.state).where(proposal.c.id == proposal_id))
    return state.scalar_one_or_none() == "approved"


def _both_changed(path: str, version: str) -> Problem:
    message = (
        f"The edit of this file conflicts with the rule set in force, {version[:12]}, which was published "
        "otherwise. Put the published file into the folder (coverdesk rules show --into), then repeat the "
        "edit; to replace the rule set in force by the folder, run coverdesk rules publish."
    )
    return Problem(path, 1, 1, "", "error", message)
