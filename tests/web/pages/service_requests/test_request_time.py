"""Work entries on the pages: preview, input formats, editing and deleting."""

import pytest

from tests.support.pages import Browser, Page
from tests.support.web_clients import WebClients
from workflows.store import tables as t


def work(browser: Browser, page: Page, **values: str | None) -> Page:
    return browser.send(page, "/work", **{f"work_{name}": value for name, value in values.items()})


def test_the_allocation_is_previewed_before_saving(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=30)
    request = sample.log()
    tom = web.technician
    page = tom.open(f"/requests/{request}")
    form = page.form("/work")
    sent = {**form.values, "work_minutes": "1:30", "step": "preview"}
    shown = Page(tom.client.post(f"/requests/{request}/work", data=sent))
    number = sample.contract(contract).number
    assert f"0:30 from {number} (leaves 0:00), 1:00 carried to the next contract" in shown
    assert sample.rows(t.work_entry) == []
    assert shown.form("/work").values["work_minutes"] == "1:30"
    live = tom.client.post(f"/requests/{request}/work/preview", data=sent).get_data(as_text=True)
    assert "(leaves 0:00)" in live
    assert "<html" not in live
    done = work(tom, shown, note="Looked into it")
    assert f"1:30 logged: 0:30 from {number}, 1:00 carried to the next contract." in done
    assert "Looked into it" in done


def test_the_preview_shows_which_later_entry_would_be_drawn_from_elsewhere(web: WebClients) -> None:
    sample = web.sample
    number = sample.contract(sample.sell("support_hours", minutes=60)).number
    request = sample.log()
    sample.clock.move(days=1)
    sample.work(request, 40)
    tom = web.technician
    form = tom.open(f"/requests/{request}").form("/work")
    sent = {**form.values, "work_minutes": "0:30", "work_worked_at": "2026-03-02T11:00"}
    shown = tom.client.post(f"/requests/{request}/work/preview", data=sent).get_data(as_text=True)
    assert f"0:30 from {number} (leaves 0:00)" in shown
    assert "Another entry would be drawn from elsewhere:" in shown
    moved = f"0:40 from {number} → 0:30 from {number}, 0:10 carried to the next contract"
    assert f"{sample.request(request).number}, 3 Mar 2026, 10:00 CET: {moved}" in shown


@pytest.mark.parametrize(("typed", "minutes"), [("1:30", 90), ("1h30", 90), ("90m", 90), ("1,5 h", 90)])
def test_accepted_duration_formats(web: WebClients, typed: str, minutes: int) -> None:
    web.sample.sell("subscription")
    request = web.sample.log()
    work(web.technician, web.technician.open(f"/requests/{request}"), minutes=typed)
    assert web.sample.entries(request)[0].worked_minutes == minutes


def test_start_and_end_are_in_the_provider_time_zone(web: WebClients) -> None:
    web.sample.sell("subscription", starts_on="2026-01-01")
    request = web.sample.log()
    web.sample.clock.move(hours=4)
    page = web.technician.open(f"/requests/{request}")
    done = work(web.technician, page, started_at="2026-03-02T10:15", ended_at="2026-03-02T11:00")
    assert "0:45 logged" in done
    [entry] = web.sample.entries(request)
    assert entry.started_at.isoformat() == "2026-03-02T09:15:00+00:00"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"minutes": "soon"}, "is not a duration"),
        ({}, "minutes"),
        ({"started_at": "2026-03-02T10:00"}, "must both be given"),
        ({"started_at": "2026-03-02T11:00", "ended_at": "2026-03-02T10:00"}, "must be after"),
        ({"minutes": "10", "worked_at": "2027-01-01T00:00"}, "future"),
        ({"minutes": "10", "worked_at": "2026-03-29T02:30"}, "does not exist in Europe/Berlin"),
        ({"minutes": "10", "worked_at": "0001-01-01T00:00"}, "1970"),
        ({"minutes": "10", "worked_at": "yesterday"}, "is not a valid time"),
    ],
)
def test_invalid_time_is_reported_and_keeps_the_typed_values(
    web: WebClients, values: dict[str, str], words: str
) -> None:
    web.sample.sell("subscription")
    request = web.sample.log()
    page = work(web.technician, web.technician.open(f"/requests/{request}"), note="Typed note", **values)
    assert page.status == 422
    assert words in page
    form = page.form("/work")
    assert form.values["work_note"] == "Typed note"
    for name, value in values.items():
        assert form.values[f"work_{name}"] == value
    assert web.sample.entries(request) == []


def test_a_double_submit_saves_time_once(web: WebClients) -> None:
    web.sample.sell("subscription")
    request = web.sample.log()
    page = web.technician.open(f"/requests/{request}")
    work(web.technician, page, minutes="0:20")
    work(web.technician, page, minutes="0:20")
    assert len(web.sample.entries(request)) == 1


def test_the_timer_fills_in_the_form(web: WebClients) -> None:
    web.sample.sell("subscription", starts_on="2026-01-01")
    request = web.sample.log()
    tom = web.technician
    page = tom.send(tom.open(f"/requests/{request}"), "/timer/start")
    assert "Timer running since" in page
    web.sample.clock.move(minutes=25)
    page = tom.open(f"/requests/{request}")
    assert page.form("/work").values["work_started_at"] == "2026-03-02T10:00"
    assert page.form("/work").values["work_ended_at"] == "2026-03-02T10:25"
    done = work(tom, page)
    assert "0:25 logged" in done
    assert "Timer running since" not in done


def test_work_that_is_not_billable_needs_a_reason_on_the_page(web: WebClients) -> None:
    web.sample.sell("support_hours", minutes=60)
    request = web.sample.log()
    tom = web.technician
    page = tom.open(f"/requests/{request}")
    form = page.form("/work")
    sent = {**form.values, "work_minutes": "20", "work_billable": None, "step": "preview"}
    sent = {name: value for name, value in sent.items() if value is not None}
    shown = Page(tom.client.post(f"/requests/{request}/work", data=sent))
    assert "0:20 worked, 0:00 chargeable: Not billable." in shown
    refused = work(tom, page, minutes="20", billable=None)
    assert refused.status == 422
    assert "Say why the work is not billable." in refused
    assert web.sample.entries(request) == []
    done = work(tom, page, minutes="20", billable=None, not_billable_reason="Goodwill")
    assert "Not billable: Goodwill" in done
    [entry] = web.sample.entries(request)
    edited = tom.open(f"/requests/{request}/work/{entry.id}")
    assert edited.form().values["not_billable_reason"] == "Goodwill"
    assert "Say why the work is not billable." in tom.send(edited, not_billable_reason=" ")
    assert "Not billable: Goodwill" in web.supervisor.open("/work-approval?state=approved")
    billed = tom.send(edited, billable="y", not_billable_reason="Goodwill")
    assert "Work entry updated." in billed
    assert web.sample.entries(request)[0].not_billable_reason is None


def test_an_entry_without_a_reason_of_old_is_edited_without_one(web: WebClients) -> None:
    web.sample.sell("subscription")
    request = web.sample.log()
    web.sample.work(request, 5, billable=False)
    [entry] = web.sample.entries(request)
    page = web.technician.open(f"/requests/{request}/work/{entry.id}")
    assert "Work entry updated." in web.technician.send(page, note="By phone")


def test_a_timer_that_was_forgotten_asks_when_the_work_ended(web: WebClients) -> None:
    web.sample.sell("subscription", starts_on="2026-01-01")
    request = web.sample.log()
    tom = web.technician
    tom.send(tom.open(f"/requests/{request}"), "/timer/start")
    web.sample.clock.move(hours=25)
    page = tom.open(f"/requests/{request}")
    assert page.form("/work").values["work_ended_at"] == "2026-03-03T11:00"
    assert "The timer has run for more than 25 hours" not in page
    web.sample.clock.move(minutes=1)
    page = tom.open(f"/requests/{request}")
    assert "The timer has run for more than 25 hours" in page
    assert page.form("/work").values["work_ended_at"] == ""
    refused = work(tom, page, ended_at="2026-03-03T11:01")
    assert "The work is longer than 25 hours" in refused
    assert "Timer running since" in refused
    done = work(tom, refused, ended_at="2026-03-02T10:40")
    assert "0:40 logged" in done
    assert "Timer running since" not in done


def test_a_correction_is_previewed_before_saving(web: WebClients) -> None:
    sample = web.sample
    number = sample.contract(sample.sell("support_hours", minutes=60)).number
    request = sample.log()
    sample.work(request, 40)
    sample.clock.move(hours=1)
    sample.work(request, 15)
    entry = min(sample.entries(request), key=lambda row: row.id).id
    tom = web.technician
    page = tom.open(f"/requests/{request}/work/{entry}")
    sent = {**page.form().values, "minutes": "0:50"}
    moved = f"0:15 from {number} → 0:10 from {number}, 0:05 carried to the next contract"
    live = tom.client.post(f"/requests/{request}/work/{entry}/preview", data=sent).get_data(as_text=True)
    without_scripts = tom.client.post(f"/requests/{request}/work/{entry}", data={**sent, "step": "preview"})
    for shown in (live, without_scripts.get_data(as_text=True)):
        assert f"0:50 from {number} (leaves 0:00)" in shown
        assert moved in shown
    assert {row.version for row in sample.entries(request)} == {1}


def test_work_is_recalculated_from_the_page_of_its_request(web: WebClients) -> None:
    sample = web.sample
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.work(request, 20)
    sue = web.supervisor
    assert "Nothing would change" in sue.open(f"/requests/{request}/work/recalculate")
    sample.set(rounding={"increment_minutes": 15})
    assert "Recalculate work" in sue.open(f"/requests/{request}")
    page = sue.open(f"/requests/{request}/work/recalculate")
    assert "One entry would be charged differently:" in page
    assert "then 0:30" in page
    refused = sue.send(page, reason="")
    assert "This field is required." in refused
    done = sue.send(page, reason="Agreed")
    assert "Work recalculated by today’s terms." in done
    assert [row.chargeable_minutes for row in sample.entries(request)] == [30]
    assert "Recalculate work" not in web.technician.open(f"/requests/{request}")


def test_a_work_entry_is_edited_and_deleted(web: WebClients) -> None:
    records = web.records
    tom = web.technician
    address = f"/requests/{records.service_request}/work/{records.entry}"
    page = tom.open(address)
    assert page.form().values["minutes"] == "0:45"
    done = tom.send(page, minutes="0:15")
    assert "Work entry updated." in done
    assert web.sample.entries(records.service_request)[0].worked_minutes == 15
    gone = tom.send(tom.open(address), "/delete")
    assert "Work entry deleted." in gone
    assert web.sample.request(records.service_request).worked_minutes == 0
