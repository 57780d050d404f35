"""Closures of a calendar file are imported by page and by API, and change what work is charged."""

import json
from io import BytesIO
from typing import Any

import pytest

from tests.support.api import ApiClients
from tests.support.sample_desk import MONDAY, SampleDesk
from tests.support.web_clients import WebClients
from tests.workflows.work.test_segments import charging, in_calendar
from workflows.administration.settings import change_settings

CLOSED = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:1
DTSTART:20260302T120000Z
DURATION:PT1H
SUMMARY:Fire drill
END:VEVENT
END:VCALENDAR
"""
UNKNOWN_ZONE = CLOSED.replace("DTSTART:20260302T120000Z", "DTSTART;TZID=Mars/Base:20260302T120000")
WEEK = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
ALL_WEEK = json.dumps(
    {"calendars": [{"id": "open", "label": "Open", "weekly": WEEK}], "examples": []}, indent=2
)


def stored_closures(sample: SampleDesk) -> Any:
    sample.desk.refresh()
    text = sample.see(lambda tx: tx.rules.files["calendars.json"])
    return json.loads(text)["calendars"][0].get("closures")


def test_imported_closures_cut_the_work(sample: SampleDesk) -> None:
    sample.publish_rules(calendars=ALL_WEEK, charging=charging((in_calendar("open"), 200)))
    api = ApiClients(sample)
    done = api.administrator.post("/rules/calendars/open/closures", {"file": CLOSED})
    assert done.status_code == 201
    assert stored_closures(sample) == [
        {"from": "2026-03-02T12:00:00Z", "to": "2026-03-02T13:00:00Z", "summary": "Fire drill"}
    ]
    assert '["00:00", "24:00"]' in sample.see(lambda tx: tx.rules.files["calendars.json"])
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(days=1)
    sample.work_span(request, MONDAY.replace(hour=11, minute=30), minutes=120)
    [entry] = sample.entries(request)
    assert entry.chargeable_minutes == 30 * 2 + 60 + 30 * 2


@pytest.mark.parametrize(
    ("calendar", "file", "status", "words"),
    [
        ("nights", CLOSED, 404, "no calendar 'nights'"),
        ("after_hours", UNKNOWN_ZONE, 422, "unknown time zone 'Mars/Base'"),
        ("after_hours", "x" * 10 * 1024 * 1024, 422, "10,485,760 bytes"),
        ("after_hours", "", 422, "not a calendar file"),
        ("after_hours", CLOSED.replace("20260302", "19990302"), 422, "no closure from last year"),
    ],
)
def test_what_cannot_be_imported_changes_nothing(
    sample: SampleDesk, calendar: str, file: str, status: int, words: str
) -> None:
    before = sample.see(lambda tx: tx.rules.version)
    api = ApiClients(sample)
    refused = api.administrator.post(f"/rules/calendars/{calendar}/closures", {"file": file})
    assert refused.status_code == status
    assert words in refused.get_data(as_text=True)
    assert api.supervisor.post("/rules/calendars/after_hours/closures", {"file": CLOSED}).status_code == 403
    sample.desk.refresh()
    assert sample.see(lambda tx: tx.rules.version) == before


def test_closures_are_imported_on_a_page(web: WebClients) -> None:
    page = web.administrator.open("/rules/closures")
    wrong = web.administrator.send(page, calendar="weekend", file=UNKNOWN_ZONE)
    assert wrong.status == 422
    assert 'id="file-error"' in wrong.html
    values = {**page.form("").values, "calendar": "weekend"}
    uploaded = web.administrator.client.post(
        "/rules/closures", data={**values, "upload": (BytesIO(UNKNOWN_ZONE.encode()), "days.ics")}
    )
    assert 'id="upload-error"' in uploaded.text
    assert 'id="file-error"' not in uploaded.text
    done = web.administrator.send(wrong, calendar="after_hours", file=CLOSED)
    assert "The rule set is in force." in done
    assert [one["summary"] for one in stored_closures(web.sample)] == ["Fire drill"]


def test_where_approval_is_required_closures_are_proposed(web: WebClients) -> None:
    web.sample.do(change_settings, {"two_person_publishing": True})
    web.sample.desk.refresh()
    page = web.administrator.open("/rules/closures")
    done = web.administrator.send(page, calendar="after_hours", file=CLOSED)
    assert "Another administrator must approve it" in done
    assert stored_closures(web.sample) is None
