"""Random histories through the use cases: every target agrees with a plain calculation from the history.

After each action, and at instants in between, the view of the request, the list and the queue of those at
risk are compared. COVERDESK_HISTORIES sets the number of histories.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from engine.service_requests import PRIORITIES, UNFINISHED_STATES
from tests.support.sample_desk import MONDAY, SampleDesk
from tests.support.sla_history import (
    STEP,
    Kind,
    PlainEvent,
    PlainHours,
    PlainTarget,
    PlainTerms,
    plain_targets,
)
from workflows.administration.settings import change_settings
from workflows.commands.contracts import CancelContract
from workflows.commands.service_requests import AddNote, ChangeServiceRequest, FireTrigger, SearchCoverage
from workflows.contracts.use_cases import cancel_contract
from workflows.core.actors import Actor
from workflows.jobs.definitions import run_job
from workflows.service_requests.queries import list_service_requests, read_service_request
from workflows.service_requests.use_cases import (
    add_note,
    change_service_request,
    fire_trigger,
    search_or_assign,
)
from workflows.store import tables as t
from workflows.views.service_requests import ServiceRequestView

HISTORIES = int(os.environ.get("COVERDESK_HISTORIES", "60"))
ON_POSTGRESQL = max(3, HISTORIES // 12)
RAM_DISK = Path("/dev/shm")
"""The database of the random histories here is not synced to a disk."""
DAY = timedelta(days=1)
OFFICE_DAY = ((9 * 60, 17 * 60),)
OFFICE_WEEK = (OFFICE_DAY,) * 5 + ((), ())
LONG_WEEK = (((8 * 60, 12 * 60), (13 * 60, 18 * 60 + 30)),) * 5 + (((600, 720),), ())
LEVELS = ("gold", "standard", None)
TEXTS = {"hold": {"reason": "customer"}, "resolve": {"note": "Done."}, "cancel": {"reason": "Not needed."}}
ENDING: dict[str, Kind] = {"resolved": "resolve", "cancelled": "cancel"}

gaps = st.sampled_from([0, 1, 3, 12, 24, 60, 96, 150, 288, 288 * 3]).map(lambda steps: steps * STEP)
actions = st.sampled_from(
    [
        *("start", "hold", "resume", "resolve", "reopen", "close", "cancel") * 2,
        "hold", "resume", "resolve", "reopen", "answer", "answer", "inner note", "note of the customer",
        "priority:low", "priority:critical", "priority:high", "hours:0", "hours:1", "hours:2", "hours:3",
        "alerts", "alerts",
        "sell:0", "sell:1", "sell:2", "drop", "assign:0", "assign:1", "assign:2", "assign:3",
    ]
)  # fmt: skip
histories = st.tuples(
    st.sampled_from(["", "sell:0", "sell:1", "sell:2", "sell:0", "sell:1"]),
    st.sampled_from(PRIORITIES),
    st.lists(st.tuples(gaps, actions, gaps), min_size=1, max_size=9),
)


class Story:
    """One request of a new customer, and the plain history of what happens to it."""

    def __init__(self, sample: SampleDesk, number: int) -> None:
        self.sample = sample
        sample.clock.at = _next_monday(sample.clock.at)
        self.began_at = sample.clock.at
        self.hours = self._hours(0)
        self.customer = sample.customer(f"Person {number}")
        self.login = sample.person("customer", f"Person {number}", customer=self.customer)
        self.contracts: list[str] = []
        self.events: list[PlainEvent] = []
        self.terms: PlainTerms | None = None
        self.request = ""
        self.state = "open"

    def log(self, first: str, priority: str) -> None:
        if first:
            self.act(first)
        self.request = self.sample.log(customer=self.customer, item=None, priority=priority)
        row = self._row()
        self.state = row.state
        if row.state == "pending_no_contract":
            self._add("stop")
        self._follow_terms(row)

    def act(self, action: str) -> None:
        name, _, choice = action.partition(":")
        do: dict[str, Callable[[], object]] = {
            "answer": lambda: self._note(self.sample.technician, public=True),
            "inner note": lambda: self._note(self.sample.technician, public=False),
            "note of the customer": lambda: self._note(self.login, public=True),
            "priority": lambda: self._change(priority=choice),
            "hours": lambda: self._set_hours(int(choice)),
            "sell": lambda: self._sell(LEVELS[int(choice)]),
            "drop": self._drop,
            "alerts": lambda: run_job(self.sample.desk, "sla_alerts"),
            "assign": lambda: self._assign(int(choice)),
        }
        do.get(name, lambda: self._fire(name))()
        if self.request:
            self._follow(self._row())

    def view(self) -> ServiceRequestView:
        found = self.sample.see_as(self.sample.technician, read_service_request, self.request)
        self._follow(self._row())
        return found

    # -------------------------------------------------------------- actions

    def _fire(self, trigger: str) -> None:
        view = self.view()
        if trigger in view.allowed_triggers:
            command = FireTrigger.model_validate({"trigger": trigger, **TEXTS.get(trigger, {})})
            self.sample.do_as(self.sample.technician, fire_trigger, self.request, command)

    def _note(self, actor: Actor, *, public: bool) -> None:
        self.sample.do_as(actor, add_note, self.request, AddNote(body="A word.", public=public))
        if public and actor is self.sample.technician and self.state not in ("closed", "cancelled"):
            self._add("respond")

    def _change(self, **fields: Any) -> None:
        if self.view().state in UNFINISHED_STATES:
            command = ChangeServiceRequest.model_validate(fields)
            self.sample.do_as(self.sample.technician, change_service_request, self.request, command)

    def _sell(self, sla: str | None) -> None:
        terms = {"sla": sla} if sla else {}
        self.contracts.append(self.sample.sell("subscription", to=("customer", self.customer), **terms))

    def _drop(self) -> None:
        covering = self._row().contract_id
        if covering is not None and self.sample.contract(covering).state == "active":
            self.sample.do(cancel_contract, covering, CancelContract(reason="Dropped"))

    def _assign(self, choice: int) -> None:
        if self.contracts and self.view().state in (*UNFINISHED_STATES, "resolved"):
            command = SearchCoverage(contract=self.contracts[choice % len(self.contracts)], reason="Better")
            self.sample.do_as(self.sample.supervisor, search_or_assign, self.request, command)

    def compare_breaches(self) -> None:
        """Each target that was missed has one breach, whenever the job has run."""
        run_job(self.sample.desk, "sla_alerts")
        now = self.sample.clock.at
        expected = plain_targets(self.events, self.began_at, now)
        missed = {
            name: target.due_at
            for name, target in (("response", expected.response), ("resolution", expected.resolution))
            if target.state == "missed"
        }
        rows = self.sample.rows(t.alert, service_request_id=self.request)
        breaches = [(row.target, row.due_at) for row in rows if row.kind == "sla_breach"]
        assert sorted(breaches) == sorted(missed.items()), "\n".join(map(str, self.events))
        assert all(row.at <= row.recorded_at <= now for row in rows)
        next_at = self._row().sla_alert_at
        assert next_at is None or next_at > now

    def _set_hours(self, choice: int) -> None:
        self.hours = self._hours(choice)
        days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        weekly = {
            day: [{"opens": _clock(opens), "closes": _clock(closes)} for opens, closes in windows]
            for day, windows in zip(days, self.hours.weekly, strict=True)
        }
        holidays = sorted(day.isoformat() for day in self.hours.holidays)
        changes = {"time_zone": self.hours.zone, "work_calendar": {"weekly": weekly, "holidays": holidays}}
        self.sample.do(change_settings, changes)

    def _hours(self, choice: int) -> PlainHours:
        first = self.began_at.date()
        return (
            PlainHours("UTC", OFFICE_WEEK),
            PlainHours("UTC", OFFICE_WEEK, frozenset({first + DAY, first + 3 * DAY})),
            PlainHours("Europe/Berlin", LONG_WEEK),
            PlainHours("Australia/Lord_Howe", (OFFICE_DAY, (), OFFICE_DAY, (), OFFICE_DAY, (), ((0, 1440),))),
        )[choice]

    # -------------------------------------------------------------- the plain history

    def _row(self) -> Any:
        return self.sample.request(self.request)

    def _follow(self, row: Any) -> None:
        """Add what the row's state and contract say has happened; none of its instants is read."""
        before, self.state = self.state, row.state
        if before != row.state:
            if row.state in ENDING:
                self._add(ENDING[row.state])
            elif before in ("resolved", "closed") and row.state == "in_progress":
                self._add("reopen")
            elif before in ("resolved", "closed") and row.state == "pending_no_contract":
                self._add("reopen_waiting")
            elif row.state == "on_hold":
                self._add("stop")
            elif before in ("on_hold", "pending_no_contract"):
                # a contract that is waited for brings its level while the request still waits
                self._follow_terms(row)
                self._add("run")
            if row.state == "in_progress":
                self._add("respond")
        self._follow_terms(row)

    def _follow_terms(self, row: Any) -> None:
        sla = self.sample.contract(row.contract_id).sla if row.contract_id else None
        level = self.sample.desk.config.rules.slas.get(sla or "")
        terms = None
        if level is not None:
            target = level.targets[row.priority]
            hours = None if level.calendar == "always" else self.hours
            terms = PlainTerms(target.response_minutes, target.resolution_minutes, hours)
        if terms != self.terms:
            self.terms = terms
            self.events.append(PlainEvent(self.sample.clock.at, "terms", terms))

    def _add(self, kind: Kind) -> None:
        self.events.append(PlainEvent(self.sample.clock.at, kind))

    # -------------------------------------------------------------- comparing

    def compare(self) -> None:
        now = self.sample.clock.at
        view = self.view()
        expected = plain_targets(self.events, self.began_at, now)
        story = "\n".join([f"At {now}, from:", *map(str, self.events)])
        assert _response(view) == expected.response, story
        assert _resolution(view) == expected.resolution, story
        assert view.paused_at == expected.stopped_at, story
        assert (view.paused_at is None) == (view.state in ("open", "in_progress"))
        if view.state == "in_progress":
            assert view.started_at is not None
            assert view.responded_at is not None
        [listed] = self.sample.see(list_service_requests, customer=self.customer).items
        assert _response(listed)[:2] == expected.response[:2]
        assert _resolution(listed)[:2] == expected.resolution[:2]
        late = [
            one.due_at
            for one, done in (
                (expected.response, view.responded_at),
                (expected.resolution, view.resolved_at),
            )
            if one.due_at is not None and done is None
        ]
        at_risk = self.sample.see(list_service_requests, customer=self.customer, queue="at_risk").items
        is_late = any(due_at <= now + timedelta(hours=4) for due_at in late)
        assert bool(at_risk) == (view.state in ("open", "in_progress") and is_late)


def _response(view: ServiceRequestView) -> PlainTarget:
    return PlainTarget(view.response_due_at, view.response_state, view.response_minutes_left)


def _resolution(view: ServiceRequestView) -> PlainTarget:
    return PlainTarget(view.resolution_due_at, view.resolution_state, view.resolution_minutes_left)


def _next_monday(at: datetime) -> datetime:
    day = at.date() + (7 - at.weekday()) * DAY
    return datetime(day.year, day.month, day.day, 9, 0, tzinfo=at.tzinfo)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


@pytest.fixture(scope="module")
def sqlite_desk(
    migrated_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SampleDesk]:
    folder = Path(tmp_path_factory.mktemp("histories"))
    file = (RAM_DISK if RAM_DISK.is_dir() else folder) / f"{folder.parent.name}-{os.getpid()}-histories.db"
    shutil.copyfile(migrated_sqlite_template, file)
    yield from _desk(f"sqlite:///{file}")
    for left in file.parent.glob(f"{file.name}*"):
        left.unlink()


@pytest.fixture(scope="module")
def postgres_desk(postgres_server: Any, migrated_postgres_template: str) -> Iterator[SampleDesk]:
    name = postgres_server.create_database(migrated_postgres_template)
    yield from _desk(postgres_server.url(name))
    postgres_server.drop_database(name)


def _desk(url: str) -> Iterator[SampleDesk]:
    """A desk where a request closes after two days, and is reopened late after one."""
    sample = SampleDesk(url, auto_close_days=2, reopen_window_days=1)
    sample.clock.at = MONDAY - 3 * DAY
    yield sample
    sample.close()


def play(sample: SampleDesk, history: tuple[str, str, list[tuple[timedelta, str, timedelta]]]) -> None:
    first, priority, steps = history
    story = Story(sample, len(sample.rows(t.customer)))
    story.act("hours:0")
    story.log(first, priority)
    story.compare()
    for before, action, after in steps:
        sample.clock.at += before
        story.act(action)
        story.compare()
        sample.clock.at += after
        story.compare()
    story.compare_breaches()
    if story.view().state in UNFINISHED_STATES:
        story.act("cancel")


ANSWERED_WHILE_IT_WAITS = ("", "critical", [(12 * STEP, "answer", 12 * STEP), (12 * STEP, "sell:0", STEP)])
"""An answer to a request that waits for a contract, whose service level it then gets."""

MANY = settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    # all histories are on one desk, whose clock goes on: a shorter one would take minutes to find
    phases=[Phase.explicit, Phase.generate],
)


@MANY
@given(history=histories)
@example(history=ANSWERED_WHILE_IT_WAITS)
def test_every_target_of_a_random_history(sqlite_desk: SampleDesk, history: Any) -> None:
    play(sqlite_desk, history)


@settings(MANY, max_examples=ON_POSTGRESQL)
@given(history=histories)
def test_every_target_of_a_random_history_on_postgresql(postgres_desk: SampleDesk, history: Any) -> None:
    play(postgres_desk, history)
