"""The contracts that might cover a service request, with what is left of them: one statement.

A `UNION ALL` over the holders, climbing the org units by their closure table; columns, not entities.
Source: product.md section 6.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, and_, bindparam, case, exists, func, literal, select, union_all

from engine.contracts import Contract, Holder, Limits
from engine.coverage import HeldContract
from workflows.desk import Transaction
from workflows.store import tables as t
from workflows.store.columns import Id, Instant

NEXT_LINE = 1000
"""Distance from one org unit line of a customer to the next: no tree is that deep."""

CONTRACT_COLUMNS = (
    "id", "number", "type", "draws", "holder_kind", "holder_id", "created_at", "starts_at", "expires_at",
    "enabled_at", "payment_due", "paid_at", "cancelled_at", "ended_at", "sla", "time_expired",
    "overage_rate_minor", "exclusions", "state", "version", "next_due_at",
)  # fmt: skip


class Candidates(NamedTuple):
    """What was found, and which of it has a due change that no job has made yet."""

    held: list[HeldContract]
    due: list[str]


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

    `org_unit` is the request's own, whose line comes first. Balances are as of `at`: the stored ones for
    now and later, those of the postings for an instant in the past.
    """
    when = at or tx.now
    statement = _NOW if when >= tx.now else _AS_OF
    rows = tx.connection.execute(
        statement,
        {
            "customer": customer,
            "item": item or "",
            "org_unit": org_unit or "",
            "service_request": service_request or "",
            "at": when,
        },
    ).all()
    return Candidates(_gather(rows, when), sorted({row.id for row in rows if _is_due(row, when)}))


def _is_due(row: Row[Any], at: datetime) -> bool:
    return row.next_due_at is not None and row.next_due_at <= at


def contract_value(row: Any) -> Contract:
    """A contract's row as the engine's frozen value."""
    return Contract(
        id=row.id,
        number=row.number,
        type=row.type,
        holder=Holder(row.holder_kind, row.holder_id),
        created_at=row.created_at,
        starts_at=row.starts_at,
        expires_at=row.expires_at,
        enabled_at=row.enabled_at,
        payment_due=row.payment_due,
        paid_at=row.paid_at,
        cancelled_at=row.cancelled_at,
        ended_at=row.ended_at,
        sla=row.sla,
        time_expired=row.time_expired,
        overage_rate_minor=row.overage_rate_minor,
        exclusions={key: tuple(values) for key, values in (row.exclusions or {}).items()},
    )


def _gather(rows: Iterable[Row[Any]], at: datetime) -> list[HeldContract]:
    """Rows are one per contract, holder line and lot: keep the nearest line, sum the lots."""
    nearest: dict[str, Row[Any]] = {}
    lots: dict[str, dict[str, Row[Any]]] = {}
    for row in rows:
        known = nearest.get(row.id)
        if known is None or row.distance < known.distance:
            nearest[row.id] = row
        if row.lot_id is not None:
            lots.setdefault(row.id, {})[row.lot_id] = row
    return [
        HeldContract(
            contract=contract_value(row),
            distance=row.distance,
            limits=_limits(row.draws, lots.get(contract_id, {}).values(), at),
            own_incident_held=bool(row.own_hold),
        )
        for contract_id, row in nearest.items()
    ]


def _limits(draws: str, lots: Iterable[Row[Any]], at: datetime) -> Limits:
    available = held = 0
    for lot in lots:
        held += lot.held or 0
        if lot.opens_at <= at and (lot.closes_at is None or at < lot.closes_at):
            available += lot.available or 0
    if draws == "minutes":
        return Limits(minutes_available=available)
    return Limits(incidents_available=available, incidents_held=held)


def _statement(*, as_of: bool) -> Select[Any]:
    held = _held_by().subquery("held")
    c, b = t.contract, t.lot_balance
    at = bindparam("at", type_=Instant)
    own_hold = case(
        (
            c.c.draws == "incidents",
            exists(
                select(literal(1)).where(
                    t.incident_hold.c.service_request_id == bindparam("service_request", type_=Id),
                    t.incident_hold.c.contract_id == c.c.id,
                    t.incident_hold.c.state == "held",
                )
            ),
        ),
        else_=literal(False),
    ).label("own_hold")
    balances = [_posted("available", at), _posted("held", at)] if as_of else [b.c.available, b.c.held]
    return (
        select(
            *(c.c[name] for name in CONTRACT_COLUMNS),
            held.c.distance,
            b.c.lot_id,
            *balances,
            b.c.opens_at,
            b.c.closes_at,
            own_hold,
        )
        .select_from(held)
        .join(c, and_(c.c.holder_kind == held.c.holder_kind, c.c.holder_id == held.c.holder_id))
        .outerjoin(b, and_(b.c.contract_id == c.c.id, b.c.unit == c.c.draws))
    )


def _held_by() -> Any:
    """The holders of a service request and how far each is: the union that the contracts are joined to."""
    own = literal(0).label("distance")
    single = [
        select(literal(kind).label("holder_kind"), bindparam(kind, type_=Id).label("holder_id"), own)
        for kind in ("service_request", "item", "customer")
    ]
    member, line = t.customer_org_unit, t.org_unit_line
    position = case((member.c.org_unit_id == bindparam("org_unit", type_=Id), 0), else_=member.c.position + 1)
    climbed = (
        select(
            literal("org_unit").label("holder_kind"),
            line.c.ancestor_id.label("holder_id"),
            (1 + position * NEXT_LINE + line.c.steps).label("distance"),
        )
        .select_from(member.join(line, line.c.org_unit_id == member.c.org_unit_id))
        .where(member.c.customer_id == bindparam("customer", type_=Id))
    )
    return union_all(*single, climbed)


def _posted(account: str, at: Any) -> Any:
    """A lot's account as its postings tell it, as of an instant."""
    p = t.ledger_posting
    return (
        select(func.sum(p.c.amount))
        .where(p.c.owner == t.lot_balance.c.lot_id, p.c.account == account, p.c.effective_at <= at)
        .correlate(t.lot_balance)
        .scalar_subquery()
        .label(account)
    )


_NOW = _statement(as_of=False)
_AS_OF = _statement(as_of=True)
