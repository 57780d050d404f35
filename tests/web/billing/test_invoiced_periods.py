"""Terms of a contract do not change in the past of a period that has been invoiced."""

from typing import Any

import pytest

from tests.support.billing import Billing
from tests.support.sample_desk import SampleDesk

YEAR = {"starts_on": "2026-03-02", "ends_on": "2027-03-01"}
BEFORE, LATER = "2026-03-20T00:00:00Z", "2026-06-01T00:00:00Z"


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def sold(billing: Billing, **terms: Any) -> str:
    """Sell a contract on 2 March 2026 and invoice it; it is April then."""
    body = {"holder": {"customer": billing.sample.ann}, "price": {"amount_minor": 10_000}, **terms}
    contract = billing.ask(billing.supervisor, "POST", "/contracts", body, 201)["id"]
    billing.move_to(4, 1)
    billing.run_jobs()
    (draft,) = billing.read("/invoices?state=draft")["items"]
    billing.issued(draft["id"])
    return str(contract)


def amend(billing: Billing, contract: str, effective_at: str | None, status: int = 200) -> Any:
    body = {"reason": "Agreed", "sla": None, "time_expired": "ignore"}
    body |= {"effective_at": effective_at} if effective_at else {}
    return billing.ask(billing.supervisor, "POST", f"/contracts/{contract}/amend", body, status)


@pytest.mark.parametrize("effective_at", [None, LATER])
def test_an_invoiced_contract_is_amended_from_now_on(billing: Billing, effective_at: str | None) -> None:
    contract = sold(billing, type="subscription", **YEAR)
    refused = amend(billing, contract, BEFORE, 422)
    assert refused["errors"][0]["pointer"] == "/effective_at"
    assert "SUB-0001 has been invoiced from 2026-03-02 to 2027-03-01 by INV-2026-0001" in refused["detail"]
    amend(billing, contract, effective_at)


def test_what_is_not_invoiced_by_period_is_amended_as_of_the_past(billing: Billing) -> None:
    contract = sold(billing, type="support_hours", minutes=60)
    amend(billing, contract, BEFORE)


def test_a_voided_invoice_bills_no_period(billing: Billing) -> None:
    contract = sold(billing, type="subscription", **YEAR)
    (invoice,) = billing.read("/invoices?state=issued")["items"]
    billing.ask(billing.finance, "POST", f"/invoices/{invoice['id']}/void", {"reason": "Wrong"})
    amend(billing, contract, BEFORE)


def test_months_whose_overage_is_invoiced_keep_their_terms(billing: Billing) -> None:
    sample = billing.sample
    billing.sample.set(time_expired_contract="bill", default_overage_rate_minor=12_000)
    contract = sample.sell("support_hours", minutes=60)
    sample.work(sample.log(), 90)
    billing.move_to(4, 2)
    billing.run_jobs()
    (draft,) = billing.read("/invoices?state=draft")["items"]
    billing.issued(draft["id"])
    refused = amend(billing, contract, BEFORE, 422)
    assert "from 2026-03-01 to 2026-03-31" in refused["detail"]
    amend(billing, contract, "2026-04-01T00:00:00Z")
