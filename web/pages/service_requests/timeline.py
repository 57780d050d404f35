"""The activity of a service request in order: transitions, decisions, work, notes, mail, alerts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar

from web.pages.layout.listing import all_rows
from web.pages.wording.alerts import alert_label
from web.pages.wording.labels import OUTCOMES, REQUEST_STATES, Label, Tone, label_of
from workflows.core.transaction import Transaction
from workflows.coverage.decisions import decisions_of
from workflows.coverage.reasons import why_text
from workflows.reports.alerts import list_alerts
from workflows.service_requests.history import history_of, list_mail, list_notes
from workflows.service_requests.reminding import REMIND
from workflows.views import Page
from workflows.views.alerts import AlertView
from workflows.views.decisions import DecisionView
from workflows.views.service_requests import HistoryLine, NoteView, RequestMailView, WorkEntryView
from workflows.work.queries import list_work

T = TypeVar("T")
SHOWN = 50
Kind = Literal["move", "decision", "work", "note", "mail", "alert"]
# Order of events at the same instant: logged or reopened first, then the decision, then the rest.
ORDER: dict[Kind, int] = {"decision": 1, "move": 2, "work": 3, "note": 4, "mail": 5, "alert": 6}
SEARCHED_TRIGGERS = ("log", "reopen")


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `kind` says which of the six optional fields is set."""

    kind: Kind
    at: datetime
    icon: str
    tone: Tone
    move: HistoryLine | None = None
    decision: DecisionView | None = None
    work: WorkEntryView | None = None
    note: NoteView | None = None
    mail: RequestMailView | None = None
    alert: Label | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The events in order, and the latest decision with its candidates.

    `reminder` is the latest line of the history that reminded the customer. `is_cut`: earlier events exist.
    """

    events: list[Event]
    decision: DecisionView | None
    reminder: HistoryLine | None
    is_cut: bool


def load_timeline(tx: Transaction, service_request_id: str, *, all_events: bool = False) -> Timeline:
    """The events visible to the actor, oldest first: from where the latest 50 entries, notes, mails begin."""
    decisions = decisions_of(tx, service_request_id)
    work, works_from = _latest(partial(list_work, tx, service_request_id, order="-started_at"), all_events)
    notes, notes_from = _latest(partial(list_notes, tx, service_request_id, order="-written_at"), all_events)
    mail, mail_from = _latest(partial(list_mail, tx, service_request_id, order="-written_at"), all_events)
    moves = history_of(tx, service_request_id)
    reminders = [one for one in moves if one.trigger == REMIND and one.merged_number is None]
    events = [_move(one) for one in moves]
    events += [_decision(one) for one in reversed(decisions)]  # they come newest first
    events += [_work(one) for one in reversed(work)]
    events += [_note(one) for one in reversed(notes)]
    events += [_mail(one) for one in reversed(mail)]
    if tx.actor.is_staff:
        events += [
            _alert(one) for one in all_rows(partial(list_alerts, tx, service_request=service_request_id))
        ]
    events.sort(key=lambda event: (event.at, _rank(event)))
    cut = (
        works_from and work[-1].started_at,
        notes_from and notes[-1].written_at,
        mail_from and mail[-1].written_at,
    )
    begins = [one for one in cut if one]
    if begins:
        events = [event for event in events if event.at >= max(begins)]
    decision = decisions[0] if decisions else None
    return Timeline(events, decision, reminders[-1] if reminders else None, bool(begins))


def _latest(read: Callable[..., Page[T]], all_rows_wanted: bool) -> tuple[list[T], bool]:
    """The latest rows of a list, newest first, and whether there are more."""
    if all_rows_wanted:
        return list(all_rows(read)), False
    page = read(limit=SHOWN)
    return page.items, page.next_cursor is not None


def _rank(event: Event) -> int:
    return 0 if event.move and event.move.trigger in SEARCHED_TRIGGERS else ORDER[event.kind]


def _move(line: HistoryLine) -> Event:
    label = label_of(REQUEST_STATES, line.to_state)
    if line.note is not None:
        line = replace(line, note=why_text(line.note))  # that of a decision is stored in English
    return Event("move", line.at, label.icon, label.tone, move=line)


def _decision(decision: DecisionView) -> Event:
    label = label_of(OUTCOMES, decision.outcome)
    return Event("decision", decision.decided_at, label.icon, label.tone, decision=decision)


def _work(entry: WorkEntryView) -> Event:
    return Event("work", entry.started_at, "clock", "info", work=entry)


def _note(note: NoteView) -> Event:
    return Event("note", note.written_at, "note" if note.public else "private-note", "neutral", note=note)


def _mail(mail: RequestMailView) -> Event:
    return Event("mail", mail.written_at, "mail", "neutral", mail=mail)


def _alert(alert: AlertView) -> Event:
    label = alert_label(alert)
    return Event("alert", alert.at, label.icon, label.tone, alert=label)
