"""The lists of billing are searched by who pays, as people at a desk ask for them, and by numbers."""

from typing import Any

import pytest

from tests.support.billing import Billing, line
from tests.support.sample_desk import SampleDesk
from workflows.jobs.definitions import run_job


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    """What Ann and the site pay for, one of each kind that a list of billing has."""
    found = Billing(sample, time_zone="UTC", draft_sold_items=False)
    hosting: dict[str, Any] = {
        "description": "Hosting",
        "unit_price": {"amount_minor": 2_500},
        "every": "month",
        "billing_day": 1,
        "starts_on": found.today,
    }
    for party, code in (({"customer": sample.ann}, "A-1"), ({"org_unit": sample.site}, "S-1")):
        invoice = found.issue(line(1_000), order_number=f"PO-{code}", **party)
        found.pay(invoice["id"], 100, reference=code)
        found.ask(found.supervisor, "POST", "/recurring-sales", {**hosting, **party}, 201)
    run_job(sample.desk, "recurring_sales")
    return found


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/invoices", ("po-a", "0001", "ANN", "ann")),
        ("/payments", ("a-1", "inv-2026-0001", "Ann")),
        ("/sold-items", ("Ann",)),
        ("/recurring-sales", ("Ann", "0001")),
    ],
)
def test_a_list_of_billing_is_searched_by_who_pays(
    billing: Billing, path: str, words: tuple[str, ...]
) -> None:
    def found(q: str) -> list[str | None]:
        return [one["customer"] or one["org_unit"] for one in billing.read(f"{path}?q={q}")["items"]]

    ann, site = billing.sample.ann, billing.sample.site
    assert {word: found(word) for word in words} == {word: [ann] for word in words}
    assert found("acme-berlin") == [site]
    assert found("nobody") == []
