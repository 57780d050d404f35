"""Error pages: what happened, and what to do."""

from pathlib import Path

import pytest
import structlog

from tests.support.pages import Page
from tests.support.web_clients import WebClients


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/nothing-here", 404, "Not found"),
        ("/requests/nothing", 404, "Not found"),
        ("/contracts?order=nonsense", 422, "Invalid input"),
        ("/contracts?cursor=%F0%9F", 422, "Invalid input"),
        ("/users?role=emperor", 200, "Users"),
    ],
)
def test_each_error_page_says_what_to_do(web: WebClients, path: str, status: int, title: str) -> None:
    page = web.administrator.open(path)
    assert page.status == status
    assert title in page
    if status >= 400:
        assert "What to do:" in page
        assert "Traceback" not in page


def test_a_forbidden_page_says_whom_to_ask(web: WebClients) -> None:
    page = web.technician.open("/settings")
    assert page.status == 403
    assert "administrator" in page


def test_a_wrong_method_gets_an_error_page(web: WebClients) -> None:
    answer = web.technician.client.put("/requests")
    assert answer.status_code == 405
    assert "What to do:" in Page(answer)


def test_a_request_body_that_is_too_large_is_refused(web: WebClients) -> None:
    answer = web.technician.client.post("/requests/new", data={"subject": "x" * (2 * 1024 * 1024)})
    assert answer.status_code == 413


def test_without_a_database_an_error_page_is_shown(web: WebClients, sqlite_database_url: str) -> None:
    browser = web.technician
    web.sample.desk.database.dispose()
    file = Path(sqlite_database_url.removeprefix("sqlite:///"))
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()
    with structlog.testing.capture_logs() as logs:
        page = browser.open("/requests")
    assert [one["event"] for one in logs] == ["the database cannot be reached"]
    assert page.status == 503
    assert "Service not ready" in page
    assert "2026-03-02 09:00:00 UTC" in page
