"""Opening and saving any form that has values changes nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.api import app_of
from tests.support.builders import DeskFixture
from tests.support.pages import Browser
from tests.support.web_clients import WebClients
from workflows.commands.service_requests import ChangeServiceRequest
from workflows.commands.work import ChangeWork
from workflows.service_requests.use_cases import change_service_request
from workflows.store import tables as t
from workflows.work.use_cases import change_work

ODD_TEXT = "\n  First line\r\nsecond, with a blank at its end \n\n"


def everything(new_desk: DeskFixture) -> dict[str, Any]:
    """All rows of the desk, by table."""
    return {
        table.name: sorted(map(repr, new_desk.rows(table)))
        for table in t.metadata.sorted_tables
        if table.name != "idempotency_key"
    }


FORMS = [
    ("technician", "/requests/{service_request}/edit"),
    ("supervisor", "/requests/{service_request}/work/{entry}"),
    ("supervisor", "/customers/{customer}/edit"),
    ("supervisor", "/items/{item}/edit"),
    ("supervisor", "/org-units/{org_unit}/edit"),
    ("administrator", "/settings"),
    ("administrator", "/users/{user}"),
]


@pytest.mark.parametrize(("role", "path"), FORMS, ids=[path for _, path in FORMS])
def test_a_form_saved_as_it_was_opened_changes_nothing(web: WebClients, role: str, path: str) -> None:
    sample = web.sample
    sample.clock.at = datetime(2026, 3, 2, 9, 0, 17, 123_457, tzinfo=UTC)
    records = web.records
    changed = ChangeServiceRequest(description=ODD_TEXT, work_type="remote")
    sample.do_as(sample.technician, change_service_request, records.service_request, changed)
    sample.do_as(sample.technician, change_work, records.entry, ChangeWork(note=ODD_TEXT))
    browser = web.of_role(role)
    address = path.format(**vars(records), user=sample.finance.id)
    page = browser.open(address)
    assert page.status == 200
    before = everything(sample)
    done = browser.send(page)
    assert done.status == 200
    assert everything(sample) == before


def test_a_sandbox_clock_saved_as_it_was_opened_stays(sqlite_database_url: str) -> None:
    new_desk = DeskFixture(sqlite_database_url, sandbox=True)
    new_desk.clock.at = datetime(2026, 10, 25, 1, 45, 11, 987_654, tzinfo=UTC)
    browser = Browser(new_desk, new_desk.administrator, app_of(new_desk))
    page = browser.open("/sandbox/clock")
    new_desk.clock.move(seconds=5)
    before = everything(new_desk)
    assert "Nothing was changed." in browser.send(page)
    assert everything(new_desk) == before
    new_desk.close()
