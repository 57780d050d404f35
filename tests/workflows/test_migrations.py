"""The migrations make what the tables say, on both databases; twice or at once is as once."""

from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from workflows.store.session import Database, migrate
from workflows.store.tables import APPEND_ONLY, metadata


def test_tables_and_migrations_agree(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    with database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    database.dispose()
    assert differences == []


def test_migrating_from_many_places_at_once_is_migrating_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [database_url] * 8))
    database = Database(database_url, pool_size=1)
    assert set(APPEND_ONLY) <= set(inspect(database.engine).get_table_names())
    database.dispose()
