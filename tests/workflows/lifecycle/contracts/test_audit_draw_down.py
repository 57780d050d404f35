"""The audit plans the draw-down again: a wrong draw is found even where ledger and allocations agree."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from engine.payers import Slice
from tests.support.sample_desk import SampleDesk
from workflows.contracts.queries import read_contract
from workflows.core.transaction import Transaction
from workflows.jobs.definitions import run_job
from workflows.lifecycle.contracts import audit_draw_down as module
from workflows.lifecycle.contracts.allocations import SliceToPost, post_slices, reverse_posted
from workflows.lifecycle.contracts.loaded import LoadedContracts
from workflows.lifecycle.contracts.redraw_reading import allocations_of, carried_draws_of
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

DAY = timedelta(days=1)


def by_month_in_arrears(sample: SampleDesk, *, days: int = 80) -> str:
    """A contract of 10 minutes a month that begins now, with 100 minutes of work: 90 are carried."""
    now = sample.clock.now()
    contract = sample.sell(
        "support_hours_by_month", minutes=10, starts_at=now, ends_on=(now + days * DAY).date()
    )
    sample.work(sample.log(item=None), 100)
    return contract


def move_to(tx: Transaction, entry: Any, wrong: Slice) -> None:
    """Take an entry's minutes from another grant, with all that ledger and allocations need."""
    contracts = LoadedContracts(tx)
    reverse_posted(tx, allocations_of(tx, [entry.id]), (), contracts, cause=f"work_entry:{entry.id}")
    request = tx.connection.execute(
        select(t.service_request).where(t.service_request.c.id == entry.service_request_id)
    ).one()
    post_slices(tx, [SliceToPost(entry.id, request, "", wrong)], contracts)


def test_minutes_of_another_grant_are_found(sample: SampleDesk) -> None:
    block = sample.sell("support_hours", minutes=600)
    other = sample.sell("support_hours", minutes=600)
    request_id = sample.log()
    sample.work(request_id, 60)
    assert sample.see(audit_desk).ok
    [entry] = sample.entries(request_id)
    [drawn] = [one for one in sample.rows(t.work_allocation) if one.work_entry_id == entry.id]
    payer = other if drawn.contract_id == block else block
    [grant] = sample.grants(payer)

    wrong = Slice("grant", payer, grant.grant_id, 60, drawn.effective_at)
    with sample.desk.write() as tx:
        move_to(tx, entry, wrong)

    [difference] = sample.see(audit_desk).differences
    assert (difference.what, difference.record) == ("draw-down of a work entry", entry.id)
    assert difference.stored == f"grant {grant.grant_id} 60"
    assert difference.posted == f"grant {drawn.grant_id} 60"


def test_work_of_many_contracts_is_planned_in_batches(
    sample: SampleDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worked(minutes: int) -> None:
        customer = sample.customer(f"Customer {minutes}")
        sample.sell("support_hours", to=("customer", customer), minutes=minutes)
        sample.work(sample.log(customer=customer, item=None), 30)

    def statements() -> int:
        sent: list[str] = []

        def count(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
            sent.append(statement)

        engine = sample.desk.database.engine
        event.listen(engine, "before_cursor_execute", count)
        try:
            assert sample.see(audit_desk).ok
        finally:
            event.remove(engine, "before_cursor_execute", count)
        return len(sent)

    monkeypatch.setattr(module, "BATCH", 4)
    for number in range(3):
        worked(60 + number)
    few = statements()
    worked(100)
    assert statements() == few
    for number in range(8):
        worked(200 + number)
    # three batches of four contracts
    assert statements() <= 3 * few


def test_draws_of_carried_minutes_that_are_due_are_no_difference(sample: SampleDesk) -> None:
    monthly = by_month_in_arrears(sample)
    block = sample.sell("support_hours", minutes=60, starts_at=sample.clock.now() + 85 * DAY)
    for days in (31, 31, 28):
        # no job runs: a month begins, another one, and the next contract
        sample.clock.at += days * DAY
        assert sample.see(audit_desk).differences == []
    run_job(sample.desk, "settle_contracts")
    run_job(sample.desk, "expire_contracts")
    assert [sample.see(read_contract, one).balance.minutes.drawn for one in (monthly, block)] == [30, 60]
    assert sample.see(audit_desk).differences == []


def test_a_missing_draw_of_carried_minutes_is_found(sample: SampleDesk) -> None:
    """Also where a later draw of the same contract is due."""
    monthly = by_month_in_arrears(sample)
    sample.clock.at += 31 * DAY
    run_job(sample.desk, "settle_contracts")
    assert sample.see(audit_desk).ok
    with sample.desk.write() as tx:
        [drawn] = carried_draws_of(tx, [monthly], sample.clock.at - 31 * DAY)
        reverse_posted(tx, (), [drawn], LoadedContracts(tx), cause="nothing")
    [(grant_id, _)] = drawn.draw.grants
    text = f"10 on {drawn.draw.drawn_at.isoformat()}: {grant_id} 10"
    expected = ("draw of carried minutes", None, text)
    for days in (0, 31):
        sample.clock.at += days * DAY
        [difference] = sample.see(audit_desk).differences
        assert (difference.what, difference.stored, difference.posted) == expected
        assert difference.contract == monthly


def test_the_last_month_of_an_ended_contract_draws_first_where_no_job_has_run(sample: SampleDesk) -> None:
    monthly = by_month_in_arrears(sample, days=50)
    sample.clock.at += 60 * DAY
    block = sample.sell("support_hours", minutes=200)
    assert sample.see(audit_desk).differences == []
    run_job(sample.desk, "settle_contracts")
    run_job(sample.desk, "expire_contracts")
    assert sample.see(audit_desk).differences == []
    assert [sample.see(read_contract, one).balance.minutes.drawn for one in (monthly, block)] == [20, 80]
