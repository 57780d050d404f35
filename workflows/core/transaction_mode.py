"""The mode of a transaction: what it may do next. A state machine with named errors.

| mode | reads | writes | moves to |
| --- | --- | --- | --- |
| `READ_ONLY` | yes | no | nothing |
| `READ_FIRST` | yes, unlocked | no | `WRITING` (`start_writing`) |
| `EXCLUSIVE` | yes, unlocked | no | `WRITING` (`start_writing`), `SINGLE_STATEMENT` (`single_statement`) |
| `WRITING` | yes | yes | `BATCHING` (`batch`) |
| `BATCHING` | after `flush` | collects rows | `WRITING` (end of the block) |
| `SINGLE_STATEMENT` | before the first row | collects rows | `COMMITTED`; `EXCLUSIVE` if nothing is written |
| `COMMITTED` | yes | no | nothing |

`EXCLUSIVE` is `READ_FIRST` for a use case that makes up its whole transaction: nothing else, such as the
answer under an idempotency key, has to commit with it. Only then may one statement be the transaction.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from sqlalchemy import Column, Connection

from workflows.core.contract_locks import ContractLocks
from workflows.store.database import Database, certain_commit
from workflows.store.multi_table_insert import Batch, Precondition


class Mode(Enum):
    READ_ONLY = "read only"
    READ_FIRST = "read first"
    EXCLUSIVE = "exclusive"
    WRITING = "writing"
    BATCHING = "batching"
    SINGLE_STATEMENT = "single statement"
    COMMITTED = "committed"


MOVES: dict[Mode, frozenset[Mode]] = {
    Mode.READ_ONLY: frozenset(),
    Mode.READ_FIRST: frozenset({Mode.WRITING}),
    Mode.EXCLUSIVE: frozenset({Mode.WRITING, Mode.SINGLE_STATEMENT}),
    Mode.WRITING: frozenset({Mode.BATCHING}),
    Mode.BATCHING: frozenset({Mode.WRITING}),
    Mode.SINGLE_STATEMENT: frozenset({Mode.COMMITTED, Mode.EXCLUSIVE}),
    Mode.COMMITTED: frozenset(),
}


class WrongMode(RuntimeError):
    """A programming error: the transaction's mode does not allow what was asked of it."""


class ForbiddenMove(WrongMode):
    """A move to a mode that cannot follow the present one."""

    def __init__(self, mode: Mode, target: Mode) -> None:
        allowed = " or ".join(sorted(move.value for move in MOVES[mode])) or "nothing"
        super().__init__(
            f"A transaction in mode {mode.value!r} cannot become {target.value!r}, only {allowed}."
        )


class NotWriting(WrongMode):
    """A write in a mode that only reads."""

    def __init__(self, mode: Mode) -> None:
        remedy = (
            "Call start_writing first." if Mode.WRITING in MOVES[mode] else "Use Desk.perform or Desk.write."
        )
        super().__init__(f"A transaction in mode {mode.value!r} cannot write. {remedy}")


class PendingRows(WrongMode):
    """A statement while rows of a batch are not sent yet: it would not see them."""

    def __init__(self, mode: Mode) -> None:
        remedy = "Call flush first." if mode is Mode.BATCHING else "End the block first."
        super().__init__(f"Rows are pending in mode {mode.value!r}. {remedy}")


class TransactionState:
    """A connection, the mode it is used in and the contracts locked. Copies of a `Transaction` share one.

    `begin` starts a writing transaction on a connection that has only read so far; it belongs to the modes
    `READ_FIRST` and `EXCLUSIVE`.
    """

    __slots__ = ("_begin", "_connection", "batch", "contract_locks", "database", "mode")

    def __init__(
        self, connection: Connection, mode: Mode, database: Database, begin: Callable[[], None] | None = None
    ) -> None:
        self._connection = connection
        self._begin = begin
        self.mode = mode
        self.database = database
        self.batch: Batch | None = None
        self.contract_locks = ContractLocks()

    @property
    def connection(self) -> Connection:
        """The connection. Raises: PendingRows while rows of a batch are not sent."""
        if self.batch is not None and self.batch.rows:
            raise PendingRows(self.mode)
        return self._connection

    @property
    def writes(self) -> bool:
        """Whether a writing transaction has begun."""
        return self.mode is Mode.WRITING or self.mode is Mode.BATCHING

    def require_writing(self) -> None:
        """Raises: NotWriting where a row could not be written."""
        if self.mode is not Mode.WRITING and self.batch is None:
            raise NotWriting(self.mode)

    def start_writing(self) -> None:
        """Begin to write. Raises: ForbiddenMove."""
        self._require_move(Mode.WRITING)
        if self._begin is None:
            raise ForbiddenMove(self.mode, Mode.WRITING)
        self._begin()
        self.mode = Mode.WRITING

    @contextmanager
    def batching(self, returning: Column[Any], precondition: Precondition | None) -> Iterator[Batch]:
        """Collect rows and send them together. Raises: ForbiddenMove, IntegrityError, PreconditionFailed."""
        self._require_move(Mode.BATCHING)
        self.mode, self.batch = Mode.BATCHING, Batch(returning, precondition)
        try:
            yield self.batch
            self.flush()
        finally:
            self.mode, self.batch = Mode.WRITING, None

    @contextmanager
    def single_statement(self, returning: Column[Any], precondition: Precondition | None) -> Iterator[Batch]:
        """Collect rows and commit them by one statement.

        Raises: as `batching`, with nothing written; CommitUncertain.
        """
        self._require_move(Mode.SINGLE_STATEMENT)
        self.mode, self.batch = Mode.SINGLE_STATEMENT, Batch(returning, precondition)
        after = Mode.EXCLUSIVE
        try:
            yield self.batch
            if self.batch.rows:
                with certain_commit():
                    self.batch.write(self._connection, self.database)
                after = Mode.COMMITTED
        finally:
            self.mode, self.batch = after, None

    def flush(self) -> None:
        """Send the pending rows of a batch, if there are any.

        Raises: ForbiddenMove in a single statement, whose rows go all together; NotWriting; IntegrityError;
        PreconditionFailed.
        """
        if self.mode is Mode.SINGLE_STATEMENT:
            raise ForbiddenMove(self.mode, Mode.BATCHING)
        self.require_writing()
        if self.batch is not None and self.batch.rows:
            self.batch.write(self._connection)

    def _require_move(self, target: Mode) -> None:
        if target not in MOVES[self.mode]:
            raise ForbiddenMove(self.mode, target)
