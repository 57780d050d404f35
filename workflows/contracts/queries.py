"""Reading contracts: one as of any instant, and lists with filters.

State and balances are computed from dates and postings, so they are correct whether or not a job has run.
Source: product.md sections 5, 7 and 8.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, false, or_, select

from engine.approvals import NotToExceed
from engine.contracts import CONTRACT_STATES, Borrow, CarryOver, Contract, Limits
from engine.coverage import contract_state
from engine.ledger import GrantBalance
from engine.periods import local_date
from engine.quantities import Rounding
from workflows.contracts.access import contract_row, up_to_date_contract, visible_contracts
from workflows.contracts.grant_balances import (
    balance_at,
    grant_view,
    held_pending,
    is_ahead,
    posted_as_of,
    sum_of,
)
from workflows.contracts.holder_parties import held_within
from workflows.contracts.invoice_lines import lines_that_sold
from workflows.contracts.price_origins import price_origins, type_prices
from workflows.core.actors import OFFICE, PRICE_ROLES, STAFF
from workflows.core.errors import invalid
from workflows.core.paging import Sort, read_page
from workflows.core.search import found_by
from workflows.core.transaction import Transaction
from workflows.coverage.candidates import during_lapse
from workflows.coverage.up_to_date import contracts_up_to_date
from workflows.languages.shipped_rules import rule_file_text
from workflows.languages.texts import gettext
from workflows.ledger.journal import carried_by_holder
from workflows.lifecycle.contracts.amendments import rows_as_of
from workflows.lifecycle.contracts.auto_top_up_terms import auto_top_up_terms
from workflows.lifecycle.contracts.grants import StoredGrant, grants_by_contract
from workflows.lifecycle.contracts.month_allocation import borrow_of, carry_over_of
from workflows.lifecycle.contracts.monthly_grants import TO_COME, months_to_come
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.contracts.states import awaits_payment, state_as_of
from workflows.lifecycle.contracts.type_terms import usual_months
from workflows.lifecycle.service_requests.access import Nameable, may_name
from workflows.register.holder_names import held_by_name, holder_names
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.contracts import (
    AuditLine,
    AutoTopUpTermsView,
    BorrowView,
    CarryOverView,
    ContractDetail,
    ContractTypeView,
    NotToExceedView,
    PriceOriginView,
    SoldLineView,
)

c = t.contract
PRICES = frozenset({"price", "price_minor", "overage_rate", "overage_rate_minor", "discount_percent"})
"""The details of events that only those see who see prices."""
ORDERS = {
    "created_at": Sort(c.c.created_at),
    "expires_at": Sort(c.c.expires_at, nullable=True),
    "starts_at": Sort(c.c.starts_at),
    "number": Sort(c.c.number),
}


def read_contract(tx: Transaction, contract_id: str, *, as_of: datetime | None = None) -> ContractDetail:
    """One contract as of an instant (aware UTC, default: now). Changes that are due are made first.

    Balances are in whole minutes, incidents and minor units of money. Raises: NotFound, also if the actor may
    not see it.
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
            raise invalid(
                "/state",
                gettext("%(state)s is not a valid state.", state=repr(state)),
                gettext("Use one of %(contract_states)s.", contract_states=", ".join(CONTRACT_STATES)),
            )
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
    due = {row.id for row in page.items if row.next_due_at is not None and row.next_due_at <= tx.now}
    with contracts_up_to_date(tx, due) as fresh:
        return page.with_items(_details(fresh, _current(fresh, page.items, due), None))


def _current(tx: Transaction, rows: Sequence[Any], due: Collection[str]) -> list[Any]:
    """The rows of a page, read again where something was due of them."""
    again = tx.connection.execute(select(c).where(c.c.id.in_(sorted(due)))) if due else ()
    newer = {row.id: row for row in again}
    return [newer.get(row.id, row) for row in rows]


def contract_audit(tx: Transaction, contract_id: str) -> list[AuditLine]:
    """The contract's audit trail, newest first; without prices for technicians.

    Raises: NotAllowed for customers; NotFound.
    """
    tx.require(*STAFF)
    contract_row(tx, contract_id)
    a = t.audit_event
    rows = tx.connection.execute(
        select(a)
        .where(a.c.subject_kind == "contract", a.c.subject_id == contract_id)
        .order_by(a.c.at.desc(), a.c.id.desc())
    )
    priced = tx.actor.role in PRICE_ROLES
    return [
        AuditLine(
            row.at,
            row.action,
            row.actor,
            (row.details or {}) if priced else _without_prices(row.details or {}),
        )
        for row in rows
    ]


def _without_prices(details: dict[str, Any]) -> dict[str, Any]:
    """The details of an event, and those within them, that are no price."""
    return {
        name: _without_prices(value) if isinstance(value, dict) else value
        for name, value in details.items()
        if name not in PRICES
    }


def contract_types(tx: Transaction) -> list[ContractTypeView]:
    """The contract types in force, by key; without prices for technicians, and those of today's price list
    for who sells. Raises: NoRuleSet.
    """
    currency = tx.settings.currency
    priced = tx.actor.role in PRICE_ROLES
    listed = type_prices(tx, local_date(tx.now, tx.settings.zone)) if tx.actor.role in OFFICE else {}
    return [
        ContractTypeView(
            key=one.key,
            label=rule_file_text(one.label),
            description=rule_file_text(one.description),
            held_by=list(one.held_by),
            limits={str(key): str(use) for key, use in one.limits.items()},
            draws=one.draws,
            allocation=one.allocation,
            default_duration_months=usual_months(tx, one),
            default_minutes=one.defaults.minutes,
            default_incidents=one.defaults.incidents,
            default_money=_money(one.defaults.money, currency) if priced else None,
            default_price=_money(one.defaults.price_minor, currency) if priced else None,
            list_prices=listed.get(one.key, []),
            default_sla=one.defaults.sla,
            carry_over=_carry_over_view(one.carry_over),
            borrow=_borrow_view(one.borrow),
        )
        for one in sorted(tx.rules.contract_types.values(), key=lambda one: one.key)
    ]


def _details(tx: Transaction, rows: Sequence[Any], as_of: datetime | None) -> list[ContractDetail]:
    at = as_of or tx.now
    rows = rows_as_of(tx, rows, at)
    grants = grants_by_contract(tx, [row.id for row in rows]) if rows else {}
    posted = posted_as_of(tx, grants, at) if at < tx.now else None
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
    is_final = tx.config.closed_until is not None and at < tx.config.closed_until
    balances = {one.grant.id: balance_at(one, posted, at, is_final=is_final) for one in grants}
    open_grants = [one for one in grants if one.window.contains(at)]
    limits = Limits(
        minutes_available=sum(
            balances[one.grant.id].available for one in open_grants if one.grant.unit == "minutes"
        ),
        incidents_available=sum(
            balances[one.grant.id].available for one in open_grants if one.grant.unit == "incidents"
        ),
        incidents_held=sum(balances[one.grant.id].held for one in grants if one.grant.unit == "incidents"),
        money_available=sum(
            balances[one.grant.id].available for one in open_grants if one.grant.unit == "money"
        ),
    )
    state = contract_state(contract, limits, at, tx.rules)
    currency = row.currency or tx.settings.currency
    total = sum_of(grants, balances, currency)
    pending, returning = held_pending(grants, balances, at)
    in_money = row.draws == "money"
    terms = tx.rules.contract_types.get(row.type)
    zone = contract.zone
    priced = tx.actor.role in PRICE_ROLES
    seen = [one for one in grants if balances[one.grant.id].purchased and one.kind != TO_COME]
    return ContractDetail(
        id=row.id,
        number=row.number,
        type=row.type,
        type_label=rule_file_text(terms.label) if terms else row.type,
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
        price_origin=links.price_origin if priced else None,
        overage_rate=_money(row.overage_rate_minor, currency) if priced else None,
        sla=row.sla,
        time_expired=row.time_expired,
        exclusions=row.exclusions or {},
        rate_card=row.rate_card,
        overage=row.overage,
        not_to_exceed=limit_view(row.not_to_exceed, currency),
        auto_top_up=_auto_top_up(row, currency) if priced else _auto_top_up(row, None),
        rounding=Rounding(**row.rounding) if row.rounding else None,
        balance=total,
        pending_minutes=0 if in_money else pending,
        posted_minutes=0 if in_money else total.minutes.available + returning,
        pending_money=MoneyView(pending, currency) if in_money else None,
        posted_money=MoneyView(total.money.available + returning, currency) if in_money else None,
        monthly_minutes=row.monthly_minutes,
        carried_minutes=carried,
        carry_over=_carry_over_view(carry_over_of(row)),
        borrow=_borrow_view(borrow_of(row)),
        carried_over_minutes=sum(
            balances[one.grant.id].available for one in open_grants if one.rest_of is not None
        ),
        borrowed_minutes=sum(
            balances[one.grant.id].consumed + balances[one.grant.id].held
            for one in grants
            if one.kind == "allocation" and is_ahead(one, at)
        ),
        renewal_of=links.renewal_of,
        renewed_by=links.renewed_by,
        service_request=links.service_request,
        invoice=links.sold_by.invoice if links.sold_by is not None else None,
        invoice_line=links.sold_by.line if links.sold_by is not None else None,
        sold_lines=links.sold_lines,
        cancelled_at=row.cancelled_at,
        cancel_reason=row.cancel_reason,
        created_at=row.created_at,
        created_by=row.created_by if tx.actor.is_staff else "",
        as_of=at,
        version=row.version,
        grants=[grant_view(one, balances[one.grant.id]) for one in seen],
    )


def limit_view(stored: Mapping[str, Any] | None, currency: str) -> NotToExceedView | None:
    """A stored limit as it is shown."""
    limit = NotToExceed.of(stored)
    if limit is None:
        return None
    return NotToExceedView(limit.per, limit.minutes, _money(limit.amount_minor, currency))


def _auto_top_up(row: Row[Any], currency: str | None) -> AutoTopUpTermsView | None:
    """The terms of the automatic top-up; without its price where no currency is given."""
    terms = auto_top_up_terms(row)
    if terms is None:
        return None
    price = _money(terms.price_minor, currency) if currency is not None else None
    return AutoTopUpTermsView(terms.mode, terms.below, terms.quantity, price, terms.most_per_month)


class _Links(NamedTuple):
    """What a contract names of other records to the actor."""

    renewal_of: str | None
    renewed_by: str | None
    service_request: str | None
    price_origin: PriceOriginView | None
    sold_lines: list[SoldLineView]

    @property
    def sold_by(self) -> SoldLineView | None:
        """The line that sold the contract itself: the last one, where an earlier one was credited."""
        return next((one for one in reversed(self.sold_lines) if one.kind != "top_up"), None)


def _links(tx: Transaction, rows: Sequence[Row[Any]]) -> dict[str, _Links]:
    """The links of contracts by id, without what the actor may not see."""
    nameable = Nameable(tx, {"service_request": {row.offered_for_id for row in rows}})
    renewed = {row.renewal_of_id for row in rows if row.renewal_of_id is not None}
    if not tx.actor.is_staff and renewed:
        seen = select(c.c.id).where(c.c.id.in_(renewed), visible_contracts(tx))
        renewed = set(tx.connection.execute(seen).scalars())
    successors = _successors(tx, [row.id for row in rows])
    origins = price_origins(tx, rows)
    sold = lines_that_sold(tx, [row.id for row in rows])
    return {
        row.id: _Links(
            row.renewal_of_id if row.renewal_of_id in renewed else None,
            successors.get(row.id),
            nameable.id("service_request", row.offered_for_id),
            origins.get(row.id),
            sold.get(row.id, []),
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


def _carry_over_view(rule: CarryOver | None) -> CarryOverView | None:
    return CarryOverView(**rule._asdict()) if rule is not None else None


def _borrow_view(rule: Borrow | None) -> BorrowView | None:
    return BorrowView(**rule._asdict()) if rule is not None else None


def _money(amount_minor: int | None, currency: str) -> MoneyView | None:
    return MoneyView(amount_minor, currency) if amount_minor is not None else None
