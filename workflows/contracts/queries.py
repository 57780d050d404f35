"""Reading contracts: one as of any instant, and lists with filters.

State and balances are computed from dates and postings, so they are correct whether or not a job has run.
Source: product.md sections 5, 7 and 8.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, false, func, or_, select

from engine.contracts import CONTRACT_STATES, UNITS, Contract, Limits
from engine.coverage import contract_state
from engine.ledger import GrantBalance
from engine.periods import local_date
from engine.quantities import Rounding
from workflows.contracts.access import contract_row, up_to_date_contract, visible_contracts
from workflows.contracts.holder_parties import held_within
from workflows.core.actors import PRICE_ROLES, STAFF
from workflows.core.errors import invalid
from workflows.core.paging import Sort, read_page
from workflows.core.search import found_by
from workflows.core.transaction import Transaction
from workflows.coverage.candidates import during_lapse
from workflows.ledger.journal import carried_by_holder
from workflows.lifecycle.contracts.amendments import rows_as_of
from workflows.lifecycle.contracts.grants import StoredGrant, grants_by_contract
from workflows.lifecycle.contracts.monthly_grants import TO_COME, months_to_come
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.contracts.states import awaits_payment, state_as_of
from workflows.lifecycle.service_requests.access import Nameable, may_name
from workflows.register.holder_names import held_by_name, holder_names
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.contracts import (
    AuditLine,
    BalanceView,
    ContractDetail,
    ContractTypeView,
    GrantView,
    UnitBalance,
)

c = t.contract
ORDERS = {
    "created_at": Sort(c.c.created_at),
    "expires_at": Sort(c.c.expires_at, nullable=True),
    "starts_at": Sort(c.c.starts_at),
    "number": Sort(c.c.number),
}


def read_contract(tx: Transaction, contract_id: str, *, as_of: datetime | None = None) -> ContractDetail:
    """One contract as of an instant (aware UTC, default: now). Changes that are due are made first.

    Balances are in whole minutes and incidents. Raises: NotFound, also if the actor may not see it.
    Source: product.md sections 5 and 7.
    """
    with up_to_date_contract(tx, contract_id) as fresh:
        return _details(fresh, [contract_row(fresh, contract_id)], as_of)[0]


def list_contracts(
    tx: Transaction,
    *,
    holder: str | None = None,
    org_unit: str | None = None,
    type: str | None = None,
    state: str | None = None,
    number: str | None = None,
    q: str | None = None,
    sla: str | None = None,
    ends_within_days: int | None = None,
    awaiting_payment: bool = False,
    service_request: str | None = None,
    ids: Sequence[str] | None = None,
    order: str = "-created_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[ContractDetail]:
    """A page of the contracts that the actor may see, as of now. `holder` is an id of any kind of holder;
    `org_unit` finds what it, the units below it, their customers and items, and their requests hold.

    Raises: InvalidInput for `state`, `order` or `cursor`.
    """
    statement = select(c).where(visible_contracts(tx))
    if holder is not None:
        statement = statement.where(c.c.holder_id == holder)
    if org_unit is not None:
        statement = statement.where(held_within(org_unit) if may_name(tx, "org_unit", org_unit) else false())
    if type is not None:
        statement = statement.where(c.c.type == type)
    if state is not None:
        if state not in CONTRACT_STATES:
            raise invalid("/state", f"{state!r} is not a state.", f"Use one of {', '.join(CONTRACT_STATES)}.")
        monthly = [key for key, one in tx.rules.contract_types.items() if one.allocation == "monthly"]
        statement = statement.where(state_as_of(tx.now, never_used_up=monthly) == state)
    if number is not None:
        statement = statement.where(c.c.number == number)
    if sla is not None:
        statement = statement.where(c.c.sla == sla)
    if ids is not None:
        statement = statement.where(c.c.id.in_(ids))
    if service_request is not None:
        ordered_for = c.c.offered_for_id == service_request
        statement = statement.where(
            ordered_for if may_name(tx, "service_request", service_request) else false()
        )
    if q:
        statement = statement.where(or_(found_by(tx, c, q), held_by_name(tx, q)))
    if awaiting_payment:
        statement = statement.where(awaits_payment(tx.now))
    if ends_within_days is not None:
        last = tx.now + timedelta(days=ends_within_days)
        statement = statement.where(c.c.expires_at > tx.now, c.c.expires_at <= last)
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders=ORDERS,
        by_id=c.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    return page.with_items(_details(tx, page.items, None))


def contract_audit(tx: Transaction, contract_id: str) -> list[AuditLine]:
    """The contract's audit trail, newest first. Raises: NotAllowed for customers; NotFound."""
    tx.require(*STAFF)
    contract_row(tx, contract_id)
    a = t.audit_event
    rows = tx.connection.execute(
        select(a)
        .where(a.c.subject_kind == "contract", a.c.subject_id == contract_id)
        .order_by(a.c.at.desc(), a.c.id.desc())
    )
    return [AuditLine(row.at, row.action, row.actor, row.details or {}) for row in rows]


def contract_types(tx: Transaction) -> list[ContractTypeView]:
    """The contract types in force, by key; without prices for technicians. Raises: NoRuleSet."""
    currency = tx.settings.currency
    priced = tx.actor.role in PRICE_ROLES
    return [
        ContractTypeView(
            key=one.key,
            label=one.label,
            description=one.description,
            held_by=list(one.held_by),
            limits={str(key): str(use) for key, use in one.limits.items()},
            draws=one.draws,
            allocation=one.allocation,
            default_duration_months=one.defaults.duration_months,
            default_minutes=one.defaults.minutes,
            default_incidents=one.defaults.incidents,
            default_price=_money(one.defaults.price_minor, currency) if priced else None,
            default_sla=one.defaults.sla,
        )
        for one in sorted(tx.rules.contract_types.values(), key=lambda one: one.key)
    ]


def _details(tx: Transaction, rows: Sequence[Any], as_of: datetime | None) -> list[ContractDetail]:
    at = as_of or tx.now
    rows = rows_as_of(tx, rows, at)
    grants = grants_by_contract(tx, [row.id for row in rows]) if rows else {}
    posted = _posted_as_of(tx, grants, at) if at < tx.now else None
    names = holder_names(tx, {(row.holder_kind, row.holder_id) for row in rows})
    values = _values_as_of(tx, rows, at)
    links = _links(tx, rows)
    carried = carried_by_holder(tx, {one.holder.key for one in values.values()}, at)
    ahead = {row.id: months_to_come(row) for row in rows} if posted is None else {}
    return [
        _detail(
            tx,
            row,
            values[row.id],
            [*grants.get(row.id, []), *ahead.get(row.id, [])],
            posted,
            names,
            links[row.id],
            carried.get(values[row.id].holder.key, 0),
            at,
        )
        for row in rows
    ]


def _detail(
    tx: Transaction,
    row: Row[Any],
    contract: Contract,
    grants: Sequence[StoredGrant],
    posted: dict[str, GrantBalance] | None,
    names: dict[tuple[str, str], str],
    links: "_Links",
    carried: int,
    at: datetime,
) -> ContractDetail:
    balances = {one.grant.id: _balance(one, posted, at) for one in grants}
    open_grants = [one for one in grants if one.window.contains(at)]
    limits = Limits(
        minutes_available=sum(
            balances[one.grant.id].available for one in open_grants if one.grant.unit == "minutes"
        ),
        incidents_available=sum(
            balances[one.grant.id].available for one in open_grants if one.grant.unit == "incidents"
        ),
        incidents_held=sum(balances[one.grant.id].held for one in grants if one.grant.unit == "incidents"),
    )
    state = contract_state(contract, limits, at, tx.rules)
    terms = tx.rules.contract_types.get(row.type)
    zone = contract.zone
    priced = tx.actor.role in PRICE_ROLES
    currency = row.currency or tx.settings.currency
    seen = [one for one in grants if balances[one.grant.id].purchased and one.kind != TO_COME]
    return ContractDetail(
        id=row.id,
        number=row.number,
        type=row.type,
        type_label=terms.label if terms else row.type,
        holder={row.holder_kind: row.holder_id},
        holder_name=names.get((row.holder_kind, row.holder_id), ""),
        state=state.state,
        pending_reason=state.pending_reason,
        starts_at=row.starts_at,
        expires_at=row.expires_at,
        starts_on=local_date(row.starts_at, zone),
        ends_on=local_date(row.expires_at - timedelta(microseconds=1), zone) if row.expires_at else None,
        time_zone=row.time_zone,
        draws=row.draws,
        price=_money(row.price_minor, currency) if priced else None,
        overage_rate=_money(row.overage_rate_minor, currency) if priced else None,
        sla=row.sla,
        time_expired=row.time_expired,
        exclusions=row.exclusions or {},
        rate_card=row.rate_card,
        rounding=Rounding(**row.rounding) if row.rounding else None,
        balance=_sum(grants, balances),
        monthly_minutes=row.monthly_minutes,
        carried_minutes=carried,
        renewal_of=links.renewal_of,
        renewed_by=links.renewed_by,
        service_request=links.service_request,
        cancelled_at=row.cancelled_at,
        cancel_reason=row.cancel_reason,
        created_at=row.created_at,
        created_by=row.created_by if tx.actor.is_staff else "",
        as_of=at,
        version=row.version,
        grants=[_grant_view(one, balances[one.grant.id]) for one in seen],
    )


class _Links(NamedTuple):
    """The ids of other records that a contract names to the actor."""

    renewal_of: str | None
    renewed_by: str | None
    service_request: str | None


def _links(tx: Transaction, rows: Sequence[Row[Any]]) -> dict[str, _Links]:
    """The links of contracts by id, without what the actor may not see."""
    nameable = Nameable(tx, {"service_request": {row.offered_for_id for row in rows}})
    renewed = {row.renewal_of_id for row in rows if row.renewal_of_id is not None}
    if not tx.actor.is_staff and renewed:
        seen = select(c.c.id).where(c.c.id.in_(renewed), visible_contracts(tx))
        renewed = set(tx.connection.execute(seen).scalars())
    successors = _successors(tx, [row.id for row in rows])
    return {
        row.id: _Links(
            row.renewal_of_id if row.renewal_of_id in renewed else None,
            successors.get(row.id),
            nameable.id("service_request", row.offered_for_id),
        )
        for row in rows
    }


def _successors(tx: Transaction, contract_ids: Sequence[str]) -> dict[str, str]:
    """The ids of successors that were not cancelled, by the contract renewed.

    One statement per page, as SQLite's join would scan.
    """
    renewing = select(c.c.renewal_of_id, c.c.id).where(
        c.c.renewal_of_id.in_(contract_ids), c.c.cancelled_at.is_(None), visible_contracts(tx)
    )
    return {row.renewal_of_id: row.id for row in tx.connection.execute(renewing)} if contract_ids else {}


def _values_as_of(tx: Transaction, rows: Sequence[Row[Any]], at: datetime) -> dict[str, Contract]:
    """The contracts by id with their end as of `at`: one that was revived later had ended then."""
    values = {row.id: contract_value(row) for row in rows}
    own = [one.id for one in values.values() if one.holder.kind == "service_request"]
    if own and at < tx.now:
        lapse = t.contract_lapse
        lapsed = select(lapse).where(lapse.c.contract_id.in_(own), during_lapse(at))
        for row in tx.connection.execute(lapsed):
            values[row.contract_id] = replace(values[row.contract_id], ended_at=row.ended_at)
    return values


def _balance(grant: StoredGrant, posted: dict[str, GrantBalance] | None, at: datetime) -> GrantBalance:
    """A grant's balance at `at`: stored for now, from postings for the past, expired after its end."""
    if grant.grant.effective_at is not None and grant.grant.effective_at > at:
        return GrantBalance()
    if posted is not None:
        balance = posted.get(grant.grant.id, GrantBalance())
    else:
        balance = GrantBalance(grant.grant.available, grant.grant.held, grant.consumed, grant.expired)
    return balance.ended(is_over=grant.window.is_over(at))


def _posted_as_of(
    tx: Transaction, grants: dict[str, list[StoredGrant]], at: datetime
) -> dict[str, GrantBalance]:
    ids = [one.grant.id for group in grants.values() for one in group]
    leg = t.ledger_posting
    rows = tx.connection.execute(
        select(leg.c.owner, leg.c.account, func.sum(leg.c.amount).label("amount"))
        .where(leg.c.owner.in_(ids), leg.c.effective_at <= at)
        .group_by(leg.c.owner, leg.c.account)
    )
    sums: dict[str, dict[str, int]] = {}
    for row in rows:
        if row.account != "sold":
            sums.setdefault(row.owner, {})[row.account] = int(row.amount)
    return {owner: GrantBalance(**amounts) for owner, amounts in sums.items()}


def _sum(grants: Iterable[StoredGrant], balances: dict[str, GrantBalance]) -> BalanceView:
    sums = {"minutes": [0, 0, 0, 0], "incidents": [0, 0, 0, 0]}
    for one in grants:
        balance = balances[one.grant.id]
        amounts = (balance.consumed, balance.held, balance.available, balance.expired)
        sums[one.grant.unit] = [a + b for a, b in zip(sums[one.grant.unit], amounts, strict=True)]
    return BalanceView(*(UnitBalance(sum(sums[unit]), *sums[unit]) for unit in UNITS))


def _grant_view(grant: StoredGrant, balance: GrantBalance) -> GrantView:
    return GrantView(
        id=grant.grant.id,
        unit=grant.grant.unit,
        kind=grant.kind,
        quantity=grant.grant.quantity,
        effective_at=grant.grant.effective_at,
        expires_at=grant.grant.expires_at,
        opens_at=grant.opens_at,
        closes_at=grant.closes_at,
        balance=UnitBalance(
            balance.purchased, balance.consumed, balance.held, balance.available, balance.expired
        ),
        reason=grant.reason,
    )


def _money(amount_minor: int | None, currency: str) -> MoneyView | None:
    return MoneyView(amount_minor, currency) if amount_minor is not None else None
