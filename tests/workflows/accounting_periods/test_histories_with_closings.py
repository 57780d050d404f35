"""Any history with random closings: balances as of an instant in a closed period never change.

In the end it is as if no period had been closed: the model knows nothing of them.
"""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis.stateful import rule

from engine.accounting_periods import month_of, next_month
from engine.periods import local_date
from tests.support.draw_down_model import ModelContract, Result
from tests.support.histories import HISTORIES, PARTS, RATES, Histories, try_histories
from tests.support.sample_desk import SampleDesk
from workflows.accounting_periods.queries import list_periods
from workflows.accounting_periods.use_cases import close_period, last_closed, reopen_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.contracts.queries import read_contract
from workflows.reports.audit import audit_desk

DAY = timedelta(days=1)


class HistoriesWithClosings(Histories):
    """Months are closed and the last one opened again, at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen: dict[tuple[str, datetime], Any] = {}

    @property
    def closed_until(self) -> datetime | None:
        last = self.sample.see(last_closed)
        return last.ends_at if last is not None else None

    @rule()
    def close(self) -> None:
        """Close every month that is over."""
        last = self.sample.see(last_closed)
        this_month = local_date(self.now, self.sample.desk.config.settings.zone).replace(day=1)
        first = local_date(
            last.ends_at if last else self.now - 31 * DAY, self.sample.desk.config.settings.zone
        )
        first = first.replace(day=1)
        while first < this_month:
            self.sample.do_as(
                self.sample.finance, close_period, month_of(first), ChangePeriod(reason="Month end")
            )
            first = next_month(first)
        self.sample.desk.refresh()

    @rule()
    def reopen(self) -> None:
        last = self.sample.see(last_closed)
        if last is None or last.ends_at < self.now - 20 * DAY:
            return
        self.sample.do_as(self.sample.finance, reopen_period, last.month, ChangePeriod(reason="Too early"))
        self.sample.desk.refresh()
        until = self.closed_until
        self.frozen = {key: view for key, view in self.frozen.items() if until and key[1] < until}

    def check(self) -> None:
        super().check()
        until = self.closed_until
        if until is None:
            return
        for contract_id in self.contracts:
            for before in (timedelta(microseconds=1), 3 * DAY, 9 * DAY):
                at = until - before
                view = self.sample.see(read_contract, contract_id, as_of=at)
                found = (view.balance, view.carried_minutes)
                assert self.frozen.setdefault((contract_id, at), found) == found
            for (contract, at), seen in self.frozen.items():
                if contract == contract_id:
                    view = self.sample.see(read_contract, contract_id, as_of=at)
                    assert (view.balance, view.carried_minutes) == seen, at

    def _check_contract(self, contract: ModelContract, expected: Result, view: Any, at: datetime) -> None:
        until = self.closed_until
        if until is None or at >= until:
            super()._check_contract(contract, expected, view, at)


@pytest.mark.parametrize("part", range(PARTS))
def test_closed_periods_never_change(sample: SampleDesk, part: int) -> None:
    sample.publish_rules(rate_cards__standard=RATES)
    machine = type("ClosingsHere", (HistoriesWithClosings,), {"sample": sample, "numbers": count()})
    try_histories(machine, part, of_all=HISTORIES // 12)
    assert sample.see(audit_desk).ok
    assert sample.see_as(sample.finance, list_periods).items
