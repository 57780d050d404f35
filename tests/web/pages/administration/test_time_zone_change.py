"""A change of the provider's time zone is shown before it is saved, and moves no day of a contract."""

from datetime import date

from tests.support.api import ApiClients
from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.store import tables as t

YEAR = {"starts_on": date(2026, 1, 1), "ends_on": date(2026, 12, 31)}


def zone_of(web: WebClients) -> str:
    return web.sample.desk.refresh().settings.time_zone


def test_the_effect_is_shown_before_the_change_is_saved(web: WebClients) -> None:
    for _ in range(2):
        web.sample.sell("subscription", starts_on=YEAR["starts_on"], ends_on=YEAR["ends_on"])
    web.sample.log()
    admin = web.administrator
    shown = admin.send(admin.open("/settings"), time_zone="America/New_York", auto_close_days="9")
    assert shown.status == 200
    for text in (
        "Change the time zone from Europe/Berlin to America/New York?",
        "Nothing has been saved yet.",
        "Contracts that are sold from now on begin and end by the days of America/New York.",
        "2 contracts that have not ended keep the days and months with which they were sold",
        "begins at 1 Mar 2026, 00:00 Eastern Standard Time; until now it began at 28 Feb 2026, 18:00",
    ):
        assert text in shown, text
    assert zone_of(web) == "Europe/Berlin"
    assert shown.form().values["auto_close_days"] == "9"
    other = admin.send(shown, time_zone="Asia/Tokyo")
    assert "from Europe/Berlin to Asia/Tokyo?" in other
    assert zone_of(web) == "Europe/Berlin"
    assert "Saved." in admin.send(other)
    assert zone_of(web) == "Asia/Tokyo"
    assert web.sample.desk.config.settings.auto_close_days == 9


def test_contract_pages_keep_their_days(web: WebClients) -> None:
    contract = web.sample.sell(
        "support_hours", minutes=600, starts_on=YEAR["starts_on"], ends_on=YEAR["ends_on"]
    )
    web.sample.work(web.sample.log(), 30)
    supervisor = web.supervisor

    def pages() -> list[Page]:
        return [supervisor.open(f"/contracts/{contract}"), supervisor.open("/contracts")]

    before = pages()
    web.sample.set(time_zone="America/New_York")
    for page in (*before, *pages()):
        assert "31 Dec 2026" in page
        assert "30 Dec 2026" not in page
    own = supervisor.open(f"/contracts/{contract}")
    assert "1 Jan 2026 – 31 Dec 2026" in own
    assert "Europe/Berlin, in which it was sold" in own
    assert "in which it was sold" not in before[0]
    csv = supervisor.open("/contracts?format=csv") if "format=csv" in before[1].html else None
    assert csv is None or "2026-12-31" in csv
    # what is typed for a contract is a day of the contract
    done = supervisor.send(
        own, "/top_up", topup_minutes="60m", topup_effective_on="2026-03-01", topup_expires_on="2026-06-30"
    )
    assert "1 Mar 2026 – 30 Jun 2026" in done
    [grant] = web.sample.rows(t.contract_grant, contract_id=contract, kind="top_up")
    assert grant.effective_at.isoformat() == "2026-02-28T23:00:00+00:00"


def test_nothing_is_asked_on_an_empty_desk(web: WebClients) -> None:
    admin = web.administrator
    assert "Saved." in admin.send(admin.open("/settings"), time_zone="America/New_York")
    assert zone_of(web) == "America/New_York"


def test_activation_asks_too(web: WebClients) -> None:
    web.sample.set(contracts=False, time_expired_contract=None)
    web.sample.sell("subscription")
    admin = web.administrator
    shown = admin.send(
        admin.open("/billing"),
        "/activate",
        activate_time_expired_contract="ignore",
        activate_time_zone="Asia/Tokyo",
    )
    assert "1 contract that has not ended keeps the days and months with which it was sold" in shown
    assert not web.sample.desk.refresh().settings.contracts
    assert "Billing is active" in admin.send(shown, "/activate")
    assert zone_of(web) == "Asia/Tokyo"


def test_a_change_of_the_time_zone_can_be_previewed(web: WebClients) -> None:
    api = ApiClients(web.sample)
    contract = web.sample.sell("subscription", starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31))
    asked = api.administrator.get("/settings/time-zone-change?time_zone=America/New_York")
    assert asked.status_code == 200
    assert asked.json is not None
    assert asked.json["unchanged_contracts"] == [{"time_zone": "Europe/Berlin", "contracts": 1}]
    assert asked.json["new_month_starts_at"] == "2026-03-01T05:00:00Z"
    assert api.administrator.get("/settings").json["time_zone"] == "Europe/Berlin"  # type: ignore[index]
    for query, status in (("time_zone=Mars/Base", 422), ("", 422)):
        assert api.administrator.get(f"/settings/time-zone-change?{query}").status_code == status
    assert api.technician.get("/settings/time-zone-change?time_zone=UTC").status_code == 403
    assert api.administrator.patch("/settings", {"time_zone": "America/New_York"}).status_code == 200
    unchanged = api.administrator.get(f"/contracts/{contract}").json
    assert unchanged is not None
    assert (unchanged["ends_on"], unchanged["time_zone"]) == ("2026-12-31", "Europe/Berlin")
