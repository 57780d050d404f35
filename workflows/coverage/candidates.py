"""The contracts that might cover a service request, with their balances, found by one statement.

It is a `UNION ALL` over the holders; the closure table of org units gives all units above the customer.
Source: product.md section 6.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, false, func, or_, select

from engine.burn_order import burn_order
from engine.contracts import Contract, Holder, Limits, Window, is_within
from engine.coverage import CandidateContract
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.amendments import rows_as_of
from workflows.lifecycle.contracts.grants import limits_at
from workflows.lifecycle.contracts.monthly_grants import months_to_come
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.service_requests.holders import holders_with_distance
from workflows.store import tables as t
from workflows.store.column_types import Id, Instant, number_constant, text_constant
from workflows.store.compiled_statements import Prepared

FACT_COLUMNS = (
    "id", "number", "type", "holder_kind", "holder_id", "created_at", "starts_at", "expires_at", "enabled_at",
    "payment_due", "paid_at", "cancelled_at", "ended_at", "sla", "time_expired", "overage_rate_minor",
    "time_zone", "exclusions",
)  # fmt: skip
"""The columns of a `Contract`, in the order in which `_gather` reads them from a row."""
NO_LIMITS = Limits()


class FreeIncident(NamedTuple):
    """The grant of a pack that its next incident comes from, and the free incidents of all open grants."""

    grant_id: str
    free: int


class Candidates(NamedTuple):
    """The contracts found, the ids of those with a change that is due, and the free incidents of packs."""

    held: list[CandidateContract]
    due: list[str]
    incidents: dict[str, FreeIncident]


def find_candidates(
    tx: Transaction,
    *,
    customer: str,
    item: str | None = None,
    org_unit: str | None = None,
    service_request: str | None = None,
    at: datetime | None = None,
) -> Candidates:
    """Every contract held by the request itself, its item, its customer or an org unit above them.

    `org_unit` is that of the request; its line comes first. Balances are as of `at` (aware UTC, default now):
    stored balances for now and later, sums of postings for an instant in the past.

    Source: product.md section 6.
    """
    when = at or tx.now
    values = {
        "customer": customer,
        "item": item or "",
        "org_unit": org_unit or "",
        "service_request": service_request or "",
        "at": when,
    }
    if when >= tx.recorded_at:
        return _gather(_NOW.tuples(tx.connection, values), when)
    rows = [*_AS_OF.tuples(tx.connection, values), *_HELD_THEN.tuples(tx.connection, values)]
    found = _gather(rows, when)
    # the last column of these rows: only few contracts have ever been amended
    amended = {row[0] for row in rows if row[-1] is not None and when < row[-1]}
    return _with_terms_of(tx, found, amended, when) if amended else found


def _with_terms_of(tx: Transaction, found: Candidates, amended: set[str], at: datetime) -> Candidates:
    """Candidates with the terms that amended contracts had at `at`."""
    c = t.contract
    rows = rows_as_of(tx, tx.connection.execute(select(c).where(c.c.id.in_(amended))).all(), at)
    then = {row.id: contract_value(row) for row in rows}
    held = [
        one._replace(
            contract=replace(
                one.contract,
                expires_at=then[one.contract.id].expires_at,
                exclusions=then[one.contract.id].exclusions,
                sla=then[one.contract.id].sla,
                time_expired=then[one.contract.id].time_expired,
            )
        )
        if one.contract.id in then
        else one
        for one in found.held
    ]
    return found._replace(held=held)


@dataclass(slots=True)
class _Found:
    """A contract while its rows are read: there is one row per holder line and grant."""

    contract: Contract
    draws: str
    distance: int
    own_hold: bool
    ordered_for_it: bool
    grants: dict[str, tuple[int, int]] = field(default_factory=dict)
    next_grant: tuple[int, datetime, datetime, str] | None = None

    def limits(self) -> Limits:
        if not self.grants:
            return NO_LIMITS
        available = sum(grant[0] for grant in self.grants.values())
        if self.draws == "minutes":
            return Limits(minutes_available=available)
        if self.draws == "money":
            return Limits(money_available=available)
        held = sum(grant[1] for grant in self.grants.values())
        return Limits(incidents_available=available, incidents_held=held)


def _gather(rows: Iterable[Sequence[Any]], at: datetime) -> Candidates:
    """The contracts with their nearest distance and the sum of their open grants.

    Columns are read by position: reading them by name would take longer than the query.
    """
    found: dict[str, _Found] = {}
    due = set()
    for row in rows:
        facts, rest = row[: len(FACT_COLUMNS)], row[len(FACT_COLUMNS) :]
        draws, next_due_at, distance, grant_id, available, held, opens_at, closes_at, own_hold = rest[:9]
        priority, ordered_for_it = rest[9:11]
        one = found.get(facts[0])
        if one is None:
            one = found[facts[0]] = _Found(
                _contract(facts), draws, distance, bool(own_hold), bool(ordered_for_it)
            )
            if next_due_at is not None and next_due_at <= at:
                due.add(facts[0])
        elif distance < one.distance:
            one.distance = distance
        if grant_id is not None:
            is_open = is_within(opens_at, closes_at, at)
            one.grants[grant_id] = (int(available or 0) if is_open else 0, int(held or 0))
            if is_open and available and draws == "incidents":
                place = burn_order(Window(opens_at, closes_at), grant_id, priority)
                one.next_grant = min(one.next_grant or place, place)
    candidate_contracts, incidents = [], {}
    for contract_id, one in found.items():
        limits = one.limits()
        candidate_contracts.append(
            CandidateContract(one.contract, one.distance, limits, one.own_hold, one.draws, one.ordered_for_it)
        )
        if one.next_grant is not None:
            incidents[contract_id] = FreeIncident(one.next_grant[-1], limits.incidents_available or 0)
    return Candidates(candidate_contracts, sorted(due), incidents)


def _contract(facts: Sequence[Any]) -> Contract:
    *identity, holder_kind, holder_id = facts[:5]
    exclusions = {key: tuple(values) for key, values in facts[-1].items()} if facts[-1] else {}
    values = (*identity, Holder(holder_kind, holder_id), *facts[5:-1], exclusions)
    return Contract(*values)


def _statement(*, as_of: bool, past_holders: bool = False) -> Prepared:
    """The candidates by their holders now, or with `past_holders` by those before they were transferred."""
    held = holders_with_distance().subquery("held")
    c, b, past = t.contract, t.grant_balance, t.contract_past_holder
    at = bindparam("at", type_=Instant)
    own_hold = case(
        (
            c.c.draws == text_constant("incidents"),
            exists(
                select(number_constant(1)).where(
                    t.incident_hold.c.service_request_id == bindparam("service_request", type_=Id),
                    t.incident_hold.c.contract_id == c.c.id,
                    t.incident_hold.c.state == text_constant("held"),
                )
            ),
        ),
        else_=false(),
    ).label("own_hold")
    balances = [_posted("available", at), _posted("held", at)] if as_of else [b.c.available, b.c.held]
    facts = {name: c.c[name] for name in FACT_COLUMNS}
    is_held = and_(c.c.holder_kind == held.c.holder_kind, c.c.holder_id == held.c.holder_id)
    holding = held.join(c, is_held)
    more: list[ColumnElement[Any]] = []
    where: list[ColumnElement[bool]] = []
    if as_of:
        facts["ended_at"] = _ended_at(at)
        more.append(c.c.terms_since)
        where.append(or_(c.c.held_since.is_(None), c.c.held_since <= at))
    if past_holders:
        facts |= {"holder_kind": past.c.holder_kind, "holder_id": past.c.holder_id}
        was_held = and_(past.c.holder_kind == held.c.holder_kind, past.c.holder_id == held.c.holder_id)
        holding = held.join(past, was_held).join(c, c.c.id == past.c.contract_id)
        where = [or_(past.c.held_from.is_(None), past.c.held_from <= at), past.c.held_until > at]
    return Prepared(
        select(
            *facts.values(),
            c.c.draws,
            c.c.next_due_at,
            held.c.distance,
            b.c.grant_id,
            *balances,
            b.c.opens_at,
            b.c.closes_at,
            own_hold,
            b.c.priority,
            c.c.offered_for_id == bindparam("service_request", type_=Id),
            *more,
        )
        .select_from(holding)
        .outerjoin(b, and_(b.c.contract_id == c.c.id, b.c.unit == c.c.draws))
        .where(*where)
    )


def during_lapse(at: Any) -> ColumnElement[bool]:
    """SQL: the instant is in a span in which a contract had ended, before it was revived."""
    lapse = t.contract_lapse
    return and_(lapse.c.ended_at <= at, lapse.c.revived_at > at)


def _ended_at(at: Any) -> Any:
    """SQL: when a contract had ended as of an instant; one that was revived later had ended then."""
    c, lapse = t.contract, t.contract_lapse
    lapsed = select(lapse.c.ended_at).where(lapse.c.contract_id == c.c.id, during_lapse(at)).correlate(c)
    return func.coalesce(lapsed.scalar_subquery(), c.c.ended_at).label("ended_at")


def _posted(account: str, at: Any) -> Any:
    """SQL: the balance of a grant's account as of an instant, from its postings."""
    p = t.ledger_posting
    return (
        select(func.sum(p.c.amount))
        .where(p.c.owner == t.grant_balance.c.grant_id, p.c.account == account, p.c.effective_at <= at)
        .correlate(t.grant_balance)
        .scalar_subquery()
        .label(account)
    )


_NOW = _statement(as_of=False)
_AS_OF = _statement(as_of=True)
_HELD_THEN = _statement(as_of=True, past_holders=True)


def with_months_to_come(tx: Transaction, found: Candidates, at: datetime) -> Candidates:
    """Candidates as of a future instant, with the monthly grants that contracts will have by then."""
    c = t.contract
    ids = [one.contract.id for one in found.held]
    starting = select(c).where(c.c.id.in_(ids), c.c.monthly_minutes.is_not(None), c.c.activated_at.is_(None))
    rows = tx.connection.execute(starting).all() if ids else []
    limits = {row.id: limits_at(months_to_come(row), at) for row in rows}
    held = [one._replace(limits=limits.get(one.contract.id, one.limits)) for one in found.held]
    return found._replace(held=held)
