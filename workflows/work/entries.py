"""Rows of work entries: read, locked, and who may change them. Source: product.md section 7."""

from typing import Any

from sqlalchemy import Row, select

from engine.work_approval import is_protected
from workflows.core.actors import SUPERVISORS
from workflows.core.contract_locks import ChangedMeanwhile
from workflows.core.errors import NotFound, StateForbids, VersionChanged, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.service_requests.access import require_visible
from workflows.service_requests.closing import lock_current
from workflows.store import tables as t


def locked_entry(
    tx: Transaction, entry_id: str, expected_version: int | None = None
) -> tuple[Row[Any], Row[Any]]:
    """A work entry and its service request, both locked: the request first, which has other entries.

    Raises: NotFound; VersionChanged; ChangedMeanwhile.
    """
    seen = read_entry_row(tx, entry_id)
    request = lock_current(tx, require_visible(tx, seen.service_request_id))
    return lock_seen(tx, entry_id, request.id, expected_version), request


def lock_seen(tx: Transaction, entry_id: str, request_id: str, expected_version: int | None) -> Row[Any]:
    """The locked row of a work entry that was seen on a service request, which is locked.

    Raises: VersionChanged; ChangedMeanwhile where it has been moved to another request before the lock, so
    that the use case is run again for the entry where it is now.
    """
    entry = read_entry_row(tx, entry_id, locked=True)
    if expected_version is not None and entry.version != expected_version:
        raise VersionChanged(
            gettext("The work entry has changed since you read it."), remedy=gettext("Read it again first.")
        )
    if entry.service_request_id != request_id:
        raise ChangedMeanwhile
    return entry


def read_entry_row(tx: Transaction, entry_id: str, *, locked: bool = False) -> Row[Any]:
    """The row of a work entry. Raises: NotFound."""
    e = t.work_entry
    wanted = select(e).where(e.c.id == entry_id, e.c.deleted_at.is_(None))
    if locked:
        wanted = wanted.with_for_update(key_share=True)
    entry = tx.connection.execute(wanted).one_or_none()
    if entry is None:
        raise NotFound(
            gettext("There is no such work entry."),
            remedy=gettext("Look at the service request's list of work."),
        )
    return entry


def needs_reason(tx: Transaction, entry: Row[Any]) -> bool:
    """Whether only a supervisor may change an entry, with a reason."""
    was_decided = entry.decided_at is not None
    return is_protected(entry.state, needs_approval=tx.settings.work_approval, was_decided=was_decided)


def require_changeable(tx: Transaction, entry: Row[Any], reason: str | None) -> None:
    """Check that the actor may change an entry, and has given a reason where it needs one.

    Raises: StateForbids; InvalidInput.
    """
    if not needs_reason(tx, entry):
        return
    if tx.actor.role not in SUPERVISORS:
        raise StateForbids(
            gettext("The entry is approved: only a supervisor may change it."),
            remedy=gettext("Ask a supervisor to correct it."),
            state=entry.state,
        )
    if not reason:
        raise invalid(
            "/reason",
            gettext("The entry is approved: a change needs a reason."),
            gettext("Say why it changes."),
        )


def reason_of(reason: str | None) -> dict[str, str]:
    """The reason as a detail of the audit trail, where one is given."""
    return {"reason": reason} if reason else {}
