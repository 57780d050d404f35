"""Reports agree with the ledger, the work and the balances of contracts, after any history.

Jobs run in time or not at all, and months are closed and opened again.
"""

from collections import Counter
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select

from engine.contracts import UNITS
from engine.payers import REST_KIND
from tests.support.histories import HISTORIES, PARTS, RATES, try_histories
from tests.support.sample_desk import SampleDesk
from tests.workflows.accounting_periods.test_histories_with_closings import HistoriesWithClosings
from workflows.contracts.queries import read_contract
from workflows.core.transaction import Transaction
from workflows.reports.hours import SUMS, HoursReport, open_hours
from workflows.reports.uncovered import BY as UNCOVERED_BY
from workflows.reports.uncovered import read_uncovered
from workflows.reports.utilization import BY as WORK_BY
from workflows.reports.utilization import read_utilization
from workflows.store import tables as t
from workflows.views.contracts import UnitBalance

UNIT_OF = {"minutes": "minutes", "money": "EUR"}


class HistoriesWithReports(HistoriesWithClosings):
    """At the end of each history its reports are compared."""

    def teardown(self) -> None:
        if hasattr(self, "in_time"):
            for unit in ("money", "minutes"):
                found = self.sample.see(_by_contract, UNIT_OF[unit])
                self.compare_balances(found, unit)
            self.sample.see(_compare_sums)
            self.sample.see(_compare_work)
        super().teardown()

    def compare_balances(self, found: dict[str, Any], unit: str) -> None:
        for contract_id in self.contracts:
            view = self.sample.see(read_contract, contract_id)
            sums = found.get(contract_id, dict.fromkeys(SUMS, 0))
            is_in_unit = view.draws == unit
            expected = view.balance.of(unit) if is_in_unit else UnitBalance(0, 0, 0, 0, 0)
            early = self.sample.see(_withdrawn_early, contract_id) if is_in_unit else 0
            assert sums["sold"] == expected.purchased + early, contract_id
            moved = (sums["used"], sums["held"], sums["expired"])
            assert moved == (expected.drawn, expected.held, expected.expired), contract_id


def _withdrawn_early(tx: Transaction, contract_id: str, /) -> int:
    """What was withdrawn from grants that have not begun, below zero: a balance has nothing of these yet."""
    leg, grant = t.ledger_posting.c, t.contract_grant.c
    moved = (
        select(func.sum(leg.amount))
        .join(t.contract_grant, grant.id == leg.owner)
        .where(grant.contract_id == contract_id, grant.effective_at > tx.now)
        .where(leg.account == "available", leg.effective_at <= tx.now)
    )
    return int(tx.connection.execute(moved).scalar() or 0)


def _by_contract(tx: Transaction, unit: str, /) -> dict[str, Any]:
    with open_hours(tx, unit=unit) as report:
        rows = report.list_by("contract").rows(order="-sold")
        return {str(one.contract): {name: getattr(one, name) for name in SUMS} for one in rows}


def _compare_sums(tx: Transaction, /) -> None:
    """Months, customers, and customers by month have the sums of the ledger's postings."""
    for unit in UNIT_OF.values():
        with open_hours(tx, unit=unit) as report:
            posted = _posted(report, unit)
            months = [_values(one) for one in report.months()]
            assert Counter(_summed(months)) == posted
            for by in ("customer", "contract", "customer_and_month"):
                assert (
                    Counter(_summed([_values(one) for one in report.list_by(by).rows(order="sold")]))
                    == posted
                )


def _compare_work(tx: Transaction, /) -> None:
    """Uncovered time has the minutes of the allocations, and utilization those of the entries."""
    uncovered, utilization = read_uncovered(tx), read_utilization(tx)
    a, e = t.work_allocation.c, t.work_entry.c
    since = uncovered.span.starts_at
    kinds = select(a.kind, func.sum(a.minutes)).where(a.reversed_at.is_(None), a.effective_at >= since)
    allocated = {row[0]: int(row[1]) for row in tx.connection.execute(kinds.group_by(a.kind))}
    expected = {kind: allocated.get(kind, 0) for kind in REST_KIND.values()}
    lists: list[Any] = [
        uncovered.months(),
        *(uncovered.list_by(by).rows(order="ignored") for by in UNCOVERED_BY),
    ]
    for rows in lists:
        assert {kind: sum(getattr(one, kind) for one in rows) for kind in expected} == expected
    entries = select(func.sum(e.worked_minutes), func.sum(e.chargeable_minutes))
    worked = tuple(tx.connection.execute(entries.where(t.COUNTED_WORK, e.started_at >= since)).one())
    lists = [utilization.months(), *(utilization.list_by(by).rows(order="worked") for by in WORK_BY)]
    for rows in lists:
        found = (sum(one.worked for one in rows), sum(one.chargeable for one in rows))
        assert found == tuple(int(one or 0) for one in worked)


def _posted(report: HoursReport, unit: str) -> Counter[str]:
    """The sums by account of every posting that is effective by now, and not before the report's months."""
    sums: Counter[str] = Counter()
    tx, leg = report.tx, t.ledger_posting.c
    since, until = report.span.starts_at, tx.now
    in_span = (leg.effective_at >= since, leg.effective_at <= until)
    for row in tx.connection.execute(t.ledger_posting.select().where(leg.unit == unit, *in_span)):
        sums[row.account] += row.amount
    named = {
        "sold": -sums["sold"],
        "used": sums["consumed"],
        "held": sums["held"],
        "expired": sums["expired"],
    }
    drawn = sums["carried_drawn"]
    return Counter({**named, "carried": sums["carried"] + drawn, "carried_drawn": drawn})


def _values(one: Any) -> dict[str, int]:
    return {name: getattr(one, name) for name in SUMS}


def _summed(parts: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(one[name] for one in parts) for name in SUMS}


@pytest.mark.parametrize("part", range(PARTS))
def test_reports_are_the_sums_of_the_ledger(sample: SampleDesk, part: int) -> None:
    assert set(UNIT_OF) < set(UNITS)
    sample.set(time_zone="Europe/Berlin")
    sample.publish_rules(rate_cards__standard=RATES)
    machine = type("ReportsHere", (HistoriesWithReports,), {"sample": sample, "numbers": count()})
    try_histories(machine, part, of_all=HISTORIES // 25)
