"""Connections and transactions, alike on SQLite and PostgreSQL.

SQLite has one writer: a writing transaction takes the lock when it begins (BEGIN IMMEDIATE), since one
that only finds out at its first write fails instead of waiting. PostgreSQL reads in autocommit: one
statement is one snapshot, and closing a session costs no round trip.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS = 30_000
MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x636F76657264


class Database:
    """One database and its connection pool; `read()` and `write()` hand out transactions."""

    def __init__(self, database_url: str, *, pool_size: int = 20) -> None:
        self.url = normal_url(database_url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = (
            _sqlite_engine(self.url, pool_size) if self.is_sqlite else _postgresql_engine(self.url, pool_size)
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading. On SQLite a snapshot; on PostgreSQL each statement is one."""
        with self.engine.connect() as connection:
            if self.is_sqlite:
                connection.info["writes"] = False
            else:
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection whose statements all see one state of the database."""
        with self.engine.connect() as connection:
            if self.is_sqlite:
                connection.info["writes"] = False
            else:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A writing transaction: commits at the end, rolls back when anything is raised."""
        with self.engine.connect() as connection:
            if self.is_sqlite:
                connection.info["writes"] = True
            with connection.begin():
                yield connection

    def dispose(self) -> None:
        self.engine.dispose()


def normal_url(database_url: str) -> URL:
    """The URL with the driver we use; a relative SQLite path gets its folder made."""
    url = make_url(database_url)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        Path(str(url.database)).absolute().parent.mkdir(parents=True, exist_ok=True)
    return url


def migrate(database_url: str) -> None:
    """Bring the database up to date. Safe to run twice, or at once from two places."""
    from alembic import command
    from alembic.config import Config

    database = Database(database_url, pool_size=1)
    try:
        if database.is_sqlite:
            _make_wal(str(database.url.database))
        with database.write() as connection:
            if not database.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        database.dispose()


def _make_wal(path: str) -> None:
    """The journal mode is a property of the file; it cannot change inside a transaction."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


def _sqlite_engine(url: URL, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=20,
        connect_args={
            "timeout": BUSY_TIMEOUT_MS / 1000,
            "check_same_thread": False,
            "cached_statements": 512,
        },
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        # SQLite's own knows A to Z alone: a search for "ärger" would not find "Ärger"
        connection.create_function("lower", 1, _lower, deterministic=True)
        for pragma in (
            "journal_mode=WAL",
            # an acknowledged write survives a power cut
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "cache_size=-65536",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("writes") else "BEGIN")

    return engine


def _lower(text: str | None) -> str | None:
    return text if text is None else str(text).lower()


def _postgresql_engine(url: URL, pool_size: int) -> Engine:
    options: dict[str, Any] = {"options": "-c timezone=UTC"}
    if os.environ.get("COVERDESK_PREPARE") == "off":
        options["prepare_threshold"] = None
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=20,
        pool_pre_ping=False,
        pool_recycle=1800,
        connect_args=options,
    )
