"""Months sold ahead: views of the future include them; a statement shows each once it has begun."""

from datetime import date, timedelta
from typing import Any

from tests.support.api import ApiClients
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import CancelContract
from workflows.commands.service_requests import CoverageQuestion
from workflows.contracts.queries import list_contracts, read_contract
from workflows.contracts.statement import read_statement
from workflows.contracts.use_cases import cancel_contract
from workflows.coverage.search import decide_question, preview_coverage
from workflows.jobs.definitions import JOBS, run_job
from workflows.reports.audit import audit_desk
from workflows.store import tables as t
from workflows.views.contracts import StatementLine, UnitBalance

DAY = timedelta(days=1)
START = (MONDAY + 10 * DAY).replace(hour=0)
"""12 March; the months after it begin on the 12th."""


def sold_ahead(sample: SampleDesk, **terms: Any) -> str:
    return sample.sell(
        "support_hours_by_month",
        minutes=60,
        starts_on=START.date(),
        ends_on=(START + 91 * DAY).date(),
        **terms,
    )


def statement(sample: SampleDesk, contract: str, to: date | None) -> list[StatementLine]:
    return sample.see(read_statement, contract, to=to).lines


def test_a_statement_shows_a_month_once_it_has_begun(sample: SampleDesk) -> None:
    contract = sold_ahead(sample)
    sample.clock.at = START + 40 * DAY
    request = sample.log()
    sample.work(request, 25, at=sample.clock.at - DAY)
    sample.clock.move(days=1)
    today = sample.clock.at.date()
    for to in (None, today, today + 400 * DAY):
        lines = statement(sample, contract, to)
        assert [(line.kind, line.minutes, line.balance_after) for line in lines] == [
            ("grant", 60, 60),
            ("expire", -60, 0),
            ("grant", 60, 60),
            ("draw", -25, 35),
        ]
    lines = statement(sample, contract, None)
    last = {line.effective_at: line.balance_after for line in lines}
    assert last == {
        at: sample.see(read_contract, contract, as_of=at).balance.minutes.available for at in last
    }
    api = ApiClients(sample)
    shown = api.administrator.get(f"/contracts/{contract}/statement?to=2027-01-01").json
    assert shown is not None
    assert shown["lines"][-1]["balance_after"] == 35


def test_a_contract_that_has_yet_to_start_shows_what_it_will_grant(sample: SampleDesk) -> None:
    contract = sold_ahead(sample)
    asked = [START - DAY, START, START + 40 * DAY, START + 300 * DAY]

    def seen() -> list[tuple[str, str | None, UnitBalance]]:
        views = [sample.see(read_contract, contract, as_of=at) for at in asked]
        return [(one.state, one.pending_reason, one.balance.minutes) for one in views]

    before = seen()
    assert [(one.purchased, one.available, one.expired) for _, _, one in before] == [
        (0, 0, 0),
        (60, 60, 0),
        (120, 60, 60),
        (180, 0, 180),
    ]
    assert sample.rows(t.contract_grant, contract_id=contract) == []
    sample.clock.at = START
    late = sample.see(list_contracts).items[0].balance.minutes
    assert (late.purchased, late.available) == (60, 60)
    for name in JOBS:
        run_job(sample.desk, name)
    assert len(sample.rows(t.contract_grant, contract_id=contract)) == 3
    assert seen() == before


def test_a_contract_that_is_not_enabled_grants_nothing(sample: SampleDesk) -> None:
    waiting = sold_ahead(sample, enable=False)
    cancelled = sold_ahead(sample)
    sample.do(cancel_contract, cancelled, CancelContract(reason="a mistake"))
    for contract in (waiting, cancelled):
        for at in (START, START + 300 * DAY):
            assert sample.see(read_contract, contract, as_of=at).balance.minutes.purchased == 0


def test_a_preview_ahead_is_covered_by_a_contract_that_will_have_started(sample: SampleDesk) -> None:
    contract = sold_ahead(sample)
    asked = {START - DAY: ("waiting", 0), START: ("covered", 60), START + 40 * DAY: ("covered", 60)}
    for at, (outcome, minutes) in asked.items():
        found = sample.see(decide_question, CoverageQuestion(customer=sample.ann, at=at))
        assert (found.outcome, found.contract) == (outcome, contract)
        assert [one.candidate.minutes_available for one in found.candidates] == [minutes]
    assert sample.see(
        preview_coverage, CoverageQuestion(customer=sample.ann, at=START + 300 * DAY)
    ).outcome == ("created")


def test_the_months_of_a_cancelled_contract_expire_as_they_would_have_begun(sample: SampleDesk) -> None:
    contract = sold_ahead(sample)
    sample.clock.at = START + 10 * DAY
    sample.log()
    sample.do(cancel_contract, contract, CancelContract(reason="a mistake"))
    assert [line.balance_after for line in statement(sample, contract, None)] == [60, 0]
    sample.clock.at = START + 300 * DAY
    lines = statement(sample, contract, None)
    assert [(line.kind, line.balance_after) for line in lines[2:]] == [("grant", 60), ("expire", 0)] * 2
    for line in lines:
        available = sample.see(read_contract, contract, as_of=line.effective_at).balance.minutes.available
        assert available == {one.effective_at: one.balance_after for one in lines}[line.effective_at]
    assert sum(one.available for one in sample.grants(contract)) == 0
    assert sample.see(audit_desk).ok


def test_what_was_sold_ahead_goes_with_a_contract_cancelled_before_its_start(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60, starts_on=START.date())
    cancelled = sample.clock.move(hours=1)
    sample.do(cancel_contract, contract, CancelContract(reason="a mistake"))
    for now in (cancelled, START + DAY):
        sample.clock.at = now
        assert [line.balance_after for line in statement(sample, contract, None)] == [60, 0]
        for at, available in ((cancelled - DAY / 48, 60), (cancelled, 0), (START + DAY, 0)):
            assert sample.see(read_contract, contract, as_of=at).balance.minutes.available == available
    assert sample.see(audit_desk).ok
