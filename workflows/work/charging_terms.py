"""What a work entry is charged by: what held for its technician when it was recorded, stored with it.

A later change of the entry uses the same terms: it does not depend on today's settings, rules and coverage,
nor on the role of the person who makes it.
Source: product.md section 7 (Which contract covered it then).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select

from engine.contracts import TimeExpired
from engine.periods import first_instant_of, zone_named
from engine.quantities import Minutes, Rounding
from engine.rulebook import RuleSet
from workflows.core.transaction import Transaction
from workflows.coverage.work_coverage import NOT_SEARCHED, coverage_at
from workflows.lifecycle.contracts.payers import rule_set_of
from workflows.store import tables as t


@dataclass(frozen=True, slots=True)
class ChargingTerms:
    """The terms of one work entry.

    `draws` is whether its minutes are allocated at all: not while contracts are off, nor before the first
    coverage search of a request that was opened before contracts. `contract` is the id of the contract that
    covered the request at the instant worked. `before_minutes` were worked earlier on the same request and
    day, where these are rounded together. `rule_set` is a version.
    """

    role: str
    priority: str
    channel: str | None
    rule_set: str
    rounding: Rounding
    before_minutes: Minutes
    time_zone: str
    time_expired: TimeExpired
    cascade: bool
    draws: bool
    contract: str | None

    def stored(self) -> dict[str, Any]:
        """The terms as they are stored with an entry."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        rounding = {name: getattr(self.rounding, name) for name in self.rounding.__slots__}
        return fields | {"rounding": rounding}


def stored_terms(fields: Mapping[str, Any]) -> ChargingTerms:
    """The terms that `ChargingTerms.stored` returned."""
    return ChargingTerms(**{**fields, "rounding": Rounding(**fields["rounding"])})


def new_terms(
    tx: Transaction, request: Row[Any], worked_at: datetime, role: str, *, without: str | None = None
) -> ChargingTerms:
    """What holds now for work of someone with this role, by the coverage at the instant worked (aware UTC).

    `without` is the id of an entry that is not counted as worked before. Raises: NoRuleSet.
    """
    settings = tx.settings
    rounding = Rounding(**settings.rounding.model_dump())
    cover = coverage_at(tx, request, worked_at) if settings.contracts else NOT_SEARCHED
    return ChargingTerms(
        role=role,
        priority=request.priority,
        channel=request.channel,
        rule_set=tx.rules.version,
        rounding=rounding,
        before_minutes=_worked_before(tx, request.id, worked_at, rounding, settings.time_zone, without),
        time_zone=settings.time_zone,
        time_expired=settings.time_expired_contract or "ignore",
        cascade=settings.cascade,
        draws=cover.searched,
        contract=cover.contract,
    )


def terms_of(tx: Transaction, entry: Row[Any], request: Row[Any]) -> ChargingTerms:
    """What an entry was charged by.

    For an entry of an older program, which stored no terms: what holds now for its technician, by the
    coverage at the instant worked.
    """
    if entry.charged_by is not None:
        return stored_terms(entry.charged_by)
    account = t.user_account
    role = select(account.c.role).where(account.c.id == entry.technician_id)
    return new_terms(
        tx, request, entry.started_at, tx.connection.execute(role).scalar_one(), without=entry.id
    )


def moved_terms(
    tx: Transaction, request: Row[Any], terms: ChargingTerms, worked_at: datetime, entry_id: str
) -> ChargingTerms:
    """The terms of an entry whose instant worked changes: another contract may have covered it then."""
    cover = coverage_at(tx, request, worked_at) if terms.draws or tx.settings.contracts else NOT_SEARCHED
    before = _worked_before(tx, request.id, worked_at, terms.rounding, terms.time_zone, entry_id)
    return replace(terms, before_minutes=before, draws=cover.searched, contract=cover.contract)


def rules_of(tx: Transaction, terms: ChargingTerms) -> RuleSet:
    """The rule set of the terms. Raises: NoRuleSet; RuleSetRefused if it can no longer be read."""
    return rule_set_of(tx, terms.rule_set)


def _worked_before(
    tx: Transaction,
    service_request_id: str,
    worked_at: datetime,
    rounding: Rounding,
    time_zone: str,
    without: str | None,
) -> Minutes:
    """Billable minutes worked on the request on the same local day, where these are rounded together.

    Those of the entry `without` are not counted.
    """
    if rounding.scope != "service_request_day":
        return 0
    e = t.work_entry
    zone = zone_named(time_zone)
    day = worked_at.astimezone(zone).date()
    total = select(func.coalesce(func.sum(e.c.worked_minutes), 0)).where(
        e.c.service_request_id == service_request_id,
        e.c.started_at >= first_instant_of(day, zone),
        e.c.started_at < first_instant_of(day + timedelta(days=1), zone),
        e.c.deleted_at.is_(None),
        e.c.billable,
    )
    if without is not None:
        total = total.where(e.c.id != without)
    return int(tx.connection.execute(total).scalar_one())
