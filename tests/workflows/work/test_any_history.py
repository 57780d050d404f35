"""Any history of contracts and work ends as a simple model of it says, whatever was entered in which order.

`COVERDESK_HISTORIES` is how many histories are tried for each kind of database; `make histories` tries more,
others at each run. Without it the same 20 are tried each time.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count, permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_histories
from pydantic import ValidationError

from engine.drawdown import Slice
from engine.errors import DeskError
from engine.quantities import RoundingScope
from tests.support.draw_down_model import Model, ModelContract, ModelEntry, ModelGrant, ModelSegment, Result
from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import (
    Adjust,
    AmendContract,
    CancelContract,
    HolderGiven,
    Renew,
    TopUp,
    TransferContract,
)
from workflows.commands.service_requests import SearchCoverage
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.contracts.amending import amend_contract, transfer_contract
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import adjust, cancel_contract, renew, top_up
from workflows.jobs.definitions import run_job
from workflows.lifecycle.contracts.audit_draw_down import planned_again
from workflows.reports.audit import audit_desk
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t
from workflows.work.use_cases import change_work, delete_work, log_work, preview_change, preview_work

GIVEN = os.environ.get("COVERDESK_HISTORIES")
HISTORIES = int(GIVEN or 20)
STEPS = 30
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
INCREMENT = 15
AFTER_HOURS = json.dumps(
    {
        "rules": [
            {
                "id": "after_hours",
                "why": "Half as much again after hours.",
                "conditions": {
                    "all": [{"name": "calendars", "operator": "contains", "value": "after_hours"}]
                },
                "actions": [{"name": "charge_percent", "params": {"percent": 150}}],
            }
        ],
        "examples": [],
    }
)
"""Charging rules that cut work in the evening and in the morning."""

amounts = st.integers(1, 90)
days_ago = st.integers(0, 12)
minutes_of_day = st.integers(0, 24 * 60 - 1)
places = st.integers(0, 1_000)


class Histories(RuleBasedStateMachine):
    """One customer's contracts and work; all histories share the desk, each with a customer of its own."""

    sample: SampleDesk
    numbers: Iterator[int]

    @initialize(
        in_time=st.booleans(),
        cascade=st.booleans(),
        minutes=amounts,
        by_month=st.booleans(),
        scope=st.sampled_from(["entry", "service_request_day", "service_request"]),
    )
    def begin(self, in_time: bool, cascade: bool, minutes: int, by_month: bool, scope: RoundingScope) -> None:
        self.in_time, self.scope = in_time, scope
        self.increment = 1 if scope == "entry" else INCREMENT
        self.sample.clock.at = (self.sample.clock.at + DAY).replace(hour=9, minute=0)
        self.sample.set(cascade=cascade, rounding={"increment_minutes": self.increment, "scope": scope})
        self.contracts: list[str] = []
        self.requests: list[str] = []
        self.entries: list[str] = []
        self.customer = self.sample.customer(f"Someone {next(self.numbers)}", self.sample.site)
        self.item = self.sample.item(f"Server {next(self.numbers)}", customer=self.customer)
        self._sell(by_month, minutes, starts_at=self.now - 10 * DAY)
        self.log_request()

    @property
    def now(self) -> datetime:
        return self.sample.clock.now()

    # -------------------------------------------------------------- contracts

    @rule(
        by_month=st.booleans(),
        minutes=amounts,
        days=st.integers(-8, 8),
        ignore=st.booleans(),
        ends=st.booleans(),
    )
    def sell(self, by_month: bool, minutes: int, days: int, ignore: bool, ends: bool) -> None:
        policy = "ignore" if ignore else None
        last = (self.now + (days + 20) * DAY).date() if ends else None
        self._sell(by_month, minutes, starts_at=self.now + days * DAY, time_expired=policy, ends_on=last)

    @precondition(lambda self: self.contracts)
    @rule(place=places, minutes=amounts, days=st.integers(-8, 5), lasts=st.none() | st.integers(1, 20))
    def top_up(self, place: int, minutes: int, days: int, lasts: int | None) -> None:
        at = self.now + days * DAY
        until = max(self.now, at) + lasts * DAY if lasts else None
        self._try(
            top_up,
            self._one(self.contracts, place),
            TopUp(minutes=minutes, effective_at=at, expires_at=until),
        )

    @precondition(lambda self: self.contracts)
    @rule(place=places, minutes=amounts)
    def withdraw(self, place: int, minutes: int) -> None:
        self._try(adjust, self._one(self.contracts, place), Adjust(minutes=-minutes, reason="Agreed"))

    @precondition(lambda self: self.contracts)
    @rule(place=places, days=st.integers(0, 5))
    def cancel(self, place: int, days: int = 0) -> None:
        at = self.now - days * DAY if days else None
        command = CancelContract(reason="Agreed", effective_at=at)
        self._try(cancel_contract, self._one(self.contracts, place), command)

    @precondition(lambda self: self.contracts)
    @rule(place=places, days=days_ago, ignore=st.booleans())
    def amend(self, place: int, days: int, ignore: bool) -> None:
        policy: Any = "ignore" if ignore else "rollover"
        command = AmendContract(reason="Agreed", effective_at=self.now - days * DAY, time_expired=policy)
        self._try(amend_contract, self._one(self.contracts, place), command)

    @precondition(lambda self: self.contracts)
    @rule(place=places, days=days_ago, to_item=st.booleans())
    def transfer(self, place: int, days: int, to_item: bool) -> None:
        holder = HolderGiven(item=self.item) if to_item else HolderGiven(customer=self.customer)
        command = TransferContract(holder=holder, reason="Agreed", effective_at=self.now - days * DAY)
        self._try(transfer_contract, self._one(self.contracts, place), command)

    @precondition(lambda self: self.contracts)
    @rule(place=places, minutes=amounts)
    def renew(self, place: int, minutes: int) -> None:
        renewed = self._try(renew, self._one(self.contracts, place), Renew(minutes=minutes))
        if renewed is not None:
            self.contracts.append(renewed)

    # -------------------------------------------------------------- work

    @rule()
    def log_request(self) -> None:
        request = self.sample.log(customer=self.customer, item=self.item)
        self.requests.append(request)

    @precondition(lambda self: self.contracts)
    @rule(place=places, contract=places, days=st.none() | days_ago)
    def assign(self, place: int, contract: int, days: int | None) -> None:
        request = self._one(self.requests, place)
        since = None if days is None else self.now - days * DAY
        if since is not None:
            since = max(since, self.sample.request(request).opened_at)
        command = SearchCoverage.model_validate(
            {"contract": self._one(self.contracts, contract), "reason": "Agreed", "from": since}
        )
        self._try(search_or_assign, request, command)

    @rule(place=places, minutes=amounts, days=days_ago, at=minutes_of_day)
    def work(self, place: int, minutes: int, days: int, at: int) -> None:
        when = min(self.now, (self.now - days * DAY).replace(hour=0, minute=0) + at * MINUTE)
        self._log(self._one(self.requests, place), WorkGiven(minutes=minutes, worked_at=when))

    @rule(place=places, minutes=st.integers(1, 600), days=days_ago, at=minutes_of_day)
    def work_span(self, place: int, minutes: int, days: int, at: int) -> None:
        end = min(self.now, (self.now - days * DAY).replace(hour=0, minute=0) + at * MINUTE)
        command = WorkGiven(started_at=end - minutes * MINUTE, ended_at=end)
        self._log(self._one(self.requests, place), command)

    @rule(place=places, minutes=amounts)
    def work_now(self, place: int, minutes: int) -> None:
        self.work(place, minutes, 0, 24 * 60)

    @precondition(lambda self: self.entries)
    @rule(place=places, minutes=amounts)
    def change(self, place: int, minutes: int) -> None:
        self._correct(self._one(self.entries, place), ChangeWork(minutes=minutes))

    @precondition(lambda self: self.entries)
    @rule(place=places, days=days_ago)
    def move(self, place: int, days: int) -> None:
        when = self.now - days * DAY
        self._correct(self._one(self.entries, place), ChangeWork(worked_at=when))

    @precondition(lambda self: self.entries)
    @rule(place=places)
    def delete(self, place: int) -> None:
        entry = self._one(self.entries, place)
        self.sample.do(delete_work, entry)
        self.entries.remove(entry)

    # -------------------------------------------------------------- time

    @rule(minutes=st.integers(1, 9 * 24 * 60))
    def wait(self, minutes: int) -> None:
        self.sample.clock.at = self.now + minutes * MINUTE
        if self.in_time:
            self.run_jobs()

    @rule()
    def run_jobs(self) -> None:
        for job in ("settle_contracts", "expire_contracts"):
            run_job(self.sample.desk, job)

    # -------------------------------------------------------------- what must hold

    @invariant()
    def agrees_in_time(self) -> None:
        if self.in_time:
            self.check()

    def teardown(self) -> None:
        if hasattr(self, "in_time"):
            self.check()
            assert self.sample.see(planned_again, self.contracts)[0] == []

    def check(self) -> None:
        views = {one: self.sample.see(read_contract, one) for one in self.contracts}
        model = self._model()
        expected = model.result(self.now)
        assert self._taken() == expected.taken
        for request in self.requests:
            self._check_rounding([row for row in self.sample.entries(request) if row.deleted_at is None])
        for contract_id, view in views.items():
            self._check_contract(model.contracts[contract_id], expected, view, self.now)
            for days in (1, 4, 15):
                at = self.now - days * DAY
                past = self.sample.see(read_contract, contract_id, as_of=at)
                self._check_contract(model.contracts[contract_id], expected, past, at)

    def _check_rounding(self, rows: list[Any]) -> None:
        """Each entry has what the rounded sum of those that are rounded together grows by."""
        sums: dict[Any, int] = {}
        for row in sorted(rows, key=lambda row: (row.started_at, row.created_at, row.id)):
            zone = ZoneInfo(row.charged_by["time_zone"])
            day = row.started_at.astimezone(zone).date()
            group = {"entry": row.id, "service_request_day": day, "service_request": ""}[self.scope]
            before = sums.get(group, 0)
            sums[group] = before + row.worked_minutes
            rounded = sum(one["rounded_minutes"] for one in row.segments or ())
            expected = -(sums[group] // -self.increment) - -(before // -self.increment)
            assert (rounded if row.segments else row.chargeable_minutes) == expected * self.increment

    def _check_contract(self, contract: ModelContract, expected: Result, view: Any, at: datetime) -> None:
        available = usable = 0
        for grant in contract.grants:
            drawn = sum(1 for grant_id, when in expected.drawn if grant_id == grant.id and when <= at)
            withdrawn = sum(minutes for when, minutes in grant.withdrawals if when <= at)
            left = grant.minutes - drawn - withdrawn
            if contract.covers(at) and grant.is_open(at):
                usable += left
            if grant.granted_at <= at and not contract.has_ended(grant, at):
                available += left
        assert view.balance.minutes.available == available, (contract, at)
        assert view.state == _state(contract, usable, at), (contract, at)
        theirs = contract.holder_at(at)
        carried = sum(1 for holder, when in expected.carried if holder == theirs and when <= at)
        carried -= sum(1 for holder, when in expected.carried_drawn if holder == theirs and when <= at)
        assert view.carried_minutes == carried, (contract, at)

    # -------------------------------------------------------------- helpers

    def _sell(self, by_month: bool, minutes: int, **terms: Any) -> None:
        kind = "support_hours_by_month" if by_month else "support_hours"
        if by_month:
            terms["ends_on"] = (terms["starts_at"] + 80 * DAY).date()
        holder = ("customer", self.customer)
        self.contracts.append(self.sample.sell(kind, to=holder, minutes=minutes, **terms))

    def _log(self, request: str, command: WorkGiven) -> None:
        """Log work; where the jobs run in time, what was previewed is what happens, and nothing else does."""
        previewed, before = self._preview(preview_work, request, command), self._taken()
        entry = self._try(log_work, request, command)
        if entry is not None:
            self.entries.append(entry)
            self._check_preview(previewed, entry, before)

    def _correct(self, entry: str, command: ChangeWork) -> None:
        """Correct an entry, with what was previewed as for a new one."""
        previewed, before = self._preview(preview_change, entry, command), self._taken()
        if self._try(change_work, entry, command) is not None:
            self._check_preview(previewed, entry, before)

    def _check_preview(self, previewed: Any, entry: str, before: dict[Any, int]) -> None:
        if previewed is None:
            return
        expected, after = previewed(entry), self._taken()
        differing = {key[0] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        concerned = {key[0] for key in expected} | differing
        assert {key: value for key, value in after.items() if key[0] in concerned} == expected

    def _preview(self, use_case: Any, *args: Any) -> Any:
        """What a preview says of an entry, and of the others that it moves, as of its id."""
        if not self.in_time:
            return None
        try:
            planned = self.sample.see(use_case, *args)
        except (DeskError, ValidationError):
            return None
        moved = {one.entry: one.after for one in planned.moved}
        return lambda entry: _minutes({**moved, entry: planned.slices})

    def _try(self, use_case: Any, *args: Any) -> Any:
        """Do it unless the desk refuses, as for a contract that has ended."""
        try:
            return self.sample.do(use_case, *args)
        except (DeskError, ValidationError):
            return None

    @staticmethod
    def _one(among: list[str], place: int) -> str:
        return among[place % len(among)]

    def _model(self) -> Model:
        """The facts as they are stored: dates and amounts, none of what was drawn."""
        model = Model()
        for contract_id in self.contracts:
            row = self.sample.contract(contract_id)
            model.contracts[contract_id] = ModelContract(
                id=row.id,
                holder=f"{row.holder_kind}:{row.holder_id}",
                sold_at=row.created_at,
                starts_at=row.starts_at,
                ends_at=row.expires_at,
                by_month=row.monthly_minutes is not None,
                policy=row.time_expired or "rollover",
                grants=self._grants(row),
                cancelled_at=row.cancelled_at,
                past_holders=self._past_terms(row.id, "holder_kind", "holder_id"),
                past_policies=self._past_terms(row.id, "time_expired", default="rollover"),
            )
        for entry_id in self.entries:
            [row] = self.sample.rows(t.work_entry, id=entry_id)
            terms = row.charged_by
            if terms["contract"] is not None:
                model.entries[entry_id] = ModelEntry(
                    row.id,
                    row.started_at,
                    row.created_at,
                    _segments(row),
                    terms["contract"],
                    terms["cascade"],
                )
        return model

    def _past_terms(self, contract_id: str, *names: str, default: str = "") -> list[tuple[datetime, str]]:
        """The terms before each amendment of them; of two at one instant the last counts."""
        amendments = [
            one
            for one in self.sample.rows(t.contract_amendment, contract_id=contract_id)
            if names[0] in one.after
        ]
        found: dict[datetime, str] = {}
        for one in sorted(amendments, key=lambda one: (one.effective_at, one.id)):
            earlier = [other for other in amendments if other.effective_at < one.effective_at]
            last = max(earlier, key=lambda other: (other.effective_at, other.id), default=None)
            first = min(amendments, key=lambda other: other.id)
            terms = last.after if last is not None else first.before
            found[one.effective_at] = ":".join(terms[name] or default for name in names)
        return [*found.items()]

    def _grants(self, contract: Any) -> list[ModelGrant]:
        rows = self.sample.rows(t.contract_grant, contract_id=contract.id)
        withdrawals = self.sample.rows(t.ledger_transaction, contract_id=contract.id, kind="withdraw")
        withdrawn_by = {one.id for one in withdrawals}
        found = []
        for row in rows:
            legs = self.sample.rows(t.ledger_posting, owner=row.id, account="sold")
            taken_back = [
                (leg.effective_at, leg.amount) for leg in legs if leg.transaction_id in withdrawn_by
            ]
            found.append(
                ModelGrant(
                    row.id,
                    row.quantity,
                    row.effective_at or contract.starts_at,
                    row.expires_at,
                    row.effective_at or min(contract.starts_at, contract.created_at),
                    sum(minutes for _, minutes in taken_back),
                    taken_back,
                )
            )
        return found

    def _taken(self) -> dict[tuple[str, str, str, str | None], int]:
        found: dict[tuple[str, str, str, str | None], int] = {}
        for entry_id in self.entries:
            for row in self.sample.rows(t.work_allocation, work_entry_id=entry_id):
                if row.reversed_at is None and row.contract_id is not None:
                    key = (entry_id, row.kind, row.contract_id, row.grant_id)
                    found[key] = found.get(key, 0) + row.minutes
        return found


def _segments(row: Any) -> list[ModelSegment]:
    if row.segments is None:
        return [ModelSegment(row.started_at, row.ended_at, row.chargeable_minutes)]
    return [
        ModelSegment(
            datetime.fromisoformat(one["start"]),
            datetime.fromisoformat(one["end"]) if one["end"] else None,
            one["chargeable_minutes"],
        )
        for one in row.segments
    ]


def _minutes(slices: Mapping[str, Sequence[Slice]]) -> dict[tuple[str, str, str, str | None], int]:
    found: dict[tuple[str, str, str, str | None], int] = {}
    for entry, pieces in slices.items():
        for piece in pieces:
            if piece.contract is not None:
                key = (entry, piece.kind, piece.contract, piece.grant)
                found[key] = found.get(key, 0) + piece.minutes
    return found


def _state(contract: ModelContract, usable: int, at: datetime) -> str:
    if contract.cancelled_at is not None and contract.cancelled_at <= at:
        return "cancelled"
    if contract.ends_at is not None and contract.ends_at <= at:
        return "expired"
    if contract.starts_at > at:
        return "pending"
    return "active" if usable or contract.by_month else "exhausted"


def try_histories(machine: type[Histories]) -> None:
    """Try as many histories as are asked for, of 30 steps each."""
    run_histories(
        machine,
        settings=settings(
            max_examples=HISTORIES,
            derandomize=GIVEN is None,
            stateful_step_count=STEPS,
            deadline=None,
            phases=(Phase.generate, Phase.explain),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_history_ends_as_the_model_says(sample: SampleDesk) -> None:
    sample.publish_rules(charging=AFTER_HOURS)
    machine = type("HistoriesHere", (Histories,), {"sample": sample, "numbers": count()})
    try_histories(machine)
    assert sample.see(audit_desk).ok


def history(
    sample: SampleDesk,
    *,
    in_time: bool = False,
    cascade: bool = True,
    minutes: int = 60,
    by_month: bool = False,
) -> Histories:
    """A history to be written out step by step, with hours that began ten days ago."""
    state: Histories = type("OneHistory", (Histories,), {"sample": sample, "numbers": count()})()
    state.begin(in_time=in_time, cascade=cascade, minutes=minutes, by_month=by_month, scope="entry")
    return state


def test_a_cancellation_does_not_change_the_order_of_grants_for_earlier_work(sample: SampleDesk) -> None:
    """All grants of a cancelled contract end with it; they had been drawn in the order of their own ends."""
    state = history(sample, minutes=58)
    state.top_up(place=0, days=-3, lasts=10, minutes=56)
    state.work_now(place=0, minutes=70)
    state.wait(minutes=60)
    [entry] = state.entries
    drawn = state._taken()
    assert sorted(drawn.values()) == [14, 56]
    state.cancel(place=0)
    state.check()
    assert state._taken() == drawn
    state.work(place=0, days=1, at=0, minutes=3)
    state.check()
    assert {key: value for key, value in state._taken().items() if key[0] == entry} != drawn


def test_a_transfer_recorded_late_holds_from_its_own_instant(sample: SampleDesk) -> None:
    """Also where another amendment has taken effect since then."""
    state = history(sample)
    [contract] = state.contracts
    state.work_now(place=0, minutes=70)
    state.wait(minutes=4 * 24 * 60)
    state.amend(place=0, days=0, ignore=True)
    state.transfer(place=0, days=2, to_item=True)
    state.assign(place=0, contract=0, days=2)
    state.work(place=0, days=1, at=0, minutes=20)
    state.check()
    [past] = sample.rows(t.contract_past_holder, contract_id=contract)
    assert past.held_until == sample.contract(contract).held_since == state.now - 2 * DAY
    then = {days: sample.see(read_contract, contract, as_of=state.now - days * DAY) for days in (0, 1, 2, 3)}
    assert {days: view.carried_minutes for days, view in then.items()} == {0: 20, 1: 20, 2: 0, 3: 10}


FOUR_ENTRIES = ((1, 50), (2, 40), (3, 30), (5, 20))
"""Days and minutes: 140 minutes against a block of 100, and a second one that begins on the fourth day."""


@pytest.mark.parametrize("policy", ["rollover", "ignore"])
def test_four_entries_end_the_same_in_all_orders(sample: SampleDesk, policy: str) -> None:
    ends = set()
    for number, order in enumerate(permutations(FOUR_ENTRIES)):
        sample.clock.at = sample.clock.at.replace(hour=9) + 10 * DAY
        start = sample.clock.now()
        ann = sample.customer(f"Customer {number}", sample.site)
        first = sample.sell("support_hours", to=("customer", ann), minutes=100, time_expired=policy)
        request = sample.log(customer=ann, item=None)
        sample.clock.at = start + 4 * DAY
        second = sample.sell("support_hours", to=("customer", ann), minutes=60)
        sample.clock.at = start + 6 * DAY
        for day, minutes in order:
            sample.work(request, minutes, at=start + day * DAY)
        entries = sorted(sample.entries(request), key=lambda row: row.started_at)
        split = tuple(tuple(sorted(sample.allocations(row.id))) for row in entries)
        balances = tuple(
            (view.state, view.balance.minutes, view.carried_minutes)
            for contract in (first, second)
            for at in (*(start + day * DAY for day in range(7)), None)
            for view in [sample.see(read_contract, contract, as_of=at)]
        )
        ends.add((split, balances))
    assert len(ends) == 1
    assert sample.see(audit_desk).ok


def test_a_contract_sold_at_the_instant_of_work_pays_before_one_that_ends_later(sample: SampleDesk) -> None:
    state = history(sample, in_time=True, minutes=59)
    state.sell(by_month=False, days=0, ends=False, ignore=False, minutes=1)
    state.cancel(place=0)
    state.work_now(place=0, minutes=52)
    state.sell(by_month=False, days=-1, ends=False, ignore=False, minutes=67)
    state.sell(by_month=False, days=-6, ends=True, ignore=False, minutes=81)
    state.work_now(place=0, minutes=83)
    state.agrees_in_time()
    state.sell(by_month=False, days=0, ends=True, ignore=True, minutes=19)
    state.agrees_in_time()


def test_minutes_that_waited_for_the_months_of_a_cancelled_contract_are_drawn_as_if_it_had_none(
    sample: SampleDesk,
) -> None:
    state = history(sample, by_month=True, cascade=False, minutes=2)
    state.work(place=0, minutes=90, days=8, at=0)
    state.sell(by_month=False, days=-7, ends=False, ignore=True, minutes=60)
    state.wait(minutes=3820)
    state.cancel(place=0, days=2)
    state.check()
    assert state.sample.see(planned_again, state.contracts)[0] == []
