"""Group commit: one thread writes for several, and each gets its own result.

The threads, the file and its lock are real: another connection holds the lock until all of them wait.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from time import sleep
from typing import Any

import pytest
from sqlalchemy import bindparam, event, select
from sqlalchemy.exc import IntegrityError, TimeoutError

from workflows.store import tables as t
from workflows.store import write_queue
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Row
from workflows.store.database import Database
from workflows.store.multi_table_insert import Precondition, insert_rows

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
EVENT = {
    "subject_kind": "contract",
    "subject_id": "c1",
    "action": "changed",
    "details": None,
    "actor": "Ada",
    "at": AT,
    "recorded_at": AT,
}
IS_THERE = select(t.audit_event.c.id).where(t.audit_event.c.id == bindparam("depends_on", type_=Id))


@pytest.fixture
def database(sqlite_database_url: str) -> Iterator[Database]:
    opened = Database(sqlite_database_url)
    yield opened
    opened.dispose()


def test_rows_of_waiting_threads_are_written_by_one_statement(database: Database) -> None:
    sent: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda _c, _k, sql, *_: sent.append(sql))
    answers = concurrently(database, [{"id": f"e{number}"} for number in range(6)])
    assert [one.result() for one in answers] == [(f"e{number}",) for number in range(6)]
    assert stored(database) == {f"e{number}" for number in range(6)}
    rows_at_once = {sql.count("(?") for sql in sent if sql.startswith("INSERT INTO rows_")}
    assert rows_at_once == {1, 4}, "the first thread wrote its own row, the next wrote for those waiting"


def test_a_row_that_breaks_a_constraint_fails_by_itself(database: Database) -> None:
    with database.write() as connection:
        insert_rows(connection, [(t.audit_event, {**EVENT, "id": "taken"})])
    answers = concurrently(database, [{"id": one} for one in ("e1", "taken", "e2", "e3")])
    failed = [one.exception() for one in answers]
    assert [type(one) for one in failed] == [type(None), IntegrityError, type(None), type(None)]
    assert stored(database) == {"taken", "e1", "e2", "e3"}


def test_only_rows_whose_precondition_fails_are_left_out(database: Database) -> None:
    with database.write() as connection:
        insert_rows(connection, [(t.audit_event, {**EVENT, "id": "there"})])
    given = [{"id": "e1"}, {"id": "e2"}, {"id": "e3"}]
    answers = concurrently(database, given, depends_on=["there", "gone", "there"])
    assert [one.result() for one in answers] == [("e1",), None, ("e3",)]
    assert stored(database) == {"there", "e1", "e3"}


def test_a_thread_that_waits_too_long_writes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_queue, "BUSY_TIMEOUT_MS", 50)
    entered, leave = Event(), Event()

    def hold_the_lock() -> None:
        with database.write():
            entered.set()
            leave.wait(10)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold_the_lock)
        assert entered.wait(10)
        with pytest.raises(TimeoutError):
            write(database, {"id": "late"}, None)
        leave.set()
        holding.result(10)
    monkeypatch.undo()
    assert write(database, {"id": "next"}, None) == ("next",)
    assert stored(database) == {"next"}


def concurrently(
    database: Database, given: list[dict[str, Any]], depends_on: list[str] | None = None
) -> list["Future[Row | None]"]:
    """Write from a thread each, while another process's lock keeps the first of them waiting."""
    other = Database(str(database.url))
    with ThreadPoolExecutor(len(given)) as pool, other.write():
        answers = [
            pool.submit(write, database, values, depends_on[number] if depends_on else None)
            for number, values in enumerate(given)
        ]
        sleep(0.2)
        assert not any(one.done() for one in answers)
    other.dispose()
    return answers


def write(database: Database, values: dict[str, Any], depends_on: str | None) -> Row | None:
    with database.write_on_demand() as (connection, _):
        return insert_rows(
            connection,
            [(t.audit_event, {**EVENT, **values})],
            returning=t.audit_event.c.id,
            precondition=Precondition(IS_THERE, {"depends_on": depends_on}) if depends_on else None,
            autocommit_on=database,
        )


def stored(database: Database) -> set[str]:
    with database.read() as connection:
        return {row.id for row in connection.execute(select(t.audit_event.c.id))}
