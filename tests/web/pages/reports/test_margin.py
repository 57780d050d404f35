"""The page of the contract margin and of the cost rates."""

from tests.support.billing import Billing
from tests.support.pages import Page
from tests.support.web_clients import WebClients
from tests.workflows.billing.journals.test_revenue import sell
from workflows.store import tables as t


def test_rates_are_added_and_the_margin_is_shown(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=600)
    sample.work(sample.log(), 60)
    assert "1:00 of work have no cost rate" in web.finance.open("/reports/margin")
    page = web.finance.open("/reports/cost-rates")
    given = {"whose": "role:technician", "per_hour": "30.00"}
    early = web.finance.send(page, "/cost-rates", **given, from_on="2026-02-01")
    assert (early.status, "changes past margins" in early) == (422, True)
    assert early.form("/cost-rates").values["per_hour"] == "30.00"
    typed = {**page.form("/cost-rates").values, **given, "from_on": "2026-02-01"}
    shown = Page(web.finance.client.post("/reports/cost-rates/effect", data=typed))
    assert "The work for 1 contract that is priced anew costs €30.00 instead of €0.00." in shown
    assert "Mar 2026, 1:00: €0.00 → €30.00" in shown
    assert "It has to be asked for" in shown
    assert sample.rows(t.cost_rate) == []
    done = web.finance.send(page, "/cost-rates", **given, from_on="2026-02-01", changes_past="y")
    assert "The cost rate has been added." in done
    web.finance.send(page, "/cost-rates", **given, from_on="2026-02-01", changes_past="y")
    assert len(sample.rows(t.cost_rate)) == 1
    report = web.finance.open("/reports/margin")
    assert "−€30.00" in report
    assert f"/contracts/{contract}" in report.html
    assert f"/reports/utilization/entries?from=2025-04&amp;to=2026-03&amp;contract={contract}" in report.html
    assert "Contract margin" not in web.supervisor.open("/reports")
    text = web.finance.client.get("/reports/margin?format=csv").get_data(as_text=True)
    assert ",0,3000,-3000,EUR,60,0" in text


def test_revenue_leads_to_what_it_is_made_of(web: WebClients) -> None:
    billing = Billing(web.sample, time_expired_contract="bill", default_overage_rate_minor=12_000)
    contract = sell(billing, "support_hours", 60_000, minutes=60)
    web.sample.work(web.sample.log(), 90)
    body = {"customer": web.sample.ann, "month": "2026-03"}
    draft = billing.ask(billing.finance, "POST", "/time-to-bill/draft", body, 201)
    issued = billing.issued(draft["id"])
    report = web.finance.open("/reports/margin")
    path = f"/reports/margin/revenue?from=2025-04&to=2026-03&contract={contract}"
    assert path.replace("&", "&amp;") in report.html
    assert "€660.00" in report
    page = web.finance.open(path)
    assert "€600.00" in page
    assert "€60.00" in page
    assert f"/invoices/{issued['id']}" in page.html
    assert f"/to-invoice/{issued['lines'][0]['sold']}/work" in page.html
    text = web.finance.client.get(f"{path}&format=csv").get_data(as_text=True)
    assert text.count("\r\n") == 3
