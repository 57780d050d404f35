"""What the other tests rely on: a real PostgreSQL and a real browser."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support.postgres import PostgresServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from tests.support.browser import Pages

CHECKOUT = Path(__file__).resolve().parent.parent


def test_each_test_has_an_empty_postgresql_of_its_own(new_postgres_database: Callable[[], str]) -> None:
    first, second = new_postgres_database(), new_postgres_database()
    with psycopg.connect(_for_psycopg(first)) as connection:
        connection.execute("CREATE TABLE desk (name text)")
    with psycopg.connect(_for_psycopg(second)) as connection:
        found = connection.execute("SELECT count(*) FROM pg_class WHERE relname = 'desk'").fetchone()
    assert first != second
    assert found == (0,)


def test_postgresql_lower_cases_non_ascii_letters(postgres_url: str) -> None:
    with psycopg.connect(_for_psycopg(postgres_url)) as connection:
        assert connection.execute("SELECT lower('ŽÄ')").fetchone() == ("žä",)


def test_postgresql_stops_when_tests_are_killed(postgres_server: PostgresServer) -> None:
    program = (
        "import time; from tests.support.postgres import running_postgres\n"
        "with running_postgres() as server: print(server.socket_folder, flush=True); time.sleep(600)"
    )
    tests = subprocess.Popen([sys.executable, "-c", program], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    with tests:
        assert tests.stdout is not None
        folder = Path(tests.stdout.readline().strip())
        server_pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        tests.send_signal(signal.SIGKILL)
    give_up_at = time.monotonic() + 120
    while (_is_running(server_pid) or folder.exists()) and time.monotonic() < give_up_at:
        time.sleep(0.05)
    assert not _is_running(server_pid)
    assert not folder.exists()


@pytest.mark.browser
def test_the_browser_shows_a_served_page(
    serve: Callable[["WSGIApplication"], str], pages: "Pages", tmp_path: Path
) -> None:
    page = pages.open(viewport={"width": 360, "height": 640})
    page.goto(serve(_page("<h1>Coverdesk</h1>")))
    page.screenshot(path=tmp_path / "page.png")
    assert page.get_by_role("heading", name="Coverdesk").is_visible()
    assert (tmp_path / "page.png").stat().st_size > 1000


@pytest.mark.browser
def test_browser_errors_are_recorded(serve: Callable[["WSGIApplication"], str], pages: "Pages") -> None:
    pages.open().goto(serve(_page("<script>document.title = 'inline'</script>")))
    assert len(pages.complaints) == 1
    assert "Content Security Policy" in pages.complaints.pop()


def _page(body: str) -> "WSGIApplication":
    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", "default-src 'self'"),
        ]
        if environ["PATH_INFO"] != "/":
            start_response("404 Not Found", headers)
            return [b""]
        start_response("200 OK", headers)
        return [f"<!doctype html><html lang=en><title>Coverdesk</title>{body}".encode()]

    return answer


def _for_psycopg(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
