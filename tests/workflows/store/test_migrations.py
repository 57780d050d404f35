"""The migrations make the declared tables, on both databases; repeating them changes nothing."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, inspect, text

from workflows.operations.deployment import missing_migration, open_desk
from workflows.store.database import MIGRATIONS, Database, migrate
from workflows.store.migrations import HEAD
from workflows.store.tables import APPEND_ONLY, idempotency_key, metadata


@pytest.mark.filterwarnings("ignore:.* expression-based index")
def test_tables_and_migrations_agree(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _is_declared})
        differences = compare_metadata(context, metadata)
    database.dispose()
    assert differences == []


def _is_declared(_object: object, name: str | None, *_: object) -> bool:
    """Whether an object can be compared: not full-text indexes, which have their own DDL, nor expressions."""
    if name == "ix_service_request_next_target":
        return False
    return (
        re.fullmatch(r"(ix_)?(service_request|contract|customer|item|org_unit)_search(_\w+)?", name or "")
        is None
    )


def test_checks_are_those_of_the_tables(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    found = inspect(database.engine)
    for table in metadata.tables.values():
        made = {check["name"]: check["sqltext"] for check in found.get_check_constraints(table.name)}
        declared = {check.name: check for check in table.constraints if isinstance(check, CheckConstraint)}
        assert set(made) == set(declared), table.name
        for name, check in declared.items():
            words = re.findall(r"'(\w+)'", str(check.sqltext))
            assert re.findall(r"'(\w+)'", str(made[str(name)])) == words, name
    database.dispose()


def test_concurrent_migrations_migrate_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [database_url] * 8))
    database = Database(database_url, pool_size=1)
    assert set(APPEND_ONLY) <= set(inspect(database.engine).get_table_names())
    database.dispose()


def test_a_database_of_another_step_is_explained(database_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
    desk = open_desk(database_url)
    assert missing_migration(desk) is None
    for step, words in (("0001", "Run: coverdesk migrate"), ("9999", "newer Coverdesk")):
        with desk.database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :step"), {"step": step})
        assert words in str(missing_migration(desk))
    desk.database.dispose()


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, of the kind that `request.param` names."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("new_postgres_database")()
    return url


@pytest.mark.parametrize("empty_database_url", ["sqlite", "postgresql"], indirect=True)
def test_stored_answers_outlive_the_renaming_of_their_instant(empty_database_url: str) -> None:
    migrate_to(empty_database_url, "0005")
    database = Database(empty_database_url, pool_size=1)
    at = 1_772_442_000_000_000 if database.is_sqlite else "2026-03-02 09:00:00+00"
    with database.write() as connection:
        connection.execute(
            text("INSERT INTO idempotency_key VALUES ('u', 'k', 'POST /x', 'hash', 201, '{}', :at)"),
            {"at": at},
        )
    migrate(empty_database_url)
    with database.read() as connection:
        [row] = connection.execute(idempotency_key.select()).all()
    assert (row.key, row.stored_at) == ("k", datetime(2026, 3, 2, 9, tzinfo=UTC))
    names = [index["name"] for index in inspect(database.engine).get_indexes("idempotency_key")]
    assert names == ["ix_idempotency_key_stored_at"]
    database.dispose()


def migrate_to(database_url: str, step: str) -> None:
    """Bring an empty database to an earlier step."""
    database = Database(database_url, pool_size=1)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, step)
    database.dispose()
