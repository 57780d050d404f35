"""The activity of a service request: transitions, decisions, work and notes in chronological order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from web.pages.wording.labels import OUTCOMES, REQUEST_STATES, Tone, label_of
from workflows.core.transaction import Transaction
from workflows.coverage.decisions import decisions_of
from workflows.service_requests.queries import history_of, notes_of
from workflows.views.decisions import DecisionView
from workflows.views.service_requests import HistoryLine, NoteView, WorkEntryView
from workflows.work.queries import work_of

Kind = Literal["move", "decision", "work", "note"]
# Order of events at the same instant: logged or reopened first, then the decision, then the rest.
ORDER: dict[Kind, int] = {"decision": 1, "move": 2, "work": 3, "note": 4}
SEARCHED_TRIGGERS = ("log", "reopen")


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `kind` says which of the four optional fields is set."""

    kind: Kind
    at: datetime
    icon: str
    tone: Tone
    move: HistoryLine | None = None
    decision: DecisionView | None = None
    work: WorkEntryView | None = None
    note: NoteView | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The events in order, and the latest decision with its candidates."""

    events: list[Event]
    decision: DecisionView | None


def load_timeline(tx: Transaction, service_request_id: str) -> Timeline:
    """All events visible to the actor, oldest first."""
    decisions = decisions_of(tx, service_request_id)
    events = [_move(one) for one in history_of(tx, service_request_id)]
    events += [_decision(one) for one in reversed(decisions)]  # they come newest first
    events += [_work(one) for one in work_of(tx, service_request_id)]
    events += [_note(one) for one in notes_of(tx, service_request_id)]
    events.sort(key=lambda event: (event.at, _rank(event)))
    return Timeline(events, decisions[0] if decisions else None)


def _rank(event: Event) -> int:
    return 0 if event.move and event.move.trigger in SEARCHED_TRIGGERS else ORDER[event.kind]


def _move(line: HistoryLine) -> Event:
    label = label_of(REQUEST_STATES, line.to_state)
    return Event("move", line.at, label.icon, label.tone, move=line)


def _decision(decision: DecisionView) -> Event:
    label = label_of(OUTCOMES, decision.outcome)
    return Event("decision", decision.decided_at, label.icon, label.tone, decision=decision)


def _work(entry: WorkEntryView) -> Event:
    return Event("work", entry.started_at, "clock", "info", work=entry)


def _note(note: NoteView) -> Event:
    return Event("note", note.written_at, "note" if note.public else "private-note", "neutral", note=note)
