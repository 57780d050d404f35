"""A database with rows in it, brought up to date from any earlier step, has the same rows and proper names.

The rows come from a desk at work on the newest tables. They are inserted under the names that their tables
and columns had at the step.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, MetaData, Table, inspect, select, text
from sqlalchemy.exc import DBAPIError

from tests.support.builders import FixedClock
from tests.support.sample_desk import MONDAY, SampleDesk
from tests.support.share import one_in
from tests.support.unique_keys import unique_keys
from workflows.administration.settings import change_settings
from workflows.commands.contracts import CancelContract, Renew
from workflows.contracts.queries import list_contracts
from workflows.contracts.use_cases import cancel_contract, renew
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.jobs.definitions import run_job
from workflows.lifecycle.contracts.settlement import sync_contract_state
from workflows.reports.audit import audit_desk
from workflows.service_requests.queries import list_service_requests
from workflows.store import tables as t
from workflows.store.billing_triggers import issued_invoices_guard
from workflows.store.database import MIGRATIONS, Database, migrate
from workflows.store.erasure_triggers import make_erasable
from workflows.store.migrations import HEAD
from workflows.store.quote_triggers import sent_quotes_guard
from workflows.store.search_index import DOCUMENTS, create_search_index
from workflows.store.search_words import words_in
from workflows.store.triggers import closed_periods_guard, no_replacement, protections

CONFIG = Config()
CONFIG.set_main_option("script_location", str(MIGRATIONS))
STEPS = sorted(script.revision for script in ScriptDirectory.from_config(CONFIG).walk_revisions())
RENAMED_TABLES = {"0005": {"contract_grant": "lot", "grant_balance": "lot_balance"}}  # codespell:ignore lot
RENAMED_COLUMNS = {
    "0005": {"grant_id": "lot_id", "expiry_posted": "swept"},  # codespell:ignore lot,swept
    "0006": {"stored_at": "kept_at"},  # codespell:ignore kept
}
"""By the step that renamed them: the names of now and those of before."""
SEARCHED = (t.service_request, t.customer, t.item, t.org_unit)
HAVE_ROWS = (
    "contract_grant",
    "grant_balance",
    "incident_hold",
    "work_allocation",
    "ledger_transaction",
    "ledger_posting",
    "idempotency_key",
)


@pytest.fixture
def new_database(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Callable[[], str]:
    """Call it for the URL of an empty database of the kind of `database_url`."""
    if database_url.startswith("sqlite"):
        return lambda: f"sqlite:///{tmp_path}/{len(list(tmp_path.iterdir()))}.db"
    make: Callable[[], str] = request.getfixturevalue("new_postgres_database")
    return make


@pytest.fixture
def source(database_url: str) -> Database:
    """A desk's database with rows in all tables of contracts, work and the ledger; not in use any more."""
    sample = SampleDesk(database_url)
    sample.sell("support_hours", minutes=30)
    sample.sell("support_hours_by_month", to=("org_unit", sample.parent), minutes=60)
    sample.sell("incident_pack", to=("item", sample.laptop), incidents=3, ends_on=MONDAY.date())
    held, settled, released = (sample.log() for _ in range(3))
    sample.work(held, 20)
    sample.fire(settled, "resolve", note="done")
    sample.fire(settled, "close")
    sample.fire(released, "cancel", reason="not needed")
    bob = sample.customer("Bob", sample.site)
    sample.work(sample.log(item=None), 50)
    sample.sell("time_limited_subscription", to=("customer", bob), minutes=30, ends_on=MONDAY.date())
    sample.clock.move(days=2)
    with sample.desk.write() as tx:
        # not by the job: until step 0057 the hash of a transaction did not cover the job that recorded it
        for contract in (
            tx.connection.execute(select(t.contract.c.id).order_by(t.contract.c.id)).scalars().all()
        ):
            sync_contract_state(tx, contract)
    with sample.desk.write() as tx:
        key = {
            "user_id": sample.administrator.id,
            "key": "K1",
            "request": "POST /contracts",
            "body_hash": "0",
        }
        tx.add(t.idempotency_key, **key, status=201, answer="{}", stored_at=tx.real_now)
    sample.close()
    return Database(database_url, pool_size=1)


def test_rows_and_names_survive_the_way_from_every_step(
    source: Database, new_database: Callable[[], str]
) -> None:
    declared = _schema_of_the_tables(new_database())
    for step in dict.fromkeys([*one_in(8, STEPS[:-1]), STEPS[-2]]):
        url = new_database()
        _migrate_to(url, step)
        inserted = _insert_as_of(url, step, source)
        given = _rows(source, inserted)
        for name in HAVE_ROWS:
            assert given[name], f"no row in {name} to migrate from {step}"
        columns = {column.name for table in inserted for column in table.c}
        assert columns >= {name for renamed in RENAMED_COLUMNS.values() for name in renamed}, step
        migrate(url)
        migrated = Database(url, pool_size=2)
        assert _rows(migrated, inserted) == given, f"from {step}"
        assert _words(migrated) == _words(source), f"from {step}"
        assert _found(migrated) == _found(source), f"from {step}"
        with migrated.read() as connection:
            found = _schema(connection)
        for what, names in declared.items():
            assert set(found[what]) ^ set(names) == set(), f"{what}, from {step}"
        _works_and_is_protected(migrated)
        migrated.dispose()
    source.dispose()


def test_contracts_get_the_time_zone_in_which_they_were_sold(
    database_url: str, new_database: Callable[[], str]
) -> None:
    sample = SampleDesk(database_url)
    sold = {}
    for zone in ("UTC", "Europe/Berlin", "America/New_York"):
        if zone != "UTC":
            sample.clock.move(days=1)
            sample.do(change_settings, {"time_zone": zone})
            sample.clock.move(days=1)
        sold[zone] = sample.sell("subscription")
    sold["renewed"] = sample.do(renew, sold["UTC"], Renew())
    sample.close()
    source = Database(database_url, pool_size=1)
    url = new_database()
    _migrate_to(url, "0007")
    _insert_as_of(url, "0007", source)
    source.dispose()
    migrate(url)
    migrated = Database(url, pool_size=1)
    with migrated.read() as connection:
        rows = connection.execute(select(t.contract)).all()
    migrated.dispose()
    zones = {row.id: row.time_zone for row in rows}
    assert {name: zones[contract] for name, contract in sold.items()} == {
        "UTC": "UTC",
        "Europe/Berlin": "Europe/Berlin",
        "America/New_York": "America/New_York",
        # the trail has no more than when it was sold
        "renewed": "America/New_York",
    }
    assert {row.renewal_of_id for row in rows} == {None, sold["UTC"]}


def test_clocks_that_were_stopped_since_an_instant_of_the_history_have_it(
    database_url: str, new_database: Callable[[], str]
) -> None:
    """Before 0012 only a hold had an instant from which the service level clock was stopped."""
    sample = SampleDesk(database_url, reopen_window_days=1)
    contract = sample.sell("subscription", sla="standard")
    resolved, closed, reopened, held, cancelled, held_and_cancelled, started = (
        sample.log() for _ in range(7)
    )
    sample.clock.move(hours=1)
    for request in (resolved, closed, reopened):
        sample.fire(request, "resolve", note="done")
    sample.fire(closed, "close")
    sample.fire(started, "start")
    for request in (held, held_and_cancelled):
        sample.fire(request, "hold", reason="customer")
    sample.clock.move(hours=1)
    for request in (cancelled, held_and_cancelled):
        sample.fire(request, "cancel", reason="not needed")
    sample.clock.move(days=5)
    sample.do(cancel_contract, contract, CancelContract(reason="left"))
    waiting = sample.log()
    assert sample.fire(reopened, "reopen") == sample.request(waiting).state == "pending_no_contract"
    expected = {row.id: row.paused_at for row in sample.rows(t.service_request)}
    assert [request for request, at in expected.items() if at is None] == [started]
    sample.close()
    url = new_database()
    _migrate_to(url, "0011")
    source = Database(database_url, pool_size=1)
    _insert_as_of(url, "0011", source)
    source.dispose()
    former = Database(url, pool_size=1)
    with former.write() as connection:
        connection.execute(text("UPDATE service_request SET paused_at = NULL WHERE on_hold_reason IS NULL"))
    former.dispose()
    migrate(url)
    migrated = Database(url, pool_size=1)
    with migrated.read() as connection:
        found = connection.execute(select(t.service_request.c.id, t.service_request.c.paused_at)).all()
    migrated.dispose()
    # a hold that ended with the request had lost its instant: the clock is stopped since the end
    expected[held_and_cancelled] = expected[cancelled]
    assert {row.id: row.paused_at for row in found} == expected


def test_the_newest_step_is_the_last() -> None:
    assert STEPS[-1] == HEAD
    assert {*RENAMED_TABLES, *RENAMED_COLUMNS} <= set(STEPS)


def _words(database: Database) -> dict[str, set[str]]:
    """The words by which each searchable row is found, by id; a request's number may be among them twice."""
    with database.read() as connection:
        return {
            row.id: {*row.search_words.split(), *words_in(getattr(row, "number", ""))}
            for table in SEARCHED
            for row in connection.execute(select(table))
        }


def _found(database: Database) -> list[str]:
    """The numbers of requests that a search finds by their indexed words, and of a contract."""
    with Desk(database).read(SYSTEM) as tx:
        requests = list_service_requests(tx, q="start ann", order="number").items
        return [
            *(one.number for one in requests),
            *(one.number for one in list_contracts(tx, q="sh 1").items),
        ]


def _works_and_is_protected(database: Database) -> None:
    desk = Desk(database, FixedClock(MONDAY.replace(year=MONDAY.year + 2)))
    for name in t.APPEND_ONLY:
        if _count(database, name):
            for statement in (f"DELETE FROM {name}", _update(name)):
                with pytest.raises(DBAPIError, match="append-only"), database.write() as connection:
                    connection.execute(text(statement))
    assert run_job(desk, "expire_contracts") + run_job(desk, "settle_contracts") > 0
    with desk.read(SYSTEM) as tx:
        view = audit_desk(tx)
    assert view.differences == []
    assert view.postings > 0


def _update(name: str) -> str:
    key = next(iter(t.metadata.tables[name].primary_key.columns)).name
    return f"UPDATE {name} SET {key} = {key}"


def _count(database: Database, name: str) -> int:
    with database.read() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one())


# ------------------------------------------------------------------ rows


def _rows(database: Database, tables: Iterable[Table]) -> dict[str, list[str]]:
    """The rows of the tables in the columns that are given, sorted."""
    with database.read() as connection:
        return {
            table.name: sorted(repr(dict(row)) for row in connection.execute(select(*table.c)).mappings())
            for table in tables
        }


def _migrate_to(url: str, step: str) -> None:
    database = Database(url, pool_size=1)
    with database.write() as connection:
        CONFIG.attributes["connection"] = connection
        command.upgrade(CONFIG, step)
    database.dispose()


def _insert_as_of(url: str, step: str, source: Database) -> list[Table]:
    """Insert the rows of `source` into a database of an earlier step.

    Returns the tables that there were at the step, by their names of now and with the columns of then.
    """
    database, inserted = Database(url, pool_size=1), []
    with database.write() as connection, source.read() as reading:
        columns = {name: _columns(connection, name) for name in inspect(connection).get_table_names()}
        for table in _in_order_of_insertion():
            former_name, former_columns = _as_of(table, step)
            names = [
                name for name, former in former_columns.items() if former in columns.get(former_name, ())
            ]
            if not names:
                continue
            now = Table(table.name, MetaData(), *(Column(name, table.c[name].type) for name in names))
            then = Table(
                former_name,
                MetaData(),
                *(Column(former_columns[name], table.c[name].type) for name in names),
            )
            rows = reading.execute(select(*now.c).order_by(*table.primary_key.columns.keys())).all()
            if rows:
                connection.execute(
                    then.insert(), [dict(zip(then.c.keys(), row, strict=True)) for row in rows]
                )
            inserted.append(now)
    database.dispose()
    return inserted


def _columns(connection: Connection, table: str) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table)}


def _in_order_of_insertion() -> list[Table]:
    """A ledger transaction comes after its postings; everything else after what it refers to."""
    others = [table for table in t.metadata.sorted_tables if table is not t.ledger_posting]
    at = others.index(t.ledger_transaction)
    return [*others[:at], t.ledger_posting, *others[at:]]


def _as_of(table: Table, step: str) -> tuple[str, dict[str, str]]:
    """The name that a table had at a step, and its columns' names of then by those of now."""
    tables, columns = _former_names(RENAMED_TABLES, step), _former_names(RENAMED_COLUMNS, step)
    return tables.get(table.name, table.name), {
        column.name: columns.get(column.name, column.name) for column in table.c
    }


def _former_names(renamed: dict[str, dict[str, str]], step: str) -> dict[str, str]:
    return {now: former for since, names in renamed.items() if step < since for now, former in names.items()}


# ------------------------------------------------------------------ names


def _schema_of_the_tables(url: str) -> Any:
    """What the tables and the triggers of this program declare, made without any migration."""
    database = Database(url, pool_size=1)
    with database.write() as connection:
        t.metadata.create_all(connection)
        for statement in protections(connection.dialect.name, t.APPEND_ONLY):
            connection.execute(text(statement.replace(":", "\\:")))
        connection.exec_driver_sql(closed_periods_guard(connection.dialect.name))
        for statement in issued_invoices_guard(connection.dialect.name):
            connection.exec_driver_sql(statement)
        for statement in sent_quotes_guard(connection.dialect.name):
            connection.exec_driver_sql(statement)
        for statement in make_erasable(connection):
            connection.execute(text(statement))
        for table in DOCUMENTS:
            for statement in create_search_index(connection.dialect.name, table):
                connection.exec_driver_sql(statement)
        if database.is_sqlite:
            for name in t.APPEND_ONLY:
                connection.execute(text(no_replacement(name, unique_keys(t.metadata.tables[name]))))
    with database.read() as connection:
        schema = _schema(connection)
    database.dispose()
    return schema


def _schema(connection: Connection) -> dict[str, list[str]]:
    """Columns, constraints, indexes, triggers and functions with their names and definitions."""
    queries = SQLITE_SCHEMA if connection.dialect.name == "sqlite" else POSTGRESQL_SCHEMA
    found: dict[str, list[str]] = {}
    for what, query in queries.items():
        rows = connection.exec_driver_sql(query).all()
        found[what] = sorted(repr(tuple(row)) for row in rows if "alembic_version" not in repr(row))
    if connection.dialect.name == "sqlite":
        tables = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()
        found["constraints"] = sorted(
            # SQLite can add a foreign key with its column only: CONSTRAINT name REFERENCES
            f"{name}: {constraint.replace(' REFERENCES', ' FOREIGN')}"
            for name, sql in tables
            for constraint in re.findall(r"CONSTRAINT (\w+ \w+)", sql)
            if name != "alembic_version"
        )
    assert all(found.values())
    return found


SQLITE_SCHEMA = {
    "columns": 'SELECT m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk FROM sqlite_master m '
    "JOIN pragma_table_info(m.name) c WHERE m.type = 'table'",
    "foreign keys": 'SELECT m.name, f."from", f."table", f."to", f.on_delete FROM sqlite_master m '
    "JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
    "indexes and triggers": "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type <> 'table'",
}
HERE = "n.nspname = current_schema()"
POSTGRESQL_SCHEMA = {
    "columns": "SELECT table_name, column_name, data_type, character_maximum_length, collation_name, "
    "is_nullable, column_default FROM information_schema.columns WHERE table_schema = current_schema()",
    "constraints": "SELECT r.relname, c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c "
    f"JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = c.connamespace WHERE {HERE}",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()",
    "triggers": "SELECT r.relname, g.tgname, pg_get_triggerdef(g.oid) FROM pg_trigger g "
    f"JOIN pg_class r ON r.oid = g.tgrelid JOIN pg_namespace n ON n.oid = r.relnamespace WHERE {HERE} "
    "AND NOT g.tgisinternal",
    "functions": "SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p "
    f"JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {HERE}",
}
