"""Telling the desk one service request's history, event by event, through the use cases and at its instants.

All of it in one transaction: an import that is killed has each service request wholly or not at all. An
event that is refused is undone alone (a savepoint) and told; the next one goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError

from engine.errors import DeskError
from engine.service_requests import ENDED_STATES
from workflows.commands.service_requests import ChangeServiceRequest, FireTrigger, NewServiceRequest
from workflows.core.actors import Actor
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.importing.export import Event, LeftOut
from workflows.importing.history import History, event_key, instant_of_key
from workflows.importing.inferred_transitions import Move, NoWay, moves_between
from workflows.importing.mapping import Mapping, Meaning
from workflows.importing.register_lookup import Registers, clipped, imported, remember
from workflows.lifecycle.service_requests.transitions import lock_request
from workflows.service_requests.log import log_service_request
from workflows.service_requests.use_cases import change_service_request, fire_trigger
from workflows.store import tables as t
from workflows.store.ids import new_id

LONGEST_SUBJECT = 200
LONGEST_TEXT = 20_000
Step = Callable[[Transaction, Event], bool]
REFUSALS = (DeskError, ValidationError, IntegrityError, DataError, NoWay)


@dataclass(slots=True)
class Told:
    """What became of one history: lines taken, lines left out, remarks to lines taken, and what was made."""

    number: str
    was_known: bool = False
    is_new: bool = False
    taken: list[int] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    remarks: list[LeftOut] = field(default_factory=list)
    moves: int = 0
    inferred: int = 0
    made: set[tuple[str, str]] = field(default_factory=set)


def replay_history(tx: Transaction, history: History, mapping: Mapping) -> Told:
    """Tell the desk what it does not know yet of a history; answers what became of each line."""
    return _HistoryReplay(tx, history, mapping).tell()


class _HistoryReplay:
    """One history on its way into the desk."""

    def __init__(self, tx: Transaction, history: History, mapping: Mapping) -> None:
        self.tx = tx
        self.history = history
        self.mapping = mapping
        self.registers = Registers(mapping)
        self.told = Told(history.number, left_out=list(history.left_out))
        self.request_id: str | None = None
        self.state_told: str | None = None
        self.particulars_told: dict[str, str] | None = None
        self.previous: int | None = None

    def tell(self) -> Told:
        _lock_source(self.tx, self.mapping.source)
        self.request_id = imported(self.tx, self.mapping.source, "service_request", self.history.number)
        self.told.was_known = self.request_id is not None
        events = self._untold()
        if self.request_id is None and _is_ours(self.tx, self.history.number):
            why = f"{self.history.number} is the number of a service request that was logged here"
            self.told.left_out += [LeftOut(event.line, why) for event in events]
            return self.told
        mark = new_id()
        for event in events:
            self._notify_event(event)
        if self.request_id is not None:
            keys = [event_key(event) for event in events]
            remember(self.tx, self.mapping.source, "event", keys, self.request_id)
        if events:
            self._keep_silent(mark, events[-1].at)
        self.told.made = self.registers.made
        return self.told

    def _untold(self) -> list[Event]:
        """The events that can still be told: not in an earlier import, not before its last, not to come."""
        known = self._events_known()
        newest = max((instant_of_key(key) for key in known), default=None)
        untold = []
        for event in self.history.events:
            if event_key(event) in known:
                why = "it was read by an earlier import"
                self.state_told = event.state
                self.previous = event.line
            elif newest is not None and event.at < newest:
                why = f"it lies before what was imported of {event.number} earlier"
            elif event.at > self.tx.now:
                why = "it lies in the future"
            else:
                untold.append(event)
                continue
            self.told.left_out.append(LeftOut(event.line, why))
        return untold

    def _events_known(self) -> set[str]:
        if self.request_id is None:
            return set()
        r = t.imported_record
        keys = self.tx.connection.execute(
            select(r.c.external_key).where(
                r.c.source == self.mapping.source,
                r.c.kind == "event",
                # numbers hold no tab: this is the key's first part, as a range of the primary key
                r.c.external_key >= f"{self.history.number}\t",
                r.c.external_key < f"{self.history.number}\n",
            )
        )
        return set(keys.scalars())

    # -------------------------------------------------------------- one event

    def _notify_event(self, event: Event) -> None:
        """Log, change and move as one event tells. What is refused is undone; the rest of the row stays."""
        self.remarks: list[str] = []
        refused: list[str] = []
        then = replace(self.tx, now=event.at, actor=self._actor(event, "changed_by"))
        done = False
        for step in self._steps(event):
            if step != self._log and self.request_id is None:
                break
            made = set(self.registers.made)
            try:
                with self.tx.connection.begin_nested():
                    done = step(then, event) or done
            except REFUSALS as refusal:
                self.registers.forget()
                self.registers.made = made
                refused.append(_words(refusal))
        self._note(event, done, refused)

    def _steps(self, event: Event) -> list[Step]:
        """What an event may have to tell: no more than it tells otherwise than the one before."""
        if self.request_id is None:
            return [self._log, self._change, self._move]
        steps: list[Step] = []
        if _particulars(event) != self.particulars_told:
            steps.append(self._change)
        if self.mapping.states[event.state] is not None and event.state != self.state_told:
            steps.append(self._move)
        if len(steps) > 1 and lock_request(self.tx, self.request_id).state in ENDED_STATES:
            # what has ended takes no changes: it is reopened first
            steps.reverse()
        return steps

    def _note(self, event: Event, done: bool, refused: list[str]) -> None:
        if done:
            self.told.taken.append(event.line)
            self.told.remarks += [LeftOut(event.line, f"but {why}") for why in (*self.remarks, *refused)]
        elif refused:
            self.told.left_out.append(LeftOut(event.line, "; ".join(refused)))
        else:
            after = "what was imported earlier" if self.previous is None else f"line {self.previous}"
            self.told.left_out.append(LeftOut(event.line, f"it tells nothing new after {after}"))
        self.previous = event.line

    def _log(self, then: Transaction, event: Event) -> bool:
        """Log the service request at its opening."""
        actor = self._actor(event, "opened_by", "changed_by")
        then = replace(then, now=self.history.opened_at, actor=actor)
        values = event.values
        org_unit = self.registers.org_unit(then, values)
        customer = self.registers.customer(then, values, org_unit)
        if customer is None:
            raise NoWay("it names no customer")
        command = NewServiceRequest(
            subject=self._subject(event) or f"Imported {event.number}",
            description=self._description(event),
            customer=customer,
            item=self.registers.item(then, values, customer, org_unit),
            org_unit=org_unit,
            priority=self._priority(event),  # type: ignore[arg-type]  # one of four, checked with the mapping
            work_type=values.get("work_type"),
            channel=values.get("channel"),
        )
        logged = log_service_request(then, command, number=event.number)
        if logged.service_request is None:
            raise NoWay(f"it is refused: {logged.refused}")
        remember(self.tx, self.mapping.source, "service_request", [event.number], logged.service_request)
        self.request_id = logged.service_request
        self.told.is_new = True
        return True

    def _change(self, then: Transaction, event: Event) -> bool:
        """Change what an event tells otherwise than the service request has it."""
        request = lock_request(then, str(self.request_id))
        told = self._particulars(then, event, request)
        self.particulars_told = _particulars(event)
        given = {
            key: value
            for key, value in told.items()
            if value is not None and value != request._mapping[COLUMNS.get(key, key)]
        }
        if not given:
            return False
        if "customer" in given:
            # a new customer's request loses the item and org unit of the old one, unless they are told again
            given |= {"item": told["item"], "org_unit": told["org_unit"]}
        change_service_request(then, request.id, ChangeServiceRequest(**given))
        return True

    def _particulars(self, then: Transaction, event: Event, request: Row[Any]) -> dict[str, Any]:
        values = event.values
        org_unit = self.registers.org_unit(then, values) if "org_unit" in values else None
        customer = self.registers.customer(then, values, org_unit) if "customer" in values else None
        asker = customer or request.customer_id
        if org_unit is not None:
            self.registers.join(then, asker, org_unit)
        owner_unit = org_unit or request.org_unit_id
        return {
            "subject": self._subject(event),
            "description": self._description(event),
            "customer": customer,
            "org_unit": org_unit,
            "item": self.registers.item(then, values, asker, owner_unit),
            "priority": self._priority(event) if "priority" in values else None,
            "work_type": values.get("work_type"),
            "technician": self.registers.technician(then, values),
        }

    def _move(self, then: Transaction, event: Event) -> bool:
        """Fire what leads to the state told."""
        meaning = self.mapping.states[event.state]
        if meaning is None:
            return False
        request = lock_request(then, str(self.request_id))
        try:
            moves = moves_between(request.state, request.on_hold_reason, meaning)
        except NoWay:
            # told once: the rows that follow in the same state do not repeat it
            self.state_told = event.state
            raise
        for move in moves:
            command = self._command(move, meaning, event)
            fire_trigger(then, request.id, command, inferred=move.inferred)
        self.state_told = event.state
        self.told.moves += len(moves)
        self.told.inferred += sum(move.inferred for move in moves)
        return bool(moves)

    def _command(self, move: Move, meaning: Meaning, event: Event) -> FireTrigger:
        note = reason = None
        if move.trigger == "resolve":
            note = event.values.get("resolution", f"Resolved at {self.mapping.source}")[:LONGEST_TEXT]
        elif move.trigger == "hold":
            note, reason = event.state, meaning.reason
        elif move.trigger == "cancel":
            reason = meaning.reason or f"{event.state} at {self.mapping.source}"
        return FireTrigger(trigger=move.trigger, note=note, reason=reason)  # type: ignore[arg-type]

    # -------------------------------------------------------------- values

    def _actor(self, event: Event, *keys: str) -> Actor:
        """Who did it at the other desk, by name alone: none of them acts here."""
        name = next((event.values[key] for key in keys if key in event.values), self.mapping.source)
        return Actor(None, name, "system")

    def _subject(self, event: Event) -> str | None:
        subject = event.values.get("subject")
        if subject is None:
            return None
        if len(subject) > LONGEST_SUBJECT:
            self._remark(f"its subject is cut to {LONGEST_SUBJECT} characters")
        return clipped(subject, LONGEST_SUBJECT)

    def _description(self, event: Event) -> str | None:
        text = event.values.get("description")
        if text is not None and len(text) > LONGEST_TEXT:
            self._remark(f"its description is cut to {LONGEST_TEXT} characters")
        return text[:LONGEST_TEXT] if text is not None else None

    def _priority(self, event: Event) -> str:
        told = event.values.get("priority")
        if told is None:
            return self.mapping.other_priority
        if told not in self.mapping.priorities:
            other = self.mapping.other_priority
            self._remark(f"the priority {told!r} is not named in the mapping: {other} is taken")
        return self.mapping.priorities.get(told, self.mapping.other_priority)

    def _remark(self, words: str) -> None:
        if words not in self.remarks:
            self.remarks.append(words)

    # -------------------------------------------------------------- records

    def _keep_silent(self, mark: str, last: datetime) -> None:
        """Take back the messages of this history: nobody is told today what happened then."""
        o = t.outbox
        self.tx.connection.execute(delete(o).where(o.c.id >= mark, o.c.created_at <= last))


PARTICULARS = frozenset(
    {
        "subject", "description", "customer", "customer_email", "org_unit", "item", "priority", "work_type",
        "technician", "technician_email",
    }
)  # fmt: skip
"""What of a row can change a service request that is logged."""

COLUMNS = {
    "customer": "customer_id",
    "org_unit": "org_unit_id",
    "item": "item_id",
    "technician": "technician_id",
}


def _particulars(event: Event) -> dict[str, str]:
    return {key: value for key, value in event.values.items() if key in PARTICULARS}


def _lock_source(tx: Transaction, source: str) -> None:
    """Let one import of a source at a time tell a history; others wait for its end."""
    r = t.imported_record
    dialect = sqlite if tx.is_sqlite else postgresql
    row = dialect.insert(r).values(
        source=source, kind="source", external_key=source, record_id="", imported_at=tx.real_now
    )
    tx.connection.execute(row.on_conflict_do_nothing())
    tx.connection.execute(
        select(r.c.source).where(r.c.source == source, r.c.kind == "source").with_for_update()
    )


def _is_ours(tx: Transaction, number: str) -> bool:
    r = t.service_request
    return tx.connection.execute(select(r.c.id).where(r.c.number == number)).scalar() is not None


def _words(refusal: Exception) -> str:
    """Why an event was refused, in one line."""
    if isinstance(refusal, ValidationError):
        first = refusal.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg'].removeprefix('Value error, ')}"
    if isinstance(refusal, (IntegrityError, DataError)):
        return f"the database refuses it: {str(refusal.orig).splitlines()[0]}"
    if isinstance(refusal, StateForbids):
        return str(refusal).rstrip(".")
    if isinstance(refusal, DeskError):
        return refusal.detail.rstrip(".")
    return str(refusal)
