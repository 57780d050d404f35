"""Lines by hand with days of service: deferred while these are not over, recognized by them, and credited."""

import csv
from datetime import date

import pytest

from tests.support.billing import Billing, line
from tests.support.sample_desk import SampleDesk
from tests.workflows.accounting_exports.test_exports import MAPPED, content, export
from tests.workflows.billing.journals.test_revenue import (
    MARCH_31,
    accounts,
    at,
    close,
    revenue_postings,
)
from workflows.accounting_periods.use_cases import reopen_period
from workflows.billing.journals.accounts import read_deferred_revenue
from workflows.commands.accounting_periods import ChangePeriod
from workflows.reports.audit import audit_desk


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample, **MAPPED)


def hosting(price_minor: int = 12_000, **more: str) -> dict[str, object]:
    """A line of 120 days from 2 March to 29 June, unless given: one euro a day."""
    return line(price_minor, **{"service_from": "2026-03-02", "service_to": "2026-06-29", **more})


def test_it_is_recognized_by_its_days(billing: Billing) -> None:
    invoice = billing.issue(hosting(), line(500))
    assert accounts(billing) == (11_900, 600)
    assert accounts(billing, MARCH_31) == (9_000, 3_500)
    assert accounts(billing, date(2026, 6, 28)) == (100, 12_400)
    assert accounts(billing, date(2026, 6, 29)) == (0, 12_500)
    [found] = billing.sample.see_as(billing.sample.finance, read_deferred_revenue).items
    assert (found.contract, found.invoice, found.number) == (None, invoice["id"], "INV-2026-0001")
    assert (found.invoiced.amount_minor, found.deferred.amount_minor) == (12_000, 11_900)


def test_what_is_over_or_has_no_days_is_revenue_at_once(billing: Billing) -> None:
    billing.issue(hosting(service_from="2026-02-01", service_to="2026-03-01"), line(500))
    assert accounts(billing) == (0, 12_500)
    billing.issue(hosting(100, service_to="2026-03-02"))
    assert accounts(billing) == (0, 12_600)
    assert accounts(billing, date(2026, 3, 1)) == (0, 0)


def test_one_day_to_come_is_revenue_on_that_day(billing: Billing) -> None:
    billing.issue(line(800, service_from="2026-03-20"))
    assert accounts(billing, date(2026, 3, 19)) == (800, 0)
    assert accounts(billing, date(2026, 3, 20)) == (0, 800)


def test_a_discount_on_the_invoice_is_shared(billing: Billing) -> None:
    billing.issue(hosting(), line(4_000), discounts=[{"reason": "Loyal", "percent": "10"}])
    assert accounts(billing, MARCH_31) == (8_100, 6_300)


def test_closing_a_month_posts_it_and_reopening_takes_it_back(billing: Billing) -> None:
    billing.issue(hosting())
    at(billing, 4, 2)
    close(billing, "2026-03")
    [posted] = revenue_postings(billing)
    assert (posted["contract"], [one["amount"] for one in posted["postings"]]) == (None, [3_000, -3_000])
    assert accounts(billing, MARCH_31) == (9_000, 3_000)
    found = [one for made in export(billing, "csv", "2026-03-31") for one in rows(billing, made["id"])]
    assert {one["document"] for one in found} == {"INV-2026-0001"}
    sample = billing.sample
    sample.do_as(sample.finance, reopen_period, "2026-03", ChangePeriod(reason="Early"))
    sample.desk.refresh()
    assert accounts(billing, MARCH_31) == (9_000, 3_000)
    close(billing, "2026-03")
    assert len(revenue_postings(billing)) == 3
    assert sample.see(audit_desk).ok


def rows(billing: Billing, export_id: str) -> list[dict[str, str]]:
    return list(csv.DictReader(content(billing, export_id).decode().splitlines()))


def test_a_credit_note_takes_back_what_is_to_come_first(billing: Billing) -> None:
    invoice = billing.issue(hosting())
    at(billing, 3, 31)
    [one] = invoice["lines"]
    billing.credit(invoice["id"], {"line": one["id"], "amount": {"amount_minor": 6_000}})
    assert accounts(billing) == (4_500, 1_500)
    billing.credit(invoice["id"])
    assert accounts(billing) == (0, 0)
    assert billing.sample.see(audit_desk).ok


def test_a_voided_invoice_leaves_nothing_to_recognize(billing: Billing) -> None:
    invoice = billing.issue(hosting())
    billing.ask(billing.finance, "POST", f"/invoices/{invoice['id']}/void", {"reason": "Wrong"})
    assert accounts(billing) == (0, 0)
    assert accounts(billing, date(2026, 6, 29)) == (0, 0)
