"""Statements sent straight to the driver: the same values and the same errors as through SQLAlchemy Core."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, event, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from tests.support.sample_desk import SampleDesk
from workflows.store import tables as t
from workflows.store.column_types import Id, Instant
from workflows.store.compiled_statements import Prepared, insert_row, update_row
from workflows.store.database import Database
from workflows.store.multi_table_insert import Precondition, insert_rows

AT = datetime(2026, 3, 29, 1, 30, 0, 123457, tzinfo=UTC)
EVENT = {
    "id": "e1",
    "subject_kind": "contract",
    "subject_id": "c1",
    "action": "changed",
    "details": {"ä": [1, None, {"deep": True}]},
    "actor": "Ann",
    "at": AT,
    "recorded_at": AT.astimezone(timezone(timedelta(hours=2))),
}
BY_ID = Prepared(select(t.audit_event).where(t.audit_event.c.id == bindparam("wanted", type_=Id)))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.dispose()


def add_twice(database: Database) -> None:
    with database.write() as connection:
        for _ in range(2):
            insert_row(connection, t.audit_event, EVENT)


def read_over_a_lost_connection(database: Database) -> None:
    """In a transaction: outside of one, the query would be sent again."""
    with database.write() as connection:
        process = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.write() as other:
            other.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})
        BY_ID.all(connection, {"wanted": "e1"})


def test_values_go_in_and_come_back_as_they_do_through_core(database: Database) -> None:
    with database.write() as connection:
        insert_row(connection, t.audit_event, EVENT)
        connection.execute(insert(t.audit_event), {**EVENT, "id": "e2"})
    with database.read() as connection:
        mine, by_core = (BY_ID.one(connection, {"wanted": wanted}) for wanted in ("e1", "e2"))
        read_by_core = connection.execute(select(t.audit_event).where(t.audit_event.c.id == "e1")).one()
    assert mine.at == AT
    assert mine.at.tzinfo is UTC
    assert mine._asdict() == dict(read_by_core._mapping) == {**by_core._asdict(), "id": "e1"}


def test_constants_of_the_statement_are_sent_along(database: Database) -> None:
    named = bindparam("wanted", type_=Id)
    counted = Prepared(
        select(func.count().label("number")).where(
            t.audit_event.c.at >= AT, t.audit_event.c.id == named, t.audit_event.c.action == "changed"
        )
    )
    with database.write() as connection:
        insert_row(connection, t.audit_event, EVENT)
        assert counted.one(connection, {"wanted": "e1"}).number == 1
        assert counted.one(connection, {"wanted": "e2"}).number == 0


@pytest.mark.parametrize("column", ["version", "other"])
def test_a_row_is_updated_with_values_and_expressions(database: Database, column: str) -> None:
    c = t.customer.c
    customer = {"name": "Ann", "created_at": AT, "version": 3}
    expression = {"version": c.version + 1} if column == "version" else {"version": c.version * 2 - 2}
    with database.write() as connection:
        for number in (1, 2):
            insert_row(
                connection, t.customer, {**customer, "id": f"c{number}", "email": f"{number}@a.example"}
            )
        update_row(connection, t.customer, "c1", {"name": "Änn", **expression})
        update_row(connection, t.customer, "c1", {"created_at": AT + timedelta(hours=1)})
        rows = connection.execute(select(c.name, c.version, c.created_at).order_by(c.id)).all()
    assert [tuple(row) for row in rows] == [("Änn", 4, AT + timedelta(hours=1)), ("Ann", 3, AT)]
    with pytest.raises(IntegrityError), database.write() as connection:
        update_row(connection, t.customer, "c1", {"email": "2@a.example"})


def test_no_row_is_none_and_where_one_must_be_an_error(database: Database) -> None:
    with database.read() as connection:
        assert BY_ID.first(connection, {"wanted": "nobody"}) is None
        assert BY_ID.all(connection, {"wanted": "nobody"}) == []
        with pytest.raises(LookupError):
            BY_ID.one(connection, {"wanted": "nobody"})


def test_a_refusal_by_the_database_is_sqlalchemys_error(database: Database) -> None:
    with pytest.raises(IntegrityError) as refused:
        add_twice(database)
    assert "Ann" not in str(refused.value), "what people wrote does not go into a log"
    with database.read() as connection:
        assert BY_ID.first(connection, {"wanted": "e1"}) is None, "the transaction was undone"


def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    after = Prepared(select(t.audit_event.c.id).where(t.audit_event.c.at > bindparam("at", type_=Instant)))
    with database.read() as connection, pytest.raises(ValueError, match="no time zone"):
        after.all(connection, {"at": AT.replace(tzinfo=None)})


def test_reading_is_one_snapshot_on_sqlite(sqlite_database_url: str) -> None:
    database = Database(sqlite_database_url)
    with database.read() as connection:
        assert BY_ID.first(connection, {"wanted": "e1"}) is None
        with database.write() as other:
            insert_row(other, t.audit_event, EVENT)
        assert BY_ID.first(connection, {"wanted": "e1"}) is None
    with database.read() as connection:
        assert BY_ID.first(connection, {"wanted": "e1"}) is not None
    database.dispose()


def test_a_lost_connection_is_reported_as_such_and_not_used_again(postgres_database_url: str) -> None:
    database = Database(postgres_database_url)
    with pytest.raises(OperationalError) as lost:
        read_over_a_lost_connection(database)
    assert lost.value.connection_invalidated
    with database.read() as connection:
        assert BY_ID.all(connection, {"wanted": "e1"}) == []
    database.dispose()


def test_who_listens_for_statements_hears_of_them(database: Database) -> None:
    sent: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda _c, _k, sql, *_: sent.append(sql))
    with database.read() as connection:
        BY_ID.all(connection, {"wanted": "e1"})
        assert BY_ID.sent(connection.dialect) in sent


def test_a_statement_that_the_database_does_not_take(database: Database) -> None:
    broken = Prepared(select(t.audit_event.c.id).where(text("no_such_column = 1")))
    with pytest.raises(DBAPIError), database.read() as connection:
        broken.all(connection, {})


def test_a_column_that_is_not_given_gets_its_default(database_url: str) -> None:
    sample = SampleDesk(database_url)
    request = sample.log("It does not start")
    note = {"id": "n1", "service_request_id": request, "body": "Done", "author": "Ann", "written_at": AT}
    with sample.desk.write() as tx:
        tx.add(t.service_request_note, **note)
    (note,) = sample.rows(t.service_request_note)
    sample.close()
    assert note.public is True


def test_rows_of_several_tables_in_one_statement(postgres_database_url: str) -> None:
    sample = SampleDesk(postgres_database_url)
    sample.sell("subscription")
    sent: list[str] = []
    event.listen(
        sample.desk.database.engine, "before_cursor_execute", lambda _c, _k, sql, *_: sent.append(sql)
    )
    request = sample.log("It does not start")
    sample.close()
    writes = [sql for sql in sent if "INSERT" in sql]
    assert len(writes) == 1, "the service request, its history and its decision"
    assert request


def test_rows_that_go_together_stay_out_together(database: Database) -> None:
    twice = [(t.audit_event, EVENT), (t.audit_event, {**EVENT, "id": "e2"}), (t.audit_event, EVENT)]
    with pytest.raises(IntegrityError), database.write() as connection:
        insert_rows(connection, twice)
    with database.write() as connection:
        assert BY_ID.first(connection, {"wanted": "e2"}) is None
        insert_rows(connection, twice[:2])
        assert {row.id for row in connection.execute(select(t.audit_event))} == {"e1", "e2"}


def test_a_row_is_the_same_inserted_with_others_or_by_itself(database: Database) -> None:
    """Instants, JSON, umlauts and values that are not given; a transaction of their own, by one statement."""
    alone = {**EVENT, "id": "alone", "details": None, "subject_id": 'it\'s "ä"; --'}
    with database.write() as connection:
        insert_row(connection, t.audit_event, alone)
    rows = [(t.audit_event, {**alone, "id": "e1"}), (t.audit_event, {**EVENT, "id": "e2"})]
    with database.write_on_demand() as (connection, _):
        answered = insert_rows(connection, rows[:1], returning=t.audit_event.c.action, autocommit_on=database)
        insert_rows(connection, rows[1:], autocommit_on=database)
    assert answered == ("changed",)
    with database.read() as connection:
        mine, by_itself, other = (BY_ID.one(connection, {"wanted": one}) for one in ("e1", "alone", "e2"))
    assert mine._replace(id="alone") == by_itself
    assert other.details == EVENT["details"]


def test_rows_are_written_only_where_their_precondition_holds(database: Database) -> None:
    there = select(t.audit_event.c.id).where(t.audit_event.c.id == bindparam("rests_on", type_=Id))
    rows = [(t.audit_event, {**EVENT, "id": "e2"}), (t.audit_event, {**EVENT, "id": "e3"})]

    def write() -> object:
        with database.write_on_demand() as (connection, _):
            return insert_rows(
                connection,
                rows,
                returning=t.audit_event.c.id,
                precondition=Precondition(there, {"rests_on": "e1"}),
                autocommit_on=database,
            )

    assert write() is None
    with database.write() as connection:
        assert connection.execute(select(t.audit_event)).all() == []
        insert_row(connection, t.audit_event, EVENT)
    assert write() == ("e2",)


def test_one_statement_waits_for_another_process_that_writes(sqlite_database_url: str) -> None:
    """It begins as soon as the other has committed, without an error that the database is locked."""
    database, other = Database(sqlite_database_url), Database(sqlite_database_url)
    with database.write_on_demand() as (connection, _), ThreadPoolExecutor(1) as pool:
        with other.write() as busy:
            written = pool.submit(insert_rows, connection, [(t.audit_event, EVENT)], autocommit_on=database)
            insert_row(busy, t.audit_event, {**EVENT, "id": "e0"})
            with pytest.raises(FutureTimeout):
                written.result(timeout=0.2)
        assert written.result(timeout=10) is None
    with database.read() as connection:
        assert [row.id for row in connection.execute(select(t.audit_event))] == ["e0", "e1"]
    database.dispose()
    other.dispose()
