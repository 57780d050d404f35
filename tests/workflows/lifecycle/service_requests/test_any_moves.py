"""Whatever people, clocks and jobs do: states are valid, the ledger is consistent, the past never changes.

Hypothesis generates sequences of the real use cases on SQLite; COVERDESK_SEQUENCES sets their number.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine.errors import DeskError
from engine.service_requests import STATES
from tests.support.sample_desk import MONDAY, SampleDesk
from tests.workflows.lifecycle.service_requests.test_transitions import TABLE, TRIGGERS
from workflows.commands.contracts import Adjust, CancelContract, TopUp
from workflows.commands.service_requests import ChangeServiceRequest, FireTrigger, SearchCoverage
from workflows.commands.work import ChangeWork
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import adjust, cancel_contract, enable_contract, top_up
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.service_requests.history import history_of
from workflows.service_requests.use_cases import change_service_request, fire_trigger, search_or_assign
from workflows.store import tables as t
from workflows.work.use_cases import change_work, delete_work

SEQUENCES = int(os.environ.get("COVERDESK_SEQUENCES", "12"))
STEPS = 30
RAM_DISK = "/dev/shm"
"""A test's database here is not synced to a disk."""
MAX_RECORDED_INSTANTS = 4
"""The number of past instants that are queried again after each step."""
JOBS = ("settle_contracts", "expire_contracts", "auto_close", "open_waiting")
METERED = ("support_hours", "time_limited_subscription", "support_hours_by_month")
pick = st.integers(0, 9_999)


class Moves(RuleBasedStateMachine):
    """One sample; records are picked by a number modulo their count."""

    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        memory = RAM_DISK if Path(RAM_DISK).is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="coverdesk-moves-", dir=memory))
        shutil.copyfile(self.template, self.folder / "desk.db")
        self.sample = SampleDesk(f"sqlite:///{self.folder / 'desk.db'}")
        self.requests: list[str] = []
        self.contracts: list[str] = []
        self.recorded: dict[datetime, dict[str, Any]] = {}

    def teardown(self) -> None:
        self.sample.close()
        shutil.rmtree(self.folder)

    @initialize(
        policy=st.sampled_from(["rollover", "ignore"]),
        cascade=st.booleans(),
        zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    )
    def set_settings(self, policy: str, cascade: bool, zone: str) -> None:
        self.sample.set(time_expired_contract=policy, cascade=cascade, time_zone=zone)

    def attempt(self, do: Callable[[], Any]) -> bool:
        """Whether it succeeded; a DeskError is a valid result, any other exception a failure."""
        try:
            do()
        except DeskError:
            return False
        finally:
            known = {row.id: row for row in self.sample.rows(t.contract)}
            self.contracts += [one for one in sorted(known) if one not in self.contracts]
        return True

    def discard_from(self, instant: datetime) -> None:
        """Drop instants after late or corrected work, which changes results as of those instants."""
        self.recorded = {at: seen for at, seen in self.recorded.items() if at < instant}

    @rule(
        type_key=st.sampled_from(["subscription", "incident_pack", *METERED]),
        to_item=st.booleans(),
        quantity=st.integers(1, 3),
        starts_in_days=st.sampled_from([None, None, 0, 1, 5]),
        days=st.sampled_from([None, 0, 3, 40]),
        enable=st.sampled_from([None, None, True, False]),
    )
    def sell(
        self,
        type_key: str,
        to_item: bool,
        quantity: int,
        starts_in_days: int | None,
        days: int | None,
        enable: bool | None,
    ) -> None:
        sample = self.sample
        terms: dict[str, Any] = {"enable": enable}
        start = sample.clock.at
        if starts_in_days is not None:
            start += timedelta(days=starts_in_days)
            terms["starts_at"] = start
        if days is not None:
            terms["ends_on"] = day_of(start) + timedelta(days=days)
        if type_key == "incident_pack":
            terms["incidents"] = quantity
        elif type_key in METERED:
            terms["minutes"] = quantity * 40
        holder = ("item", sample.laptop) if to_item else ("customer", sample.ann)
        self.attempt(lambda: sample.sell(type_key, to=holder, **terms))

    @precondition(lambda self: self.contracts)
    @rule(which=pick)
    def enable(self, which: int) -> None:
        self.attempt(lambda: self.sample.do_as(self.sample.finance, enable_contract, self.contract(which)))

    @precondition(lambda self: self.contracts)
    @rule(which=pick)
    def cancel_a_contract(self, which: int) -> None:
        self.attempt(
            lambda: self.sample.do(cancel_contract, self.contract(which), CancelContract(reason="x"))
        )

    @precondition(lambda self: self.contracts)
    @rule(which=pick, quantity=st.integers(1, 2), days=st.sampled_from([None, 2]))
    def top_up(self, which: int, quantity: int, days: int | None) -> None:
        contract = self.sample.contract(self.contract(which))
        ends = None if days is None else self.sample.clock.at + timedelta(days=days)
        command = TopUp.model_validate({self.unit(contract): quantity * 20, "expires_at": ends})
        self.attempt(lambda: self.sample.do(top_up, contract.id, command))

    @precondition(lambda self: self.contracts)
    @rule(which=pick, quantity=st.sampled_from([-30, -1, 1, 15]))
    def adjust(self, which: int, quantity: int) -> None:
        contract = self.sample.contract(self.contract(which))
        command = Adjust.model_validate({self.unit(contract): quantity, "reason": "agreed"})
        self.attempt(lambda: self.sample.do(adjust, contract.id, command))

    @rule(with_item=st.booleans())
    def log(self, with_item: bool) -> None:
        item = self.sample.laptop if with_item else None
        assert self.attempt(lambda: self.requests.append(self.sample.log(item=item)))

    @precondition(lambda self: self.requests)
    @rule(which=pick, trigger=st.sampled_from(TRIGGERS))
    def fire(self, which: int, trigger: str) -> None:
        request = self.sample.request(self.request(which))
        reason = "supplier" if trigger == "hold" else "no longer needed"
        command = FireTrigger.model_validate({"trigger": trigger, "note": "as agreed", "reason": reason})
        done = self.attempt(
            lambda: self.sample.do_as(self.sample.technician, fire_trigger, request.id, command)
        )
        assert done == ((request.state, trigger) in TABLE)
        state = self.sample.request(request.id).state
        expected = {TABLE.get((request.state, trigger), request.state)}
        assert state in (expected | {"pending_no_contract"} if trigger == "reopen" and done else expected)

    @precondition(lambda self: self.requests)
    @rule(which=pick, minutes=st.integers(1, 130), hours_ago=st.sampled_from([0, 0, 0, 5, 60]))
    def work(self, which: int, minutes: int, hours_ago: int) -> None:
        at = self.sample.clock.at - timedelta(hours=hours_ago)
        if self.attempt(lambda: self.sample.work(self.request(which), minutes, at=at)):
            self.discard_from(at)

    @precondition(lambda self: self.requests)
    @rule(which=pick, minutes=st.integers(1, 3_000))
    def work_a_span(self, which: int, minutes: int) -> None:
        start = self.sample.clock.at - timedelta(minutes=minutes)
        if self.attempt(lambda: self.sample.work_span(self.request(which), start, minutes=minutes)):
            self.discard_from(start)

    @precondition(lambda self: self.requests)
    @rule(which=pick, minutes=st.none() | st.integers(1, 90))
    def correct_or_delete_work(self, which: int, minutes: int | None) -> None:
        entries = [one for one in self.sample.rows(t.work_entry) if one.deleted_at is None]
        if not entries:
            return
        entry = sorted(entries, key=lambda one: str(one.id))[which % len(entries)]
        if minutes is None:
            self.attempt(lambda: self.sample.do_as(self.sample.technician, delete_work, entry.id))
        else:
            command = ChangeWork(minutes=minutes, worked_at=entry.started_at)
            self.attempt(lambda: self.sample.do_as(self.sample.technician, change_work, entry.id, command))
        self.discard_from(entry.started_at)

    @precondition(lambda self: self.requests and self.contracts)
    @rule(which=pick, contract=pick, assigned=st.booleans())
    def search_again_or_assign(self, which: int, contract: int, assigned: bool) -> None:
        named = self.contract(contract) if assigned else None
        command = SearchCoverage(contract=named, reason="asked for")
        self.attempt(
            lambda: self.sample.do_as(self.sample.supervisor, search_or_assign, self.request(which), command)
        )

    @precondition(lambda self: self.requests)
    @rule(which=pick, with_item=st.booleans())
    def change_the_item(self, which: int, with_item: bool) -> None:
        command = ChangeServiceRequest(item=self.sample.laptop if with_item else None)
        self.attempt(lambda: self.sample.do(change_service_request, self.request(which), command))

    @rule(span=st.sampled_from([{"minutes": 1}, {"hours": 7}, {"days": 1}, {"days": 6}, {"days": 20}]))
    def let_time_pass(self, span: dict[str, int]) -> None:
        self.recorded[self.sample.clock.at] = self.as_of(self.sample.clock.at)
        self.recorded = dict(sorted(self.recorded.items())[-MAX_RECORDED_INSTANTS:])
        self.sample.clock.move(**span)

    @rule(names=st.permutations(JOBS), how_many=st.integers(1, len(JOBS)))
    def run_jobs(self, names: list[str], how_many: int) -> None:
        for name in names[:how_many]:
            run_job(self.sample.desk, name)
            assert not [row for row in self.sample.rows(t.job_status) if row.last_error]

    @rule()
    def run_all_jobs_twice(self) -> None:
        for name in JOBS:
            run_job(self.sample.desk, name)
        before = self.everything()
        assert sum(run_job(self.sample.desk, name) for name in JOBS) == 0
        assert self.everything() == before

    @invariant()
    def every_state_is_declared_and_every_history_a_chain(self) -> None:
        for request_id in self.requests:
            lines = self.sample.see(history_of, request_id)
            state = self.sample.request(request_id).state
            assert state in STATES
            assert (lines[0].trigger, lines[0].from_state) == ("log", None)
            assert all(one.to_state == two.from_state for one, two in pairwise(lines))
            assert lines[-1].to_state == state

    @invariant()
    def the_ledger_is_consistent_and_no_balance_is_negative(self) -> None:
        view = self.sample.see(audit_desk)
        assert view.differences == []
        grants = self.sample.rows(t.grant_balance)
        assert all(min(grant.available, grant.held, grant.consumed, grant.expired) >= 0 for grant in grants)
        assert all(row.minutes >= 0 for row in self.sample.rows(t.carried_balance))

    @invariant()
    def an_incident_is_held_for_each_covered_unfinished_request(self) -> None:
        held = {
            (hold.service_request_id, hold.contract_id)
            for hold in self.sample.rows(t.incident_hold, state="held")
        }
        packs = {row.id for row in self.sample.rows(t.contract, draws="incidents")}
        covered = {
            (row.id, row.contract_id)
            for row in self.sample.rows(t.service_request)
            if row.contract_id in packs and row.state not in ("closed", "cancelled")
        }
        assert held == covered

    @invariant()
    def a_request_has_at_most_one_contract_of_its_own(self) -> None:
        own = [
            row.holder_id
            for row in self.sample.rows(t.contract, holder_kind="service_request")
            if row.cancelled_at is None and row.ended_at is None
        ]
        assert len(own) == len(set(own))

    @invariant()
    def results_as_of_an_instant_never_change(self) -> None:
        for at, seen in self.recorded.items():
            now = self.as_of(at)
            assert {contract: now[contract] for contract in seen} == seen, at

    def contract(self, which: int) -> str:
        return self.contracts[which % len(self.contracts)]

    def request(self, which: int) -> str:
        return self.requests[which % len(self.requests)]

    def unit(self, contract: Any) -> str:
        return "incidents" if contract.draws == "incidents" else "minutes"

    def as_of(self, at: datetime) -> dict[str, Any]:
        """State and balances of each contract; held and drawn are added, as a late close settles a hold."""
        found: dict[str, Any] = {}
        for contract_id in self.contracts:
            view = self.sample.see(read_contract, contract_id, as_of=at)
            minutes, incidents = view.balance.minutes, view.balance.incidents
            for unit in (minutes, incidents):
                assert min(unit.available, unit.held, unit.drawn, unit.expired) >= 0
                assert unit.purchased == unit.available + unit.held + unit.drawn + unit.expired
            assert view.carried_minutes >= 0
            metered = view.draws == "minutes"
            found[contract_id] = (
                view.state if metered else None,
                minutes,
                (
                    incidents.purchased,
                    incidents.available,
                    incidents.held + incidents.drawn,
                    incidents.expired,
                ),
                view.carried_minutes,
            )
        return found

    def everything(self) -> list[Any]:
        tables = (
            t.contract,
            t.grant_balance,
            t.ledger_transaction,
            t.service_request,
            t.outbox,
            t.audit_event,
        )
        return [sorted(self.sample.rows(table), key=str) for table in tables]


def day_of(instant: datetime) -> date:
    return instant.date()


@pytest.mark.slow
def test_any_sequence_of_moves(migrated_sqlite_template: Path) -> None:
    Moves.template = migrated_sqlite_template
    assert MONDAY.weekday() == 0
    run_state_machine_as_test(
        Moves,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
