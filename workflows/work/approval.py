"""Approving and rejecting work entries, one by one or several at once: all of them or none.

Approval settles what the grants hold for an entry. Rejection releases it, and everything that comes after it
is drawn again, as if the entry had been deleted. Source: product.md section 7 (Approval of entries).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from sqlalchemy import Row, select

from workflows.commands.work import DecideEntries
from workflows.core.actors import SUPERVISORS
from workflows.core.errors import StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.search import redraw_and_cover
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.connected_work import Change
from workflows.notifications.work import notify_rejected
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.work.approval_uses import release_all
from workflows.work.correction import leave_out
from workflows.work.entries import locked_entry, reason_of

Decision = Literal["approved", "rejected"]


def approve_work(tx: Transaction, command: DecideEntries) -> list[str]:
    """Approve submitted entries. Returns their ids, each once, in the order given.

    Raises: NotAllowed; InvalidInput for an id that no entry has; StateForbids that names the entries that are
    not submitted.
    """
    return _decide(tx, command, "approved")


def reject_work(tx: Transaction, command: DecideEntries) -> list[str]:
    """Reject submitted entries, and write to their technicians. Returns their ids, as `approve_work`.

    Raises: as `approve_work`; NoRuleSet; RuleSetRefused; NoHolidayData where others are charged again.
    """
    return _decide(tx, command, "rejected")


def _decide(tx: Transaction, command: DecideEntries, decision: Decision) -> list[str]:
    tx.require(*SUPERVISORS)
    ids = list(dict.fromkeys(command.ids))
    _require_all_exist(tx, command.ids)
    # locked in one order by everyone who decides
    found = {entry_id: locked_entry(tx, entry_id) for entry_id in sorted(ids)}
    _require_submitted(found[entry_id] for entry_id in ids)
    drawn: dict[str, Row[Any]] = {}
    for entry_id in ids:
        # read again: the rejection of one may have charged another one again
        entry, request = locked_entry(tx, entry_id)
        _store(tx, entry, decision, command.reason)
        changed = leave_out(tx, request, entry) if decision == "rejected" else [entry]
        drawn |= {one.id: one for one in changed}
        if decision == "rejected":
            notify_rejected(tx, entry, request, command.reason)
            release_all(tx, entry_id)
    since = min(one.started_at for one in drawn.values())
    rejected = frozenset(ids) if decision == "rejected" else frozenset()
    change = Change(since, f"work_entry:{ids[0]}", entries=frozenset(drawn), rejected=rejected)
    redraw_and_cover(tx, change)
    return ids


def _require_all_exist(tx: Transaction, ids: Sequence[str]) -> None:
    """Raises: InvalidInput that names the first id that no entry has."""
    e = t.work_entry.c
    known = set(tx.connection.execute(select(e.id).where(e.id.in_(ids), e.deleted_at.is_(None))).scalars())
    for place, entry_id in enumerate(ids):
        if entry_id not in known:
            raise invalid(
                f"/ids/{place}", gettext("There is no work entry with this id."), gettext("Leave it out.")
            )


def _store(tx: Transaction, entry: Row[Any], decision: Decision, reason: str | None) -> None:
    tx.change(
        t.work_entry,
        entry.id,
        state=decision,
        decided_at=tx.now,
        decided_by=tx.actor.name,
        decision_reason=reason,
        version=next_version(t.work_entry),
    )
    tx.audit("work_entry", entry.id, decision, **reason_of(reason))


def _require_submitted(found: Iterable[tuple[Row[Any], Row[Any]]]) -> None:
    """Raises: StateForbids that names the entries that are not submitted."""
    decided = [(entry, request) for entry, request in found if entry.state != "submitted"]
    if not decided:
        return
    texts = [
        gettext(
            "the entry of %(start)s on %(number)s is %(state)s",
            start=f"{entry.started_at:%Y-%m-%d %H:%M}",
            number=request.number,
            state=_state(entry),
        )
        for entry, request in decided
    ]
    message = "; ".join(texts)
    raise StateForbids(
        gettext("Only submitted entries can be approved or rejected: %(message)s.", message=message),
        remedy=gettext("Leave them out, or correct them first: a corrected entry is submitted again."),
        state=decided[0][0].state,
        ids=[entry.id for entry, _ in decided],
    )


def _state(entry: Row[Any]) -> str:
    if not entry.decided_by:
        return word(entry.state)
    return gettext("%(state)s by %(name)s", state=word(entry.state), name=entry.decided_by)
