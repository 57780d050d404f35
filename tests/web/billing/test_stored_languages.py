"""What the program writes at creation is in the customer's language; what is stored, in the reader's."""

import pytest

from engine.invoices import SOLD_KINDS
from tests.support.billing import Billing
from tests.support.pages import Browser
from tests.support.sample_desk import SampleDesk
from web.posting_reasons import posting_reason
from workflows.billing.sold.sold_texts import description_text, part_of_period
from workflows.commands.billing import ChangeBilling
from workflows.jobs.definitions import run_job
from workflows.languages.texts import Language, in_language
from workflows.register.billing_details import change_billing_details
from workflows.store import tables as t

PARTS = {"en": "2.5 × Hosting (17 of 31 days)", "de": "2,5 × Hosting (17 von 31 Tagen)"}


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    billing = Billing(sample, time_zone="UTC")
    sample.do(change_billing_details, "customer", sample.ann, ChangeBilling(language="de"))
    return billing


@pytest.mark.parametrize(("code", "text"), [*PARTS.items(), ("fr", "2,5 × Hosting (17 jours sur 31)")])
def test_a_part_of_a_period_is_read_in_each_language(code: Language, text: str) -> None:
    stored = part_of_period("2.5 × Hosting", 17, 31)
    assert stored == PARTS["en"]
    with in_language(code):
        assert description_text("recurring", stored) == text
        assert description_text("recurring", "Hosting (large)") == "Hosting (large)"
        for kind in set(SOLD_KINDS) - {"recurring"}:
            assert description_text(kind, stored) == stored


def test_a_part_of_a_period_is_invoiced_in_the_customers_language(billing: Billing) -> None:
    body = {
        "customer": billing.sample.ann,
        "description": "Hosting",
        "quantity": "2.5",
        "unit_price": {"amount_minor": 3_100},
        "every": "month",
        "billing_day": 1,
        "starts_on": "2026-01-15",
    }
    sale = billing.ask(billing.supervisor, "POST", "/recurring-sales", body, 201)
    run_job(billing.sample.desk, "recurring_sales")
    first = billing.read(f"/sold-items?recurring_sale={sale['id']}&order=sold_at")["items"][0]
    assert first["description"] == PARTS["en"]
    with billing.sample.desk.write() as tx:
        tx.change(t.user_account, str(billing.sample.finance.id), language="de")
    finance = Browser(billing.sample, billing.sample.finance, billing.api.app)
    assert PARTS["de"] in finance.open("/to-invoice")
    assert PARTS["de"] in finance.open(f"/to-invoice/{first['id']}/waive")
    assert PARTS["en"] in finance.open("/to-invoice?format=csv").text
    billing.ask(billing.finance, "POST", "/sold-items/draft", {"customer": billing.sample.ann}, 201)
    assert PARTS["de"] in {row.description for row in billing.sample.rows(t.invoice_line)}
    ended = {"last_on": "2026-01-20"}
    billing.ask(billing.finance, "POST", f"/recurring-sales/{sale['id']}/end", ended)


@pytest.mark.parametrize(
    ("contract", "ending"),
    [
        ({"type": "support_hours", "minutes": 90}, ", 1:30 h für Ann"),
        ({"type": "incident_pack", "incidents": 5}, ", 5 Vorfälle für Ann"),
        ({"type": "subscription"}, " für Ann"),
    ],
)
def test_a_contract_is_quoted_in_the_customers_language(
    billing: Billing, contract: dict[str, object], ending: str
) -> None:
    line = {
        "contract": {**contract, "holder": {"customer": billing.sample.ann}},
        "unit_price": {"amount_minor": 1},
    }
    body = {"customer": billing.sample.ann, "subject": "Support", "last_on": "2026-12-31", "lines": [line]}
    billing.ask(billing.supervisor, "POST", "/quotes", body, 201)
    [row] = billing.sample.rows(t.quote_line)
    assert row.description.endswith(ending)


@pytest.mark.parametrize(
    ("why", "german"),
    [
        ("Dispute accepted: Too long,\nby far", "Einwand angenommen: Too long,\nby far"),
        ("RS-0001 ended with 2026-01-20", "RS-0001 endete mit dem 20.01.2026"),
        (
            "Service request SR-1 was cancelled: it was not paid.",
            "Die Serviceanfrage SR-1 wurde storniert: Sie wurde nicht bezahlt.",
        ),
    ],
)
def test_stored_reasons_are_read_in_each_language(why: str, german: str) -> None:
    assert posting_reason(why) == why
    with in_language("de"):
        assert posting_reason(why) == german
