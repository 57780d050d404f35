"""From a database URL to a desk; what entry points need of the store."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    TimeoutError,
)

from engine.errors import DeskError
from workflows.core.clock import Clock
from workflows.core.desk import Desk
from workflows.store.database import Database, migrate, normal_url
from workflows.store.migrations import HEAD


class UnusableDatabaseUrl(DeskError):
    """A database URL that cannot be used."""

    code = "unusable-database-url"


def open_desk(
    database_url: str,
    clock: Clock | None = None,
    *,
    sandbox: bool = False,
    smtp_url: str | None = None,
    rules_folder: Path | None = None,
) -> Desk:
    """The desk of a database whose migrations have been applied. Raises: UnusableDatabaseUrl."""
    _check_url(database_url)
    return Desk(Database(database_url), clock, sandbox=sandbox, smtp_url=smtp_url, rules_folder=rules_folder)


def migrate_database(database_url: str) -> None:
    """Apply all migrations to a database. Raises: UnusableDatabaseUrl."""
    _check_url(database_url)
    migrate(database_url)


def missing_migration(desk: Desk) -> str | None:
    """Why this program cannot use the database's tables, as a sentence; None if it can.

    Raises: a SQLAlchemy error if the database cannot be reached (see `is_database_failure`).
    """
    with desk.database.read() as connection:
        connection.execute(text("SELECT 1"))
        try:
            version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except (OperationalError, ProgrammingError):
            version = None
    if version == HEAD:
        return None
    if version is not None and version > HEAD:
        return f"The database belongs to a newer Coverdesk (step {version}, not {HEAD}). Update this program."
    return "The database is not up to date. Run: coverdesk migrate"


def is_database_failure(error: BaseException) -> bool:
    """Whether the error means that the database cannot be reached or used, whatever was asked of it."""
    return isinstance(error, (OperationalError, InterfaceError, TimeoutError))


def is_unstorable_value(error: BaseException) -> bool:
    """Whether the database refused a value, such as a text or a number that its columns cannot hold."""
    return isinstance(error, (DataError, UnicodeEncodeError))


def _check_url(database_url: str) -> None:
    try:
        url = normal_url(database_url)
    except ArgumentError:
        found = "is not a database URL"
    except OSError as error:
        found = f"cannot be used: {error.strerror or error}"
    else:
        if url.drivername in ("sqlite", "postgresql+psycopg") and url.database:
            return
        found = "is neither an SQLite file nor a PostgreSQL database"
    raise UnusableDatabaseUrl(
        f"COVERDESK_DATABASE_URL {found}.",
        remedy="Write sqlite:///var/coverdesk.db or postgresql://user@host/database.",
    )
