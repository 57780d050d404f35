"""A corrected carried entry ends as if it had always been so: what paid for other work still pays for it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.contracts import OVER_STATES
from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import CancelContract
from workflows.commands.work import ChangeWork
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import cancel_contract
from workflows.reports.audit import audit_desk
from workflows.work.use_cases import change_work, delete_work

DAY = timedelta(days=1)
PHASES = (Phase.generate,)
"""Not shrunk: the desk is shared by all examples, which makes that slow."""


@dataclass(frozen=True)
class Sale:
    """A later contract: sold on a day, with minutes, perhaps with a last day, perhaps cancelled on day 12."""

    day: int
    minutes: int
    lasts_days: int | None
    cancelled: bool


@dataclass(frozen=True)
class History:
    """Minutes worked past the end of the first contract, by day, and the contracts sold afterwards."""

    worked: tuple[tuple[int, int], ...]
    sales: tuple[Sale, ...]


sales = st.builds(Sale, st.integers(6, 11), st.integers(5, 80), st.none() | st.integers(0, 20), st.booleans())
histories = st.builds(
    History,
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 60)), min_size=1, max_size=4).map(tuple),
    st.lists(sales, max_size=3).map(tuple),
)


class Played:
    """A history of a customer of their own, as it happens."""

    def __init__(self, sample: SampleDesk, name: str, start: datetime) -> None:
        self.sample, self.start = sample, start
        self.customer = sample.customer(name, sample.site)
        sample.sell("support_hours", to=("customer", self.customer), minutes=10)
        self.request = sample.log(customer=self.customer, item=None)
        sample.work(self.request, 10)
        self.entries: list[str] = []
        self.sold: list[str] = []

    def on(self, day: int, history: History) -> None:
        for worked_day, minutes in history.worked:
            if worked_day == day and minutes:
                before = {row.id for row in self.sample.entries(self.request)}
                assert self.sample.work(self.request, minutes) == [("carried", minutes)]
                after = {row.id for row in self.sample.entries(self.request)}
                self.entries += after - before
        for sale in history.sales:
            if sale.day == day:
                self.sell(sale)
        if day == 12:
            for sale, contract in zip(sorted(history.sales, key=lambda one: one.day), self.sold, strict=True):
                if sale.cancelled and self.sample.see(read_contract, contract).state not in OVER_STATES:
                    self.sample.do(cancel_contract, contract, CancelContract(reason="Agreed"))

    def sell(self, sale: Sale) -> None:
        today = self.sample.clock.now().date()
        last = today + DAY * sale.lasts_days if sale.lasts_days is not None else None
        holder = ("customer", self.customer)
        self.sold.append(self.sample.sell("support_hours", to=holder, minutes=sale.minutes, ends_on=last))

    def seen(self) -> list[Any]:
        """The balances of the contracts and what is carried, at the end of each day and now."""
        days = [self.start + DAY * day - timedelta(seconds=1) for day in range(1, 45, 4)]
        shown = []
        for contract in self.sold:
            for at in [*(day for day in days if day <= self.sample.clock.now()), None]:
                view = self.sample.see(read_contract, contract, as_of=at)
                shown.append((at, view.state, view.balance.minutes, view.carried_minutes))
        return [*shown, self.sample.carried(f"customer:{self.customer}")]


def test_deleting_or_changing_a_carried_entry_leaves_the_others_as_if_it_had_always_been_so(
    sample: SampleDesk,
) -> None:
    names = iter(range(10_000))

    @settings(max_examples=10, deadline=None, phases=PHASES)
    @given(histories, st.integers(0, 3), st.none() | st.integers(1, 80), st.sampled_from([13, 30]))
    def check(history: History, which: int, minutes: int | None, corrected_on: int) -> None:
        # in the order worked: the sorted days are when they are logged
        worked = sorted(history.worked)
        which %= len(worked)
        corrected = [*worked]
        corrected[which] = (worked[which][0], minutes or 0)
        sample.clock.at = start = sample.clock.now().replace(hour=9) + DAY * 2
        mistaken = Played(sample, f"M {next(names)}", start)
        right = Played(sample, f"R {next(names)}", start)
        for day in range(corrected_on + 1):
            sample.clock.at = max(sample.clock.at, start + DAY * day + timedelta(hours=1))
            mistaken.on(day, replace(history, worked=tuple(worked)))
            right.on(day, replace(history, worked=tuple(corrected)))
        entry = mistaken.entries[which]
        if minutes is None:
            sample.do_as(sample.supervisor, delete_work, entry)
        else:
            sample.do_as(sample.supervisor, change_work, entry, ChangeWork(minutes=minutes))
        sample.clock.move(days=1)
        for one in (mistaken, right):
            one.sell(Sale(0, 45, None, cancelled=False))
        assert mistaken.seen() == right.seen()

    check()
    assert sample.see(audit_desk).ok
