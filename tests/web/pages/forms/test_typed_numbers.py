"""Amounts, quantities and percentages in forms are shown as the reader writes them, and read back."""

from decimal import Decimal

import pytest

from tests.support.billing import RATES
from tests.support.web_clients import WebClients
from workflows.core.settings import Settings
from workflows.store import tables as t

TEXT = "Please pay soon."


def reads_in(web: WebClients, language: str) -> None:
    with web.sample.desk.write() as tx:
        for user in (web.sample.administrator, web.sample.finance, web.sample.technician):
            tx.change(t.user_account, str(user.id), language=language)


@pytest.fixture(params=["en", "de", "fr"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def billing(web: WebClients, language: str) -> WebClients:
    web.sample.set(invoices=True, tax_rates=RATES)
    reads_in(web, language)
    return web


def stored(web: WebClients) -> Settings:
    with web.sample.desk.read(web.sample.administrator) as tx:
        return tx.settings


def sign(language: str) -> str:
    return "." if language == "en" else ","


def test_lists_of_the_settings_have_amounts_and_percentages(billing: WebClients, language: str) -> None:
    rates = [{"name": "Standard", "percent": "19"}, {"name": "Reduced", "percent": "7.5"}]
    codes = [{"account": "tax", "rate": "S:7.5", "code": "1776"}]
    levels = [{"days": 21, "fee_minor": 500, "text": TEXT}]
    billing.sample.set(tax_rates=rates, dunning_levels=levels, account_codes=codes)
    before, point = stored(billing), sign(language)
    page = billing.administrator.open("/settings")
    values = page.form().values
    assert values["dunning_levels"] == f"21; 5{point}00; {TEXT}"
    assert values["tax_rates"] == f"Standard; 19\nReduced; 7{point}5"
    assert values["account_codes"] == f"tax S:7{point}5; 1776"
    assert billing.administrator.send(page).status == 200
    assert stored(billing) == before

    saved = billing.administrator.send(
        billing.administrator.open("/settings"),
        tax_rates=f"Standard; 19\nReduced; 8{point}125",
        account_codes=f"tax s:8{point}125; 1777",
        dunning_levels=f"21; 6{point}50; {TEXT}",
    )
    assert saved.status == 200
    assert [one.percent for one in stored(billing).tax_rates] == ["19", "8.125"]
    assert stored(billing).account_codes[0].rate == "S:8.125"
    assert stored(billing).dunning_levels[0].fee_minor == 650


def test_what_may_be_thousands_is_refused_in_the_settings(billing: WebClients, language: str) -> None:
    other = "," if language == "en" else "."
    page = billing.administrator.open("/settings")
    for field, text in (("tax_rates", f"Reduced; 8{other}125"), ("account_codes", f"tax S:8{other}125; 1")):
        refused = billing.administrator.send(page, **{field: text})
        assert refused.status == 422
        assert text in refused
    assert stored(billing).tax_rates[0].percent == RATES[0]["percent"]


def test_a_draft_shows_what_it_reads(billing: WebClients, language: str) -> None:
    finance, point = billing.finance, sign(language)
    form = finance.open("/invoices/new")
    sent = finance.send(
        form,
        party=f"customer:{billing.sample.ann}",
        line0_description="Parts",
        line0_quantity=f"1{point}125",
        line0_price="1.234,50",
        line0_discount=f"7{point}5%",
        discount_percent=f"2{point}5",
        early_percent=f"1{point}25",
        early_days="10",
    )
    assert sent.status == 200
    [line] = billing.sample.rows(t.invoice_line)
    assert (line.quantity, line.unit_price_minor) == (Decimal("1.125"), 123_450)
    path = f"/invoices/{billing.sample.rows(t.invoice)[0].id}/edit"
    page = finance.open(path)
    values = page.form().values
    assert values["line0_quantity"] == f"1{point}125"
    assert values["line0_price"] == f"1234{point}50"
    assert values["line0_discount"] == f"7{point}5%"
    assert values["discount_percent"] == f"2{point}5"
    assert values["early_percent"] == f"1{point}25"
    net = line.net_minor
    assert finance.send(page).status == 200
    [line] = billing.sample.rows(t.invoice_line)
    assert line.net_minor == net


def test_a_quantity_that_may_be_thousands_is_refused(billing: WebClients, language: str) -> None:
    other = "," if language == "en" else "."
    form = billing.finance.open("/invoices/new")
    values = {"party": f"customer:{billing.sample.ann}", "line0_description": "Parts", "line0_price": "5"}
    for field in ("line0_quantity", "line0_discount", "discount_percent", "early_percent"):
        text = f"1{other}234" + ("%" if field == "line0_discount" else "")
        refused = billing.finance.send(form, **{**values, field: text})
        assert refused.status == 422
        assert text in refused
        assert "1250" in refused.text
    assert billing.sample.rows(t.invoice) == []


def test_what_was_sold_once_is_edited_as_it_is_shown(billing: WebClients, language: str) -> None:
    finance, point = billing.finance, sign(language)
    request = f"/requests/{billing.records.service_request}"
    added = finance.send(
        finance.open(f"{request}/sold-items/new"),
        description="Cable",
        quantity=f"1{point}375",
        unit_price=f"5{point}50",
    )
    assert added.status == 200
    [item] = billing.sample.rows(t.sold_item, kind="one_off")
    page = finance.open(f"{request}/sold-items/{item.id}")
    values = page.form().values
    assert (values["quantity"], values["unit_price"]) == (f"1{point}375", f"5{point}50")
    assert finance.send(page).status == 200
    [after] = billing.sample.rows(t.sold_item, kind="one_off")
    assert (after.quantity, after.unit_price_minor) == (item.quantity, 550)
