"""Contracts as payers of work: the engine's value, and who comes next where one runs out (cascade).

Which contracts cascade takes depends on dates, terms, holders and rules alone, as of the instant worked. What
they had left decides only how much they pay. Source: product.md section 7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import and_, null, select

from engine.amendments import Amendment
from engine.contracts import METERED, Contract, Draws, Holder, Limits, Window, is_within
from engine.coverage import CandidateContract, find_coverage
from engine.facts import RequestFacts
from engine.payers import BEGINNING, Payer
from engine.quantities import MAX_AMOUNT_MINOR, MAX_MINUTES
from engine.rulebook import RuleSet
from workflows.core.stored_rules import load_stored_rules
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.amendments import amendments_of, row_as_of
from workflows.lifecycle.contracts.grants import StoredGrant
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.service_requests.facts import facts_of
from workflows.lifecycle.service_requests.holders import holders_with_distance
from workflows.store import tables as t
from workflows.store.compiled_statements import Prepared

CASCADE_DEPTH = 100
"""How many contracts one entry may go through, those that are used up included."""
NOTHING: Mapping[str, int] = MappingProxyType({})
PLENTY = Limits(MAX_MINUTES, MAX_MINUTES, 0, MAX_AMOUNT_MINOR)


def payer_value(
    contract: Contract,
    draws: Draws,
    grants: Sequence[StoredGrant],
    *,
    by_month: bool = False,
    past_holders: tuple[tuple[datetime, Holder], ...] = (),
    given_back: Mapping[str, int] = NOTHING,
) -> Payer:
    """A contract as a payer. What expired unused can still pay for work from before its end.

    `given_back`: what its grants have more, by id, once the work that is planned again gives it back.

    Its dates are those in force now, which are right for every instant: an amendment moves the end to after
    the instant from which it holds.
    """
    window = contract.window
    if contract.holder.kind == "service_request":
        window = Window(datetime.min.replace(tzinfo=UTC), window.until)
    drawable = (
        tuple(one.drawable(given_back.get(one.grant.id, 0)) for one in grants) if draws in METERED else ()
    )
    return Payer(
        contract.id,
        contract.holder,
        window,
        draws,
        drawable,
        valid_from=valid_from(contract),
        recorded_at=contract.created_at,
        by_month=by_month,
        term=Window(window.start, contract.expires_at),
        past_holders=past_holders,
    )


def valid_from(contract: Contract) -> datetime | None:
    """The instant (aware UTC) at which a contract becomes valid by its dates; None if it never does.

    It cannot have been valid before it was sold, even where its period begins earlier.
    """
    if contract.enabled_at is None or (contract.payment_due and contract.paid_at is None):
        return None
    instants = [contract.created_at, contract.starts_at, contract.enabled_at]
    if contract.payment_due and contract.paid_at is not None:
        instants.append(contract.paid_at)
    at = max(instants)
    return at if contract.window.contains(at) else None


def is_excluded(contract: Contract, role: str, work_type: str | None) -> bool:
    """Whether a covering contract excludes work by its type or by the role of who did it."""
    return exclusion_of_work(contract, role, work_type) is not None


def exclusion_of_work(contract: Contract, role: str, work_type: str | None) -> tuple[str, str] | None:
    """The code of the reason why a contract excludes work, and the work type or role that it excludes."""
    if work_type is not None and work_type in contract.exclusions.get("work_types", ()):
        return "excluded_work_type", work_type
    if role in contract.exclusions.get("roles", ()):
        return "excluded_role", role
    return None


class WorkSearched(NamedTuple):
    """What a search for the contracts that pay for an entry reads of it, beside its service request."""

    role: str
    work_type: str | None
    priority: str
    channel: str | None
    parties: Mapping[str, str | None] | None = None
    """The ids of its customer, item and org unit; None: those that the request has now."""


@dataclass(frozen=True, slots=True)
class _Searched:
    """A service request's facts, and the contracts that its holders have or had, with their distances."""

    facts: RequestFacts
    contracts: list[Any]
    amendments: dict[str, list[Amendment]]

    def candidates_at(self, at: datetime) -> list[CandidateContract]:
        """The contracts that its holders had at an instant, each once, by its nearest holder."""
        nearest: dict[str, CandidateContract] = {}
        for row in self.contracts:
            if is_within(row.held_from or BEGINNING, row.held_until, at):
                then = row_as_of(row, self.amendments[row.id], at) if row.id in self.amendments else row
                nearest[row.id] = CandidateContract(
                    contract_value(then), row.distance, PLENTY, own_incident_held=False, draws=row.draws
                )
        return list(nearest.values())


class CascadeSearch:
    """Who pays after the covering contract; requests and rule sets are read once."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._searched: dict[tuple[str | None, ...], _Searched] = {}
        self._rules: dict[str, RuleSet] = {}

    def following(
        self, request: Any, covering: str, rule_set: str, at: datetime, work: WorkSearched
    ) -> list[str]:
        """The ids of the contracts that a search at `at` takes, one after the other, after the covering one.

        `request` has the columns of a row of `service_request`, `rule_set` is a version. Contracts that
        exclude the work are not valid for it. Packs are left out: an incident is for a whole service request,
        not for the rest of one.
        Raises: RuleSetRefused if the rule set can no longer be read.
        """
        key = (request.id, *(work.parties or {}).values())
        searched = self._searched.get(key)
        if searched is None:
            searched = self._searched[key] = self._search(request, work.parties)
        rules = self._rule_set(rule_set)
        facts = replace(
            searched.facts, at=at, work_type=work.work_type, priority=work.priority, channel=work.channel
        )
        candidates = [
            one
            for one in searched.candidates_at(at)
            if one.contract.id != covering and not is_excluded(one.contract, work.role, work.work_type)
        ]
        found: list[str] = []
        while candidates and len(found) < CASCADE_DEPTH:
            decision = find_coverage(facts, candidates, rules)
            if decision.outcome != "covered":
                break
            chosen = next(one for one in candidates if one.contract.id == decision.contract)
            candidates.remove(chosen)
            if chosen.draws != "incidents":
                found.append(chosen.contract.id)
        return found

    def _search(self, request: Any, parties: Mapping[str, str | None] | None) -> _Searched:
        facts = facts_of(self._tx, request, parties)
        holders = {
            "customer": facts.customer,
            "item": facts.item or "",
            "org_unit": facts.org_unit or "",
            "service_request": facts.service_request or "",
        }
        found = [*_CANDIDATES.all(self._tx.connection, holders)]
        found += _PAST_CANDIDATES.all(self._tx.connection, holders)
        rows = sorted(found, key=lambda row: row.distance, reverse=True)
        amended = {row.id for row in rows if row.terms_since is not None or row.amends_at is not None}
        return _Searched(facts, rows, amendments_of(self._tx, amended) if amended else {})

    def _rule_set(self, version: str) -> RuleSet:
        found = self._rules.get(version)
        if found is None:
            found = self._rules[version] = rule_set_of(self._tx, version)
        return found


def rule_set_of(tx: Transaction, version: str) -> RuleSet:
    """A published rule set by its version. Raises: NoRuleSet; RuleSetRefused if it can no longer be read."""
    if version == tx.rules.version:
        return tx.rules
    stored = select(t.rule_set.c.files).where(t.rule_set.c.version == version)
    files = tx.connection.execute(stored).scalar_one()
    return load_stored_rules(version, files).run_by(tx.settings.rules_engine)


def _candidates(*, past: bool = False) -> Any:
    """The contracts of a request's holders with the span in which they hold them, or held them before."""
    held = holders_with_distance().subquery("held")
    c, before = t.contract, t.contract_past_holder
    of = before if past else c
    is_held = and_(of.c.holder_kind == held.c.holder_kind, of.c.holder_id == held.c.holder_id)
    joined = held.join(of, is_held)
    if past:
        span = (before.c.held_from.label("held_from"), before.c.held_until.label("held_until"))
        joined = joined.join(c, c.c.id == before.c.contract_id)
    else:
        span = (c.c.held_since.label("held_from"), null().label("held_until"))
    return select(c, held.c.distance, *span).select_from(joined)


_CANDIDATES = Prepared(_candidates())
_PAST_CANDIDATES = Prepared(_candidates(past=True))
