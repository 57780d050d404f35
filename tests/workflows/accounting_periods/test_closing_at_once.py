"""Closing while others write the ledger, and two people who close at the same time."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.support.concurrency import WorkerContext, attempt, desk_at, worker_context, worker_pool
from tests.support.sample_desk import SampleDesk
from workflows.accounting_periods.use_cases import close_period, reopen_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.work import WorkGiven
from workflows.contracts.queries import read_contract
from workflows.core.actors import Actor
from workflows.core.transaction import Transaction
from workflows.reports.audit import audit_desk
from workflows.store import tables as t
from workflows.work.use_cases import log_work

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
LAST_OF_MARCH = APRIL - timedelta(microseconds=1)
WRITERS, ENTRIES = 4, 10


def close_once(context: WorkerContext, month: str) -> str:
    return attempt(context, partial(close_period, month=month, command=ChangePeriod()))


def log_in_march(context: WorkerContext, request_id: str, count: int) -> int:
    """Log entries of one minute in March; return how many were saved."""
    at = datetime(2026, 3, 20, 9, tzinfo=UTC)
    with desk_at(context) as desk:
        for number in range(count):
            command = WorkGiven(minutes=1, worked_at=at + number * timedelta(minutes=1))
            desk.perform(context.actor, partial(log_work, service_request_id=request_id, command=command))
    return count


def close_in_between(context: WorkerContext, contract_id: str, ready: int) -> int:
    """Close March once some entries are saved; return what was available at its end just afterwards."""

    def drawn(tx: Transaction) -> int:
        return int(read_contract(tx, contract_id).balance.minutes.drawn)

    with desk_at(context) as desk:
        while True:
            with desk.read(context.actor) as tx:
                if drawn(tx) >= ready:
                    break
        desk.perform(context.actor, lambda tx: close_period(tx, "2026-03", ChangePeriod()))
        with desk.read(context.actor) as tx:
            view = read_contract(tx, contract_id, as_of=LAST_OF_MARCH)
    return int(view.balance.minutes.available)


def in_april(sample: SampleDesk) -> tuple[str, list[str]]:
    """A block of hours of March and a request for each writer; it is 3 April."""
    block = sample.sell("support_hours", minutes=600)
    requests = [sample.log(f"Request {number}") for number in range(WRITERS)]
    sample.clock.at = datetime(2026, 4, 3, 9, tzinfo=UTC)
    return block, requests


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_an_entry_is_saved_before_the_closing_or_as_an_adjustment(sample: SampleDesk, kind: str) -> None:
    block, requests = in_april(sample)
    technician, accountant = worker_context(sample), worker_context(sample, sample.finance)
    with worker_pool(kind, WRITERS + 1) as workers:
        closing = workers.pool.submit(close_in_between, accountant, block, WRITERS)
        writing = [workers.pool.submit(log_in_march, technician, one, ENTRIES) for one in requests]
        assert [one.result() for one in writing] == [ENTRIES] * WRITERS
        at_closing = closing.result()
    sample.desk.refresh()

    def available(at: datetime | None) -> int:
        return int(sample.see(read_contract, block, as_of=at).balance.minutes.available)

    assert available(LAST_OF_MARCH) == at_closing
    assert available(None) == 600 - WRITERS * ENTRIES
    adjusted = len(sample.rows(t.ledger_adjustment))
    in_time = [row for row in sample.rows(t.ledger_transaction, kind="draw") if row.effective_at < APRIL]
    assert len(in_time) + adjusted == WRITERS * ENTRIES
    assert len(in_time) == 600 - at_closing
    assert sample.see(audit_desk).ok


def test_of_several_who_close_at_once_one_does(sample: SampleDesk) -> None:
    in_april(sample)
    with worker_pool("threads", 4) as workers:
        results = workers.do(close_once, worker_context(sample, sample.finance), "2026-03")
    assert sorted(results) == ["done", *["period-closed"] * 3]
    assert len(sample.rows(t.audit_event, subject_kind="accounting_period")) == 1


def test_closing_and_reopening_while_others_write(sample: SampleDesk) -> None:
    """The period is closed and opened again all the time: no entry is lost, none lies in between."""
    block, requests = in_april(sample)
    technician, accountant = worker_context(sample), worker_context(sample, sample.finance)

    def close_and_reopen(actor: Actor) -> None:
        with desk_at(accountant) as desk:
            for use_case in (close_period, reopen_period) * 4:
                change: Any = partial(use_case, month="2026-03", command=ChangePeriod())
                desk.perform(actor, change)

    with worker_pool("threads", WRITERS + 1) as workers:
        changing = workers.pool.submit(close_and_reopen, sample.finance)
        writing = [workers.pool.submit(log_in_march, technician, one, ENTRIES) for one in requests]
        changing.result()
        for one in writing:
            one.result()
    sample.desk.refresh()
    for at in (LAST_OF_MARCH, None):
        view = sample.see(read_contract, block, as_of=at)
        assert view.balance.minutes.available == 600 - WRITERS * ENTRIES
    assert sample.see(audit_desk).ok
