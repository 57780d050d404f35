"""Databases for a run: created in a temporary folder, durable as in production, removed at the end.

SQLite is opened by the product itself (write-ahead log, `synchronous=FULL`). PostgreSQL is a separate server
with default durability: it waits for the disk at each commit.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, Engine, create_engine

from bench.cpu import children, cpu_seconds
from tests.support.postgres import PostgresMissing, PostgresServer, running_postgres
from workflows.store.begin import BEGIN, WRITE
from workflows.store.database import Database, migrate

Kind = Literal["sqlite", "postgresql"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")

POSTGRESQL_SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "100",
    "timezone": "UTC",
    # Otherwise loading a million contracts would spend its time in checkpoints.
    "max_wal_size": "4GB",
}


@dataclass
class Databases:
    """Fresh databases of either kind; they exist until dropped or until the run ends."""

    folder: Path
    kinds: tuple[Kind, ...]
    _stack: ExitStack
    _server: PostgresServer | None = None
    _made: int = field(default=0, init=False)

    def new_url(self, kind: Kind) -> str:
        """Create a migrated database and return its URL."""
        if kind == "sqlite":
            self._made += 1
            url = f"sqlite:///{self.folder / f'bench-{self._made}.db'}"
        else:
            url = self._postgres().url(self._postgres().create_database())
        migrate(url)
        return url

    @contextmanager
    def new(self, kind: Kind) -> Iterator[Database]:
        """Create a migrated database, opened as the product opens it, and drop it afterwards."""
        url = self.new_url(kind)
        database = Database(url)
        try:
            yield database
        finally:
            database.dispose()
            self.drop(url)

    def drop(self, url: str) -> None:
        """Delete a database that is no longer used."""
        if url.startswith("sqlite:///"):
            path = Path(url.removeprefix("sqlite:///"))
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        elif self._server is not None:
            self._server.drop_database(url.partition("@/")[2].partition("?")[0])

    def cpu_seconds(self, kind: Kind) -> float:
        """Return the CPU seconds of this process and of its PostgreSQL, in which SQLite is included."""
        return time.process_time() + (self.postgres_cpu_seconds() if kind == "postgresql" else 0)

    def postgres_cpu_seconds(self) -> float:
        """Return the CPU seconds of PostgreSQL's running processes."""
        postmaster = (self._postgres().socket_folder / "data" / "postmaster.pid").read_text().split()[0]
        return cpu_seconds(children(int(postmaster)))

    def _postgres(self) -> PostgresServer:
        if self._server is None:
            self._server = self._stack.enter_context(running_postgres(POSTGRESQL_SETTINGS, str(self.folder)))
        return self._server


@contextmanager
def databases(folder: str | None, kinds: tuple[Kind, ...]) -> Iterator[Databases]:
    """Provide databases. `folder` should be on a real disk: in memory, commits do not wait."""
    with ExitStack() as stack:
        made = Path(tempfile.mkdtemp(prefix="coverdesk-bench-", dir=folder))
        made.chmod(0o755)  # PostgreSQL runs as another user if this process is root
        stack.callback(shutil.rmtree, made, ignore_errors=True)
        yield Databases(made, kinds, stack)


@contextmanager
def plain_engine(database: Database) -> Iterator[Engine]:
    """Create a default engine on the same database, for the alternatives."""
    engine = create_engine(database.url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def bulk_loading(database: Database) -> Iterator[Connection]:
    """Open a transaction for loading whole tables, without foreign key checks and triggers per row."""
    with database.engine.connect() as connection:
        if database.is_sqlite:
            # This pragma has no effect inside a transaction.
            raw = connection.connection.dbapi_connection
            assert raw is not None
            raw.cursor().execute("PRAGMA foreign_keys=OFF")
        connection.info[BEGIN] = WRITE
        with connection.begin():
            if not database.is_sqlite:
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection
        connection.invalidate()
    if not database.is_sqlite:
        # Autovacuum would do this a minute later.
        with database.autocommit() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


__all__ = ["KINDS", "Databases", "Kind", "PostgresMissing", "bulk_loading", "databases", "plain_engine"]
