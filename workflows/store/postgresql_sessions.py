"""What every PostgreSQL session of the program needs, whether it is direct or goes through a pooler.

A pooler in transaction mode may run each transaction of a connection in another session of the server.
pgbouncer carries over what the server reports to its clients, TimeZone and DateStyle among it, but before
1.21 no prepared statement: a name that this process has prepared there may be another process's statement.
It also refuses `options` in a connection's start (1.18), so settings are made after the start.
"""

from typing import Any
from uuid import uuid4

import structlog
from psycopg import capabilities
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

PREPARE = ("auto", "on", "off")
"""Whether statements are prepared by name: only in direct sessions; also through a pooler that renames them
to names of its own; or never."""
PREPARED_AFTER_USES = 5
SETTINGS = {"TimeZone": "UTC", "DateStyle": "ISO, MDY"}
OPEN = "SELECT pg_backend_pid(), " + ", ".join(
    f"set_config('{name}', '{value}', false)" for name, value in SETTINGS.items()
)

log = structlog.get_logger()


class UnusableSession(Exception):
    """A pooler gave a session in which the program would compute wrong."""


class Sessions:
    """Sets up each session of an engine's pool. `prepare` is one of `PREPARE`."""

    def __init__(self, engine: Engine, prepare: str) -> None:
        self._prepare = prepare
        self._warned = False
        event.listen(engine, "connect", self._open)
        event.listen(engine, "checkout", self._check)

    def _open(self, driver: Any, _record: ConnectionPoolEntry) -> None:
        """Set up a new session. Raises: UnusableSession."""
        try:
            self._set_up(driver)
        except BaseException:
            driver.close()
            raise

    def _set_up(self, driver: Any) -> None:
        driver.autocommit = True
        pid = driver.execute(OPEN).fetchone()[0]
        # A pooler answers with a process id of its own, by which it finds what to cancel.
        is_direct = pid == driver.info.backend_pid
        if not is_direct:
            must_keep_settings(driver)
        if self._prepare != "off" and (is_direct or self._may_prepare_through_pooler(driver)):
            driver.prepare_threshold = PREPARED_AFTER_USES

    def _may_prepare_through_pooler(self, driver: Any) -> bool:
        if self._prepare != "on":
            return False
        carried = _renames_prepared_statements(driver)
        if not carried and not self._warned:
            self._warned = True
            log.warning(
                "the pooler does not carry prepared statements; none is prepared in spite of prepare=on"
            )
        return carried

    def _check(self, driver: Any, _record: ConnectionPoolEntry, _proxy: object) -> None:
        """Look at a connection that is about to be used; raised here, it is replaced by a new one."""
        reported = driver.pgconn.parameter_status(b"TimeZone")
        if reported not in (None, SETTINGS["TimeZone"].encode()):
            raise DisconnectionError("The session has another time zone than it was given.")


def must_keep_settings(driver: Any) -> None:
    """Read the settings back in further transactions, as the pooler gives them."""
    for name, value in SETTINGS.items():
        found = driver.execute(f"SHOW {name}").fetchone()[0]
        if found != value:
            raise UnusableSession(
                f"The pooler does not keep {name} between transactions: {found!r}, not {value!r}. "
                f"Make it the database's own: ALTER DATABASE ... SET {name} TO '{value}'."
            )


def _renames_prepared_statements(driver: Any) -> bool:
    """Whether the pooler prepares statements under names of its own and so can tell clients' apart.

    pgbouncer does from 1.21 on with `max_prepared_statements`; before, the server gets the client's name.
    """
    if not capabilities.has_send_close_prepared():
        return False
    name = f"coverdesk_{uuid4().hex}"
    with driver.transaction():
        driver.pgconn.prepare(name.encode(), b"SELECT 1")
        found = driver.execute("SELECT 1 FROM pg_prepared_statements WHERE name = %s", (name,)).fetchone()
        driver.pgconn.close_prepared(name.encode())
    return found is None
