"""Products and expenses of a request on its page, by form, without JavaScript."""

import pytest

from tests.support.billing import RATES
from tests.support.web_clients import WebClients
from workflows.jobs.definitions import run_job
from workflows.store import tables as t


@pytest.fixture
def billing(web: WebClients) -> WebClients:
    web.sample.set(invoices=True, tax_rates=RATES)
    return web


def test_a_technician_adds_what_finance_invoices(billing: WebClients) -> None:
    request = f"/requests/{billing.records.service_request}"
    number = billing.sample.request(billing.records.service_request).number
    technician = billing.of_role("technician")
    form = technician.open(f"{request}/sold-items/new")
    wrong = technician.send(form, description="Cable", unit_price="much")
    assert wrong.status == 422
    assert "“much” is not an amount in EUR" in wrong
    shown = technician.send(wrong, unit_price="5.00", quantity="2,5")
    assert "2.5 × Cable" in shown
    assert "€12.50" not in shown
    [item] = billing.sample.rows(t.sold_item, kind="one_off")
    edit = f"{request}/sold-items/{item.id}"
    saved = technician.send(technician.open(edit), quantity="3")
    assert "3 × Cable" in saved
    assert "€15.00" in billing.ann.open(request)
    listed = billing.finance.open("/to-invoice")
    assert "3 × Cable" in listed
    draft = billing.finance.send(listed, "/to-invoice", sold=item.id)
    assert f"{number}: Cable" in draft
    frozen = technician.open(edit)
    assert "does not change any more" in frozen
    assert (
        "Edit" not in billing.of_role("technician").open(request).text.partition("Products and expenses")[2]
    )


def test_items_are_sold_beside_a_contract(billing: WebClients) -> None:
    form = billing.finance.open("/contracts/new")
    values = {"holder": f"customer:{billing.sample.ann}", "type": "subscription", "price": "100"}
    wrong = billing.finance.send(form, **values, item0_description="Router")
    assert wrong.status == 422
    sold = billing.finance.send(wrong, item0_price="80", item0_quantity="2")
    assert "has been created" in sold
    [item] = billing.sample.rows(t.sold_item, kind="one_off")
    assert (item.description, item.amount_minor, item.contract_id is not None) == ("Router", 16_000, True)


def test_a_recurring_sale_is_agreed_and_ended_with_previews(billing: WebClients) -> None:
    form = billing.supervisor.open("/recurring-sales/new")
    values = {
        "party": f"customer:{billing.sample.ann}",
        "description": "Hosting",
        "unit_price": "31",
        "starts_on": "2026-01-15",
        "billing_day": "1",
    }
    shown = billing.supervisor.send(form, step="preview", **values)
    assert "€17.00" in shown
    assert billing.sample.rows(t.recurring_sale) == []
    sale = billing.supervisor.send(shown)
    assert "The sale has been agreed." in sale
    run_job(billing.sample.desk, "recurring_sales")
    path = f"/recurring-sales/{billing.sample.rows(t.recurring_sale)[0].id}"
    page = billing.supervisor.open(path)
    ending = billing.supervisor.send(page, f"{path}/end", step="preview", last_on="2026-03-10")
    assert "€31.00 becomes €10.00" in ending
    assert "becomes" not in billing.supervisor.send(ending, f"{path}/end")
    assert "RS-0001" in billing.finance.open("/recurring-sales?state=running")
    assert "Hosting" in billing.finance.open("/to-invoice")
