"""Alerts on the pages: the list, the records that they are about, and the settings that they come from."""

from tests.support.api import ApiClient, token_of
from tests.support.web_clients import WebClients
from workflows.jobs.definitions import run_job
from workflows.store import tables as t


def test_an_alert_is_listed_and_shown_with_its_record(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription", sla="gold")
    request = sample.log("The laptop is slow")
    sample.clock.move(hours=5)
    run_job(sample.desk, "sla_alerts")
    listed = web.technician.open("/alerts")
    assert "2 alerts" in listed
    assert "Response due soon" in listed
    missed = web.technician.open("/alerts?kind=sla_breach")
    assert "Response missed" in missed
    assert "Response due soon" not in missed
    assert "No matching alerts" in web.technician.open("/alerts?since=2026-03-03")
    assert web.technician.open("/alerts?since=soon").status == 422
    assert web.technician.open("/alerts?kind=loud").status == 422
    assert "Response missed" in web.technician.open(f"/requests/{request}")
    assert "Response missed" not in web.ann.open(f"/requests/{request}")
    assert "Response missed" in web.supervisor.open("/")
    export = web.supervisor.client.get("/alerts?format=csv").get_data(as_text=True)
    assert len(export.splitlines()) == 3


def test_a_contract_shows_its_alerts_to_staff(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=100)
    sample.work(sample.log(), 80)
    assert "75% used" in web.finance.open(f"/contracts/{contract}")
    assert "75% used" in web.finance.open("/")
    named = f"{sample.contract(contract).number} Ann"
    listed = web.finance.open(f"/alerts?contract={contract}")
    assert "1 alert" in listed
    assert named in listed
    assert named in web.finance.open("/")
    export = web.finance.client.get(f"/alerts?contract={contract}&format=csv").get_data(as_text=True)
    assert "Ann" in export
    assert "75% used" not in web.ann.open(f"/contracts/{contract}")


def test_the_api_lists_alerts(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=100)
    sample.work(sample.log(), 80)
    client = ApiClient(web.app, token_of(sample, sample.technician))
    answer = client.get(f"/alerts?kind=threshold&contract={contract}").json
    assert answer is not None
    [alert] = answer["items"]
    assert (alert["level"], alert["contract"], alert["at"]) == (75, contract, "2026-03-02T09:00:00Z")
    assert alert["holder_name"] == "Ann"
    assert client.get("/alerts?kind=loud").status_code == 422
    burned = client.get(f"/contracts/{contract}/burn-down").json
    assert burned is not None
    assert burned["available_minutes"] == 20
    assert burned["projection"]["drawn_minutes"] == 80
    ann = ApiClient(web.app, token_of(sample, sample.person("customer", "Ann", customer=sample.ann)))
    assert ann.get("/alerts").status_code == 403


def test_business_hours_are_saved_after_the_targets_that_move_were_shown(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription", sla="standard")
    request = sample.log()
    before = sample.request(request).resolution_due_at
    ada = web.administrator
    shown = ada.send(ada.open("/settings"), holidays="2026-03-03")
    assert "Move 2 open targets?" in shown
    assert "Nothing has been saved yet." in shown
    assert sample.request(request).resolution_due_at == before
    other = ada.send(shown, holidays="2026-03-04")
    assert "Move 1 open target?" in other, "other hours are shown again"
    assert "Saved." in ada.send(other)
    assert sample.request(request).resolution_due_at > before


def test_the_recipients_and_thresholds_are_settings(web: WebClients) -> None:
    ada = web.administrator
    saved = ada.send(
        ada.open("/settings"),
        alert_thresholds="50, 100%",
        expiry_alert_days="",
        sla_warning_recipients=["supervisors", "company"],
    )
    assert "Saved." in saved
    stored = {row.key: row.value for row in web.sample.rows(t.setting)}
    assert stored["alert_thresholds"] == [50, 100]
    assert stored["expiry_alert_days"] == []
    assert stored["sla_warning_recipients"] == ["supervisors", "company"]
    for wrong in ("much", "50, 50", "101", "-1"):
        page = ada.send(ada.open("/settings"), alert_thresholds=wrong)
        assert page.status == 422, wrong
        assert page.form().values["alert_thresholds"] == wrong
