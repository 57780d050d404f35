"""Locking a contract's row, and turning it into the engine's value."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, select

from engine.contracts import Contract, Holder
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared, Row


def has_not_ended(tx: Transaction) -> ColumnElement[bool]:
    """SQL: the contract is neither cancelled nor ended, and its end lies after the transaction's instant."""
    c = t.contract.c
    return and_(
        c.cancelled_at.is_(None), c.ended_at.is_(None), or_(c.expires_at.is_(None), c.expires_at > tx.now)
    )


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


_ROWS = (
    select(t.contract)
    .where(t.contract.c.id.in_(bindparam("wanted", expanding=True)))
    .order_by(t.contract.c.id)
)
# The key is left to others: PostgreSQL takes a share of it for rows that refer to a contract, also where
# such a row is changed twice in a transaction. Raising that share to a whole lock would deadlock.
_LOCKED_ROWS = _ROWS.with_for_update(key_share=True)
_FREE_ROWS = _ROWS.with_for_update(key_share=True, skip_locked=True)
_LOCKED_ROW = Prepared(
    select(t.contract)
    .where(t.contract.c.id == bindparam("wanted", type_=Id, required=True))
    .with_for_update(key_share=True)
)


def lock_contract(tx: Transaction, contract_id: str) -> Row:
    """The contract's row, locked until the transaction ends. Raises: NotFound; LockedOutOfOrder."""
    return lock_contracts(tx, [contract_id])[0]


def lock_contracts(tx: Transaction, contract_ids: Sequence[str]) -> Sequence[Row]:
    """The rows of contracts in the order of their ids, locked until the transaction ends.

    Raises: NotFound; LockedOutOfOrder, after which `Desk.perform` runs the use case again.
    """
    locks = tx.state.contract_locks
    if not tx.is_sqlite:
        first = locks.take_first()
        if first:
            tx.connection.execute(_LOCKED_ROWS, {"wanted": sorted(first.union(contract_ids))})
            locks.add(first)
        elif locks.runs_again and not locks.are_in_order(contract_ids):
            free = tx.connection.execute(_FREE_ROWS, {"wanted": contract_ids}).all()
            if len(free) < len(contract_ids):
                raise locks.out_of_order(contract_ids)
            locks.add(contract_ids)
            return free
        locks.add(contract_ids)
    if len(contract_ids) == 1:
        rows: Sequence[Row] = _LOCKED_ROW.all(tx.connection, {"wanted": contract_ids[0]})
    else:
        rows = tx.connection.execute(_LOCKED_ROWS, {"wanted": contract_ids}).all()
    return _found(rows, contract_ids)


def read_contracts(tx: Transaction, contract_ids: Sequence[str]) -> Sequence[Row]:
    """The same without locks. Raises: NotFound."""
    return _found(tx.connection.execute(_ROWS, {"wanted": contract_ids}).all(), contract_ids)


def _found(rows: Sequence[Row], contract_ids: Sequence[str]) -> Sequence[Row]:
    if len(rows) < len(contract_ids):
        raise NotFound(
            gettext("There is no such contract."),
            remedy=gettext("Look it up by its number in the list of contracts."),
        )
    return rows


def level_of(tx: Transaction, contract_id: str) -> str | None:
    """The service level of a contract. Raises: NoResultFound if there is no such contract."""
    level = select(t.contract.c.sla).where(t.contract.c.id == bindparam("wanted", type_=Id))
    sla: str | None = tx.connection.execute(level, {"wanted": contract_id}).scalar_one()
    return sla
