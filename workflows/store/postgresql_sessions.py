"""What every PostgreSQL session of the program needs, whether it is direct or goes through a pooler.

A pooler in transaction mode may run each transaction of a connection in another session of the server.
pgbouncer carries over what the server reports to its clients, TimeZone and DateStyle among it, but before
1.21 no prepared statement: a name that this process has prepared there may be another process's statement.
It also refuses `options` in a connection's start (1.18), so settings are made after the start.
"""

from time import monotonic
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

PREPARE = ("auto", "on", "off")
"""Whether statements are prepared by name: only in direct sessions; also through a pooler that renames them
to names of its own; or never."""
PREPARED_AFTER_USES = 5
OPENED_AT = "opened_at"
SETTINGS = {"TimeZone": "UTC", "DateStyle": "ISO, MDY"}
OPEN = "SELECT pg_backend_pid(), " + ", ".join(
    f"set_config('{name}', '{value}', false)" for name, value in SETTINGS.items()
)

FOUND_OUT_WITHIN_SECONDS = {
    # of a machine that answers nothing at all: for a new connection, for an idle one, and while sending
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""The driver's parameters, in seconds but the last, which is in milliseconds; an address may name others."""

log = structlog.get_logger()


class UnusableSession(Exception):
    """A pooler gave a session in which the program would compute wrong."""


def session_arguments(given: dict[str, Any]) -> dict[str, Any]:
    """What a connection is opened with besides what its address gives.

    Of several hosts it takes the one that can be written to, unless the address says otherwise.
    """
    arguments: dict[str, Any] = {**FOUND_OUT_WITHIN_SECONDS, "prepare_threshold": None}
    if "," in str(given.get("host", "")):
        arguments["target_session_attrs"] = "read-write"
    return {name: value for name, value in arguments.items() if name not in given}


class Sessions:
    """Sets up each session of an engine's pool. `prepare` is one of `PREPARE`."""

    def __init__(self, engine: Engine, prepare: str) -> None:
        self._prepare = prepare
        self._warned = False
        self._lost_at = 0.0
        event.listen(engine, "connect", self._open)
        event.listen(engine, "checkout", self._check)
        event.listen(engine, "invalidate", self._note_loss)

    def _open(self, driver: Any, record: ConnectionPoolEntry) -> None:
        """Set up a new session. Raises: UnusableSession."""
        record.info[OPENED_AT] = monotonic()
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

    def _check(self, driver: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        """Look at a connection that is about to be used; where this raises, the pool opens a new one.

        No round trip: a server that stops or dies closes its connections, which is read here. Where that
        never arrives, as from a machine that lost its power, the first call that fails discards all others.
        """
        if record.info[OPENED_AT] < self._lost_at or _is_closed(driver):
            raise DisconnectionError("The connection was lost.")
        if driver.pgconn.parameter_status(b"TimeZone") not in (None, SETTINGS["TimeZone"].encode()):
            raise DisconnectionError("The session has another time zone than it was given.")

    def _note_loss(self, _: Any, record: ConnectionPoolEntry, error: BaseException | None) -> None:
        """A call lost its connection: those opened before it was lost are not used again."""
        if error is None or isinstance(error, DisconnectionError):
            return
        # a call that finds out later, on a connection as old, discards none that were opened since
        if record.info[OPENED_AT] > self._lost_at:
            self._lost_at = monotonic()


def _is_closed(driver: Any) -> bool:
    """Whether the other side has closed an idle connection."""
    from psycopg import OperationalError  # a desk on SQLite starts without the driver

    try:
        # the first reads the server's last words, the second that nothing follows
        driver.pgconn.consume_input()
        driver.pgconn.consume_input()
    except OperationalError:
        return True
    return False


def plan_anew(connection: Connection) -> None:
    """Let the session plan its statements anew, checks of foreign keys included, at their next use.

    PostgreSQL 18.6 plans such a check once in a session, and as a scan of all rows if the table was empty
    when it was last vacuumed. Filled by that session, the table is then read wholly at each check, until
    autovacuum has seen it. Source: findings/postgres-key-check-plan.sh.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DISCARD PLANS")


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
    """Whether the pooler renames prepared statements and so can distinguish those of its clients.

    pgbouncer does from 1.21 on with `max_prepared_statements`; before, the server gets the client's name.
    """
    from psycopg import capabilities

    if not capabilities.has_send_close_prepared():
        return False
    name = f"coverdesk_{uuid4().hex}"
    with driver.transaction():
        driver.pgconn.prepare(name.encode(), b"SELECT 1")
        found = driver.execute("SELECT 1 FROM pg_prepared_statements WHERE name = %s", (name,)).fetchone()
        driver.pgconn.close_prepared(name.encode())
    return found is None
