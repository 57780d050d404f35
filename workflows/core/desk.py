"""The desk: opens transactions, with the clock, the settings and the rules.

A use case is a function that takes a `Transaction` first and does its whole work in it. `Desk.perform`
runs one in a transaction; `Desk.answer` also stores its answer under the caller's idempotency key, in the
same transaction. Settings and rules come from a `Config` that does not change during a call.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from random import uniform
from time import sleep
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError

from engine.errors import DeskError
from workflows.core.actors import SYSTEM, Actor
from workflows.core.clock import Clock, SystemClock
from workflows.core.config import Config, ConfigStore
from workflows.core.contract_locks import ChangedMeanwhile, ContractLocks, LockedOutOfOrder
from workflows.core.errors import NotAllowed, NotFound, OutcomeUnknown, VersionChanged
from workflows.core.idempotency import Answer, Keyed, find_answer, store_answer
from workflows.core.payment_provider import PaymentProvider
from workflows.core.session_limits import DEFAULT_SESSION_LIMITS, SessionLimits
from workflows.core.transaction import Transaction
from workflows.core.transaction_mode import Mode, TransactionState
from workflows.languages.engine_texts import translate
from workflows.languages.texts import gettext, mark
from workflows.store.database import CommitUncertain, Database
from workflows.store.erasure_triggers import LOGGED_TEXT
from workflows.store.triggers import CLOSED_TEXT

log = structlog.get_logger()
T = TypeVar("T")
RETRIED_STATES = frozenset({"40001", "40P01"})
"""A serialization failure and a deadlock: the database asks for the transaction to be run again."""
ATTEMPTS = 5
LOST_ATTEMPTS = 2
"""How often a use case is begun whose connection is lost each time before the commit."""
LONGEST_PAUSE_SECONDS = 0.05
HAS_COMMITTED = ContextVar("has_committed", default=False)
"""Whether a use case was committed since this was last False: an error that follows does not undo it."""
SAME_KEY = mark(
    "Send the same again with the same key: it is done only once, and you get the first response."
)


class Desk:
    """Runs use cases: gives them the database, the clock, the settings and the rules."""

    def __init__(
        self,
        database: Database,
        clock: Clock | None = None,
        *,
        sandbox: bool = False,
        smtp_url: str | None = None,
        rules_folder: Path | None = None,
        base_url: str | None = None,
        session_limits: SessionLimits = DEFAULT_SESSION_LIMITS,
        webhook_hosts: frozenset[str] = frozenset(),
        payments: PaymentProvider | None = None,
    ) -> None:
        self.database = database
        self.smtp_url = smtp_url
        self.base_url = base_url
        self.session_limits = session_limits
        self.webhook_hosts = webhook_hosts
        self.payments = payments
        self.rules_folder = rules_folder
        self.clock = clock or SystemClock()
        self.sandbox = sandbox
        self.configs = ConfigStore(database)

    # -------------------------------------------------------------- time and config

    def now(self) -> datetime:
        """The desk's time, aware UTC: the sandbox clock's once that was set, else the machine's."""
        config = self.configs.cached
        if self.sandbox and config is not None and config.sandbox_now is not None:
            return config.sandbox_now
        return self.clock.now()

    @property
    def config(self) -> Config:
        return self.configs.current

    def refresh(self) -> Config:
        """Read settings and rules again if they have changed."""
        return self.configs.refresh()

    # -------------------------------------------------------------- transactions

    @contextmanager
    def read(self, actor: Actor = SYSTEM) -> Iterator[Transaction]:
        """A transaction for reading."""
        with self.database.read() as connection:
            config = self.configs.newest(connection)
            now = self.now()
            state = TransactionState(connection, Mode.READ_ONLY, self.database)
            yield Transaction(state, now, now, self.clock.now(), actor, config, self)

    @contextmanager
    def write_on_demand(self, actor: Actor, *, exclusive: bool = False) -> Iterator[Transaction]:
        """A transaction that reads without a lock until it calls `start_writing`.

        An `exclusive` one may write by a single statement instead: its use case is all that it writes.
        """
        with self.database.write_on_demand() as (connection, begin):
            config = self.configs.newest(connection)
            now = self.now()
            mode = Mode.EXCLUSIVE if exclusive else Mode.READ_FIRST
            state = TransactionState(connection, mode, self.database, begin)
            yield Transaction(state, now, now, self.clock.now(), actor, config, self)

    @contextmanager
    def write(
        self, actor: Actor = SYSTEM, *, at: datetime | None = None, job: str | None = None
    ) -> Iterator[Transaction]:
        """A writing transaction. `at` is the instant it acts at, where that is past: of imports and jobs."""
        with self.database.write() as connection:
            config = self.configs.newest(connection)
            now = self.now()
            state = TransactionState(connection, Mode.WRITING, self.database)
            yield Transaction(state, at or now, now, self.clock.now(), actor, config, self, job)

    def perform(
        self,
        actor: Actor,
        use_case: Callable[[Transaction], T],
        *,
        at: datetime | None = None,
        job: str | None = None,
        reads_first: bool = False,
        exclusive: bool = False,
        repeatable: bool = False,
    ) -> T:
        """Run one use case in one transaction, again where that was not committed.

        The use case may run several times, so it must not change anything outside its transaction, nor use
        up what it is given. `reads_first` is for a use case that calls `start_writing` before it writes;
        `exclusive` for such a use case when nothing else has to commit with it. Neither takes `at` or `job`.
        `repeatable` says that committing the use case twice does no more than once.

        Raises: OutcomeUnknown if the connection is lost during the commit; what the use case raises; a
        DBAPIError if the database cannot be used, with nothing saved.
        """
        lock_first: frozenset[str] = frozenset()
        for attempt in range(1, ATTEMPTS + 1):
            locks = ContractLocks(lock_first, runs_again=attempt < ATTEMPTS)
            try:
                if reads_first or exclusive:
                    with self.write_on_demand(actor, exclusive=exclusive) as tx:
                        tx.state.contract_locks = locks
                        result = use_case(tx)
                else:
                    with self.write(actor, at=at, job=job) as tx:
                        tx.state.contract_locks = locks
                        result = use_case(tx)
            except LockedOutOfOrder as error:
                lock_first |= error.contracts
            except DeskError as error:
                translate(error)
                raise
            except ChangedMeanwhile as error:
                if attempt == ATTEMPTS:
                    raise VersionChanged(
                        gettext("The record is being changed by others."),
                        remedy=gettext("Read it again, then try again."),
                    ) from error
            except CommitUncertain as error:
                if not repeatable or attempt >= LOST_ATTEMPTS:
                    raise outcome_unknown() from error
            except DBAPIError as error:
                if not _runs_again(error, attempt):
                    raise
                # it may have been refused because a period was closed since its configuration was read
                self.configs.refresh()
                if not error.connection_invalidated:
                    sleep(uniform(0, LONGEST_PAUSE_SECONDS * attempt))
            else:
                if not repeatable:
                    HAS_COMMITTED.set(True)
                return result
        raise AssertionError("unreachable")

    def answer(
        self,
        actor: Actor,
        use_case: Callable[[Transaction], T],
        render: Callable[[Transaction, T], Answer],
        keyed: Keyed | None = None,
        *,
        reads_first: bool = False,
        check_repeated: Callable[[Transaction, Answer], object] | None = None,
    ) -> Answer:
        """Run a use case and render its answer in the same transaction; a repeated key returns the first.

        The first answer is returned only while the actor may still do the same and, by `check_repeated`,
        see what the answer shows; otherwise the error is the one that the command itself would raise.

        Raises: IdempotencyKeyReused where the key was used with another body; NotAllowed, NotFound; as
        `perform`.
        """
        if keyed is None:
            return self.perform(actor, lambda tx: render(tx, use_case(tx)), reads_first=reads_first)
        first = find_answer(self.database, keyed, actor)
        if first is not None:
            self._must_be_allowed(actor, use_case, reads_first=reads_first)
            if check_repeated is not None:
                with self.read(actor) as tx:
                    check_repeated(tx, first)
            return first
        try:
            return self.perform(
                actor, lambda tx: store_answer(tx, keyed, render(tx, use_case(tx))), reads_first=reads_first
            )
        except (NotAllowed, NotFound):
            raise
        except OutcomeUnknown as error:
            first = self._answer_of_uncertain_commit(keyed, actor)
            if first is None:
                raise OutcomeUnknown(error.detail, remedy=gettext(SAME_KEY)) from error
            return first
        except (IntegrityError, DeskError):
            # a request with the same key may have committed while this one ran
            first = find_answer(self.database, keyed, actor)
            if first is None:
                raise
            return first

    def _must_be_allowed(
        self, actor: Actor, use_case: Callable[[Transaction], object], *, reads_first: bool
    ) -> None:
        """Run a use case that was done before, roll it back, and see whether its actor may still do it.

        So the rights are stated nowhere else. That it is done already is no reason to refuse.
        Raises: NotAllowed, NotFound.
        """

        def run(tx: Transaction) -> None:
            use_case(tx)
            raise _RolledBack

        try:
            self.perform(actor, run, reads_first=reads_first)
        except NotAllowed:
            raise
        except NotFound:
            # staff see every record: what they do not find any more, such as a deleted entry, is gone
            if not actor.is_staff:
                raise
        except (_RolledBack, DeskError, IntegrityError, ValueError):
            return

    def _answer_of_uncertain_commit(self, keyed: Keyed, actor: Actor) -> Answer | None:
        """The stored answer if the commit was carried out; None if that is still not known."""
        try:
            return find_answer(self.database, keyed, actor)
        except DBAPIError:
            return None


class _RolledBack(Exception):
    """Rolls a transaction back."""


def outcome_unknown() -> OutcomeUnknown:
    """The error of a call without a key that may have been saved."""
    return OutcomeUnknown(
        gettext(
            "The connection to the database was lost while this was being saved: it may have been saved."
        ),
        remedy=gettext("Check whether it was saved before you send it again."),
    )


def _runs_again(error: DBAPIError, attempt: int) -> bool:
    """Whether a use case that was not committed is run again after this error."""
    if error.connection_invalidated:
        return attempt < LOST_ATTEMPTS
    return attempt < ATTEMPTS and asks_for_retry(error)


def asks_for_retry(error: BaseException) -> bool:
    """Whether the database rolled a transaction back because of others at the same time."""
    original = getattr(error, "orig", None)
    text = str(original)
    return getattr(original, "sqlstate", None) in RETRIED_STATES or CLOSED_TEXT in text or LOGGED_TEXT in text
