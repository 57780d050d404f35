"""One call's transaction: who acts, when, under which settings and rules, and how rows are written in it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Protocol, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Insert, Table, insert, update

from engine.rulebook import RuleSet
from workflows.core.actors import Actor, Role
from workflows.core.clock import Clock
from workflows.core.config import Config, ConfigStore
from workflows.core.errors import NotAllowed
from workflows.core.settings import Settings
from workflows.store import tables as t
from workflows.store.compiled_statements import Prepared, insert_row
from workflows.store.database import Database
from workflows.store.ids import new_id, new_ids_from
from workflows.store.insert_select import Values, insert_for_each
from workflows.store.multi_table_insert import Batch, Precondition, insert_rows

T = TypeVar("T")


class Runner(Protocol):
    """What a use case may ask of the desk that runs it: further transactions, the time, the configuration."""

    database: Database
    configs: ConfigStore
    clock: Clock

    def now(self) -> datetime: ...

    def read(self, actor: Actor = ...) -> AbstractContextManager["Transaction"]: ...

    def perform(self, actor: Actor, use_case: Callable[["Transaction"], T]) -> T: ...


@dataclass(slots=True)
class Transaction:
    """One database transaction of one actor.

    `now` is what it is about: an import's is in the past, a job's when it was due. `recorded_at` is the
    desk's own time, which a sandbox sets; `real_now` is the machine's, for tokens, logins and deliveries.
    `alone` tells that nothing is written in it but by the use case: one that writes by a single statement
    need not begin anything.
    """

    connected: Connection
    now: datetime
    recorded_at: datetime
    real_now: datetime
    actor: Actor
    config: Config
    runner: Runner
    job: str | None = None
    writes: bool = False
    begin: Callable[[], None] | None = None
    alone: bool = False
    batch: Batch | None = None

    @property
    def connection(self) -> Connection:
        """The way to the database; rows that were to be written together have gone there before."""
        if self.batch is not None and self.batch.rows:
            if self.batch.single_statement:
                raise AssertionError("rows that are a transaction of their own go all together")
            self.send()
        return self.connected

    @contextmanager
    def batched(
        self,
        returning: Column[Any],
        precondition: Precondition | None = None,
        *,
        single_statement: bool = False,
    ) -> Iterator[Batch]:
        """Rows added within are written by one statement on PostgreSQL, where each would be a round trip.

        They are written before any other statement, at the latest at the end. With `single_statement` they
        are a transaction of their own, on SQLite too. Raises: PreconditionFailed, with nothing written, where
        the `precondition` no longer holds.
        """
        batch = Batch(returning, precondition, single_statement)
        if self.is_sqlite and not single_statement:
            yield batch
            return
        self.batch = batch
        try:
            yield batch
            self.send()
        finally:
            self.batch = None

    def send(self) -> None:
        """Write the rows that wait to be written together. Raises: IntegrityError, PreconditionFailed."""
        batch = self.batch
        if batch is None or not batch.rows:
            return
        batch.write(self.connected, self.runner.database if batch.single_statement else None)

    @property
    def can_write_single_statement(self) -> bool:
        """Whether a single statement may write without a transaction around it, by the newest settings."""
        if self.writes or self.begin is None or not self.alone:
            return False
        return self.runner.configs.newest(self.connection) is self.config

    def start_writing(self) -> bool:
        """Begin to write, if this transaction has only read so far; false where it wrote all along.

        What was read before may have changed: it is for the use case to look again at what it rests on.
        """
        if self.writes or self.begin is None:
            return False
        self.begin()
        self.writes = True
        self.config = self.runner.configs.newest(self.connection)
        return True

    @property
    def settings(self) -> Settings:
        return self.config.settings

    @property
    def rules(self) -> RuleSet:
        return self.config.rules

    @property
    def is_sqlite(self) -> bool:
        return self.runner.database.is_sqlite

    def require(self, *roles: Role) -> None:
        """Raise NotAllowed unless the actor has one of the roles; the system's own jobs may do all."""
        if self.actor.role not in roles and self.actor.role != "system":
            raise NotAllowed(
                f"The role {self.actor.role} may not do this.",
                remedy=f"Ask someone with the role {' or '.join(roles)}.",
            )

    def add(self, table: Table, **values: Any) -> None:
        """Insert a row."""
        if self.batch is not None:
            self.batch.rows.append((table, values))
        elif any(isinstance(value, ColumnElement) for value in values.values()):
            insert_rows(self.connection, [(table, values)])
        else:
            insert_row(self.connection, table, values)

    def run(self, statement: Prepared, values: dict[str, Any]) -> None:
        """Execute a writing statement; with rows that wait it goes as one of them."""
        if self.batch is not None:
            self.batch.rows.append((statement, values))
        else:
            statement.run(self.connection, values)

    def add_all(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Insert rows that have values for the same columns."""
        if rows:
            self.connection.execute(_into(table), rows)

    def change(self, table: Table, record_id: str, **values: Any) -> None:
        self.connection.execute(update(table).where(table.c.id == record_id).values(**values))

    def add_for_each(self, where: ColumnElement[bool], table: Table, *rows: Values) -> None:
        """Insert rows for each row that a condition selects; their values may be SQL expressions of it."""
        insert_for_each(self.connection, table, rows, where)

    def audit(self, subject_kind: str, subject_id: str, action: str, **details: Any) -> None:
        """Add an event to a record's audit trail, as of now."""
        self.audit_at(self.now, subject_kind, subject_id, action, **details)

    def audit_at(self, at: datetime, subject_kind: str, subject_id: str, action: str, **details: Any) -> None:
        """Add an event to a record's audit trail, as of the instant at which it happened."""
        values = self._audit_values(at, subject_kind, subject_id, action, details)
        self.add(t.audit_event, id=new_id(), **values)

    def audit_each_at(
        self,
        at: ColumnElement[datetime],
        subject_kind: str,
        subject_id: ColumnElement[str],
        action: str,
        *,
        where: ColumnElement[bool],
    ) -> None:
        """`audit_at` for each record that a condition selects, by one statement."""
        values = self._audit_values(at, subject_kind, subject_id, action, {})
        self.add_for_each(where, t.audit_event, {"id": new_ids_from(subject_id), **values})

    def _audit_values(
        self, at: Any, subject_kind: str, subject_id: Any, action: str, details: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "subject_kind": subject_kind,
            "subject_id": subject_id,
            "action": action,
            "details": details or None,
            "actor": self.actor.name,
            "at": at,
            "recorded_at": self.recorded_at,
        }


@cache
def _into(table: Table) -> Insert:
    """A table's INSERT, built once: a new one SQLAlchemy reads through before it knows it again."""
    return insert(table)
