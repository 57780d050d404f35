"""What a replay reads in addition to the decisions: the work done under them, and the contracts that pay.

It is read for a batch of decisions at a time, without a transaction around the statements and without locks.
"""

from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from engine.charging import Segment, total_minutes
from engine.contracts import METERED, TimeExpired
from engine.facts import local_clock
from engine.payers import Payer
from engine.replay_work import Allocated, Worked
from engine.rounding import WorkToRound, minutes_before
from engine.rulebook import ChargingFacts, RuleSet
from workflows.charging.held_terms import overage_rates
from workflows.charging.segments import charge_segments
from workflows.charging.terms import ChargingTerms, stored_terms
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.charged_entry import segments_of, segments_to_pay
from workflows.lifecycle.contracts.grants import grants_by_contract
from workflows.lifecycle.contracts.payers import payer_value
from workflows.lifecycle.contracts.rows import contract_value
from workflows.store import tables as t

MAX_IDS_PER_STATEMENT = 900
"""Old builds of SQLite allow 999 parameters in a statement."""
MAX_CACHED_CONTRACTS = 5000
CHARGED_BY = ("charging.json", "calendars.json")
RATE_CARDS = "rate_cards/"
"""The rule files that decide the chargeable minutes and their price."""

FixedFacts = tuple[str | None, str, str, str | None]
"""Work type, priority, the technician's role, channel: facts of charging rules that are not of the time."""

e, a, d, u = t.work_entry, t.work_allocation, t.coverage_decision, t.user_account


@dataclass(frozen=True, slots=True)
class ReplayTerms:
    """What a replay needs of a contract; `payer` has its current balances. Money is in minor units."""

    number: str
    currency: str | None
    overage_rate_minor: int | None
    time_expired: TimeExpired | None
    payer: Payer


class ContractTerms:
    """The terms of contracts, read in batches; the most recently used stay cached."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, ReplayTerms] = OrderedDict()

    def load(self, tx: Transaction, contract_ids: Iterable[str]) -> None:
        """Read the contracts that are not cached yet."""
        wanted = sorted(set(contract_ids) - self._known.keys())
        for part in _chunks(wanted):
            rows = tx.connection.execute(select(t.contract).where(t.contract.c.id.in_(part))).all()
            grants = grants_by_contract(tx, [row.id for row in rows if row.draws in METERED])
            for row in rows:
                self._known[row.id] = ReplayTerms(
                    number=row.number,
                    currency=row.currency,
                    overage_rate_minor=row.overage_rate_minor,
                    time_expired=row.time_expired,
                    payer=payer_value(contract_value(row), row.draws, grants.get(row.id, ())),
                )

    def forget_old(self) -> None:
        """Shrink the cache to its limit."""
        while len(self._known) > MAX_CACHED_CONTRACTS:
            self._known.popitem(last=False)

    def __getitem__(self, contract_id: str) -> ReplayTerms:
        self._known.move_to_end(contract_id)
        return self._known[contract_id]


class WorkUnder:
    """The work entries of a batch's service requests, by the decision in force when each was recorded."""

    def __init__(self, tx: Transaction, requests: Mapping[str, Row[Any]], rules: RuleSet) -> None:
        """`requests` are rows by service request id, with priority and channel."""
        self._charging = _Charging(tx, rules)
        self._requests, self._settings = requests, tx.settings
        self._overage_rates = overage_rates(tx) if requests else None
        self._roles: dict[str, str] = {}
        self._entries: dict[str, list[Row[Any]]] = defaultdict(list)
        self._allocated: dict[str, list[Allocated]] = defaultdict(list)
        self._decisions: dict[str, list[str]] = defaultdict(list)
        self._item_types: dict[str, str | None] = {}
        for part in _chunks(sorted(requests)):
            self._read(tx, part)

    def of(self, decision_id: str, request: str | None) -> list[Worked]:
        """The work under a decision, with the minutes that the other rules would charge for it."""
        entries = self._entries.get(request or "")
        if not entries:
            return []
        decisions = self._decisions[request or ""]
        at = decisions.index(decision_id)
        # ids increase with real time, even while a sandbox clock stands still
        return [self._worked(row, entries) for row in entries if bisect_right(decisions, row.id) == at + 1]

    def _read(self, tx: Transaction, requests: Sequence[str]) -> None:
        # one table per statement, by its index: no join whose plan the database could get wrong
        wanted = select(
            e.c.id, e.c.service_request_id, e.c.technician_id, e.c.started_at, e.c.ended_at,
            e.c.worked_minutes, e.c.chargeable_minutes, e.c.charged_by, e.c.billable, e.c.work_type,
            e.c.charge_why, e.c.segments,
        ).where(e.c.service_request_id.in_(requests), t.COUNTED_WORK)  # fmt: skip
        entries: Sequence[Any] = tx.connection.execute(wanted.order_by(e.c.id)).all()
        if not entries:
            return
        for row in entries:
            self._entries[row.service_request_id].append(row)
        for part in _chunks([row.id for row in entries]):
            self._read_allocated(tx, part)
        self._read_roles(tx, {row.technician_id for row in entries})
        self._read_item_types(tx, requests)
        of_these = select(d.c.id, d.c.service_request_id).where(d.c.service_request_id.in_(requests))
        for row in tx.connection.execute(of_these.order_by(d.c.id)):
            self._decisions[row.service_request_id].append(row.id)

    def _read_allocated(self, tx: Transaction, entries: Sequence[str]) -> None:
        drawn = (
            select(a.c.work_entry_id, a.c.kind, a.c.contract_id, a.c.grant_id, a.c.minutes, a.c.amount_minor)
            .where(a.c.work_entry_id.in_(entries), a.c.reversed_at.is_(None))
            .order_by(a.c.id)
        )
        for row in tx.connection.execute(drawn):
            self._allocated[row.work_entry_id].append(
                Allocated(row.kind, row.contract_id, row.grant_id, row.minutes, row.amount_minor)
            )

    def _read_roles(self, tx: Transaction, technicians: Set[str]) -> None:
        for part in _chunks(sorted(technicians - self._roles.keys())):
            known = tx.connection.execute(select(u.c.id, u.c.role).where(u.c.id.in_(part)))
            self._roles.update((row.id, row.role) for row in known)

    def _worked(self, row: Row[Any], entries: Sequence[Row[Any]]) -> Worked:
        request, terms = self._requests[row.service_request_id], row.charged_by or {}
        fixed = (
            row.work_type,
            terms.get("priority", request.priority),
            terms.get("role", self._roles[row.technician_id]),
            terms.get("channel", request.channel),
        )
        before = segments_of(row)
        after = self._charging.segments(row, before, fixed, entries)
        priced = next((one for one in (*after, *before) if one.currency is not None), None)
        return Worked(
            id=row.id,
            started_at=row.started_at,
            ended_at=row.ended_at,
            worked_minutes=row.worked_minutes,
            chargeable_minutes=row.chargeable_minutes,
            charged_minutes=total_minutes(after) if after else row.chargeable_minutes,
            allocated=self._allocated.get(row.id, ()),
            segments=segments_to_pay(after),
            is_charged_alike=_charge(before) == _charge(after),
            price_before_minor=_price(before),
            price_after_minor=_price(after),
            currency=priced.currency if priced is not None else None,
            facts=self._facts(row, fixed),
            time_expired=terms.get("time_expired") or self._settings.time_expired_contract or "ignore",
            cascade=terms.get("cascade", self._settings.cascade),
            overage_rate_minor=self._overage_rates.at(row.started_at) or 0 if self._overage_rates else 0,
        )

    def _facts(self, row: Row[Any], fixed: FixedFacts) -> ChargingFacts:
        """What the scopes of grants ask of an entry."""
        work_type, priority, role, channel = fixed
        terms = row.charged_by or {}
        weekday, hour = local_clock(row.started_at, terms.get("time_zone") or self._settings.time_zone)
        item_type = terms.get("item_type") or self._item_types.get(row.service_request_id)
        return ChargingFacts(work_type, priority, role, channel, weekday, hour, item_type)

    def _read_item_types(self, tx: Transaction, requests: Sequence[str]) -> None:
        r, i = t.service_request, t.item
        of_these = select(r.c.id, i.c.item_type).join(i, i.c.id == r.c.item_id).where(r.c.id.in_(requests))
        self._item_types.update((row.id, row.item_type) for row in tx.connection.execute(of_these))


class _Charging:
    """The segments that other rules charge; those charged before if both rule sets agree."""

    def __init__(self, tx: Transaction, rules: RuleSet) -> None:
        self._rules, self._in_force = rules, tx.rules
        self._settings = tx.settings
        self._alike = _charging_files(rules) == _charging_files(tx.rules)

    def segments(
        self,
        row: Row[Any],
        charged: tuple[Segment, ...],
        fixed: FixedFacts,
        entries: Sequence[Row[Any]],
    ) -> tuple[Segment, ...]:
        """The segments of an entry, which has been `charged` so."""
        if not row.billable or self._alike:
            return charged
        terms = self._terms(row, fixed, entries)
        in_force, edited = (
            charge_segments(
                row.started_at,
                row.ended_at,
                row.worked_minutes,
                work_type=fixed[0],
                terms=terms,
                rules=one,
            )
            for one in (self._in_force, self._rules)
        )
        return charged if _charge(in_force) == _charge(edited) else edited

    def _terms(self, row: Row[Any], fixed: FixedFacts, entries: Sequence[Row[Any]]) -> ChargingTerms:
        """The terms stored with an entry; for one of an older program, those that hold now."""
        if row.charged_by is not None:
            return stored_terms(row.charged_by)
        _, priority, role, channel = fixed
        rounding, zone = self._settings.rounding.value, self._settings.time_zone
        earlier = [one for one in entries if one.id <= row.id and one.billable]
        before = minutes_before(
            WorkToRound(one.id, one.started_at, one.started_at, one.worked_minutes, rounding, zone)
            for one in earlier
        )
        return ChargingTerms(
            role=role,
            priority=priority,
            channel=channel,
            rule_set=self._in_force.version,
            rounding=rounding,
            before_minutes=before[row.id],
            time_zone=zone,
            time_expired="ignore",
            cascade=False,
            draws=True,
            contract=None,
        )


def _charging_files(rules: RuleSet) -> dict[str, str]:
    return {
        path: text for path, text in rules.files.items() if path in CHARGED_BY or path.startswith(RATE_CARDS)
    }


def _charge(segments: Sequence[Segment]) -> list[tuple[Any, ...]]:
    """What distinguishes the charge of some segments: when, how much, at what price, who does not pay."""
    return [
        (one.start, one.chargeable_minutes, one.price_minor, one.currency, one.excluded)
        for one in segments
        if one.chargeable_minutes
    ]


def _price(segments: Sequence[Segment]) -> int:
    return sum(one.price_minor or 0 for one in segments)


def created_by_rules(tx: Transaction, contract_ids: Sequence[str]) -> frozenset[str]:
    """The ids of those contracts that were created by a rule."""
    c = t.contract
    found: set[str] = set()
    for part in _chunks(contract_ids):
        created = select(c.c.id).where(c.c.id.in_(part), c.c.made_by_rule)
        found.update(tx.connection.execute(created).scalars())
    return frozenset(found)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), MAX_IDS_PER_STATEMENT):
        yield ids[start : start + MAX_IDS_PER_STATEMENT]
