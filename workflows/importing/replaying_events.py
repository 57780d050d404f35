"""Import of one service request's history, event by event, through the use cases at the events' instants.

Steps that are refused are rare: a history is replayed without savepoints, and if a step is refused, once more
with one for each step. Only the refused step is then rolled back and reported, and the next one is tried.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row, select
from sqlalchemy.exc import DataError, IntegrityError

from engine.errors import DeskError
from engine.service_requests import ENDED_STATES
from workflows.commands.fields import as_one_line
from workflows.commands.service_requests import ChangeServiceRequest, FireTrigger, NewServiceRequest
from workflows.commands.work import WorkGiven
from workflows.core.actors import Actor
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.importing.events import Event, RowNote
from workflows.importing.history import History, instant_of_key
from workflows.importing.inferred_transitions import Move, NoTransition, moves_between
from workflows.importing.mapping import WORKED, Mapping, Meaning
from workflows.importing.pending_rows import PendingRows
from workflows.importing.register_lookup import RegisterLookup, clipped, record_imported
from workflows.importing.target_requests import (
    ComposedRequest,
    StoredRequest,
    TargetRequest,
    can_be_composed,
)
from workflows.importing.worked_time import (
    MOST_MINUTES,
    as_worker,
    entry_lengths,
    minutes_worked,
    worked_minutes,
)
from workflows.store import tables as t
from workflows.work.use_cases import log_work

LONGEST_SUBJECT = 200
LONGEST_TEXT = 20_000
Step = Callable[[Transaction, Event], bool]
REFUSALS = (DeskError, ValidationError, IntegrityError, DataError, NoTransition)


class StepRefused(Exception):
    """A use case has refused a step of a history."""


@dataclass(slots=True)
class HistoryOutcome:
    """The result of importing one history.

    `imported` are line numbers, `remarks` belong to imported lines.
    """

    was_known: bool = False
    is_new: bool = False
    imported: list[int] = field(default_factory=list)
    skipped: list[RowNote] = field(default_factory=list)
    remarks: list[RowNote] = field(default_factory=list)
    moves: int = 0
    inferred: int = 0


@dataclass(slots=True)
class ReplayContext:
    """What the histories of a chunk share: one transaction, and what was read for all of them.

    `requests` are the ids of service requests that were imported from this source, by number;
    `numbers_in_use` those of others. Rows that are `pending` are written at the end of the chunk.
    """

    tx: Transaction
    mapping: Mapping
    registers: RegisterLookup
    pending: PendingRows
    requests: dict[str, str]
    numbers_in_use: Container[str]


def replay_history(context: ReplayContext, history: History) -> HistoryOutcome:
    """Import the events of a history that no earlier run has imported; returns the outcome line by line.

    Raises: StepRefused, after which the transaction must be rolled back; `replay_step_by_step` then imports
    the history without what is refused.
    """
    try:
        return _HistoryReplay(context, history, is_careful=False).run()
    except REFUSALS as refusal:
        raise StepRefused from refusal


def replay_step_by_step(context: ReplayContext, history: History) -> HistoryOutcome:
    """`replay_history` with a savepoint for each step: only refused steps are rolled back, and reported."""
    return _HistoryReplay(context, history, is_careful=True).run()


class _HistoryReplay:
    """The import of one history; `previous` is the line before, for remarks.

    A careful one rolls refused steps back and reports them; one that is not raises the first refusal.
    """

    def __init__(self, context: ReplayContext, history: History, *, is_careful: bool) -> None:
        self.tx = context.tx
        self.mapping = context.mapping
        self.registers = context.registers
        self.pending = context.pending
        self.context = context
        self.history = history
        self.is_careful = is_careful
        self.outcome = HistoryOutcome(skipped=list(history.skipped))
        self.key_of = {id(event): key for event, key in zip(history.events, history.keys, strict=True)}
        self.request: TargetRequest | None = None
        self.imported_state: str | None = None
        self.imported_details: dict[str, str] | None = None
        self.previous: int | None = None

    def run(self) -> HistoryOutcome:
        known = self.context.requests.get(self.history.number)
        self.request = StoredRequest(known) if known is not None else None
        self.outcome.was_known = known is not None
        events = self._new_events()
        if known is None and self.history.number in self.context.numbers_in_use:
            why = f"a service request with the number {self.history.number} already exists here"
            self.outcome.skipped += [RowNote(event.line, why) for event in events]
            return self.outcome
        self.is_composed = not self.is_careful and can_be_composed(self.tx, events)
        for event in events:
            self._apply_event(event)
        if self.request is not None:
            self.outcome.is_new = known is None
            keys = [self.key_of[id(event)] for event in events]
            record_imported(self.tx, self.pending, self.mapping.source, "event", keys, self.request.id)
            if events:
                self.request.finish(self.tx, ends_resolved=_ends_resolved(events), last=events[-1].at)
        return self.outcome

    def _new_events(self) -> list[Event]:
        """The events to import: not imported earlier, not before the last imported one, not in the future."""
        known = self._imported_event_keys()
        newest = max((instant_of_key(key) for key in known), default=None)
        new_events = []
        for event in self.history.events:
            is_known = self.key_of[id(event)] in known
            if is_known:
                why = "it was imported earlier"
                self.imported_state = event.state
                self.previous = event.line
            elif newest is not None and event.at < newest:
                why = f"it is before the events of {event.number} that were imported earlier"
            elif event.at > self.tx.now:
                why = "it is in the future"
            else:
                new_events.append(event)
                continue
            self.outcome.skipped.append(RowNote(event.line, why, is_repeat=is_known))
        return new_events

    def _imported_event_keys(self) -> set[str]:
        if self.request is None:
            return set()
        r = t.imported_record
        keys = self.tx.connection.execute(
            select(r.c.external_key).where(
                r.c.source == self.mapping.source,
                r.c.kind == "event",
                # a prefix search as a range of the primary key; numbers contain no tab
                r.c.external_key >= f"{self.history.number}\t",
                r.c.external_key < f"{self.history.number}\n",
            )
        )
        return set(keys.scalars())

    def _apply_event(self, event: Event) -> None:
        """Log, change and move the service request by one event. Only a refused step is rolled back."""
        self.remarks: list[str] = list(event.remarks)
        refused: list[str] = []
        if self.request is None and event.meaning is None:
            self.outcome.skipped.append(RowNote(event.line, self._why_not_logged(event)))
            return
        done = False
        steps = self._steps(event)
        then = replace(self.tx, now=event.at, actor=self._actor(event, "changed_by")) if steps else self.tx
        for step in steps:
            if step != self._log and self.request is None:
                break
            if not self.is_careful:
                done = step(then, event) or done
                continue
            request, created = self.request, set(self.registers.created)
            try:
                with self.tx.connection.begin_nested():
                    done = step(then, event) or done
                    self.pending.write(self.tx)
            except REFUSALS as refusal:
                self.request = request
                self.registers.roll_back(created)
                refused.append(_refusal_text(refusal))
        self._record_result(event, done, refused)

    def _steps(self, event: Event) -> list[Step]:
        """The steps that an event may need: only for what differs from the event before."""
        work: list[Step] = [] if WORKED.isdisjoint(event.values) else [self._work]
        if self.request is None:
            return [self._log, self._change, *work, self._move]
        steps: list[Step] = []
        if _details(event) != self.imported_details:
            steps.append(self._change)
        if event.meaning is not None and event.state != self.imported_state:
            steps.append(self._move)
        if steps and len(steps) + len(work) > 1 and self.request.row(self.tx).state in ENDED_STATES:
            # an ended service request cannot be changed, and takes no work: reopen it first
            return [*reversed(steps), *work]
        return [*steps[:-1], *work, *steps[-1:]] if self._move in steps else [*steps, *work]

    def _record_result(self, event: Event, done: bool, refused: list[str]) -> None:
        if done:
            self.outcome.imported.append(event.line)
            self.outcome.remarks += [RowNote(event.line, f"but {why}") for why in (*self.remarks, *refused)]
        elif refused:
            self.outcome.skipped.append(RowNote(event.line, "; ".join(refused)))
        else:
            after = "what was imported earlier" if self.previous is None else f"line {self.previous}"
            why = f"it has nothing new after {after}"
            self.outcome.skipped.append(RowNote(event.line, why, is_repeat=True))
        self.previous = event.line

    def _why_not_logged(self, event: Event) -> str:
        state = f"the state {event.state!r} is mapped to nothing" if event.state else "it has no state"
        return f"{state}, and {event.number} is not logged yet"

    def _log(self, then: Transaction, event: Event) -> bool:
        """Log the service request at its opening instant."""
        actor = self._actor(event, "opened_by", "changed_by")
        then = replace(then, now=self.history.opened_at, actor=actor)
        values = event.values
        org_unit = self.registers.org_unit(then, values)
        customer = self.registers.customer(then, values, org_unit)
        if customer is None:
            raise NoTransition("it has no customer")
        command = NewServiceRequest(
            subject=self._subject(event) or f"Imported {event.number}",
            description=self._description(event),
            customer=customer,
            item=self.registers.item(then, values, customer, org_unit),
            org_unit=org_unit,
            priority=self._priority(event),  # type: ignore[arg-type]  # one of four, checked with the mapping
            work_type=_line(values.get("work_type")),
            channel=_line(values.get("channel")),
        )
        request: TargetRequest
        if self.is_composed:
            request = ComposedRequest(then, command, event.number, self.pending)
        else:
            request = StoredRequest.log(then, command, event.number)
        record_imported(
            self.tx, self.pending, self.mapping.source, "service_request", [event.number], request.id
        )
        self.request = request
        return True

    def _change(self, then: Transaction, event: Event) -> bool:
        """Change the fields in which an event differs from the service request."""
        target = self._target()
        request = target.row(then)
        details = self._details(then, event, request)
        self.imported_details = _details(event)
        given = {
            key: value
            for key, value in details.items()
            if value is not None and value != getattr(request, COLUMNS.get(key, key))
        }
        if not given:
            return False
        if "customer" in given:
            # with a new customer, the item and org unit of the old one go, unless the event states them again
            given |= {"item": details["item"], "org_unit": details["org_unit"]}
        target.change(then, ChangeServiceRequest(**given))
        return True

    def _work(self, then: Transaction, event: Event) -> bool:
        """Log the time that was worked by the event, at its instant."""
        [key] = WORKED & event.values.keys()
        text = event.values[key]
        minutes = worked_minutes(text, self.mapping.worked_unit)
        if minutes is None:
            self._remark(f"{key}: {text!r} is no time worked")
            return False
        request_id = self._target().id
        if key == "worked_total":
            minutes -= minutes_worked(then, request_id)
        if minutes <= 0:
            return False
        if minutes > MOST_MINUTES:
            self._remark(f"{key}: {text!r} is more than {MOST_MINUTES // 60:,} hours of work")
            return False
        person = next(
            (event.values[one] for one in ("technician", "changed_by") if one in event.values), None
        )
        if person is None:
            self._remark(f"{key}: the row names nobody who worked")
            return False
        worker = self.registers.technician(then, {**event.values, "technician": person})
        work_type = event.values.get("work_type")
        for length in entry_lengths(minutes):
            command = WorkGiven(minutes=length, worked_at=event.at, work_type=work_type)
            log_work(as_worker(then, worker, person), request_id, command)
        return True

    def _target(self) -> TargetRequest:
        assert self.request is not None, "The first step logs it."
        return self.request

    def _details(self, then: Transaction, event: Event, request: Row[Any]) -> dict[str, Any]:
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
            "work_type": _line(values.get("work_type")),
            "technician": self.registers.technician(then, values),
        }

    def _move(self, then: Transaction, event: Event) -> bool:
        """Fire the triggers that lead to the event's state."""
        meaning = event.meaning
        if meaning is None:
            return False
        target = self._target()
        now = target.state(then)
        try:
            moves = moves_between(now.state, now.on_hold_reason, meaning)
        except NoTransition:
            # reported once: the rows that follow in the same state do not repeat it
            self.imported_state = event.state
            raise
        for move in moves:
            command = self._command(move, meaning, event)
            target.fire(then, command, inferred=move.inferred)
        self.imported_state = event.state
        self.outcome.moves += len(moves)
        self.outcome.inferred += sum(move.inferred for move in moves)
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

    def _actor(self, event: Event, *keys: str) -> Actor:
        """The person at the other desk, by name only: they have no user account here."""
        name = next((event.values[key] for key in keys if key in event.values), self.mapping.source)
        return Actor(None, name, "system")

    def _subject(self, event: Event) -> str | None:
        subject = event.values.get("subject")
        if subject is None:
            return None
        if len(subject) > LONGEST_SUBJECT:
            self._remark(f"its subject was shortened to {LONGEST_SUBJECT} characters")
        if as_one_line(subject) != subject:
            self._remark("its subject was written as one line of plain text")
        return clipped(subject, LONGEST_SUBJECT)

    def _description(self, event: Event) -> str | None:
        text = event.values.get("description")
        if text is not None and len(text) > LONGEST_TEXT:
            self._remark(f"its description was shortened to {LONGEST_TEXT} characters")
        return text[:LONGEST_TEXT] if text is not None else None

    def _priority(self, event: Event) -> str:
        name = event.values.get("priority")
        if name is None:
            return self.mapping.other_priority
        if name not in self.mapping.priorities:
            other = self.mapping.other_priority
            self._remark(f"the priority {name!r} is not named in the mapping: {other} is used")
        return self.mapping.priorities.get(name, self.mapping.other_priority)

    def _remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)


def _ends_resolved(events: list[Event]) -> bool:
    meanings = [event.meaning for event in events if event.meaning is not None]
    return bool(meanings) and meanings[-1].state == "resolved"


DETAIL_KEYS = frozenset(
    {
        "subject", "description", "customer", "customer_email", "org_unit", "item", "priority", "work_type",
        "technician", "technician_email",
    }
)  # fmt: skip
"""The keys of a row whose values can change a logged service request."""

COLUMNS = {
    "customer": "customer_id",
    "org_unit": "org_unit_id",
    "item": "item_id",
    "technician": "technician_id",
}


def _line(text: str | None) -> str | None:
    return as_one_line(text) if text is not None else None


def _details(event: Event) -> dict[str, str]:
    return {key: value for key, value in event.values.items() if key in DETAIL_KEYS}


def _refusal_text(refusal: Exception) -> str:
    """Why an event was refused, as one line."""
    if isinstance(refusal, ValidationError):
        first = refusal.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg'].removeprefix('Value error, ')}"
    if isinstance(refusal, (IntegrityError, DataError)):
        return f"the database refused it: {str(refusal.orig).splitlines()[0]}"
    text = str(refusal)
    if isinstance(refusal, DeskError):
        text = str(refusal) if isinstance(refusal, StateForbids) else refusal.detail
    # the reason continues the sentence of a report line
    return ("the " + text[4:] if text.startswith("The ") else text).rstrip(".")
