"""What a replay reads beside the decisions: the work done under them, and the contracts that pay.

Read for a batch of decisions at a time, each statement by itself; nothing is locked.
"""

from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, select

from engine.charging import chargeable_minutes
from engine.contracts import TimeExpired
from engine.drawdown import Payer
from engine.facts import local_clock
from engine.quantities import Rounding
from engine.replay_work import Allocated, Worked
from engine.rulebook import ChargingFacts, RuleSet
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.grants import grants_by_contract
from workflows.lifecycle.contracts.rows import contract_value
from workflows.store import tables as t
from workflows.work.planning import payer_value

MOST_NAMED = 900
"""Ids in one statement: SQLite takes 999 in old builds."""
MOST_CONTRACTS_KEPT = 5000

About = tuple[str | None, str, str, str | None]
"""Work type, priority, the technician's role, channel: what charging rules ask besides the time."""
ChargingKey = tuple[str | None, str, str, str | None, str, int]

e, a, d, u = t.work_entry, t.work_allocation, t.coverage_decision, t.user_account


@dataclass(frozen=True, slots=True)
class Terms:
    """What a replay needs to know of a contract. Its payer has what is left of it today."""

    number: str
    currency: str | None
    overage_rate_minor: int | None
    time_expired: TimeExpired | None
    payer: Payer


class ContractTerms:
    """The terms of contracts, read for many at a time; those used last stay."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Terms] = OrderedDict()

    def load(self, tx: Transaction, contract_ids: Iterable[str]) -> None:
        """Read those of the contracts that are not known yet."""
        wanted = sorted(set(contract_ids) - self._known.keys())
        for part in _parts(wanted):
            rows = tx.connection.execute(select(t.contract).where(t.contract.c.id.in_(part))).all()
            grants = grants_by_contract(tx, [row.id for row in rows if row.draws == "minutes"])
            for row in rows:
                self._known[row.id] = Terms(
                    number=row.number,
                    currency=row.currency,
                    overage_rate_minor=row.overage_rate_minor,
                    time_expired=row.time_expired,
                    payer=payer_value(contract_value(row), row.draws, grants.get(row.id, ())),
                )

    def forget_old(self) -> None:
        """Keep no more than a few thousand."""
        while len(self._known) > MOST_CONTRACTS_KEPT:
            self._known.popitem(last=False)

    def __getitem__(self, contract_id: str) -> Terms:
        self._known.move_to_end(contract_id)
        return self._known[contract_id]


class WorkUnder:
    """The work entries of a batch's service requests, by the decision that stood when each was told."""

    def __init__(self, tx: Transaction, requests: Mapping[str, Row[Any]], rules: RuleSet) -> None:
        """`requests` by their id, each with its priority and channel."""
        self._charging = _Charging(tx, rules)
        self._requests = requests
        self._roles: dict[str, str] = {}
        self._entries: dict[str, list[Row[Any]]] = defaultdict(list)
        self._allocated: dict[str, list[Allocated]] = defaultdict(list)
        self._decisions: dict[str, list[str]] = defaultdict(list)
        for part in _parts(sorted(requests)):
            self._read(tx, part)

    def of(self, decision_id: str, request: str | None) -> list[Worked]:
        """What was worked under a decision, with what other rules would charge for it."""
        entries = self._entries.get(request or "")
        if not entries:
            return []
        decisions = self._decisions[request or ""]
        at = decisions.index(decision_id)
        # ids grow with time, also where a clock stands still
        return [self._worked(row, entries) for row in entries if bisect_right(decisions, row.id) == at + 1]

    def _read(self, tx: Transaction, requests: Sequence[str]) -> None:
        # one table a statement, by an index of it: no join for a database to misjudge
        wanted = select(
            e.c.id, e.c.service_request_id, e.c.technician_id, e.c.started_at, e.c.ended_at,
            e.c.worked_minutes, e.c.chargeable_minutes, e.c.billable, e.c.work_type,
        ).where(e.c.service_request_id.in_(requests), e.c.deleted_at.is_(None))  # fmt: skip
        entries: Sequence[Any] = tx.connection.execute(wanted.order_by(e.c.id)).all()
        if not entries:
            return
        for row in entries:
            self._entries[row.service_request_id].append(row)
        for part in _parts([row.id for row in entries]):
            self._read_allocated(tx, part)
        self._read_roles(tx, {row.technician_id for row in entries})
        of_these = select(d.c.id, d.c.service_request_id).where(d.c.service_request_id.in_(requests))
        for row in tx.connection.execute(of_these.order_by(d.c.id)):
            self._decisions[row.service_request_id].append(row.id)

    def _read_allocated(self, tx: Transaction, entries: Sequence[str]) -> None:
        drawn = (
            select(a.c.work_entry_id, a.c.kind, a.c.contract_id, a.c.grant_id, a.c.minutes)
            .where(a.c.work_entry_id.in_(entries), a.c.reversed_at.is_(None))
            .order_by(a.c.id)
        )
        for row in tx.connection.execute(drawn):
            self._allocated[row.work_entry_id].append(
                Allocated(row.kind, row.contract_id, row.grant_id, row.minutes)
            )

    def _read_roles(self, tx: Transaction, technicians: Set[str]) -> None:
        for part in _parts(sorted(technicians - self._roles.keys())):
            known = tx.connection.execute(select(u.c.id, u.c.role).where(u.c.id.in_(part)))
            self._roles.update((row.id, row.role) for row in known)

    def _worked(self, row: Row[Any], entries: Sequence[Row[Any]]) -> Worked:
        request, role = self._requests[row.service_request_id], self._roles[row.technician_id]
        about = (row.work_type, request.priority, role, request.channel)
        return Worked(
            id=row.id,
            started_at=row.started_at,
            ended_at=row.ended_at,
            worked_minutes=row.worked_minutes,
            chargeable_minutes=row.chargeable_minutes,
            charged_minutes=self._charging.minutes(row, about, entries),
            allocated=self._allocated.get(row.id, ()),
        )


class _Charging:
    """What other charging rules charge. Where they charge like those in force, it is what was charged."""

    def __init__(self, tx: Transaction, rules: RuleSet) -> None:
        self._rules, self._in_force = rules, tx.rules
        self._rounding = Rounding(**tx.settings.rounding.model_dump())
        self._zone = tx.settings.zone
        self._percents: dict[ChargingKey, tuple[int, int]] = {}

    def minutes(self, row: Row[Any], about: About, entries: Sequence[Row[Any]]) -> int:
        if not row.billable:
            return int(row.chargeable_minutes)
        clock = local_clock(row.started_at, self._zone.key)
        key = (*about, *clock)
        if key not in self._percents:
            facts = ChargingFacts(*key)
            charges = (self._in_force.charging.charge(facts), self._rules.charging.charge(facts))
            self._percents[key] = (charges[0].percent, charges[1].percent)
        in_force, percent = self._percents[key]
        if in_force == percent:
            return int(row.chargeable_minutes)
        before = 0
        if self._rounding.scope == "service_request_day":
            day = self._day(row.started_at)
            earlier = (one for one in entries if one.id < row.id and one.billable)
            before = sum(one.worked_minutes for one in earlier if self._day(one.started_at) == day)
        return chargeable_minutes(row.worked_minutes, self._rounding, percent=percent, before_minutes=before)

    def _day(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()


def made_by_rules(tx: Transaction, contract_ids: Sequence[str]) -> frozenset[str]:
    """Which of the contracts a rule has made."""
    c = t.contract
    found: set[str] = set()
    for part in _parts(contract_ids):
        made = select(c.c.id).where(c.c.id.in_(part), c.c.made_by_rule)
        found.update(tx.connection.execute(made).scalars())
    return frozenset(found)


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), MOST_NAMED):
        yield ids[start : start + MOST_NAMED]
