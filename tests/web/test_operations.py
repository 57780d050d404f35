"""Health endpoints: what a stranger learns, what an authorized caller learns, and a full disk."""

import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text
from werkzeug.test import TestResponse

from tests.support.api import ENVIRONMENT, ApiClient, ApiClients, app_of
from tests.support.builders import DeskFixture
from workflows.operations.disk_space import DiskSpace, folder_problem
from workflows.operations.time_zone_data import time_zone_data
from workflows.store.database import Database

MONITORING_TOKEN = "a token for monitoring"


@pytest.fixture
def monitored(new_desk: DeskFixture) -> ApiClients:
    """The API of a desk with a monitoring token."""
    callers = ApiClients(new_desk)
    callers.app = app_of(new_desk, ENVIRONMENT.model_copy(update={"monitoring_token": MONITORING_TOKEN}))
    for caller in (callers.administrator, callers.finance, callers.technician, callers.nobody):
        caller.client = callers.app.test_client()
    return callers


def test_a_stranger_learns_whether_the_desk_is_ready_and_nothing_else(monitored: ApiClients) -> None:
    monitored.administrator.get("/org-units")
    strangers = [
        monitored.nobody,
        monitored.technician,
        monitored.finance,
        ApiClient(monitored.app, "no token of anyone"),
        ApiClient(monitored.app, MONITORING_TOKEN[:-1]),
    ]
    for caller in strangers:
        assert caller.operations("/healthz").json == {"status": "ok"}
        ready = caller.operations("/readyz")
        assert (ready.status_code, ready.json) == (200, {"status": "ready"})
        metrics = caller.operations("/metrics").text
        names = {line.partition(" ")[0] for line in metrics.splitlines() if not line.startswith("#")}
        assert names == {"coverdesk_ready"}
        assert "coverdesk_ready 1.0" in metrics


def test_who_is_authorized_gets_the_details(monitored: ApiClients) -> None:
    monitored.administrator.get("/org-units")
    zones = time_zone_data()
    for caller in (monitored.administrator, ApiClient(monitored.app, MONITORING_TOKEN)):
        ready = caller.operations("/readyz").json
        assert ready is not None
        assert ready["status"] == "ready"
        assert ready["rule_set"] == monitored.fixture.desk.config.rules.version
        assert ready["time_zone_data"] == {"version": zones.version, "source": zones.source}
        assert ready["jobs"] == []
        metrics = caller.operations("/metrics")
        assert metrics.content_type.startswith("text/plain; version=0.0.4")
        counted = 'coverdesk_http_requests_total{method="GET",route="/api/v1/org-units",status="200"}'
        assert counted in metrics.text
        assert "coverdesk_outbox_waiting" in metrics.text


def test_the_monitoring_token_opens_nothing_else(monitored: ApiClients) -> None:
    assert ApiClient(monitored.app, MONITORING_TOKEN).get("/org-units").status_code == 401


def test_the_monitoring_token_needs_no_database(monitored: ApiClients) -> None:
    original = monitored.fixture.desk.database
    monitored.fixture.desk.database = Database("sqlite:////proc/gone.db")
    ready = ApiClient(monitored.app, MONITORING_TOKEN).operations("/readyz")
    stranger = monitored.administrator.operations("/readyz")
    monitored.fixture.desk.database.dispose()
    monitored.fixture.desk.database = original
    assert (ready.status_code, stranger.status_code) == (503, 503)
    assert ready.json is not None
    assert stranger.json is not None
    assert ready.json["detail"] == stranger.json["detail"] == "The database cannot be reached."
    assert ready.json["database"] is False
    assert "database" not in stranger.json


# ------------------------------------------------------------------ a full disk


@contextmanager
def only_small_files(most_bytes: int) -> Iterator[None]:
    """No file that this process writes may grow past a size, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of four MiB. Skips the test where none may be mounted."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("No file system can be mounted here.")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_folder_in_which_nothing_can_grow_is_a_problem(tmp_path: Path) -> None:
    assert folder_problem(tmp_path) is None
    with only_small_files(1000):
        problem = folder_problem(tmp_path)
    assert problem is not None
    assert problem.startswith("The disk of the database is full: ")
    assert folder_problem(tmp_path / "gone") == (
        "The folder of the database cannot be written to: No such file or directory."
    )
    assert list(tmp_path.iterdir()) == []


def test_readiness_fails_in_words_where_the_database_cannot_grow(sqlite_database_url: str) -> None:
    new_desk = DeskFixture(sqlite_database_url)
    new_desk.publish_rules()
    client = ApiClients(new_desk).nobody
    assert client.operations("/readyz").status_code == 200
    with only_small_files(100_000):
        ready = client.operations("/readyz")
    assert (ready.status_code, ready.content_type) == (503, "application/problem+json")
    assert ready.json is not None
    assert ready.json["detail"].startswith("The disk of the database is full: ")
    assert client.operations("/readyz").status_code == 200
    new_desk.close()


def test_readiness_fails_in_words_where_the_server_cannot_write(postgres_database_url: str) -> None:
    """A server that may write no temporary file fails at the same statement as one with a full disk."""
    new_desk = DeskFixture(postgres_database_url)
    new_desk.publish_rules()
    client = ApiClients(new_desk).nobody
    assert client.operations("/readyz").status_code == 200
    client.client.application.extensions["coverdesk_disk_space"] = DiskSpace()

    @event.listens_for(new_desk.desk.database.engine, "begin")
    def limit(connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL temp_file_limit = '64kB'")

    ready = client.operations("/readyz")
    event.remove(new_desk.desk.database.engine, "begin", limit)
    assert ready.status_code == 503
    assert ready.json is not None
    assert ready.json["detail"].startswith(
        "The database server cannot write to its disk: temporary file size"
    )
    new_desk.close()


def test_a_call_that_finds_the_database_full_says_so(sqlite_database_url: str) -> None:
    """SQLite's own limit of pages gives the error of a full disk."""
    new_desk = DeskFixture(sqlite_database_url)
    new_desk.publish_rules()
    callers, customer = ApiClients(new_desk), new_desk.customer("Ann")
    with new_desk.desk.database.autocommit() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    new_desk.desk.database.dispose()

    @event.listens_for(new_desk.desk.database.engine, "connect")
    def limit(driver: sqlite3.Connection, _record: object) -> None:
        driver.execute(f"PRAGMA max_page_count = {pages}").close()

    refused = first_refused(callers, customer)
    event.remove(new_desk.desk.database.engine, "connect", limit)
    new_desk.desk.database.dispose()
    require_disk_full(refused)
    later = callers.technician.post("/service-requests", {"customer": customer, "subject": "Later"})
    assert later.status_code == 201
    new_desk.close()


def test_a_full_disk_is_noticed_and_left_behind(migrated_sqlite_template: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        shutil.copyfile(migrated_sqlite_template, disk / "coverdesk.db")
        new_desk = DeskFixture(f"sqlite:///{disk}/coverdesk.db")
        new_desk.publish_rules()
        callers, customer = ApiClients(new_desk), new_desk.customer("Ann")
        assert callers.nobody.operations("/readyz").status_code == 200
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        ready = callers.nobody.operations("/readyz")
        refused = first_refused(callers, customer)
        filler.unlink()
        assert ready.status_code == 503
        assert ready.json is not None
        assert ready.json["detail"].startswith("The disk of the database is full: ")
        require_disk_full(refused)
        assert callers.nobody.operations("/readyz").status_code == 200
        later = callers.administrator.post("/org-units", {"code": "LAST", "name": "Last"})
        assert later.status_code == 201
        new_desk.close()


def first_refused(callers: ApiClients, customer: str) -> TestResponse:
    """Store long texts until one is refused."""
    for _ in range(300):
        body = {"customer": customer, "subject": "Long", "description": "x" * 20_000}
        answer = callers.technician.post("/service-requests", body)
        if answer.status_code != 201:
            return answer
    raise AssertionError("The disk is not full.")


def require_disk_full(answer: TestResponse) -> None:
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.json is not None
    assert answer.json["type"].endswith("#disk-full")
    assert answer.json["detail"].startswith("The disk of the database is full. Nothing was saved.")
