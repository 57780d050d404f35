"""Connections and transactions, with one interface for SQLite and PostgreSQL.

SQLite has one writer: a writing transaction takes the lock when it begins (BEGIN IMMEDIATE), since one that
upgrades at its first write fails instead of waiting. PostgreSQL reads in autocommit: each statement is its
own snapshot, and closing a session costs no round trip.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Engine, RootTransaction, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from workflows.store.begin import BEGIN, SNAPSHOT, WRITE
from workflows.store.database_url import connect_arguments, read_url
from workflows.store.lost_reads import read_again_when_lost
from workflows.store.postgresql_sessions import PREPARE, Sessions, session_arguments
from workflows.store.private_files import create_private
from workflows.store.sql_hashes import add_hash_function
from workflows.store.write_queue import BUSY_TIMEOUT_MS, WriteQueue, retry_while_locked

if TYPE_CHECKING:
    from alembic.config import Config

T = TypeVar("T")
MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x636F76657264
STATEMENT_COMPLETION_UNKNOWN = "40003"
SQLITE_PRIMARY_CODE = 0xFF


class CommitUncertain(Exception):
    """The connection was lost during a commit: whether the transaction was committed is not known."""


class UnknownStep(Exception):
    """The database is at a step of the migrations that this program does not have, which is named."""


class BrokenReferences(Exception):
    """After the migrations, rows would refer to rows that do not exist; nothing was changed."""


class Database:
    """One database and its connection pool; `read()` and `write()` open transactions."""

    def __init__(self, database_url: str, *, pool_size: int = 20) -> None:
        self.url = normal_url(database_url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = (
            _sqlite_engine(self.url, pool_size) if self.is_sqlite else _postgresql_engine(self.url, pool_size)
        )
        self._write_queue = WriteQueue()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading. On SQLite a snapshot; on PostgreSQL each statement is one."""
        with self._connect(SNAPSHOT if self.is_sqlite else None) as connection:
            yield connection

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection for one statement, without a transaction."""
        with self._connect(None) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection whose statements all see the same snapshot."""
        with self._connect(SNAPSHOT) as connection:
            yield connection

    def in_snapshot(self, read: Callable[[Connection], T]) -> T:
        """What `read` returns of one snapshot. It only reads: where its connection is lost it runs again."""
        try:
            with self.snapshot() as connection:
                return read(connection)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        with self.snapshot() as connection:
            return read(connection)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A writing transaction: commits at the end, rolls back on an exception. Raises: CommitUncertain."""
        with self._write_lock(), self._connect(WRITE) as connection, connection.begin() as transaction:
            yield connection
            _commit(transaction)

    @contextmanager
    def write_on_demand(self) -> Iterator[tuple[Connection, Callable[[], None]]]:
        """A connection that reads, and a function that begins a writing transaction on it.

        Until then nothing is locked, and each statement is its own snapshot: what was read may have changed
        by the time the transaction writes. Raises: CommitUncertain.
        """
        begun: list[RootTransaction] = []
        with ExitStack() as stack:
            connection = stack.enter_context(self._connect(None))

            def begin() -> None:
                stack.enter_context(self._write_lock())
                connection.commit()  # to SQLAlchemy the reads were a transaction
                connection.info[BEGIN] = WRITE
                begun.append(stack.enter_context(connection.begin()))

            yield connection, begin
            for transaction in begun:
                _commit(transaction)

    def group_commit(
        self, connection: Connection, kind: object, given: Any, write: Callable[[list[Any]], None]
    ) -> None:
        """On SQLite, run one statement as a transaction, for the values that several threads have given.

        The connection must not have begun a transaction. Raises: as `WriteQueue.group_commit`.
        """
        driver: Any = connection.connection.driver_connection
        self._write_queue.group_commit(
            kind, given, lambda all_given: retry_while_locked(driver.execute, lambda: write(all_given))
        )

    def _write_lock(self) -> AbstractContextManager[None]:
        return self._write_queue.lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def _connect(self, begin: str | None) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            connection.info[BEGIN] = begin
            yield connection

    def dispose(self) -> None:
        self.engine.dispose()


def _commit(transaction: RootTransaction) -> None:
    """Commit, unless it was rolled back within the block. Raises: CommitUncertain."""
    if not transaction.is_active:
        return
    with certain_commit():
        transaction.commit()


@contextmanager
def certain_commit() -> Iterator[None]:
    """Around a commit, or a statement that is a transaction of its own.

    Raises: CommitUncertain in place of an error after which the transaction may have been committed.
    """
    try:
        yield
    except DBAPIError as error:
        if _may_be_committed(error):
            raise CommitUncertain("The connection was lost during a commit.") from error
        raise


def _may_be_committed(error: DBAPIError) -> bool:
    """Whether a commit that failed with this error may have been carried out."""
    if isinstance(error.orig, sqlite3.Error):
        # the file's content is not known after a failed write; any other error rolls back
        code: int = getattr(error.orig, "sqlite_errorcode", 0)
        return code & SQLITE_PRIMARY_CODE == sqlite3.SQLITE_IOERR
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or state == STATEMENT_COMPLETION_UNKNOWN


def normal_url(database_url: str) -> URL:
    """The URL with the driver we use. Creates the folder of a SQLite file. Raises: MalformedUrl."""
    url = read_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        Path(str(url.database)).absolute().parent.mkdir(parents=True, exist_ok=True)
    return url


def migrate(database_url: str) -> None:
    """Bring the database up to date. Safe to repeat, and from two places at once.

    Raises: UnknownStep; BrokenReferences.
    """
    from alembic import command
    from alembic.config import Config

    database = Database(database_url, pool_size=1)
    try:
        if database.is_sqlite:
            create_private(Path(str(database.url.database)))
            _make_wal(str(database.url.database))
            # a table that is written anew is dropped while others refer to it; within a transaction the
            # pragma would change nothing
            event.listen(database.engine, "connect", _without_foreign_keys)
        with database.write() as connection:
            if not database.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            _must_know_step(connection, config)
            command.upgrade(config, "head")
            if database.is_sqlite:
                _must_refer_to_rows(connection)
    finally:
        database.dispose()


def _without_foreign_keys(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA foreign_keys=OFF")


def _must_refer_to_rows(connection: Connection) -> None:
    """What SQLite would have checked with foreign keys on. Raises: BrokenReferences."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise BrokenReferences(f"{len(broken)} rows of {tables} refer to rows that do not exist.")


def _must_know_step(connection: Connection, config: "Config") -> None:
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    for step in MigrationContext.configure(connection).get_current_heads():
        if step not in known:
            raise UnknownStep(step)


def _make_wal(path: str) -> None:
    """Set the journal mode, which is a property of the file and cannot change inside a transaction."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.DatabaseError as error:
        raise OperationalError("PRAGMA journal_mode=WAL", None, error) from error


def _sqlite_engine(url: URL, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=20,
        json_serializer=_as_json,
        json_deserializer=from_json,
        connect_args={
            "timeout": BUSY_TIMEOUT_MS / 1000,
            "check_same_thread": False,
            "cached_statements": 512,
        },
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        # SQLite's own only knows A to Z: a search for "ärger" would not find "Ärger"
        connection.create_function("lower", 1, _lower, deterministic=True)
        add_hash_function(connection)
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

    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "checkin", _end_sqlite)
    return engine


def _begin_sqlite(connection: Connection) -> None:
    purpose = connection.info.get(BEGIN, SNAPSHOT)
    if purpose is None:
        return
    cursor = connection.connection.cursor()
    try:
        if purpose == WRITE:
            _take_lock(cursor)
        else:
            cursor.execute("BEGIN")
    except sqlite3.OperationalError as error:
        raise OperationalError("BEGIN", None, error) from error
    finally:
        cursor.close()


def _take_lock(cursor: DBAPICursor) -> None:
    """Begin a writing transaction as soon as no other process is writing."""
    retry_while_locked(cursor.execute, lambda: cursor.execute("BEGIN IMMEDIATE"))


def _begin_postgresql(connection: Connection) -> None:
    purpose = connection.info.get(BEGIN, WRITE)
    if purpose == SNAPSHOT:
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ")
    elif purpose == WRITE:
        # the driver then begins together with the first statement
        connection.connection.driver_connection.autocommit = False  # type: ignore[union-attr]  # there is one


def _end_sqlite(driver: Any, record: ConnectionPoolEntry) -> None:
    record.info.pop(BEGIN, None)
    # SQLite keeps a transaction whose commit it refuses, with its lock; SQLAlchemy 2.1.9 takes it to be over
    if driver is not None and driver.in_transaction:
        driver.rollback()


def _end_postgresql(driver: Any, record: ConnectionPoolEntry) -> None:
    if record.info.pop(BEGIN, WRITE) == WRITE and driver is not None and not driver.closed:
        driver.autocommit = True


def _as_json(value: Any) -> str:
    return to_json(value).decode()


def _lower(text: str | None) -> str | None:
    return text if text is None else str(text).lower()


def _postgresql_engine(url: URL, pool_size: int) -> Engine:
    prepare = str(url.query.get("prepare", PREPARE[0]))
    engine = create_engine(
        url.difference_update_query(["prepare"]),
        pool_size=pool_size,
        max_overflow=20,
        pool_pre_ping=False,
        pool_recycle=1800,
        # reads need no transaction, and no round trip to end one
        isolation_level="AUTOCOMMIT",
        json_serializer=_as_json,
        json_deserializer=from_json,
        connect_args=session_arguments(connect_arguments(url)),
    )
    event.listen(engine, "begin", _begin_postgresql)
    event.listen(engine, "checkin", _end_postgresql)
    Sessions(engine, prepare)
    read_again_when_lost(engine)
    return engine
