"""Preview of what a use case would change.

The use case itself runs in a transaction that is rolled back; what it wrote is read before the rollback. So
the actual change can differ from its preview only by what other transactions do in between. On SQLite the
preview takes the write lock, as the actual change will.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import Row, Select, and_, func, select

from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.register.holder_names import holder_names
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import MoneyView
from workflows.views.contracts import UnitBalance
from workflows.views.effects import (
    ContractEffect,
    ContractSnapshot,
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
        mails = select(func.count()).where(mail.c.id > mark, mail.c.recipient.is_not(None))
        self.contracts = _contracts(tx, touched)
        self.requests = _requests(tx, decided)
        drawn = t.work_allocation
        self.work = _work(tx, _ids(tx, select(drawn.c.work_entry_id).where(drawn.c.id > mark)))
        self.mails = int(tx.connection.execute(mails).scalar_one())


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
        moves=[
            replace(after, before=work[key].after)
            for key, after in written.work.items()
            if key in work and after.after != work[key].after
        ],
        effective_at=written.effective_at,
    )


def _ids(tx: Transaction, wanted: Select[Any]) -> set[str]:
    return {one for one in tx.connection.execute(wanted.distinct()).scalars() if one is not None}


def _contracts(tx: Transaction, ids: Iterable[str]) -> dict[str, ContractSnapshot]:
    c, b = t.contract, t.grant_balance
    sums = [func.coalesce(func.sum(b.c[name]), 0) for name in ("consumed", "held", "available", "expired")]
    listed = sorted(ids)
    rows = tx.connection.execute(
        select(*_SNAPSHOT, *sums)
        .join_from(c, b, b.c.contract_id == c.c.id, isouter=True)
        .where(c.c.id.in_(listed))
        .group_by(c.c.id)
        .order_by(c.c.created_at, c.c.id)
    ).all()
    # apart: a JSON column cannot be grouped by on every database
    excluded = select(c.c.id, c.c.exclusions).where(c.c.id.in_(listed))
    exclusions = {row.id: row.exclusions or {} for row in tx.connection.execute(excluded)}
    names = holder_names(tx, {(row.holder_kind, row.holder_id) for row in rows})
    currency = tx.settings.currency
    return {row.id: _contract_snapshot(row, names, exclusions[row.id], currency) for row in rows}


def _contract_snapshot(
    row: Row[Any], names: dict[tuple[str, str], str], exclusions: dict[str, list[str]], currency: str
) -> ContractSnapshot:
    drawn, held, available, expired = map(int, row[len(_SNAPSHOT) :])
    prices = [
        None if amount is None else MoneyView(amount, row.currency or currency)
        for amount in (row.price_minor, row.overage_rate_minor)
    ]
    return ContractSnapshot(
        id=row.id,
        number=row.number,
        state=row.state,
        unit=row.draws if row.draws != "nothing" else None,
        starts_at=row.starts_at,
        expires_at=row.expires_at,
        time_zone=row.time_zone,
        balance=UnitBalance(drawn + held + available + expired, drawn, held, available, expired),
        holder={row.holder_kind: row.holder_id},
        holder_name=names.get((row.holder_kind, row.holder_id), ""),
        price=prices[0],
        overage_rate=prices[1],
        sla=row.sla,
        time_expired=row.time_expired,
        exclusions=exclusions,
    )


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
    rows = tx.connection.execute(
        select(
            e.c.id, e.c.started_at, r.c.id.label("request"), r.c.number,
            a.c.kind, a.c.contract_id, c.c.number.label("contract_number"), a.c.grant_id, a.c.minutes,
        )
        .select_from(e)
        .join(r, r.c.id == e.c.service_request_id)
        .join(a, and_(a.c.work_entry_id == e.c.id, a.c.reversed_at.is_(None)), isouter=True)
        .join(c, c.c.id == a.c.contract_id, isouter=True)
        .where(e.c.id.in_(sorted(ids)), e.c.deleted_at.is_(None))
        .order_by(e.c.started_at, e.c.created_at, e.c.id, a.c.effective_at, a.c.kind, a.c.grant_id)
    )  # fmt: skip
    found: dict[str, MovedWorkView] = {}
    for row in rows:
        one = found.setdefault(row.id, MovedWorkView(row.id, row.request, row.number, row.started_at, [], []))
        if row.kind is not None:
            one.after.append(
                AllocationView(row.kind, row.contract_id, row.contract_number, row.grant_id, row.minutes)
            )
    return found
