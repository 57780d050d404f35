"""What a work entry is charged by: what held for its technician at the instant worked, stored with it.

A later change of the entry uses the same terms: it does not depend on today's settings, rules and coverage,
nor on the role of the person who makes it.
Source: product.md section 7 (Which contract covered it then).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Row, select

from engine.contracts import Draws, TimeExpired
from engine.quantities import Minutes, Rounding
from engine.rulebook import STANDARD_CARD, RuleSet
from workflows.charging.coverage_at import NOT_SEARCHED, CoverageAt, coverage_at
from workflows.charging.held_terms import (
    DeskTerms,
    contracts_held,
    held_since,
    role_held,
    rules_held,
    terms_held,
    terms_today,
)
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.payers import rule_set_of
from workflows.lifecycle.service_requests.facts import ChargedFacts, charged_facts, charged_facts_at
from workflows.store import tables as t
from workflows.views.service_requests import ChangedSince


@dataclass(frozen=True, slots=True)
class ChargingTerms:
    """The terms of one work entry.

    `draws` is whether its minutes are allocated at all: not while contracts are off, nor before the first
    coverage search of a request that was opened before contracts. `contract` is the id of the contract that
    covered the request at the instant worked. `before_minutes` were worked earlier on the same request, or on
    the same request and day, where these are rounded together. `rule_set` is a version. `item_type` is that
    of the request's item, where a rule asks for it; `rate_card` is the name of a card of the rule set, and
    `currency` that of the desk, or of a contract that pays in money: `in_money`, each part of the work then
    needs a rate. `passes_on`: a rule excludes a part of the work, and the next contract pays.
    `passes_over`: where the covering contract excludes the work, those that cascade takes pay for it; with
    cascade on, but in entries of older programs nobody does.
    `parties` are the ids of the customer, item and org unit whose contracts come next, where some may pay;
    None in entries of older programs, which follow those of the request.
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
    item_type: str | None = None
    rate_card: str | None = None
    currency: str | None = None
    passes_on: bool = False
    in_money: bool = False
    parties: Mapping[str, str | None] | None = None
    passes_over: bool = False

    def stored(self) -> dict[str, Any]:
        """The terms as they are stored with an entry."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        rounding = {name: getattr(self.rounding, name) for name in self.rounding.__slots__}
        return fields | {"rounding": rounding}


def stored_terms(fields: Mapping[str, Any]) -> ChargingTerms:
    """The terms that `ChargingTerms.stored` returned."""
    return ChargingTerms(**{**fields, "rounding": Rounding(**fields["rounding"])})


def new_terms(tx: Transaction, request: Row[Any], worked_at: datetime) -> ChargingTerms:
    """What held for work of the actor at the instant worked (aware UTC), by the coverage then.

    The rounding and the rate card are those of the desk, and nothing is rounded together yet: see
    `contract_terms` and `workflows.charging.rounding`. Whether the work passes on to the next contract is
    known once it is charged; until then, it does if any rule says so. Raises: NoRuleSet; RuleSetRefused.
    """
    role = role_held(tx, tx.actor.id, tx.actor.role, worked_at)
    return _terms_held(tx, request, worked_at, role)


def _terms_held(tx: Transaction, request: Row[Any], worked_at: datetime, role: str) -> ChargingTerms:
    """What held at the instant worked, for work of somebody in this role."""
    facts, desk = charged_facts_at(tx, request, worked_at), terms_held(tx, worked_at)
    draws = tx.draws and contracts_held(tx, max(worked_at, request.opened_at))
    return _terms_by(tx, request, worked_at, role, desk, facts, draws=draws)


def _terms_by(
    tx: Transaction,
    request: Row[Any],
    worked_at: datetime,
    role: str,
    desk: DeskTerms,
    facts: ChargedFacts,
    *,
    draws: bool,
) -> ChargingTerms:
    cover = coverage_at(tx, request, worked_at) if draws else NOT_SEARCHED
    return ChargingTerms(
        role=role,
        priority=facts.priority,
        channel=request.channel,
        before_minutes=0,
        draws=cover.searched,
        contract=cover.contract,
        **_of_desk(tx, desk, facts),
    )


def _of_desk(tx: Transaction, desk: DeskTerms, facts: ChargedFacts) -> dict[str, Any]:
    """The fields of terms that the desk and its rules decide, for a request with these facts."""
    rules = rules_held(tx, desk)
    return {
        "rule_set": desk.version,
        "rounding": desk.rounding,
        "time_zone": desk.time_zone,
        "time_expired": desk.time_expired,
        "cascade": desk.cascade,
        "item_type": _item_type(tx, facts.item_id, rules),
        "rate_card": STANDARD_CARD,
        "currency": desk.currency,
        "passes_on": rules.charging.passes_on,
        "passes_over": desk.cascade,
        "parties": facts.parties if desk.cascade or rules.charging.passes_on else None,
    }


def terms_of(tx: Transaction, entry: Row[Any], request: Row[Any]) -> ChargingTerms:
    """What an entry was charged by.

    For an entry of an older program, which stored no terms: what held for its technician at the instant
    worked.
    """
    if entry.charged_by is not None:
        return stored_terms(entry.charged_by)
    role, at = _role_of(tx, entry.technician_id, entry.started_at), entry.started_at
    return with_own_terms(tx, _terms_held(tx, request, at, role))


def todays_terms(tx: Transaction, request: Row[Any], entry: Row[Any], worked_at: datetime) -> ChargingTerms:
    """What holds today for work of the one who did it, by the coverage of a request at the instant worked."""
    role = terms_of(tx, entry, request).role
    desk, facts, draws = terms_today(tx), charged_facts(request), tx.settings.contracts
    return with_own_terms(tx, _terms_by(tx, request, worked_at, role, desk, facts, draws=draws))


def changed_since(tx: Transaction, terms: ChargingTerms, worked_at: datetime) -> list[ChangedSince]:
    """What work of an instant (aware UTC) is charged by as it was then, where the desk's is another today."""
    if held_since(tx, worked_at):
        return []
    then, today = terms_held(tx, worked_at), terms_today(tx)
    compared: tuple[tuple[ChangedSince, object, object, object], ...] = (
        ("rules", terms.rule_set, then.version, today.version),
        ("rounding", terms.rounding, then.rounding, today.rounding),
        ("time_zone", terms.time_zone, then.time_zone, today.time_zone),
        ("cascade", terms.cascade, then.cascade, today.cascade),
    )
    return [name for name, used, held, now in compared if used == held != now]


def _role_of(tx: Transaction, technician_id: str, worked_at: datetime) -> str:
    account = t.user_account
    role = tx.connection.execute(select(account.c.role).where(account.c.id == technician_id)).scalar_one()
    return role_held(tx, technician_id, role, worked_at)


def with_own_terms(tx: Transaction, terms: ChargingTerms) -> ChargingTerms:
    """The terms with those that the covering contract has of its own, which is read."""
    return contract_terms(terms, _own_terms(tx, terms.contract))


class OwnTerms(Protocol):
    """What a contract says of charging; None where that of the desk holds."""

    rounding: Rounding | None
    rate_card: str | None
    draws: Draws
    currency: str | None


def contract_terms(terms: ChargingTerms, contract: OwnTerms | None) -> ChargingTerms:
    """The terms with those of the covering contract, where it has its own."""
    if contract is None:
        return terms
    if contract.draws == "money":
        terms = replace(terms, in_money=True, currency=contract.currency)
    elif contract.rounding is None and contract.rate_card is None:
        return terms
    return replace(
        terms,
        rounding=contract.rounding or terms.rounding,
        rate_card=contract.rate_card or terms.rate_card,
    )


def moved_terms(
    tx: Transaction, request: Row[Any], entry: Row[Any], terms: ChargingTerms, worked_at: datetime
) -> ChargingTerms:
    """The terms of an entry whose instant worked changes: it is charged by what held then, and covered by
    another contract if that one covered the request then. Raises: NoRuleSet; RuleSetRefused.
    """
    draws = terms.draws
    if worked_at != entry.started_at:
        terms, draws = _as_held(tx, request, entry, terms, worked_at), False
    searched = draws or contracts_held(tx, max(worked_at, request.opened_at))
    cover = coverage_at(tx, request, worked_at) if searched else NOT_SEARCHED
    return terms_under(tx, terms, cover, worked_at)


def _as_held(
    tx: Transaction, request: Row[Any], entry: Row[Any], terms: ChargingTerms, worked_at: datetime
) -> ChargingTerms:
    """The terms of an entry with what held at another instant, where that differs from its own."""
    at = entry.started_at
    facts = charged_facts_at(tx, request, worked_at)
    if facts != charged_facts_at(tx, request, at):
        item_type = _item_type(tx, facts.item_id, rules_of(tx, terms))
        terms = replace(terms, priority=facts.priority, item_type=item_type, parties=_moved(terms, facts))
    if held_since(tx, min(worked_at, at)):
        return terms
    desk, role = terms_held(tx, worked_at), _role_of(tx, entry.technician_id, worked_at)
    if (desk, role) == (terms_held(tx, at), _role_of(tx, entry.technician_id, at)):
        return terms
    held = replace(terms, role=role, in_money=False, **_of_desk(tx, desk, facts))
    return with_own_terms(tx, held)


def _moved(terms: ChargingTerms, facts: ChargedFacts) -> Mapping[str, str | None] | None:
    """The parties of terms that move to other facts."""
    return facts.parties if terms.cascade or terms.passes_on else terms.parties


def terms_on(
    tx: Transaction, request: Row[Any], entry: Row[Any], terms: ChargingTerms, worked_at: datetime
) -> ChargingTerms:
    """The terms of an entry that moves to this request, at the instant at which it was worked (aware UTC).

    Role, rules and settings are those of that instant; priority, channel and item type are those of the
    request then, and the contract is the one that covered it then. Raises: NoRuleSet; RuleSetRefused.
    """
    facts = charged_facts_at(tx, request, worked_at)
    terms = replace(
        terms,
        priority=facts.priority,
        channel=request.channel,
        item_type=_item_type(tx, facts.item_id, rules_of(tx, terms)),
        parties=_moved(terms, facts),
    )
    return moved_terms(tx, request, entry, terms, worked_at)


def terms_under(
    tx: Transaction, terms: ChargingTerms, cover: CoverageAt, worked_at: datetime
) -> ChargingTerms:
    """The terms of an entry that this coverage pays for.

    If it is another contract, what that one says of charging holds in place of what the other one said.
    """
    if cover.contract != terms.contract:
        before = _own_terms(tx, terms.contract)
        if before is not None and before.rounding is not None:
            terms = replace(terms, rounding=terms_held(tx, worked_at).rounding)
        if before is not None and before.rate_card is not None:
            terms = replace(terms, rate_card=STANDARD_CARD)
        if terms.in_money:
            terms = replace(terms, in_money=False, currency=terms_held(tx, worked_at).currency)
        terms = contract_terms(terms, _own_terms(tx, cover.contract))
    return replace(terms, draws=cover.searched, contract=cover.contract)


@dataclass(slots=True)
class _Own:
    rounding: Rounding | None
    rate_card: str | None
    draws: Draws
    currency: str | None


def _own_terms(tx: Transaction, contract_id: str | None) -> OwnTerms | None:
    """What a contract says of charging; None without a contract."""
    if contract_id is None:
        return None
    c = t.contract
    row = tx.connection.execute(
        select(c.c.rounding, c.c.rate_card, c.c.draws, c.c.currency).where(c.c.id == contract_id)
    ).one()
    return _Own(Rounding(**row.rounding) if row.rounding else None, row.rate_card, row.draws, row.currency)


def _item_type(tx: Transaction, item_id: str | None, rules: RuleSet) -> str | None:
    """The type of an item (by id), if a charging or rate rule asks for it."""
    return item_type_of(tx, item_id) if "item_type" in rules.charging_variables else None


def item_type_of(tx: Transaction, item_id: str | None) -> str | None:
    """The type of an item (by id) today; None without an item."""
    if item_id is None:
        return None
    i = t.item
    found: str | None = tx.connection.execute(select(i.c.item_type).where(i.c.id == item_id)).scalar()
    return found


def rules_of(tx: Transaction, terms: ChargingTerms) -> RuleSet:
    """The rule set of the terms. Raises: NoRuleSet; RuleSetRefused if it can no longer be read."""
    return rule_set_of(tx, terms.rule_set)
