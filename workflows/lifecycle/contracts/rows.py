"""Locking a contract's row, and turning it into the engine's value."""

from typing import Any

from sqlalchemy import Row, bindparam, select

from engine.contracts import Contract, Holder
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.column_types import Id


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
        time_zone=row.time_zone,
        exclusions={key: tuple(values) for key, values in (row.exclusions or {}).items()},
    )


_LOCKED = select(t.contract).where(t.contract.c.id == bindparam("wanted", type_=Id)).with_for_update()


def lock_contract(tx: Transaction, contract_id: str) -> Row[Any]:
    """The contract's row, locked until the transaction ends. Raises: NotFound."""
    row = tx.connection.execute(_LOCKED, {"wanted": contract_id}).one_or_none()
    if row is None:
        raise NotFound(
            "There is no such contract.", remedy="Look it up by its number in the list of contracts."
        )
    return row


def level_of(tx: Transaction, contract_id: str) -> str | None:
    """The service level of a contract. Raises: NoResultFound if there is no such contract."""
    level = select(t.contract.c.sla).where(t.contract.c.id == bindparam("wanted", type_=Id))
    sla: str | None = tx.connection.execute(level, {"wanted": contract_id}).scalar_one()
    return sla
