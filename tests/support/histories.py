"""Random histories of one customer's contracts and work, compared with a simple model at each step.

`COVERDESK_HISTORIES` is how many histories are tried for each kind of database, others at each run; without
it the same 150 are tried each time, 300 in all.
"""

import json
import os
from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    get_state_machine_test,
    initialize,
    invariant,
    precondition,
    rule,
)
from pydantic import ValidationError

from engine.errors import DeskError
from engine.quantities import RoundingScope
from tests.support.rate_cards import rate_card
from tests.support.sample_desk import SampleDesk
from tests.support.stored_history import DAY, INCREMENT, MINOR_PER_MINUTE, StoredHistory, minutes_of
from workflows.administration.settings import change_settings
from workflows.commands.contracts import (
    Adjust,
    AmendContract,
    BorrowTerms,
    CancelContract,
    CarryOverTerms,
    HolderGiven,
    Renew,
    TopUp,
    TransferContract,
)
from workflows.commands.fields import MoneyGranted
from workflows.commands.service_requests import MergeRequest, SearchCoverage, SplitRequest
from workflows.commands.work import ChangeWork, DecideEntries, WorkGiven
from workflows.contracts.amending import amend_contract, transfer_contract
from workflows.contracts.use_cases import adjust, cancel_contract, renew, top_up
from workflows.jobs.definitions import run_job
from workflows.lifecycle.contracts.audit_draw_down import planned_again
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t
from workflows.work.approval import approve_work, reject_work
from workflows.work.merging import merge_requests, split_request
from workflows.work.use_cases import change_work, delete_work, log_work, preview_change, preview_work

GIVEN = os.environ.get("COVERDESK_HISTORIES")
HISTORIES = int(GIVEN or 150)
PARTS = 6
"""Parts run in parallel; each has a desk of its own."""
STEPS = 30
MINUTE = timedelta(minutes=1)
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
RATES = rate_card(60 * MINOR_PER_MINUTE)

amounts = st.integers(1, 90)
days_ago = st.integers(0, 12)
minutes_of_day = st.integers(0, 24 * 60 - 1)
places = st.integers(0, 1_000)
caps = st.none() | st.integers(1, 100)
"""A cap on minutes of a month: in minutes if it is odd, else in percent."""
carries = st.none() | st.tuples(st.integers(1, 2), st.integers(1, 100))
"""For how many further months a rest is retained, and its cap."""


class Histories(StoredHistory):
    """One customer's contracts and work; all histories share the desk, each with a customer of its own."""

    @initialize(
        in_time=st.booleans(),
        cascade=st.booleans(),
        minutes=amounts,
        by_month=st.booleans(),
        scope=st.sampled_from(["entry", "service_request_day", "service_request"]),
        carry=carries,
        ahead=caps,
        days=st.sampled_from([10, 28]),
        approval=st.booleans(),
    )
    def begin(
        self,
        in_time: bool,
        cascade: bool,
        minutes: int,
        by_month: bool,
        scope: RoundingScope,
        carry: tuple[int, int] | None = None,
        ahead: int | None = None,
        days: int = 10,
        approval: bool = False,
    ) -> None:
        self.in_time, self.scope = in_time, scope
        # later than any work of the history before, which has its own rounding
        self.sample.clock.at = (self.sample.clock.at + 40 * DAY).replace(hour=9, minute=0)
        increment = 1 if scope == "entry" else INCREMENT
        self.increments = [(self.now, increment)]
        rounding = {"increment_minutes": increment, "scope": scope}
        self.sample.set(cascade=cascade, rounding=rounding, work_approval=approval)
        self.contracts = []
        self.requests = []
        self.entries = []
        self.customer = self.sample.customer(f"Someone {next(self.numbers)}", self.sample.site)
        self.item = self.sample.item(f"Server {next(self.numbers)}", customer=self.customer)
        terms = _month_terms(carry, ahead) if by_month else {}
        self._sell(by_month, minutes, starts_at=self.now - days * DAY, **terms)
        self.log_request()

    # -------------------------------------------------------------- contracts

    @rule(
        by_month=st.booleans(),
        minutes=amounts,
        days=st.integers(-8, 8),
        ignore=st.booleans(),
        ends=st.booleans(),
        carry=carries,
        ahead=caps,
    )
    def sell(
        self,
        by_month: bool,
        minutes: int,
        days: int,
        ignore: bool,
        ends: bool,
        carry: tuple[int, int] | None = None,
        ahead: int | None = None,
    ) -> None:
        policy = "ignore" if ignore else None
        last = (self.now + (days + 20) * DAY).date() if ends else None
        terms = _month_terms(carry, ahead) if by_month else {}
        starts_at = self.now + days * DAY
        self._sell(by_month, minutes, starts_at=starts_at, time_expired=policy, ends_on=last, **terms)

    @rule(minor=st.integers(1, 900), days=st.integers(-8, 8), ends=st.booleans())
    def sell_money(self, minor: int, days: int, ends: bool) -> None:
        last = (self.now + (days + 20) * DAY).date() if ends else None
        self.contracts.append(
            self.sample.sell(
                "prepaid_amount",
                to=("customer", self.customer),
                money=MoneyGranted(amount_minor=minor),
                starts_at=self.now + days * DAY,
                ends_on=last,
            )
        )

    @precondition(lambda self: self.contracts)
    @rule(
        place=places,
        minutes=amounts,
        days=st.integers(-8, 5),
        lasts=st.none() | st.integers(1, 20),
        priority=st.sampled_from([100, 100, 1, 200]),
    )
    def top_up(self, place: int, minutes: int, days: int, lasts: int | None, priority: int = 100) -> None:
        at = self.now + days * DAY
        until = max(self.now, at) + lasts * DAY if lasts else None
        contract = self._one(self.contracts, place)
        amount = self._amount(contract, minutes)
        command = TopUp.model_validate(
            {**amount, "effective_at": at, "expires_at": until, "priority": priority}
        )
        self._try(top_up, contract, command)

    @precondition(lambda self: self.contracts)
    @rule(place=places, minutes=amounts)
    def withdraw(self, place: int, minutes: int) -> None:
        contract = self._one(self.contracts, place)
        command = Adjust.model_validate({**self._amount(contract, -minutes), "reason": "Agreed"})
        self._try(adjust, contract, command)

    @precondition(lambda self: self.contracts)
    @rule(place=places, grant=places, minutes=amounts, days=st.integers(0, 8))
    def withdraw_from_grant(self, place: int, grant: int, minutes: int, days: int) -> None:
        contract = self._one(self.contracts, place)
        grants = sorted(one.id for one in self.sample.rows(t.contract_grant, contract_id=contract))
        if not grants:
            return
        at = self.now - days * DAY if days else None
        terms = {"grant": self._one(grants, grant), "effective_at": at, "reason": "Agreed"}
        command = Adjust.model_validate({**self._amount(contract, -minutes), **terms})
        self._try(adjust, contract, command)

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
        contract = self._one(self.contracts, place)
        renewed = self._try(renew, contract, Renew.model_validate(self._amount(contract, minutes)))
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
        self._correct(self._one(self.entries, place), ChangeWork(minutes=minutes, reason="Agreed"))

    @precondition(lambda self: self.entries)
    @rule(place=places, days=days_ago)
    def move(self, place: int, days: int) -> None:
        when = self.now - days * DAY
        self._correct(self._one(self.entries, place), ChangeWork(worked_at=when, reason="Agreed"))

    @precondition(lambda self: self.entries)
    @rule(place=places, request=places)
    def move_to_request(self, place: int, request: int) -> None:
        command = ChangeWork(service_request=self._one(self.requests, request))
        self._correct(self._one(self.entries, place), command)

    @rule(place=places, into=places)
    def merge(self, place: int, into: int) -> None:
        command = MergeRequest(into=self._one(self.requests, into))
        self._try(merge_requests, self._one(self.requests, place), command)

    @rule(place=places)
    def split(self, place: int) -> None:
        self._try(split_request, self._one(self.requests, place), SplitRequest())

    @precondition(lambda self: self.entries)
    @rule(place=places)
    def delete(self, place: int) -> None:
        entry = self._one(self.entries, place)
        self.sample.do(lambda tx: delete_work(tx, entry, reason="Agreed"))
        self.entries.remove(entry)

    @precondition(lambda self: self.entries)
    @rule(place=places, count=st.integers(1, 3))
    def approve(self, place: int, count: int) -> None:
        self._try(approve_work, DecideEntries(ids=self._some(self.entries, place, count)))

    @precondition(lambda self: self.entries)
    @rule(place=places, count=st.integers(1, 3))
    def reject(self, place: int, count: int) -> None:
        self._try(reject_work, DecideEntries(ids=self._some(self.entries, place, count)))

    @rule(approval=st.booleans())
    def switch_approval(self, approval: bool) -> None:
        self.sample.set(work_approval=approval)

    @rule(increment=st.sampled_from([1, 6, INCREMENT]))
    def change_rounding(self, increment: int) -> None:
        self.wait(1)  # after what was recorded at this instant
        self.sample.do(change_settings, {"rounding": {"increment_minutes": increment}})
        self.increments.append((self.now, increment))

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
        if not hasattr(self, "in_time"):
            return
        self.check()
        self.audit()
        if self.in_time:
            return
        # jobs that come late, after a month's end and the ends of contracts, draw again from the middle
        self.wait(40 * 24 * 60)
        self.audit()
        self.run_jobs()
        self.audit()

    def audit(self) -> None:
        assert self.sample.see(planned_again, self.contracts)[0] == []

    # -------------------------------------------------------------- helpers

    def _sell(self, by_month: bool, minutes: int, **terms: Any) -> None:
        kind = "support_hours_by_month" if by_month else "support_hours"
        if by_month:
            terms["ends_on"] = (terms["starts_at"] + 80 * DAY).date()
        holder = ("customer", self.customer)
        self.contracts.append(self.sample.sell(kind, to=holder, minutes=minutes, **terms))

    def _amount(self, contract: str, minutes: int) -> dict[str, Any]:
        """So many minutes, or their price where the contract is in money, as a field of a command."""
        if self.sample.contract(contract).draws != "money":
            return {"minutes": minutes}
        # not a whole number of minutes, so that grants end within one
        return {"money": {"amount_minor": minutes * (MINOR_PER_MINUTE - 1)}}

    def _log(self, request: str, command: WorkGiven) -> None:
        """Log work; where the jobs run in time, what was previewed is what happens, and nothing else does."""
        previewed, before = self._preview(preview_work, request, command), self.taken()
        entry = self._try(log_work, request, command)
        if entry is not None:
            self.entries.append(entry)
            self._check_preview(previewed, entry, before)

    def _correct(self, entry: str, command: ChangeWork) -> None:
        """Correct an entry, with what was previewed as for a new one."""
        previewed, before = self._preview(preview_change, entry, command), self.taken()
        if self._try(change_work, entry, command) is not None:
            self._check_preview(previewed, entry, before)

    def _check_preview(self, previewed: Any, entry: str, before: dict[Any, int]) -> None:
        if previewed is None:
            return
        expected, after = previewed(entry), self.taken()
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
        return lambda entry: minutes_of({**moved, entry: planned.slices})

    def _try(self, use_case: Any, *args: Any) -> Any:
        """Do it unless the desk refuses, as for a contract that has ended."""
        try:
            return self.sample.do(use_case, *args)
        except (DeskError, ValidationError):
            return None

    @staticmethod
    def _some(among: list[str], place: int, count: int) -> list[str]:
        """Up to so many different ones, from a place on."""
        return list(dict.fromkeys(among[(place + one) % len(among)] for one in range(count)))

    @staticmethod
    def _one(among: list[str], place: int) -> str:
        return among[place % len(among)]


def _month_terms(carry: tuple[int, int] | None, ahead: int | None) -> dict[str, Any]:
    """What months retain and draw ahead, as terms of a sale."""
    terms: dict[str, Any] = {}
    if carry is not None:
        terms["carry_over"] = CarryOverTerms(months=carry[0], **_cap(carry[1]))
    if ahead is not None:
        terms["borrow"] = BorrowTerms(**_cap(ahead))
    return terms


def _cap(number: int) -> dict[str, int]:
    return {"cap_minutes": number} if number % 2 else {"cap_percent": number}


def try_histories(machine: type[Histories], part: int, *, of_all: int = HISTORIES) -> None:
    """Try a part of as many histories as are asked for, of 30 steps each."""
    run_histories = get_state_machine_test(
        machine,
        settings=settings(
            max_examples=max(of_all // PARTS, 1),
            stateful_step_count=STEPS,
            deadline=None,
            phases=(Phase.generate, Phase.explain),
            suppress_health_check=list(HealthCheck),
        ),
    )
    (run_histories if GIVEN else seed(part)(run_histories))()


def history(
    sample: SampleDesk,
    *,
    in_time: bool = False,
    cascade: bool = True,
    minutes: int = 60,
    by_month: bool = False,
) -> Histories:
    """A history to be written out step by step, with hours that began ten days ago."""
    sample.publish_rules(rate_cards__standard=RATES)
    state: Histories = type("OneHistory", (Histories,), {"sample": sample, "numbers": count()})()
    state.begin(
        in_time=in_time, cascade=cascade, minutes=minutes, by_month=by_month, scope="entry", approval=False
    )
    return state
