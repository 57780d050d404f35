"""Late entries, corrections and back-dated top-ups at once end as if they had come one after the other."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import TopUp
from workflows.commands.work import ChangeWork
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import top_up
from workflows.reports.audit import audit_desk
from workflows.work.use_cases import change_work, delete_work

DAY = timedelta(days=1)
Act = Callable[[], Any]


class Customer:
    """One customer with two blocks of hours, the second from the fifth day on, and work on six days."""

    def __init__(self, sample: SampleDesk, name: str, start: datetime) -> None:
        self.sample, self.start = sample, start
        sample.clock.at = start
        self.ann = sample.customer(name, sample.site)
        self.contracts = [sample.sell("support_hours", to=("customer", self.ann), minutes=200)]
        self.request = sample.log(customer=self.ann, item=None)
        sample.clock.at = start + 4 * DAY
        self.contracts.append(sample.sell("support_hours", to=("customer", self.ann), minutes=150))
        sample.clock.at = start + 8 * DAY
        for day in range(6):
            sample.work(self.request, 30 + day, at=self._at(day, 0))
        self.entries = [
            row.id for row in sorted(sample.entries(self.request), key=lambda row: row.started_at)
        ]

    def acts(self) -> list[Act]:
        """Twelve late entries, two corrections, a deletion and two top-ups for the past."""
        sample = self.sample
        late = [
            partial(sample.work, self.request, 11 + place, at=self._at(place % 6, 1 + place))
            for place in range(12)
        ]
        return [
            *late,
            partial(sample.do, change_work, self.entries[0], ChangeWork(minutes=55)),
            partial(sample.do, change_work, self.entries[3], ChangeWork(worked_at=self._at(1, 40))),
            partial(sample.do, delete_work, self.entries[2]),
            partial(sample.do, top_up, self.contracts[0], TopUp(minutes=35, effective_at=self._at(2, 0))),
            partial(sample.do, top_up, self.contracts[1], TopUp(minutes=15, effective_at=self._at(5, 0))),
        ]

    def end(self) -> Sequence[Any]:
        """Where every entry's minutes went, and the contracts as of several instants."""
        rows = sorted(self.sample.entries(self.request), key=lambda row: row.started_at)
        splits = [sorted(self.sample.allocations(row.id)) for row in rows if row.deleted_at is None]
        views = [
            self.sample.see(read_contract, contract, as_of=at)
            for contract in self.contracts
            for at in (*(self._at(day, 59) for day in range(7)), None)
        ]
        return [splits, [(view.state, view.balance.minutes, view.carried_minutes) for view in views]]

    def _at(self, day: int, minute: int) -> datetime:
        return self.start + day * DAY + minute * timedelta(minutes=1)


@pytest.mark.parametrize("scope", ["entry", "service_request_day", "service_request"])
def test_all_at_once_is_as_one_after_the_other(sample: SampleDesk, scope: str) -> None:
    sample.set(rounding={"increment_minutes": 1 if scope == "entry" else 15, "scope": scope})
    at_once = Customer(sample, "At once", sample.clock.now() + DAY)
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(act) for act in at_once.acts()]:
            future.result()
    found = at_once.end()
    in_turn = Customer(sample, "One by one", at_once.start + 30 * DAY)
    acts = in_turn.acts()
    Random(4).shuffle(acts)
    for act in acts:
        act()
    assert found == in_turn.end()
    assert sample.see(audit_desk).ok
    assert deadlocks(sample) == 0


def deadlocks(sample: SampleDesk) -> int:
    """How many PostgreSQL has ended; each would have made others wait for a second."""
    if sample.desk.database.is_sqlite:
        return 0
    sample.desk.database.engine.dispose()
    counted = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    with sample.desk.database.read() as connection:
        return int(connection.execute(counted).scalar_one())
