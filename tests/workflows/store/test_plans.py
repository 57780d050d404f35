"""A session of PostgreSQL that has filled a table plans the checks of references to it anew."""

from contextlib import ExitStack

from sqlalchemy import Connection

from workflows.store.database import Database
from workflows.store.postgresql_sessions import plan_anew

PAIRS = 1_000


def test_checks_of_references_use_the_index_of_a_table_that_was_vacuumed_while_empty(
    postgres_database_url: str,
) -> None:
    database = Database(postgres_database_url, pool_size=1)
    with ExitStack() as stack:
        stack.callback(database.dispose)
        connection = stack.enter_context(database.autocommit())
        for statement in (
            "CREATE TEMP TABLE parent (id int PRIMARY KEY)",
            "CREATE TEMP TABLE child (parent int NOT NULL REFERENCES parent)",
            "VACUUM ANALYZE parent",
        ):
            connection.exec_driver_sql(statement)
        _insert_pairs(connection, 0)
        assert _rows_read(connection) == PAIRS * (PAIRS + 1) // 2
        plan_anew(connection)
        before = _rows_read(connection)
        _insert_pairs(connection, 10 * PAIRS)
        assert _rows_read(connection) == before


def _insert_pairs(connection: Connection, first: int) -> None:
    for number in range(first, first + PAIRS):
        connection.exec_driver_sql(f"INSERT INTO parent VALUES ({number})")
        connection.exec_driver_sql(f"INSERT INTO child VALUES ({number})")


def _rows_read(connection: Connection) -> int:
    """Rows of the parent that were read one after another."""
    connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
    found = connection.exec_driver_sql(
        "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'parent'"
    ).scalar_one()
    return int(found)
