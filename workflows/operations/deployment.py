"""From a database's address to a desk; what entry points need of the store."""

from pathlib import Path

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
from workflows.store.database import Database, UnknownStep, migrate, normal_url
from workflows.store.database_url import MalformedUrl, check_url
from workflows.store.migrations import HEAD
from workflows.store.postgresql_sessions import UnusableSession

READ_ONLY = "25006"


class UnusableDatabaseUrl(DeskError):
    """An address of a database that cannot be meant."""

    code = "unusable-database-url"


class NewerDatabase(DeskError):
    """A database whose tables are those of a newer program."""

    code = "newer-database"


def open_desk(
    database_url: str,
    clock: Clock | None = None,
    *,
    sandbox: bool = False,
    smtp_url: str | None = None,
    rules_folder: Path | None = None,
) -> Desk:
    """The desk of a database that is up to date. Raises: UnusableDatabaseUrl."""
    _check_url(database_url)
    return Desk(Database(database_url), clock, sandbox=sandbox, smtp_url=smtp_url, rules_folder=rules_folder)


def migrate_database(database_url: str) -> None:
    """Bring a database up to date. Raises: UnusableDatabaseUrl, NewerDatabase."""
    _check_url(database_url)
    try:
        migrate(database_url)
    except UnknownStep as error:
        raise NewerDatabase(_is_newer(str(error))) from error


def lacks_migration(desk: Desk) -> str | None:
    """What keeps this program from the database's tables as they are, in words; None where nothing does.

    Raises where the database cannot be reached.
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
    return f"The database is that of a newer Coverdesk (step {step}, not {HEAD}). Update this one."


def database_fails(error: BaseException) -> bool:
    """Whether it is the database that cannot be reached or used, and not what was asked of it."""
    if isinstance(error, (OperationalError, InterfaceError, TimeoutError, UnusableSession)):
        return True
    # SQLite's error for a file that is no database or is damaged is of no narrower class; and PostgreSQL
    # that is only a standby refuses to write
    is_unusable = type(error) is DatabaseError
    return is_unusable or getattr(getattr(error, "orig", None), "sqlstate", None) == READ_ONLY


def cannot_be_stored(error: BaseException) -> bool:
    """Whether a database refused a value as such: a text or a number that its columns cannot hold."""
    return isinstance(error, (DataError, UnicodeEncodeError))


def _check_url(database_url: str) -> None:
    try:
        check_url(normal_url(database_url))
    except MalformedUrl as error:
        found = str(error)
    except OSError as error:
        found = f"cannot be used: {error.strerror or error}"
    else:
        return
    raise UnusableDatabaseUrl(
        f"COVERDESK_DATABASE_URL {found}.",
        remedy="Write sqlite:///var/coverdesk.db or postgresql://user@host/database.",
    )
