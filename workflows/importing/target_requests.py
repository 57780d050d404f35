"""The service request that a history is replayed into: one in the database, or a new one in memory.

A new request that no contract can concern is composed in memory, by the functions by which the use cases
plan their changes, and written once, as it is after its last event. Nobody else can know of it before: so
nothing else is read for it, no contract ends with it, and the messages about it, which an import discards,
are not written. All others are changed by the use cases, event by event.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Protocol

from sqlalchemy import update

from workflows.commands.service_requests import ChangeServiceRequest, FireTrigger, NewServiceRequest
from workflows.core.transaction import Transaction
from workflows.importing.events import Event
from workflows.importing.inferred_transitions import NoTransition
from workflows.importing.mapping import WORKED
from workflows.importing.pending_rows import PendingRows
from workflows.importing.prepared_reads import DISCARD, STATE
from workflows.lifecycle.service_requests.facts import with_earlier
from workflows.lifecycle.service_requests.parties import check_parties
from workflows.lifecycle.service_requests.transitions import history_values, lock_request, plan_move
from workflows.service_requests.log import log_service_request, request_values
from workflows.service_requests.use_cases import (
    change_service_request,
    changed_details,
    changed_words,
    check_trigger,
    fire_trigger,
    plan_change,
)
from workflows.store import tables as t
from workflows.store.compiled_statements import defaults
from workflows.store.ids import new_id

r = t.service_request


class TargetRequest(Protocol):
    """A service request to which events happen, each at the instant of its transaction `then`."""

    id: str

    def row(self, then: Transaction) -> Any:
        """Its columns now; a row of the database is locked."""

    def state(self, then: Transaction) -> Any:
        """At least its `state` and `on_hold_reason`."""

    def change(self, then: Transaction, command: ChangeServiceRequest) -> None:
        """Raises: as `change_service_request`."""

    def fire(self, then: Transaction, command: FireTrigger, *, inferred: bool) -> None:
        """Raises: as `fire_trigger`."""

    def finish(self, tx: Transaction, *, ends_resolved: bool, last: datetime) -> None:
        """What follows the last event, which is at the instant `last`."""


class StoredRequest:
    """A service request in the database, changed by the use cases."""

    def __init__(self, request_id: str) -> None:
        self.id = request_id
        self._first_id = new_id()

    @classmethod
    def log(cls, then: Transaction, command: NewServiceRequest, number: str) -> "StoredRequest":
        """Raises: NoTransition if a rule refuses it; as `log_service_request`."""
        first_id = new_id()
        logged = log_service_request(then, command, number=number)
        if logged.service_request is None:
            raise NoTransition(f"a rule refuses it: {logged.refused}")
        made = cls(logged.service_request)
        made._first_id = first_id
        return made

    def row(self, then: Transaction) -> Any:
        return lock_request(then, self.id)

    def state(self, then: Transaction) -> Any:
        # the use case locks the row and checks the state again
        return STATE.one(then.connection, {"id": self.id})

    def change(self, then: Transaction, command: ChangeServiceRequest) -> None:
        change_service_request(then, self.id, command)

    def fire(self, then: Transaction, command: FireTrigger, *, inferred: bool) -> None:
        fire_trigger(then, self.id, command, inferred=inferred)

    def finish(self, tx: Transaction, *, ends_resolved: bool, last: datetime) -> None:
        if ends_resolved:
            resolved = (r.c.id == self.id, r.c.state == "resolved", r.c.auto_close_at <= tx.recorded_at)
            tx.connection.execute(update(r).where(*resolved).values(auto_close_at=auto_close_at(tx)))
        # no messages are sent about the past: delete those that this history caused
        DISCARD.run(tx.connection, {"mark": self._first_id, "last": last})


class ComposedRequest:
    """A new service request in memory, which `finish` adds to the rows to be written."""

    def __init__(
        self, then: Transaction, command: NewServiceRequest, number: str, pending: PendingRows
    ) -> None:
        """Raises: as `log_service_request`."""
        parties = check_parties(then, customer=command.customer, item=command.item, org_unit=command.org_unit)
        self.id = new_id()
        values = request_values(then, self.id, command, parties, state="open", number=number)
        self._row = SimpleNamespace(**{**NEW_ROW, **values, "number": number})
        self._history = [history_values(then, self.id, "log", None, "open")]
        self._audit: list[dict[str, Any]] = []
        self._pending = pending

    def row(self, then: Transaction) -> Any:
        return self._row

    def state(self, then: Transaction) -> Any:
        return self._row

    def change(self, then: Transaction, command: ChangeServiceRequest) -> None:
        changes = plan_change(then, self._row, command)
        if changes:
            words = changed_words(then, self._row, changes)
            self._set({**with_earlier(then, self._row, changes), **words})
            details = changed_details(changes)
            self._audit.append(then.audit_row(then.now, "service_request", self.id, "changed", details))

    def fire(self, then: Transaction, command: FireTrigger, *, inferred: bool) -> None:
        check_trigger(then, self._row, command)
        move = plan_move(
            then, self._row, command.trigger, note=command.note, reason=command.reason, inferred=inferred
        )
        self._set(move.columns)
        self._history.append(dict(move.history))

    def finish(self, tx: Transaction, *, ends_resolved: bool, last: datetime) -> None:
        row = self._row
        if ends_resolved and row.state == "resolved" and row.auto_close_at <= tx.recorded_at:
            row.auto_close_at = auto_close_at(tx)
        self._pending.add(r, vars(row))
        self._pending.add(t.service_request_history, *self._history)
        self._pending.add(t.audit_event, *self._audit)

    def _set(self, columns: Any) -> None:
        vars(self._row).update(columns)
        self._row.version += 1


def can_be_composed(tx: Transaction, events: Sequence[Event]) -> bool:
    """Whether a new request with these events, in order, can be composed: no contract can concern it.

    What happens now, and not in the past, may also have other effects, such as an automatic close. Work is
    logged on a stored request.
    """
    if tx.settings.contracts or not events or events[-1].at >= tx.recorded_at:
        return False
    return all(WORKED.isdisjoint(event.values) for event in events)


def auto_close_at(tx: Transaction) -> datetime:
    """When a request that is imported as resolved closes: its days begin with the import.

    They were over before this desk knew of it: it would show as closed, which the export does not say.
    """
    return tx.recorded_at + timedelta(days=tx.settings.auto_close_days)


NEW_ROW: dict[str, Any] = {
    **{column.name: None for column in r.c if column.server_default is None},
    **defaults(r),
    "version": 1,
}
"""The columns of a new row that is composed here, as they are unless they are given."""
