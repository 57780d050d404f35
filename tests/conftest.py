"""Fixtures: databases of both kinds, a real browser, desks, the shared cases.

A test that needs something the machine lacks is skipped with the reason; with CI set it fails instead.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import make_url

from tests.support.locked_postings import install as install_check_of_locks
from tests.support.postgres import PostgresMissing, PostgresServer, running_postgres
from tests.support.share import is_of_other_database
from workflows.operations.time_zone_data import use_newest_time_zone_data

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from playwright.sync_api import Browser, Page

    from tests.support.browser import Pages
    from tests.support.builders import DeskFixture
    from tests.support.pgbouncer import Pgbouncer
    from tests.support.sample_desk import SampleDesk
    from tests.support.web_clients import WebClients

CHECKOUT = Path(__file__).resolve().parent.parent

ON_BOTH = (
    *(f"tests/workflows/{name}/" for name in ("coverage", "ledger", "lifecycle", "store", "work")),
    "tests/web/test_crowds.py",
    "tests/workflows/people/test_erasing.py",
)
"""Where a difference between the two databases can change what a customer paid for, or what is erased."""

# as the command line does at its start: an old system must not change what is computed here
use_newest_time_zone_data()
install_check_of_locks()
# a busy machine must not fail a property: no test asserts how long something takes
settings.register_profile(
    "any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def lacking(reason: str) -> NoReturn:
    """Skip the test because this machine lacks something; with CI set, fail it."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run each test on both kinds of database if it is about coverage, time worked or the store, else on one.

    `make test-all` runs all of them on both.
    """
    left = [one for one in items if not one.nodeid.startswith(ON_BOTH) and is_of_other_database(one.name)]
    if left:
        config.hook.pytest_deselected(items=left)
        others = set(left)
        items[:] = [one for one in items if one not in others]


# Databases


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for this test process."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_postgres())
        except PostgresMissing as error:
            lacking(str(error))
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of the server's maintenance database."""
    return postgres_server.url("postgres")


@pytest.fixture
def new_postgres_database(postgres_server: PostgresServer) -> Iterator[Callable[[], str]]:
    """A function that creates an empty database and returns its URL; all are dropped after the test."""
    with ExitStack() as stack:

        def make() -> str:
            name = postgres_server.create_database()
            stack.callback(postgres_server.drop_database, name)
            return postgres_server.url(name)

        yield make


@pytest.fixture(scope="session")
def migrated_postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated database to copy; no test connects to it."""
    name = postgres_server.create_database()
    migrate(postgres_server.url(name))
    return name


@pytest.fixture(scope="session")
def migrated_sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file to copy; no test opens it."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    # Content that is still in the write-ahead log would be missing from a copy of the file.
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def postgres_database_url(postgres_server: PostgresServer, migrated_postgres_template: str) -> Iterator[str]:
    """The URL of a fresh, migrated PostgreSQL database."""
    name = postgres_server.create_database(migrated_postgres_template)
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def pgbouncer(postgres_server: PostgresServer) -> Iterator["Pgbouncer"]:
    """A pgbouncer in transaction mode in front of that server, with three connections to each database."""
    from tests.support.pgbouncer import PgbouncerMissing, running_pgbouncer

    with ExitStack() as stack:
        try:
            pooler = stack.enter_context(running_pgbouncer(postgres_server, server_connections=3))
        except PgbouncerMissing as error:
            lacking(str(error))
        yield pooler


@pytest.fixture
def pooled_database_url(postgres_database_url: str, pgbouncer: "Pgbouncer") -> str:
    """The URL by pgbouncer of the fresh, migrated database that `postgres_database_url` reaches directly."""
    return pgbouncer.url(str(make_url(postgres_database_url).database))


@pytest.fixture
def sqlite_database_url(migrated_sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a fresh, migrated SQLite database."""
    path = tmp_path / "coverdesk.db"
    shutil.copyfile(migrated_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, migrated database; the test runs once on each kind."""
    kind = {"sqlite": "sqlite_database_url", "postgresql": "postgres_database_url"}[request.param]
    url: str = request.getfixturevalue(kind)
    return url


def migrate(database_url: str) -> None:
    """Bring the schema of a database up to date."""
    from workflows.store.database import migrate as migrate_now

    migrate_now(database_url)


# Browser


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """A headless Chromium for this test process."""
    from tests.support.browser import BrowserMissing, running_chromium

    with ExitStack() as stack:
        try:
            chromium = stack.enter_context(running_chromium())
        except BrowserMissing as error:
            lacking(str(error))
        yield chromium


@pytest.fixture
def pages(browser: "Browser") -> Iterator["Pages"]:
    """`pages.open(**options)` opens a page with its own cookies; errors in its log fail the test."""
    from tests.support.browser import Pages

    opened = Pages(browser)
    yield opened
    opened.close()
    assert not opened.complaints, "\n".join(opened.complaints)


@pytest.fixture
def page(pages: "Pages") -> "Page":
    """A page in a window of 1280 x 800."""
    return pages.open(viewport={"width": 1280, "height": 800})


@pytest.fixture
def serve() -> Iterator[Callable[["WSGIApplication"], str]]:
    """A function that serves an application for this test and returns its URL."""
    from tests.support.browser import serving

    with ExitStack() as stack:

        def start(app: "WSGIApplication") -> str:
            server: AbstractContextManager[str] = serving(app)
            return stack.enter_context(server)

        yield start


# Cases shared between projects


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """The folder of shared cases: COVERDESK_CASES_DIR, or ../shared/cases next to the checkout. Optional."""
    folder = Path(os.environ.get("COVERDESK_CASES_DIR") or CHECKOUT.parent / "shared" / "cases")
    if not folder.is_dir():
        pytest.skip(f"No shared cases in {folder}: set COVERDESK_CASES_DIR to run them.")
    return folder


# Desks


@pytest.fixture
def bare_desk(database_url: str) -> Iterator["DeskFixture"]:
    """A desk with a user of every staff role and nothing else: no rule set is in force."""
    from tests.support.builders import DeskFixture

    new_desk = DeskFixture(database_url)
    yield new_desk
    new_desk.close()


@pytest.fixture
def new_desk(bare_desk: "DeskFixture") -> "DeskFixture":
    """A desk with the shipped rules in force; contracts are off."""
    bare_desk.publish_rules()
    return bare_desk


@pytest.fixture
def sample(database_url: str) -> Iterator["SampleDesk"]:
    """A desk in use, in UTC: Acme, Ann and her laptop, the shipped rules in force, contracts on."""
    from tests.support.sample_desk import SampleDesk

    desk = SampleDesk(database_url)
    yield desk
    desk.close()


@pytest.fixture
def web(sqlite_database_url: str) -> Iterator["WebClients"]:
    """The pages of such a desk in the time zone of Berlin, and a client for each role."""
    from tests.support.web_clients import WebClients

    desk = WebClients(sqlite_database_url)
    yield desk
    desk.sample.close()
