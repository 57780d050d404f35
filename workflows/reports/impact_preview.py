"""Preview of what a use case would change.

The use case itself runs in a transaction that is rolled back; what it wrote is read before the rollback. So
the actual change can differ from its preview only by what other transactions do in between. On SQLite the
preview takes the write lock, as the actual change will.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import Row, Select, and_, case, func, select

from engine.approvals import NotToExceed
from engine.payers import REST_KIND
from workflows.core.actors import PRICE_ROLES, Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.coverage.exclusions import exclusion_texts
from workflows.ledger.adjustments import Adjustments
from workflows.lifecycle.contracts.limits import overage_terms, past_limit
from workflows.register.holder_names import holder_names
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import MoneyView
from workflows.views.accounting_periods import AdjustmentView
from workflows.views.contracts import NotToExceedView, PriceOriginView, UnitBalance
from workflows.views.effects import (
    AwaitedTopUpEffect,
    ContractEffect,
    ContractSnapshot,
    CreditNoteEffect,
    Effects,
    RequestEffect,
    RequestSnapshot,
    TakesEffect,
)
from workflows.views.service_requests import AllocationView, MovedWorkView

_SNAPSHOT = [
    t.contract.c[name]
    for name in (
        "id", "number", "state", "draws", "starts_at", "expires_at", "time_zone", "holder_kind", "holder_id",
        "price_minor", "overage_rate_minor", "currency", "sla", "time_expired",
        "price_source", "product_price_id", "list_price_minor", "discount_percent",
    )
]  # fmt: skip


def preview_impact(desk: Desk, actor: Actor, use_case: Callable[[Transaction], object]) -> Effects:
    """The contracts and service requests that the use case would change; everything is rolled back.

    A use case that takes effect later returns `TakesEffect` after applying that effect. Balances are in the
    contract's unit: whole minutes, incidents, or minor units of money.
    Raises: whatever the use case raises.
    """

    def act(tx: Transaction) -> NoReturn:
        # ids increase within a process: everything that this transaction writes has a greater one
        mark = new_id()
        result = use_case(tx)
        effective_at = result.at if isinstance(result, TakesEffect) else None
        raise _RolledBack(_Written(tx, mark, effective_at))

    try:
        desk.perform(actor, act)
    except _RolledBack as done:
        return _compared(desk, actor, done.written)
    raise AssertionError("unreachable")


class _RolledBack(Exception):
    """Rolls the preview back and carries what it wrote."""

    def __init__(self, written: "_Written") -> None:
        super().__init__()
        self.written = written


class _Written:
    """The contracts and service requests that a transaction has changed since `mark`, as it sees them."""

    def __init__(self, tx: Transaction, mark: str, effective_at: datetime | None) -> None:
        self.effective_at = effective_at
        moved, trail, decision, mail = t.ledger_transaction, t.audit_event, t.coverage_decision, t.outbox
        mine = tx.actor.name
        touched = _ids(
            tx, select(moved.c.contract_id).where(moved.c.id > mark, moved.c.actor == mine)
        ) | _ids(
            tx,
            select(trail.c.subject_id).where(
                trail.c.id > mark, trail.c.actor == mine, trail.c.subject_kind == "contract"
            ),
        )
        decided = _ids(
            tx,
            select(decision.c.service_request_id).where(decision.c.id > mark, decision.c.actor == mine),
        )
        moved_on = select(t.service_request_history.c.service_request_id).where(
            t.service_request_history.c.id > mark,
            t.service_request_history.c.actor == mine,
            t.service_request_history.c.trigger.in_(["merge", "split"]),
        )
        mails = select(func.count()).where(mail.c.id > mark, mail.c.recipient.is_not(None))
        self.contracts = _contracts(tx, touched)
        self.requests = _requests(tx, decided | _ids(tx, moved_on))
        drawn = t.work_allocation
        entries = select(trail.c.subject_id).where(
            trail.c.id > mark, trail.c.actor == mine, trail.c.subject_kind == "work_entry"
        )
        drawn_again = select(drawn.c.work_entry_id).where(drawn.c.id > mark)
        self.work = _work(tx, _ids(tx, drawn_again) | _ids(tx, entries))
        self.mails = int(tx.connection.execute(mails).scalar_one())
        self.adjustments = _adjustments(tx, mark)
        self.credit_notes = _credit_notes(tx, mark)
        self.awaited_top_ups = _awaited_top_ups(tx, mark)


def _compared(desk: Desk, actor: Actor, written: _Written) -> Effects:
    with desk.read(actor) as tx:
        contracts = _contracts(tx, written.contracts)
        requests = _requests(tx, written.requests)
        work = _work(tx, written.work)
    return Effects(
        contracts=[ContractEffect(contracts.get(key), after) for key, after in written.contracts.items()],
        requests=[
            RequestEffect(requests[key], after) for key, after in written.requests.items() if key in requests
        ],
        mails=written.mails,
        adjustments=written.adjustments,
        moves=[
            replace(after, before=work[key].after, moved_from=_moved_from(work[key], after))
            for key, after in written.work.items()
            if key in work and (after.after != work[key].after or _moved_from(work[key], after))
        ],
        effective_at=written.effective_at,
        credit_notes=written.credit_notes,
        awaited_top_ups=written.awaited_top_ups,
    )


def _moved_from(before: MovedWorkView, after: MovedWorkView) -> str | None:
    """The number of the service request that an entry leaves; None if it stays."""
    return before.service_request_number if before.service_request != after.service_request else None


def _adjustments(tx: Transaction, mark: str) -> list[AdjustmentView]:
    adjustment, adjustments = t.ledger_adjustment, Adjustments(tx)
    instants = select(adjustment.c.belongs_at).where(adjustment.c.transaction_id > mark)
    found = {adjustments.at(at) for at in tx.connection.execute(instants.distinct()).scalars()}
    return [AdjustmentView(*one) for one in sorted(one for one in found if one is not None)]


def _credit_notes(tx: Transaction, mark: str) -> list[CreditNoteEffect]:
    """The credit notes that were issued since `mark`, in the order in which they were written."""
    note, credit = t.invoice.alias("note"), t.customer_credit
    rows = tx.connection.execute(
        select(
            t.invoice.c.id,
            t.invoice.c.number,
            note.c.currency,
            note.c.net_minor,
            note.c.total_minor,
            func.coalesce(credit.c.amount_minor, 0).label("to_credit"),
        )
        .select_from(note)
        .join(t.invoice, t.invoice.c.id == note.c.corrects_id)
        .outerjoin(credit, credit.c.credit_note_id == note.c.id)
        .where(note.c.id > mark, note.c.created_by == tx.actor.name)
        .order_by(note.c.id)
    )
    return [
        CreditNoteEffect(
            row.id,
            row.number,
            *(MoneyView(amount, row.currency) for amount in (row.net_minor, row.total_minor, row.to_credit)),
        )
        for row in rows
    ]


def _awaited_top_ups(tx: Transaction, mark: str) -> list[AwaitedTopUpEffect]:
    """The top-ups that were sold since `mark` and await their payment, in the order in which they were."""
    sold, top_up, c = t.sold_item.c, t.auto_top_up.c, t.contract.c
    rows = tx.connection.execute(
        select(c.id, c.number, top_up.unit, top_up.quantity, sold.amount_minor, sold.currency)
        .select_from(t.sold_item)
        .join(t.auto_top_up, top_up.id == sold.top_up_id)
        .join(t.contract, c.id == top_up.contract_id)
        .where(sold.id > mark, sold.sold_by == tx.actor.name, sold.grant_id.is_(None))
        .order_by(sold.id)
    )
    return [
        AwaitedTopUpEffect(
            row.id, row.number, row.unit, row.quantity, MoneyView(row.amount_minor, row.currency)
        )
        for row in rows
    ]


def _ids(tx: Transaction, wanted: Select[Any]) -> set[str]:
    return {one for one in tx.connection.execute(wanted.distinct()).scalars() if one is not None}


def _contracts(tx: Transaction, ids: Iterable[str]) -> dict[str, ContractSnapshot]:
    c, b = t.contract, t.grant_balance
    product = (
        select(t.product.c.code)
        .join(t.product_price, t.product_price.c.product_id == t.product.c.id)
        .where(t.product_price.c.id == c.c.product_price_id)
        .scalar_subquery()
        .label("product")
    )
    sums = [func.coalesce(func.sum(b.c[name]), 0) for name in ("consumed", "held", "available", "expired")]
    listed = sorted(ids)
    columns: list[Any] = [*_SNAPSHOT, product, *sums]
    rows = tx.connection.execute(
        select(*columns)
        .join_from(c, b, b.c.contract_id == c.c.id, isouter=True)
        .where(c.c.id.in_(listed))
        .group_by(c.c.id)
        .order_by(c.c.created_at, c.c.id)
    ).all()
    # apart: a JSON column cannot be grouped by on every database
    json_columns = (
        "id",
        "number",
        "exclusions",
        "overage",
        "not_to_exceed",
        "overage_rate_minor",
        "currency",
    )
    apart: Select[Any] = select(*(c.c[name] for name in json_columns)).where(c.c.id.in_(listed))
    others = {row.id: row for row in tx.connection.execute(apart)}
    names = holder_names(tx, {(row.holder_kind, row.holder_id) for row in rows})
    currency = tx.settings.currency
    return {row.id: _contract_snapshot(tx, row, names, others[row.id], currency) for row in rows}


def _contract_snapshot(
    tx: Transaction, row: Row[Any], names: dict[tuple[str, str], str], other: Row[Any], currency: str
) -> ContractSnapshot:
    drawn, held, available, expired = map(int, row[len(_SNAPSHOT) + 1 :])
    price, overage_rate, list_price = (
        None if amount is None else MoneyView(amount, row.currency or currency)
        for amount in (row.price_minor, row.overage_rate_minor, row.list_price_minor)
    )
    origin = None
    if row.price_source is not None:
        origin = PriceOriginView(
            row.price_source, row.product, row.product_price_id, list_price, row.discount_percent
        )
    terms = overage_terms(tx.settings, other)
    limit = terms.limit if terms.policy != "go_on" else None
    return ContractSnapshot(
        id=row.id,
        number=row.number,
        state=row.state,
        unit=row.draws if row.draws != "nothing" else None,
        currency=row.currency if row.draws == "money" else None,
        starts_at=row.starts_at,
        expires_at=row.expires_at,
        time_zone=row.time_zone,
        balance=UnitBalance(drawn + held + available + expired, drawn, held, available, expired),
        holder={row.holder_kind: row.holder_id},
        holder_name=names.get((row.holder_kind, row.holder_id), ""),
        price=price,
        price_origin=origin,
        overage_rate=overage_rate,
        sla=row.sla,
        time_expired=row.time_expired,
        exclusions=other.exclusions or {},
        overage=terms.policy,
        not_to_exceed=_limit_view(limit, terms.currency),
        past_limit=past_limit(tx, row.id, terms),
    )


def _limit_view(limit: NotToExceed | None, currency: str) -> NotToExceedView | None:
    if limit is None:
        return None
    amount = MoneyView(limit.amount_minor, currency) if limit.amount_minor is not None else None
    return NotToExceedView(limit.per, limit.minutes, amount)


def _requests(tx: Transaction, ids: Iterable[str]) -> dict[str, RequestSnapshot]:
    r, c = t.service_request, t.contract
    rows = tx.connection.execute(
        select(r, c.c.number.label("contract_number"))
        .join_from(r, c, c.c.id == r.c.contract_id, isouter=True)
        .where(r.c.id.in_(sorted(ids)))
        .order_by(r.c.opened_at, r.c.id)
    )
    return {
        row.id: RequestSnapshot(
            id=row.id,
            number=row.number,
            subject=row.subject,
            state=row.state,
            outcome=row.outcome,
            contract=row.contract_id,
            contract_number=row.contract_number,
            resolution_due_at=row.resolution_due_at,
        )
        for row in rows
    }


def _work(tx: Transaction, ids: Iterable[str]) -> dict[str, MovedWorkView]:
    """Work entries by id, in the order of the instant worked, with what they are drawn from as `after`."""
    e, a, r, c = t.work_entry, t.work_allocation, t.service_request, t.contract
    # what nobody pays comes after what is paid at the same instant, as it is drawn
    is_rest = case((a.c.kind.in_(list(REST_KIND.values())), 1), else_=0)
    rows = tx.connection.execute(
        select(
            e.c.id, e.c.started_at, r.c.id.label("request"), r.c.number,
            a.c.kind, a.c.contract_id, c.c.number.label("contract_number"), a.c.grant_id, a.c.minutes,
            a.c.amount_minor, a.c.currency, c.c.monthly_minutes,
        )
        .select_from(e)
        .join(r, r.c.id == e.c.service_request_id)
        .join(a, and_(a.c.work_entry_id == e.c.id, a.c.reversed_at.is_(None)), isouter=True)
        .join(c, c.c.id == a.c.contract_id, isouter=True)
        .where(e.c.id.in_(sorted(ids)), t.COUNTED_WORK)
        .order_by(e.c.started_at, e.c.created_at, e.c.id, a.c.effective_at, is_rest, a.c.kind, a.c.grant_id)
    ).all()  # fmt: skip
    found: dict[str, MovedWorkView] = {}
    excluded = exclusion_texts(tx, (row.id for row in rows if row.kind == "ignored"))
    priced = tx.actor.role in PRICE_ROLES
    for row in rows:
        one = found.setdefault(row.id, MovedWorkView(row.id, row.request, row.number, row.started_at, [], []))
        if row.kind is not None:
            paid = (
                MoneyView(row.amount_minor, row.currency) if priced and row.amount_minor is not None else None
            )
            one.after.append(
                AllocationView(
                    row.kind,
                    row.contract_id,
                    row.contract_number,
                    row.grant_id,
                    row.minutes,
                    paid,
                    by_month=row.kind == "carried" and row.monthly_minutes is not None,
                    why=excluded.get(row.id) if row.kind == "ignored" else None,
                )
            )
    return found
