"""The transaction of one call: actor, instant, settings and rules, and the writing of rows."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Protocol, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Insert, Table, insert

from engine.rulebook import RuleSet
from workflows.core.actors import Actor, Role
from workflows.core.clock import Clock
from workflows.core.config import Config, ConfigStore
from workflows.core.errors import NotAllowed
from workflows.core.payment_provider import PaymentProvider
from workflows.core.session_limits import SessionLimits
from workflows.core.settings import Settings
from workflows.core.transaction_mode import Mode, TransactionState
from workflows.languages.texts import gettext
from workflows.languages.words import or_text, word
from workflows.store import tables as t
from workflows.store.compiled_statements import (
    Prepared,
    insert_each,
    insert_row,
    insert_several,
    prepared_update,
    update_row,
)
from workflows.store.database import Database
from workflows.store.ids import new_id, new_ids_from
from workflows.store.insert_select import Values, insert_for_each
from workflows.store.multi_table_insert import Batch, NewRow, Precondition, insert_rows

T = TypeVar("T")
MOST_TOGETHER = 10
"""So many rows of one table at most are sent with others by one statement, whose text grows with each."""


class Runner(Protocol):
    """What a use case may use of the desk that runs it: further transactions, the time, the configuration."""

    database: Database
    configs: ConfigStore
    clock: Clock
    session_limits: SessionLimits
    webhook_hosts: frozenset[str]
    payments: PaymentProvider | None

    def now(self) -> datetime: ...

    def read(self, actor: Actor = ...) -> AbstractContextManager["Transaction"]: ...

    def perform(
        self, actor: Actor, use_case: Callable[["Transaction"], T], *, repeatable: bool = ...
    ) -> T: ...


@dataclass(slots=True)
class Transaction:
    """One database transaction of one actor; its mode is in `state` (see `core.transaction_mode`).

    `now` is the instant it acts at: in the past for an import, the due instant for a job. `recorded_at` is
    the desk's own time, which a sandbox sets; `real_now` is the machine's, for tokens, logins and deliveries.
    All are aware UTC. `draws` is False for imported requests that use up no incidents.
    """

    state: TransactionState
    now: datetime
    recorded_at: datetime
    real_now: datetime
    actor: Actor
    config: Config
    runner: Runner
    job: str | None = None
    draws: bool = True

    # -------------------------------------------------------------- mode

    @property
    def connection(self) -> Connection:
        """The connection to the database. Raises: PendingRows inside a batch before `flush`."""
        return self.state.connection

    @property
    def writes(self) -> bool:
        """Whether a writing transaction has begun."""
        return self.state.writes

    @property
    def is_batching(self) -> bool:
        """Whether rows are collected, to be sent by one statement."""
        return self.state.batch is not None

    def start_writing(self) -> bool:
        """Begin to write, where this transaction has only read so far; False where it is writing already.

        What was read before may have changed, so the use case checks again what it depends on. Settings and
        rules are the newest afterwards. Raises: ForbiddenMove in a transaction that may not write.
        """
        if self.state.mode is Mode.WRITING:
            return False
        self.state.start_writing()
        self.config = self.runner.configs.newest(self.connection)
        return True

    def can_write_single_statement(self) -> bool:
        """Whether `single_statement` is allowed, and settings and rules are still the newest."""
        return (
            self.state.mode is Mode.EXCLUSIVE and self.runner.configs.newest(self.connection) is self.config
        )

    @contextmanager
    def batch(self, returning: Column[Any], precondition: Precondition | None = None) -> Iterator[Batch]:
        """Rows added within are sent by one statement on PostgreSQL, where each would be a round trip.

        On SQLite, where a statement costs none, each is written at once. They are sent at the end of the
        block, or by `flush`. Raises: ForbiddenMove; PreconditionFailed, with nothing written, where the
        `precondition` does not hold.
        """
        if self.is_sqlite:
            self.state.require_writing()
            yield Batch(returning, precondition)
            return
        with self.state.batching(returning, precondition) as batch:
            yield batch

    def single_statement(
        self, returning: Column[Any], precondition: Precondition | None = None
    ) -> AbstractContextManager[Batch]:
        """Rows added within are committed by one statement, which is the whole transaction.

        Raises: ForbiddenMove unless the transaction is exclusive; PreconditionFailed, with nothing written.
        """
        return self.state.single_statement(returning, precondition)

    def flush(self) -> None:
        """Send the pending rows of a batch, if there are any. Raises: as `TransactionState.flush`."""
        self.state.flush()

    def flush_pending(self) -> None:
        """Send the rows of a batch that are pending, so that what follows can read. Raises: as `flush`."""
        if self.state.batch is not None and self.state.batch.rows:
            self.flush()

    # -------------------------------------------------------------- settings and rules

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
        """Check the actor's role; the system's own jobs may do everything. Raises: NotAllowed."""
        if self.actor.role not in roles and self.actor.role != "system":
            raise NotAllowed(
                gettext("The role %(role)s may not do this.", role=word(self.actor.role)),
                remedy=gettext("Ask someone with the role %(roles)s.", roles=or_text(map(word, roles))),
            )

    # -------------------------------------------------------------- rows

    def add(self, table: Table, **values: Any) -> None:
        """Insert a row, or add it to the batch. Raises: NotWriting, IntegrityError."""
        self.state.require_writing()
        if self.state.batch is not None:
            self.state.batch.rows.append((table, values))
        elif _has_expression([values]):
            insert_rows(self.connection, [(table, values)])
        else:
            insert_row(self.connection, table, values)

    def run(self, statement: Prepared, values: dict[str, Any]) -> None:
        """Execute a writing statement, or add it to the batch. Raises: NotWriting, IntegrityError."""
        self.state.require_writing()
        if self.state.batch is not None:
            self.state.batch.rows.append((statement, values))
        else:
            statement.run(self.connection, values)

    def add_together(self, rows: Sequence[NewRow]) -> None:
        """Write rows of several tables in order, by one statement on PostgreSQL, or add them to the batch.

        Raises: NotWriting, IntegrityError.
        """
        self.state.require_writing()
        if self.state.batch is not None:
            self.state.batch.rows.extend(rows)
        elif rows and not self.is_sqlite:
            insert_rows(self.connection, rows)
        else:
            for into, values in rows:
                if isinstance(into, Prepared):
                    into.run(self.connection, values)
                else:
                    insert_row(self.connection, into, values)

    def add_all(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Insert rows that have values for the same columns, or add them to the batch, unless they are many.

        Raises: NotWriting, IntegrityError.
        """
        self.state.require_writing()
        has_few = len(rows) <= MOST_TOGETHER
        if self.state.batch is not None and has_few:
            self.state.batch.rows.extend((table, row) for row in rows)
            return
        self.flush_pending()
        if len(rows) == 1:
            insert_row(self.connection, table, rows[0])
        elif rows and has_few and self.is_sqlite and not _has_expression(rows):
            insert_several(self.connection, table, rows)
        elif rows and has_few:
            self.connection.execute(_insert_into(table), rows)
        elif rows:
            insert_each(self.connection, table, rows)

    def change(self, table: Table, record_id: str, **values: Any) -> None:
        """Update the row with this id, or add that to the batch. Raises: NotWriting, IntegrityError.

        A batch may not change a row that it has written.
        """
        self.state.require_writing()
        if self.state.batch is not None and (prepared := prepared_update(table, record_id, values)):
            self.state.batch.rows.append(prepared)
            return
        self.flush_pending()
        update_row(self.connection, table, record_id, values)

    def add_for_each(self, where: ColumnElement[bool], table: Table, *rows: Values) -> None:
        """Insert rows for each row that a condition selects; their values may be SQL expressions of it."""
        insert_for_each(self.connection, table, rows, where)

    def audit(self, subject_kind: str, subject_id: str, action: str, **details: Any) -> None:
        """Add an event to a record's audit trail, as of now."""
        self.audit_at(self.now, subject_kind, subject_id, action, **details)

    def audit_at(self, at: datetime, subject_kind: str, subject_id: str, action: str, **details: Any) -> None:
        """Add an event to a record's audit trail, as of the instant at which it happened."""
        self.add(t.audit_event, **self.audit_row(at, subject_kind, subject_id, action, details))

    def audit_row(
        self, at: datetime, subject_kind: str, subject_id: str, action: str, details: dict[str, Any]
    ) -> dict[str, Any]:
        """The row that `audit_at` adds."""
        return {"id": new_id(), **self._audit_values(at, subject_kind, subject_id, action, details)}

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


def _has_expression(rows: Sequence[dict[str, Any]]) -> bool:
    # by the few types: looking at each value of an invoice's lines takes as long as inserting one
    types = {type(value) for row in rows for value in row.values()}
    return any(issubclass(one, ColumnElement) for one in types)


@cache
def _insert_into(table: Table) -> Insert:
    """A table's INSERT, built once: SQLAlchemy compiles a new one before it finds it in its cache."""
    return insert(table)
