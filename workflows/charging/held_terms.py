"""What the desk and a technician charged by as of an instant: settings, rule set and role.

What work is charged by is what held when it was worked, however late it is recorded: so any order in which
entries, settings and rules arrive ends in the same charges. Source: product.md section 7 (Which contract
covered it then).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from engine.contracts import TimeExpired
from engine.quantities import Rounding
from engine.rulebook import RuleSet
from workflows.commands.rounding import RoundingTerms
from workflows.core.actors import DESK, Role
from workflows.core.config import CHARGING_SETTINGS
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.payers import rule_set_of
from workflows.store import tables as t


@dataclass(frozen=True, slots=True)
class DeskTerms:
    """What the desk charges work by, where a contract says nothing of its own.

    `version` is that of the rule set.
    """

    version: str
    rounding: Rounding
    time_zone: str
    time_expired: TimeExpired
    cascade: bool
    currency: str


def held_since(tx: Transaction, worked_at: datetime) -> bool:
    """Whether nothing of what work is charged by has changed since an instant (aware UTC)."""
    changed_at = tx.config.charging_changed_at
    return changed_at is None or worked_at >= changed_at


def terms_today(tx: Transaction) -> DeskTerms:
    """What the desk charges by now. Raises: NoRuleSet."""
    settings = tx.settings
    return DeskTerms(
        version=tx.rules.version,
        rounding=settings.rounding.value,
        time_zone=settings.time_zone,
        time_expired=settings.time_expired_contract or "ignore",
        cascade=settings.cascade,
        currency=settings.currency,
    )


def terms_held(tx: Transaction, worked_at: datetime) -> DeskTerms:
    """What the desk charged by at the instant worked (aware UTC). Raises: NoRuleSet.

    For work from before the first entry was recorded it is what held then: the desk was being set up. The
    same is true of rules: before the first publication, its rule set counts.
    """
    today = terms_today(tx)
    if held_since(tx, worked_at):
        return today
    at = max(worked_at, _first_recorded(tx))
    settings = _settings_before_changes(tx, at)
    rounding = settings.get("rounding")
    return DeskTerms(
        version=_version_held(tx, at) or today.version,
        rounding=RoundingTerms.model_validate(rounding).value if rounding is not None else today.rounding,
        time_zone=settings.get("time_zone", today.time_zone),
        time_expired=settings.get("time_expired_contract", today.time_expired) or "ignore",
        cascade=settings.get("cascade", today.cascade),
        currency=settings.get("currency", today.currency),
    )


@dataclass(frozen=True, slots=True)
class OverageRates:
    """The settings' price of an hour over time, in minor units of the desk's currency; None for none.

    `changes` are the instants at which it changed (aware UTC), in order, each with the price before.
    """

    today: int | None
    changes: tuple[tuple[datetime, int | None], ...]

    def at(self, worked_at: datetime) -> int | None:
        """The price that held at an instant (aware UTC)."""
        return next((before for changed_at, before in self.changes if changed_at > worked_at), self.today)


def overage_rates(tx: Transaction) -> OverageRates:
    """The settings' price of an hour, as far as it has changed since the first entry was recorded."""
    c = t.setting_change.c
    changes = tx.connection.execute(
        select(c.changed_at, c.old_value)
        .where(c.key == "default_overage_rate_minor", c.changed_at <= tx.recorded_at)
        .order_by(c.changed_at, c.id)
    ).all()
    first = _first_recorded(tx) if changes else tx.recorded_at
    later = tuple((row.changed_at, row.old_value) for row in changes if row.changed_at > first)
    return OverageRates(tx.settings.default_overage_rate_minor, later)


def contracts_held(tx: Transaction, at: datetime) -> bool:
    """Whether contracts were on at an instant (aware UTC), or at the first entry if that came later."""
    if held_since(tx, at):
        return tx.settings.contracts
    found = _settings_before_changes(tx, max(at, _first_recorded(tx)))
    return bool(found.get("contracts", tx.settings.contracts))


def rules_held(tx: Transaction, terms: DeskTerms) -> RuleSet:
    """The rule set of these terms. Raises: NoRuleSet; RuleSetRefused if it can no longer be read."""
    return rule_set_of(tx, terms.version)


def role_held(tx: Transaction, user_id: str | None, role: Role, worked_at: datetime) -> Role:
    """The role that a member of staff, who has `role` now, had at the instant worked (aware UTC).

    One who was no member of staff then is charged by the role of now.
    """
    if user_id is None or held_since(tx, worked_at):
        return role
    r = t.user_role_change.c
    later = r.changed_at > max(worked_at, _first_recorded(tx)), r.changed_at <= tx.recorded_at
    earliest = select(r.old_role).where(r.user_id == user_id, *later).order_by(r.changed_at, r.id).limit(1)
    before: Role | None = tx.connection.execute(earliest).scalar()
    return before if before in DESK else role


def _first_recorded(tx: Transaction) -> datetime:
    """When the first work entry was recorded; now where there is none."""
    e = t.work_entry.c
    first: datetime | None = tx.connection.execute(select(e.created_at).order_by(e.id).limit(1)).scalar()
    return first if first is not None else tx.recorded_at


def _settings_before_changes(tx: Transaction, at: datetime) -> dict[str, Any]:
    """The settings that changed after an instant and until now, as they were at that instant.

    A change that seems to lie ahead, because the clock was set back, counts as older than everything.
    """
    c = t.setting_change.c
    changes = (
        select(c.key, c.old_value)
        .where(c.key.in_(CHARGING_SETTINGS), c.changed_at > at, c.changed_at <= tx.recorded_at)
        .order_by(c.changed_at.desc(), c.id.desc())
    )
    return {row.key: row.old_value for row in tx.connection.execute(changes)}


def _version_held(tx: Transaction, at: datetime) -> str | None:
    """The version of the rule set in force at an instant; None for that of now."""
    p = t.rule_publication.c
    since = func.coalesce(p.in_force_since, p.published_at)
    later = select(p.id).where(since > at, since <= tx.recorded_at).limit(1)
    if tx.connection.execute(later).first() is None:
        return None
    held = select(p.version).where(since <= at).order_by(since.desc(), p.id.desc()).limit(1)
    first = select(p.version).where(since > at).order_by(since, p.id).limit(1)
    version: str | None = tx.connection.execute(held).scalar() or tx.connection.execute(first).scalar()
    return version
