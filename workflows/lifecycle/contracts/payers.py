"""Contracts as payers of work: the engine's value, and who comes next where one runs out (cascade).

Which contracts cascade takes depends on dates, holders and rules alone: who was valid at the instant worked.
What they had left decides only how much they pay. Source: product.md section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, select

from engine.contracts import Contract, Draws, Limits, Window
from engine.coverage import CandidateContract, find_coverage
from engine.drawdown import Payer
from engine.facts import RequestFacts
from engine.quantities import MAX_MINUTES
from engine.rulebook import RuleSet
from workflows.core.stored_rules import load_stored_rules
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.grants import StoredGrant
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.service_requests.facts import facts_of
from workflows.lifecycle.service_requests.holders import holders_with_distance
from workflows.store import tables as t
from workflows.store.compiled_statements import Prepared

CASCADE_DEPTH = 100
"""How many contracts one entry may go through, those that are used up included."""
PLENTY = Limits(MAX_MINUTES, MAX_MINUTES, 0)


def payer_value(
    contract: Contract, draws: Draws, grants: Sequence[StoredGrant], *, by_month: bool = False
) -> Payer:
    """A contract as a payer. What expired unused can still pay for work from before its end."""
    window = contract.window
    if contract.holder.kind == "service_request":
        window = Window(datetime.min.replace(tzinfo=UTC), window.until)
    drawable = tuple(one.drawable for one in grants) if draws == "minutes" else ()
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
    exclusions = contract.exclusions
    return role in exclusions.get("roles", ()) or work_type in exclusions.get("work_types", ())


@dataclass(frozen=True, slots=True)
class _Searched:
    """A service request's facts and the contracts of its holders."""

    facts: RequestFacts
    candidates: list[CandidateContract]


class CascadeSearch:
    """Who pays after the covering contract; requests and rule sets are read once."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._searched: dict[str, _Searched] = {}
        self._rules: dict[str, RuleSet] = {}

    def following(self, request: Any, covering: str, rule_set: str, at: datetime) -> list[str]:
        """The ids of the contracts that a search at `at` takes, one after the other, after the covering one.

        `request` has the columns of a row of `service_request`, `rule_set` is a version. Packs are left out:
        an incident is for a whole service request, not for the rest of one.
        Raises: RuleSetRefused if the rule set can no longer be read.
        """
        searched = self._searched.get(request.id)
        if searched is None:
            searched = self._searched[request.id] = self._search(request)
        facts, rules = replace(searched.facts, at=at), self._rule_set(rule_set)
        candidates = [one for one in searched.candidates if one.contract.id != covering]
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

    def _search(self, request: Any) -> _Searched:
        facts = facts_of(self._tx, request)
        rows = _CANDIDATES.all(
            self._tx.connection,
            {
                "customer": facts.customer,
                "item": facts.item or "",
                "org_unit": facts.org_unit or "",
                "service_request": facts.service_request or "",
            },
        )
        nearest: dict[str, CandidateContract] = {}
        for row in sorted(rows, key=lambda row: row.distance, reverse=True):
            nearest[row.id] = CandidateContract(
                contract_value(row), row.distance, PLENTY, own_incident_held=False, draws=row.draws
            )
        return _Searched(facts, list(nearest.values()))

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


def _candidates() -> Any:
    held = holders_with_distance().subquery("held")
    c = t.contract
    return (
        select(c, held.c.distance)
        .select_from(held)
        .join(c, and_(c.c.holder_kind == held.c.holder_kind, c.c.holder_id == held.c.holder_id))
    )


_CANDIDATES = Prepared(_candidates())
