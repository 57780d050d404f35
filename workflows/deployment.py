"""From a database's address to a desk; what entry points need of the store."""

from sqlalchemy import select, text
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, ProgrammingError, TimeoutError

from workflows.desk import Clock, Desk
from workflows.store import tables as t
from workflows.store.session import Database
from workflows.store.session import migrate as migrate_database

__all__ = ["cannot_be_stored", "database_fails", "is_migrated", "migrate_database", "open_desk"]


def open_desk(database_url: str, clock: Clock | None = None, *, sandbox: bool = False) -> Desk:
    """The desk of a database that is up to date."""
    return Desk(Database(database_url), clock, sandbox=sandbox)


def is_migrated(desk: Desk) -> bool:
    """Whether the database has the desk's tables. Raises where it cannot be reached."""
    with desk.database.read() as connection:
        connection.execute(text("SELECT 1"))
        try:
            connection.execute(select(t.deployment.c.id)).first()
            connection.execute(select(t.job_status.c.job).limit(1)).first()
        except (OperationalError, ProgrammingError):
            return False
    return True


def database_fails(error: BaseException) -> bool:
    """Whether it is the database that cannot be reached or used, and not what was asked of it."""
    return isinstance(error, (OperationalError, InterfaceError, TimeoutError))


def cannot_be_stored(error: BaseException) -> bool:
    """Whether a database refused a value as such: a text or a number that its columns cannot hold."""
    return isinstance(error, (DataError, UnicodeEncodeError))
