"""The settings and the rule set of one configuration version, used unchanged for one call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import NamedTuple

import structlog
from sqlalchemy import Connection, func, select

from engine.rulebook import RuleSet, RuleSetRefused
from workflows.core.errors import NoRuleSet
from workflows.core.settings import Settings
from workflows.core.stored_rules import load_stored_rules
from workflows.store import tables as t
from workflows.store.compiled_statements import Prepared
from workflows.store.database import Database

log = structlog.get_logger()
_GENERATION = Prepared(select(t.deployment.c.generation))
CHARGING_SETTINGS = ("rounding", "time_zone", "time_expired_contract", "cascade", "currency", "contracts")
"""The settings that a work entry is charged by: those that held when it was worked."""
NEWEST_FOR_SECONDS = 0.5
"""How long a process uses its settings and rules without checking the database for newer ones."""


class Subscription(NamedTuple):
    """A webhook's endpoint that is enabled, and the types of events that it gets; None for all."""

    endpoint_id: str
    events: frozenset[str] | None

    def gets(self, event_type: str) -> bool:
        return self.events is None or event_type in self.events


@dataclass(frozen=True, slots=True)
class Config:
    """Settings and rules of one generation; a call uses one from start to end.

    `version` names the rule set in force. `rule_set` is None where there is none, or where this program
    cannot read it; `refused` says why. Nothing is decided then, and an administrator can publish another
    set. `closed_until` is the end of the last closed accounting period; None while none is closed.
    `shows_invoices`: invoices are on, or there are some from when they were.
    `subscriptions` are of webhooks: without one, an event costs nothing. `mail_texts` are the subjects and
    bodies that an administrator has written, by the key of the template. `charging_changed_at` is when a
    setting, the rule set or a role that work is charged by changed last; None if none ever did.
    """

    generation: int
    settings: Settings
    version: str | None
    rule_set: RuleSet | None
    refused: RuleSetRefused | None
    sandbox_now: datetime | None
    closed_until: datetime | None = None
    shows_invoices: bool = False
    charging_changed_at: datetime | None = None
    subscriptions: tuple[Subscription, ...] = ()
    mail_texts: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    @property
    def rules(self) -> RuleSet:
        """The rule set in force. Raises: NoRuleSet."""
        if self.refused is not None:
            raise NoRuleSet(
                f"The rule set in force cannot be read: {self.refused}",
                remedy="Publish one that can, or run the version of Coverdesk that published it.",
            )
        if self.rule_set is None:
            raise NoRuleSet(
                "No rule set is in force.", remedy="Publish one: coverdesk rules publish --note '...'."
            )
        return self.rule_set


class ConfigStore:
    """Reads settings and rules from the database, and caches them for the process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.newest_for_seconds = NEWEST_FOR_SECONDS
        self.cached: Config | None = None
        self._checked_at = 0.0
        self._lock = Lock()
        self._refreshing = Lock()

    @property
    def current(self) -> Config:
        return self.cached or self.refresh()

    def see_generation(self, generation: int | None) -> None:
        """Compare with the generation that a query has just read; reload where ours is another."""
        self._see(generation, monotonic())

    def refresh(self) -> Config:
        """Read settings and rules again if they have changed."""
        # one at a time: of two concurrent reads, the older must not be stored last
        with self._refreshing:
            asked_at = monotonic()
            self.cached = self.database.in_snapshot(lambda found: self.load(found, self.cached))
            self._checked_at = asked_at
            return self.cached

    def newest(self, connection: Connection) -> Config:
        """The settings and rules for a transaction that has just begun.

        The database is asked again where the last check is too long ago. So no process continues with old
        ones, neither after waiting for a lock nor in a job of many transactions.
        """
        asked_at = monotonic()
        if self.cached is None or asked_at - self._checked_at < self.newest_for_seconds:
            return self.current
        row = _GENERATION.first(connection, {})
        return self._see(row.generation if row is not None else None, asked_at)

    def _see(self, generation: int | None, asked_at: float) -> Config:
        config = self.cached
        if config is None or config.generation != (generation or 0):
            return self.refresh()
        self._checked_at = max(self._checked_at, asked_at)
        return config

    def load(self, connection: Connection, known: Config | None) -> Config:
        """The configuration as this connection sees it: `known`, unless its generation has changed."""
        row = connection.execute(select(t.deployment)).one_or_none()
        generation = row.generation if row is not None else 0
        if known is not None and known.generation == generation:
            return known
        stored = connection.execute(select(t.setting.c.key, t.setting.c.value)).all()
        settings = Settings.from_stored(dict(stored))
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
            closed_until=connection.execute(select(func.max(t.accounting_period.c.ends_at))).scalar(),
            # while they are off none is written, so this stays as it is until the settings change
            shows_invoices=settings.invoices or _has_invoice(connection),
            charging_changed_at=_charging_changed_at(connection),
            subscriptions=_subscriptions(connection),
            mail_texts=_mail_texts(connection),
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


def _has_invoice(connection: Connection) -> bool:
    return connection.execute(select(t.invoice.c.id).limit(1)).first() is not None


def _charging_changed_at(connection: Connection) -> datetime | None:
    setting, published, role = t.setting_change.c, t.rule_publication.c, t.user_role_change.c
    last = (
        select(func.max(setting.changed_at)).where(setting.key.in_(CHARGING_SETTINGS)),
        select(func.max(func.coalesce(published.in_force_since, published.published_at))),
        select(func.max(role.changed_at)),
    )
    found = [connection.execute(one).scalar() for one in last]
    return max((at for at in found if at is not None), default=None)


def _subscriptions(connection: Connection) -> tuple[Subscription, ...]:
    e = t.webhook_endpoint.c
    enabled = select(e.id, e.events).where(e.disabled_at.is_(None), e.deleted_at.is_(None)).order_by(e.id)
    return tuple(
        Subscription(row.id, frozenset(row.events) if row.events is not None else None)
        for row in connection.execute(enabled)
    )


def _mail_texts(connection: Connection) -> Mapping[tuple[str, str], tuple[str, str]]:
    m = t.mail_template.c
    changed = select(m.key, m.language, m.subject, m.body).where(m.subject.is_not(None))
    return {(row.key, row.language): (row.subject, row.body) for row in connection.execute(changed)}
