"""The desk: who acts, at what instant, in which transaction, under which settings and rules.

A use case is a function that takes a `Transaction` first and does its whole work in it. `Desk.perform`
runs one: it opens the transaction, keeps the answer under the caller's idempotency key, and commits all
of it together. Settings and rules come from a `Config` that is used unchanged for one call.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Protocol, TypeVar

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from engine.errors import DeskError
from engine.rulebook import RuleSet, RuleSetRefused
from workflows.errors import IdempotencyKeyReused
from workflows.settings import Settings
from workflows.store import tables as t
from workflows.store.prepared import Prepared
from workflows.store.session import Database
from workflows.stored_rules import load_stored_rules
from workflows.transaction import SYSTEM, Actor, Config, Transaction

log = structlog.get_logger()
T = TypeVar("T")
RETRIED_STATES = frozenset({"40001", "40P01"})
_GENERATION = Prepared(select(t.deployment.c.generation))
ATTEMPTS = 5
NEWEST_FOR_SECONDS = 0.5
"""How long a process takes its settings and rules for the newest without asking again."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The instant it is, aware UTC."""
        ...


class SystemClock:
    """The real clock. Only entry points build one."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 -- the one place that reads it


@dataclass(frozen=True, slots=True)
class Keyed:
    """A command's idempotency key: the user's `key` for `request` (method and path) with this `body`."""

    user: str
    key: str
    request: str
    body: bytes

    @property
    def body_hash(self) -> str:
        return hashlib.sha256(self.request.encode() + b"\0" + self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answers: a status and its rendered body. `replayed` tells of a repeated key."""

    status: int
    body: str
    replayed: bool = False


class Desk:
    """The use cases' way to the database, the clock, the settings and the rules."""

    def __init__(
        self,
        database: Database,
        clock: Clock | None = None,
        *,
        sandbox: bool = False,
        smtp_url: str | None = None,
        rules_folder: Path | None = None,
    ) -> None:
        self.database = database
        self.smtp_url = smtp_url
        self.rules_folder = rules_folder
        self.clock = clock or SystemClock()
        self.sandbox = sandbox
        self._config: Config | None = None
        self._checked_at = 0.0
        self._lock = Lock()
        self._refreshing = Lock()

    # -------------------------------------------------------------- time and config

    def now(self) -> datetime:
        """The instant it is for the desk: the sandbox clock's, once that was set."""
        config = self._config
        if self.sandbox and config is not None and config.sandbox_now is not None:
            return config.sandbox_now
        return self.clock.now()

    @property
    def config(self) -> Config:
        return self._config or self.refresh()

    def see_generation(self, generation: int | None) -> None:
        """Take note of the generation that a query just read; reloads when ours is another."""
        self._see(generation, monotonic())

    def refresh(self) -> Config:
        """Read settings and rules again if they have changed."""
        # one at a time: of two readings at once, the older must not be stored last
        with self._refreshing:
            asked_at = monotonic()
            with self.database.snapshot() as connection:
                self._config = self.load_config(connection, self._config)
            self._checked_at = asked_at
            return self._config

    def newest_config(self, connection: Connection) -> Config:
        """The settings and rules for a transaction that has just begun.

        They are asked for again where the last time is too long ago, so that no process goes on with old
        ones: not one that waited for a lock, and not a job of many transactions.
        """
        asked_at = monotonic()
        if self._config is None or asked_at - self._checked_at < NEWEST_FOR_SECONDS:
            return self.config
        row = _GENERATION.first(connection, {})
        return self._see(row.generation if row is not None else None, asked_at)

    def _see(self, generation: int | None, asked_at: float) -> Config:
        config = self._config
        if config is None or config.generation != (generation or 0):
            return self.refresh()
        self._checked_at = max(self._checked_at, asked_at)
        return config

    def load_config(self, connection: Connection, known: Config | None) -> Config:
        row = connection.execute(select(t.deployment)).one_or_none()
        generation = row.generation if row is not None else 0
        if known is not None and known.generation == generation:
            return known
        stored = connection.execute(select(t.setting.c.key, t.setting.c.value)).all()
        settings = Settings().merged(dict(stored))
        version = row.rule_set if row is not None else None
        refused = None
        try:
            rule_set = self._load_rules(connection, version, known)
        except RuleSetRefused as error:
            log.error("rules: the set in force cannot be read", version=version, reason=str(error))
            rule_set, refused = None, error
        return Config(
            generation=generation,
            settings=settings,
            version=version,
            refused=refused,
            rule_set=rule_set.run_by(settings.rules_engine) if rule_set is not None else None,
            sandbox_now=row.sandbox_now if row is not None else None,
        )

    def _load_rules(
        self, connection: Connection, version: str | None, known: Config | None
    ) -> RuleSet | None:
        if version is None:
            return None
        if known is not None and known.rule_set is not None and known.rule_set.version == version:
            return known.rule_set
        with self._lock:
            files = connection.execute(
                select(t.rule_set.c.files).where(t.rule_set.c.version == version)
            ).scalar_one()
            return load_stored_rules(version, files)

    # -------------------------------------------------------------- transactions

    @contextmanager
    def read(self, actor: Actor = SYSTEM) -> Iterator[Transaction]:
        """A transaction for reading."""
        with self.database.read() as connection:
            config = self.newest_config(connection)
            now = self.now()
            yield Transaction(connection, now, now, self.clock.now(), actor, config, self)

    @contextmanager
    def write_later(self, actor: Actor, *, alone: bool = False) -> Iterator[Transaction]:
        """A transaction that reads without a lock until it calls `start_writing`."""
        with self.database.write_later() as (connection, begin):
            config = self.newest_config(connection)
            now = self.now()
            yield Transaction(
                connection, now, now, self.clock.now(), actor, config, self, begin=begin, alone=alone
            )

    @contextmanager
    def write(
        self, actor: Actor = SYSTEM, *, at: datetime | None = None, job: str | None = None
    ) -> Iterator[Transaction]:
        """A writing transaction. `at` is for those who tell history: imports, and jobs when due."""
        with self.database.write() as connection:
            config = self.newest_config(connection)
            now = self.now()
            yield Transaction(
                connection, at or now, now, self.clock.now(), actor, config, self, job, writes=True
            )

    def perform(
        self,
        actor: Actor,
        use_case: Callable[[Transaction], T],
        *,
        at: datetime | None = None,
        job: str | None = None,
        reads_first: bool = False,
        alone: bool = False,
    ) -> T:
        """Run one use case in one transaction, again where the database asked for a retry.

        `reads_first` is for a use case that calls `start_writing` before it writes; `alone` for one of these
        beside which nothing is written.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if reads_first:
                    with self.write_later(actor, alone=alone) as tx:
                        return use_case(tx)
                with self.write(actor, at=at, job=job) as tx:
                    return use_case(tx)
            except DBAPIError as error:
                if attempt == ATTEMPTS or getattr(error.orig, "sqlstate", None) not in RETRIED_STATES:
                    raise
        raise AssertionError("unreachable")

    def answer(
        self,
        actor: Actor,
        use_case: Callable[[Transaction], T],
        render: Callable[[Transaction, T], Answer],
        keyed: Keyed | None = None,
        *,
        reads_first: bool = False,
    ) -> Answer:
        """Run a use case and render its answer in the same transaction; a repeated key gets the first answer.

        Raises: IdempotencyKeyReused when the key came with another body before.
        """
        if keyed is None:
            return self.perform(actor, lambda tx: render(tx, use_case(tx)), reads_first=reads_first)
        first = self.first_answer(keyed)
        if first is not None:
            return first
        try:
            return self.perform(
                actor, lambda tx: _keep(tx, keyed, render(tx, use_case(tx))), reads_first=reads_first
            )
        except (IntegrityError, DeskError):
            # a request with the same key may have committed while this one ran
            first = self.first_answer(keyed)
            if first is None:
                raise
            return first

    def first_answer(self, keyed: Keyed) -> Answer | None:
        """What a repeated key was answered at first. Raises: IdempotencyKeyReused for another body."""
        keys = t.idempotency_key
        with self.database.look() as connection:
            row = connection.execute(
                select(keys).where(keys.c.user_id == keyed.user, keys.c.key == keyed.key)
            ).one_or_none()
        if row is None:
            return None
        if row.body_hash != keyed.body_hash:
            raise IdempotencyKeyReused(
                f"The idempotency key {keyed.key!r} was used before for {row.request} with another body.",
                remedy="Send a new key for a new command, or the same body to get the first answer again.",
            )
        return Answer(row.status, row.answer, replayed=True)


def _keep(tx: Transaction, keyed: Keyed, answer: Answer) -> Answer:
    tx.add(
        t.idempotency_key,
        user_id=keyed.user,
        key=keyed.key,
        request=keyed.request,
        body_hash=keyed.body_hash,
        status=answer.status,
        answer=answer.body,
        kept_at=tx.real_now,
    )
    return answer
