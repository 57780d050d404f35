"""Bank statements uploaded at the same time, and while a payment of the same invoice is recorded."""

from datetime import date
from functools import partial
from typing import Any

import pytest

from tests.support.bank_statements import ACCOUNT, Detail, Entry, camt
from tests.support.billing import Billing
from tests.support.concurrency import WorkerContext, desk_at, worker_context, worker_pool
from tests.support.sample_desk import SampleDesk
from workflows.billing.bank.statements import import_statement
from workflows.billing.payments.use_cases import record_payment
from workflows.commands.billing import NewPayment
from workflows.commands.fields import MoneyGiven
from workflows.store import tables as t

INVOICES = 12


def upload_once(context: WorkerContext, data: bytes) -> str:
    with desk_at(context) as desk:
        use_case = partial(import_statement, file_name="May.xml", data=data)
        return desk.perform(context.actor, use_case, reads_first=True)


def pay_all(context: WorkerContext, invoices: list[str], received_on: date) -> int:
    command = NewPayment(amount=MoneyGiven(amount_minor=11_900), received_on=received_on)
    with desk_at(context) as desk:
        for one in invoices:
            desk.perform(context.actor, partial(record_payment, invoice_id=one, command=command))
    return len(invoices)


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample, company={"iban": ACCOUNT})


def file_of(billing: Billing, invoices: list[Any], statement_id: str = "S-1") -> bytes:
    entries = [
        Entry("119.00", (Detail(None, (one["number"],)),), booked_on=billing.today) for one in invoices
    ]
    return camt(entries, statement_id=statement_id).encode()


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_the_same_file_from_two_people_is_taken_in_once(
    sample: SampleDesk, billing: Billing, kind: str
) -> None:
    invoices = [billing.issue() for _ in range(INVOICES)]
    data = file_of(billing, invoices)
    with worker_pool(kind, 2) as workers:
        found = workers.do(upload_once, worker_context(sample, sample.finance), data)
    assert len(set(found)) == 1
    assert len(sample.rows(t.bank_statement)) == 1
    assert [row.state for row in sample.rows(t.bank_entry)] == ["matched"] * INVOICES
    assert len(sample.rows(t.payment)) == len(sample.rows(t.bank_entry_payment)) == INVOICES
    assert {row.open_minor for row in sample.rows(t.invoice)} == {0}


def test_overlapping_files_at_once_have_each_entry_once(sample: SampleDesk, billing: Billing) -> None:
    invoices = [billing.issue() for _ in range(INVOICES)]
    context = worker_context(sample, sample.finance)
    files = [
        file_of(billing, invoices[: INVOICES - 3], "S-1"),
        file_of(billing, invoices[:2:-1], "S-2"),
    ]
    with worker_pool("processes", 2) as workers:
        running = [workers.pool.submit(upload_once, context, data) for data in files]
        assert len({one.result() for one in running}) == 2
    assert len(sample.rows(t.payment)) == len(sample.rows(t.bank_entry)) == INVOICES
    known = [row.known_count for row in sample.rows(t.bank_statement)]
    assert sorted(known) == [0, INVOICES - 6]


def test_an_invoice_paid_meanwhile_is_not_paid_twice(sample: SampleDesk, billing: Billing) -> None:
    """Each receipt is matched if it came first; otherwise its invoice is paid, and a person decides."""
    invoices = [billing.issue() for _ in range(INVOICES)]
    data = file_of(billing, invoices)
    context = worker_context(sample, sample.finance)
    with worker_pool("processes", 2) as workers:
        paying = workers.pool.submit(
            pay_all, context, [one["id"] for one in invoices], sample.clock.now().date()
        )
        uploading = workers.pool.submit(upload_once, context, data)
        assert (paying.result(), bool(uploading.result())) == (INVOICES, True)
    matched = [row for row in sample.rows(t.bank_entry) if row.state == "matched"]
    allocated: dict[str, int] = {}
    for row in sample.rows(t.payment_allocation):
        allocated[row.invoice_id] = allocated.get(row.invoice_id, 0) + row.amount_minor
    assert allocated == {one["id"]: 11_900 for one in invoices}
    linked = {row.payment_id for row in sample.rows(t.bank_entry_payment)}
    assert len(linked) == len(matched)
    # what was recorded at once settled its invoice: no surplus
    assert not linked & {row.payment_id for row in sample.rows(t.customer_credit)}
