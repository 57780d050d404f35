"""Behind a real pgbouncer in transaction mode, every client gets the answers to its own questions.

pgbouncer has three connections to the server, its clients many more: what one client leaves in a session of
the server, such as a prepared statement or a time zone, the next one finds there.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import DateTime, String, bindparam, literal, literal_column, make_url, select, text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from tests.support.concurrency import log_minutes, log_requests, tick_every_job, worker_context, worker_pool
from tests.support.pgbouncer import Pgbouncer
from tests.support.sample_desk import SampleDesk
from workflows.reports.audit import audit_desk
from workflows.store import postgresql_sessions
from workflows.store import tables as t
from workflows.store.compiled_statements import Prepared
from workflows.store.database import Database, migrate
from workflows.store.migrations import HEAD

CLIENTS = 8
ROUNDS = 30
GIVEN = bindparam("given", type_=String())


def statement_with(own: str) -> Prepared:
    """A statement that returns its parameter and a text of its own."""
    columns: tuple[Any, ...] = (GIVEN.label("given"), literal_column(f"'{own}'", String()).label("own"))
    return Prepared(select(*columns))


STATEMENTS = [statement_with(f"statement {number}") for number in range(12)]
REPEATED_HOUR = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@contextmanager
def database_at(url: str) -> Iterator[Database]:
    database = Database(url, pool_size=2)
    try:
        yield database
    finally:
        database.dispose()


def ask(url: str, client: int) -> list[str]:
    """Run many statements, in an order of this client's own. Returns what was wrong in their answers."""
    order, wrong = random.Random(client), []
    with database_at(url) as database:
        for turn in range(ROUNDS):
            given = f"client {client}, round {turn}"
            for number in order.sample(range(len(STATEMENTS)), len(STATEMENTS)):
                try:
                    with database.write() if turn % 3 == 0 else database.read() as connection:
                        row = STATEMENTS[number].one(connection, {"given": given})
                        zone = connection.execute(text("SHOW timezone")).scalar()
                except DBAPIError as error:
                    wrong.append(f"{given}, statement {number}: {error.orig}")
                    continue
                if (*row, zone) != (given, f"statement {number}", "UTC"):
                    wrong.append(f"{given}, statement {number}: {row} in {zone}")
    return wrong


def prepare_threshold(url: str) -> int | None:
    """After how many uses a statement is prepared by name in a session of the program; None is never."""
    with database_at(url) as database, database.autocommit() as connection:
        found: int | None = connection.connection.driver_connection.prepare_threshold  # type: ignore[union-attr]  # there is one
        return found


@pytest.mark.parametrize("prepare", ["auto", "on", "off"])
def test_no_answer_is_that_of_another_statement(pooled_database_url: str, prepare: str) -> None:
    """Also where the address says wrongly that the pooler carries prepared statements."""
    url = f"{pooled_database_url}&prepare={prepare}"
    with ThreadPoolExecutor(CLIENTS) as pool:
        found = list(pool.map(ask, [url] * CLIENTS, range(CLIENTS)))
    assert [line for wrong in found for line in wrong] == []


def test_work_by_many_clients_is_as_without_a_pooler(pooled_database_url: str) -> None:
    sample = SampleDesk(pooled_database_url)
    hours = sample.sell("support_hours", minutes=100)
    with worker_pool("threads", CLIENTS) as workers:
        logged = [one for some in workers.do(log_requests, worker_context(sample), 4) for one in some]
        entries = [
            one for some in workers.do(log_minutes, worker_context(sample), logged, 7, 6) for one in some
        ]
        ran = Counter(name for some in workers.do(tick_every_job, worker_context(sample)) for name in some)
    total = 7 * 6 * CLIENTS
    assert len(set(logged)) == len(sample.rows(t.service_request)) == 4 * CLIENTS
    assert [sum(minutes for _, minutes in sample.allocations(one)) for one in entries] == [7] * len(entries)
    assert sum(sample.request(one).worked_minutes for one in logged) == total
    assert [(grant.available, grant.consumed) for grant in sample.grants(hours)] == [(0, 100)]
    assert sample.carried(f"customer:{sample.ann}") == total - 100
    assert set(ran.values()) == {1}, "of all schedulers one runs each job"
    assert sample.see(audit_desk).ok
    sample.close()


def test_one_holds_a_transaction_lock_and_the_others_wait(pooled_database_url: str) -> None:
    """The count is read and written under the lock alone; without it, updates would be lost."""
    with database_at(pooled_database_url) as database:
        with database.write() as connection:
            connection.execute(text("CREATE TABLE counted (number integer)"))
            connection.execute(text("INSERT INTO counted VALUES (0)"))

        def count(_: int) -> None:
            with database_at(pooled_database_url) as own, own.write() as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(7)"))
                number = connection.execute(text("SELECT number FROM counted")).scalar_one()
                connection.execute(text("UPDATE counted SET number = :number"), {"number": number + 1})

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(count, range(10 * CLIENTS)))
        with database.read() as connection:
            assert connection.execute(text("SELECT number FROM counted")).scalar_one() == 10 * CLIENTS


def test_it_migrates_from_many_places_at_once(
    new_postgres_database: Callable[[], str], pgbouncer: Pgbouncer
) -> None:
    url = pgbouncer.url(str(make_url(new_postgres_database()).database))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [url] * 4))
    with database_at(url) as database, database.read() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == HEAD


@pytest.mark.parametrize("way", ["postgres_database_url", "pooled_database_url"])
def test_instants_are_utc_whatever_the_server_is_set_to(way: str, request: pytest.FixtureRequest) -> None:
    """The tests' server is set to a zone of its own; in local time the difference would be an hour less."""
    later = REPEATED_HOUR + timedelta(hours=2)
    instant = DateTime(timezone=True)
    instants = select(literal(REPEATED_HOUR, instant).label("first"), literal(later, instant).label("later"))
    with database_at(request.getfixturevalue(way)) as database:
        for begin in (database.read, database.autocommit, database.snapshot, database.write):
            with begin() as connection:
                read, read_later = connection.execute(instants).one()
                assert (read, read_later - read) == (REPEATED_HOUR, timedelta(hours=2))
                assert read.utcoffset() == timedelta(0)
                assert connection.execute(text("SHOW timezone")).scalar() == "UTC"
                assert connection.execute(text("SHOW datestyle")).scalar() == "ISO, MDY"


def test_statements_are_prepared_in_direct_sessions_alone(
    postgres_database_url: str, pooled_database_url: str
) -> None:
    threshold = postgresql_sessions.PREPARED_AFTER_USES
    assert prepare_threshold(postgres_database_url) == threshold
    assert prepare_threshold(f"{postgres_database_url}&prepare=on") == threshold
    assert prepare_threshold(f"{postgres_database_url}&prepare=off") is None
    assert prepare_threshold(pooled_database_url) is None
    with capture_logs() as logs:
        assert prepare_threshold(f"{pooled_database_url}&prepare=on") is None
    assert [line["log_level"] for line in logs] == ["warning"]


def test_a_pooler_that_loses_the_time_zone_is_not_worked_with(postgres_database_url: str) -> None:
    address = make_url(postgres_database_url).set(drivername="postgresql").render_as_string()
    with (
        psycopg.connect(address, options="-c timezone=Europe/Berlin") as driver,
        pytest.raises(postgresql_sessions.UnusableSession, match="does not keep TimeZone"),
    ):
        postgresql_sessions.must_keep_settings(driver)
