"""Several processes issue the same drafts: each gets one number, and the series has no gap."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.concurrency import issue_each, worker_context, worker_pool
from tests.support.sample_desk import SampleDesk
from workflows.billing.invoicing.drafts import create_invoice
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.billing.payments.use_cases import record_payment
from workflows.commands.billing import ChangeBilling, InvoiceLineGiven, NewInvoice, NewPayment
from workflows.commands.fields import MoneyGiven
from workflows.core.errors import StateForbids
from workflows.register.billing_details import change_billing_details
from workflows.store import tables as t

WORKERS, DRAFTS = 4, 20


def draft(sample: SampleDesk, customer: str) -> str:
    line = InvoiceLineGiven(
        description="Support", quantity="1", unit_price=MoneyGiven(amount_minor=1000), tax_rate="No tax"
    )
    return sample.do(create_invoice, NewInvoice(customer=customer, lines=[line]))


def test_numbers_have_no_gap_and_credit_is_used_once(sample: SampleDesk) -> None:
    sample.set(invoices=True)
    paid = draft(sample, sample.ann)
    sample.do(issue_invoice, paid)
    too_much = NewPayment(amount=MoneyGiven(amount_minor=4500), received_on=sample.clock.now().date())
    sample.do_as(sample.finance, record_payment, paid, too_much)
    others = [sample.customer(f"Customer {n}") for n in range(4)]
    drafts = [draft(sample, customer) for customer in [sample.ann, *others] for _ in range(DRAFTS // 5)]
    with worker_pool("processes", WORKERS) as workers:
        done = workers.do(issue_each, worker_context(sample, sample.finance), drafts)
    assert sorted(one for some in done for one in some) == sorted(drafts)
    rows = [row for row in sample.rows(t.invoice) if row.id != paid]
    assert sorted(row.number for row in rows) == [f"INV-2026-{n:04d}" for n in range(2, DRAFTS + 2)]
    [credit] = sample.rows(t.customer_credit)
    used = sum(row.amount_minor for row in sample.rows(t.payment_allocation, kind="credit"))
    assert (credit.amount_minor, credit.open_minor, used) == (3500, 0, 3500)
    assert sum(row.open_minor for row in rows) == DRAFTS * 1000 - 3500


def test_an_order_is_not_invoiced_past_its_budget(sample: SampleDesk) -> None:
    """Each of two drafts is within the budget, both are not; the second is issued while the first one is."""
    sample.set(invoices=True)
    budget = ChangeBilling(order_number="PO-77", order_budget=MoneyGiven(amount_minor=1500))
    sample.do_as(sample.finance, change_billing_details, "customer", sample.ann, budget)
    first, second = draft(sample, sample.ann), draft(sample, sample.ann)
    with ThreadPoolExecutor() as pool:
        with sample.desk.write(sample.finance) as tx:
            issue_invoice(tx, first)
            other = pool.submit(sample.do_as, sample.finance, issue_invoice, second)
            with pytest.raises(TimeoutError):
                other.result(timeout=0.5)
        with pytest.raises(StateForbids, match="PO-77 has a budget"):
            other.result()
    assert [row.id for row in sample.rows(t.invoice, state="issued")] == [first]
