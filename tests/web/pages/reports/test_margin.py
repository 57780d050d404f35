"""The page of the contract margin and of the cost rates."""

from tests.support.web_clients import WebClients
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
    done = web.finance.send(page, "/cost-rates", **given, from_on="2026-02-01", changes_past="y")
    assert "The cost rate has been added." in done
    web.finance.send(page, "/cost-rates", **given, from_on="2026-02-01", changes_past="y")
    assert len(sample.rows(t.cost_rate)) == 1
    report = web.finance.open("/reports/margin")
    assert "-€30.00" in report
    assert f"/contracts/{contract}" in report.html
    assert "Contract margin" not in web.supervisor.open("/reports")
    text = web.finance.client.get("/reports/margin?format=csv").get_data(as_text=True)
    assert ",0,3000,-3000,EUR,60,0" in text
