"""From a database URL to a desk; what entry points need of the store."""

from pathlib import Path
from sqlite3 import SQLITE_FULL

from sqlalchemy import text
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    TimeoutError,
)

from engine.errors import DeskError
from workflows.core.clock import Clock
from workflows.core.desk import Desk
from workflows.core.payment_provider import PaymentProvider
from workflows.core.session_limits import DEFAULT_SESSION_LIMITS, SessionLimits
from workflows.store.database import (
    SQLITE_PRIMARY_CODE,
    BrokenReferences,
    Database,
    UnknownStep,
    migrate,
    normal_url,
)
from workflows.store.database_url import MalformedUrl, check_url
from workflows.store.migrations import HEAD
from workflows.store.postgresql_sessions import UnusableSession

READ_ONLY, DISK_FULL = "25006", "53100"
"""PostgreSQL's codes."""


class UnusableDatabaseUrl(DeskError):
    """A database URL that cannot be used."""

    code = "unusable-database-url"


class NewerDatabase(DeskError):
    """A database whose tables are those of a newer program."""

    code = "newer-database"


class DamagedDatabase(DeskError):
    """A database whose rows refer to rows that do not exist."""

    code = "damaged-database"


def open_desk(
    database_url: str,
    clock: Clock | None = None,
    *,
    sandbox: bool = False,
    smtp_url: str | None = None,
    rules_folder: Path | None = None,
    base_url: str | None = None,
    session_limits: SessionLimits = DEFAULT_SESSION_LIMITS,
    webhook_hosts: frozenset[str] = frozenset(),
    payments: PaymentProvider | None = None,
) -> Desk:
    """The desk of a database whose migrations have been applied. Raises: UnusableDatabaseUrl."""
    _check_url(database_url)
    return Desk(
        Database(database_url),
        clock,
        sandbox=sandbox,
        smtp_url=smtp_url,
        rules_folder=rules_folder,
        base_url=base_url,
        session_limits=session_limits,
        webhook_hosts=webhook_hosts,
        payments=payments,
    )


def migrate_database(database_url: str) -> None:
    """Apply all migrations to a database. Raises: UnusableDatabaseUrl, NewerDatabase, DamagedDatabase."""
    _check_url(database_url)
    try:
        migrate(database_url)
    except UnknownStep as error:
        raise NewerDatabase(_is_newer(str(error))) from error
    except BrokenReferences as error:
        raise DamagedDatabase(
            f"The database cannot be migrated: {error} Nothing was changed.", remedy="Restore a backup."
        ) from error
    except OSError as error:
        raise _unusable(f"cannot be used: {error.strerror or error}") from error


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
        return _is_newer(version)
    return "The database is not up to date. Run: coverdesk migrate"


def _is_newer(step: str) -> str:
    return f"The database belongs to a newer Coverdesk (step {step}, not {HEAD}). Update this program."


def is_database_failure(error: BaseException) -> bool:
    """Whether the error means that the database cannot be reached or used, whatever was asked of it."""
    if isinstance(error, (OperationalError, InterfaceError, TimeoutError, UnusableSession)):
        return True
    # SQLite has no narrower class for a damaged file; a PostgreSQL standby refuses to write
    is_unusable = type(error) is DatabaseError
    return is_unusable or getattr(getattr(error, "orig", None), "sqlstate", None) == READ_ONLY


def is_disk_full(error: BaseException) -> bool:
    """Whether the database could not store something because its disk is full."""
    driver = getattr(error, "orig", None)
    code: int = getattr(driver, "sqlite_errorcode", 0)
    return code & SQLITE_PRIMARY_CODE == SQLITE_FULL or getattr(driver, "sqlstate", None) == DISK_FULL


def is_unstorable_value(error: BaseException) -> bool:
    """Whether the database refused a value, such as a text or a number that its columns cannot hold."""
    return isinstance(error, (DataError, UnicodeEncodeError))


def _check_url(database_url: str) -> None:
    try:
        check_url(normal_url(database_url))
    except MalformedUrl as error:
        raise _unusable(str(error)) from error
    except OSError as error:
        raise _unusable(f"cannot be used: {error.strerror or error}") from error


def _unusable(reason: str) -> UnusableDatabaseUrl:
    return UnusableDatabaseUrl(
        f"COVERDESK_DATABASE_URL {reason}.",
        remedy="Write sqlite:///var/coverdesk.db or postgresql://user@host/database.",
    )
