"""Faults of a PostgreSQL connection at any of its statements, made at the driver.

A deadlock and a serialization failure are raised by the server itself in place of the statement. A
connection is lost by closing its socket, before the statement is sent or after the server has carried it
out, when only the answer is lost.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import Engine, event


class Fault(Enum):
    """What goes wrong."""

    DEADLOCK = "the server ends a deadlock by rolling back"
    SERIALIZATION_FAILURE = "the server rolls back, since the order of transactions would matter"
    LOST_BEFORE = "the connection is lost before the statement is sent"
    LOST_AFTER = "the connection is lost after the statement was carried out"


STATES = {Fault.DEADLOCK: "40P01", Fault.SERIALIZATION_FAILURE: "40001"}


@dataclass
class Plan:
    """Counts the statements of all connections while `on`, and makes the fault happen at one of them.

    Statements are numbered from 0; commits count, rollbacks do not. `happened` is how often the fault did.
    `meanwhile` is called after a transaction was rolled back by the fault, before it is run again.
    """

    fault: Fault | None = None
    at: int = -1
    on: bool = False
    count: int = 0
    happened: int = 0
    commits: list[int] = field(default_factory=list)
    meanwhile: Callable[[], object] | None = None

    def next(self, *, is_commit: bool) -> Fault | None:
        if not self.on:
            return None
        number = self.count
        self.count += 1
        if is_commit:
            self.commits.append(number)
        if number != self.at or self.fault is None:
            return None
        self.happened += 1
        return self.fault


PLAN = Plan()
"""The plan of this process; tests run one at a time."""


class FaultyConnection(psycopg.Connection[Any]):
    """A connection to which the faults of `PLAN` happen."""

    _in_commit = False
    _is_spared = False

    def commit(self) -> None:
        self._in_commit = True
        try:
            super().commit()
        finally:
            self._in_commit = False

    def rollback(self) -> None:
        with self._spared():
            super().rollback()

    def set_autocommit(self, value: bool) -> None:
        with self._spared():  # sends nothing
            super().set_autocommit(value)

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        fault = None if self._is_spared else PLAN.next(is_commit=self._in_commit)
        if fault is None:
            return super().wait(gen, *args, **kwargs)
        with self._spared():
            if fault in STATES:
                gen.close()
                self._fail(STATES[fault])
            if fault is Fault.LOST_BEFORE:
                self._lose()
                return super().wait(gen, *args, **kwargs)
            super().wait(gen, *args, **kwargs)
            self._lose()
            self._exec("SELECT 1")
        raise AssertionError("unreachable")

    @contextmanager
    def _spared(self) -> Iterator[None]:
        """Count no statement, and let no fault happen."""
        self._is_spared = True
        try:
            yield
        finally:
            self._is_spared = False

    def _fail(self, state: str) -> None:
        """Let the server raise an error, which rolls the transaction back."""
        if not self.autocommit and self.pgconn.transaction_status == TransactionStatus.IDLE:
            self._exec("BEGIN")
        try:
            self._exec(f"DO $$ BEGIN RAISE 'injected' USING ERRCODE = '{state}'; END $$")
        finally:
            if self._in_commit:  # one that fails ends the transaction
                self._exec("ROLLBACK")
            if PLAN.meanwhile is not None:
                PLAN.on = False
                PLAN.meanwhile()
                PLAN.on = True

    def _exec(self, statement: str) -> None:
        """Run a statement below the connection's own methods, whose lock is held. Raises: psycopg.Error."""
        result = self.pgconn.exec_(statement.encode())
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)

    def _lose(self) -> None:
        with socket.socket(fileno=socket.dup(self.fileno())) as connection:
            connection.shutdown(socket.SHUT_RDWR)


def make_faulty(engine: Engine) -> None:
    """Let the engine open connections to which the faults of `PLAN` happen."""

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        return FaultyConnection.connect(*arguments, **options)


@contextmanager
def counting(
    fault: Fault | None = None, at: int = -1, *, meanwhile: Callable[[], object] | None = None
) -> Iterator[Plan]:
    """Count the statements of this block; with a `fault`, let it happen at one of them."""
    PLAN.fault, PLAN.at, PLAN.on, PLAN.meanwhile = fault, at, True, meanwhile
    PLAN.count = PLAN.happened = 0
    PLAN.commits = []
    try:
        yield PLAN
    finally:
        PLAN.on, PLAN.meanwhile = False, None
