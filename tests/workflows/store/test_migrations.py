"""The migrations make what the tables say, on both databases; twice or at once is as once."""

import re
from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, inspect, text

from workflows.operations.deployment import missing_migration, open_desk
from workflows.store.database import MIGRATIONS, Database, migrate
from workflows.store.migrations import HEAD
from workflows.store.tables import APPEND_ONLY, metadata


def test_tables_and_migrations_agree(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    with database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    database.dispose()
    assert differences == []


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


def test_migrating_from_many_places_at_once_is_migrating_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [database_url] * 8))
    database = Database(database_url, pool_size=1)
    assert set(APPEND_ONLY) <= set(inspect(database.engine).get_table_names())
    database.dispose()


def test_a_database_of_another_step_is_told_in_words(database_url: str) -> None:
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
