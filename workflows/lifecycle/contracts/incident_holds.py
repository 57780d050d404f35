"""Incidents of a pack: held when it covers a service request, settled at its close, otherwise released.

Source: product.md sections 7 and 9.
"""

from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select

from engine.contracts import IncidentHoldState
from engine.ledger import Account, LedgerTransaction, move
from workflows.core.transaction import Transaction
from workflows.ledger.journal import record
from workflows.lifecycle.contracts.open_grants import burn_order_columns, is_open_at
from workflows.lifecycle.contracts.rows import lock_contract
from workflows.store import tables as t
from workflows.store.column_types import Id, Instant
from workflows.store.compiled_statements import Prepared
from workflows.store.ids import new_id

ENDINGS: dict[str, tuple[Account, IncidentHoldState, str]] = {
    "settle": ("consumed", "settled", "The service request was closed"),
    "release": ("available", "released", "No longer covered by this contract"),
}


def lock_free_incident(tx: Transaction, contract_id: str) -> str | None:
    """The id of the grant that the next incident comes from, in burn order; None where no incident is free.

    Locks the pack, then its open grants.
    """
    return lock_incidents(tx, contract_id)[0]


def lock_incidents(tx: Transaction, contract_id: str) -> tuple[str | None, int]:
    """The same, with the number of incidents that are free in all open grants."""
    grants = _OPEN_GRANTS.all(tx.connection, {"contract": contract_id, "now": tx.now})
    tx.state.contract_locks.add([contract_id])
    next_grant = next((grant.grant_id for grant in grants if grant.available > 0), None)
    return next_grant, sum(grant.available for grant in grants)


def _is_open_pack(contract: Any, now: Any) -> ColumnElement[bool]:
    """Whether a balance is that of an open grant of incidents of the contract."""
    balance = t.grant_balance
    return and_(balance.c.contract_id == contract, balance.c.unit == "incidents", is_open_at(now))


def locked_grants(contract: Any, now: Any) -> Select[Any]:
    """The open grants of a pack, locked, as part of another statement of PostgreSQL."""
    balance = t.grant_balance
    return (
        select(balance.c.grant_id, balance.c.available).where(_is_open_pack(contract, now)).with_for_update()
    )


def free_incidents(contract: Any, now: Any) -> ColumnElement[int]:
    """The number of free incidents of a contract, as part of another statement."""
    return select(func.sum(t.grant_balance.c.available)).where(_is_open_pack(contract, now)).scalar_subquery()


def _open_grants() -> Select[Any]:
    """The open grants of a pack in burn order, locked after their contract; built once.

    Whoever takes the last incident changes the contract's row: locking that after the grants would deadlock
    with a statement that has checked the contract and waits for the grants.
    """
    contract, balance, now = t.contract, t.grant_balance, bindparam("now", type_=Instant)
    wanted = select(contract.c.id).where(contract.c.id == bindparam("contract", type_=Id))
    locked = wanted.with_for_update(key_share=True).cte("locked_contract")
    return (
        select(balance.c.grant_id, balance.c.available)
        .where(_is_open_pack(select(locked.c.id).scalar_subquery(), now))
        .order_by(*burn_order_columns())
        .with_for_update()
    )


_OPEN_GRANTS = Prepared(_open_grants())


def hold_incident(tx: Transaction, *, grant_id: str, contract_id: str, service_request_id: str) -> None:
    """Hold one incident of a locked grant for a service request. Raises: IntegrityError if none is free."""
    transaction_id = record(
        tx,
        LedgerTransaction(
            "hold",
            tx.now,
            move("incidents", 1, (grant_id, "available"), (grant_id, "held")),
            cause=f"service_request:{service_request_id}",
            why="Held when the service request was covered",
        ),
        contract_id=contract_id,
        service_request_id=service_request_id,
    )
    tx.add(
        t.incident_hold,
        id=new_id(),
        service_request_id=service_request_id,
        contract_id=contract_id,
        grant_id=grant_id,
        state="held",
        held_at=tx.now,
        transaction_id=transaction_id,
    )


def settle_incidents(tx: Transaction, service_request_id: str) -> list[str]:
    """Consume what is held for a closing service request. Returns the ids of the contracts."""
    return _end_holds(tx, service_request_id, "settle", keep=None)


def release_incidents(tx: Transaction, service_request_id: str, *, keep: str | None = None) -> list[str]:
    """Release what is held, except of the contract `keep`. Returns the ids of the contracts."""
    return _end_holds(tx, service_request_id, "release", keep=keep)


def hold_again(tx: Transaction, service_request_id: str, contract_id: str | None) -> list[str]:
    """Hold the settled incident again, for a service request that is reopened within the window.

    A new movement, not a reversal: as of an instant before the reopening the incident stays consumed. Returns
    the id of the contract, if there is one.
    """
    hold = t.incident_hold
    row = tx.connection.execute(
        select(hold)
        .where(
            hold.c.service_request_id == service_request_id,
            hold.c.contract_id == contract_id,
            hold.c.state == "settled",
        )
        .order_by(hold.c.ended_at.desc(), hold.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return []
    lock_contract(tx, row.contract_id)
    entry = LedgerTransaction(
        "hold",
        tx.now,
        move("incidents", 1, (row.grant_id, "consumed"), (row.grant_id, "held")),
        cause=f"service_request:{service_request_id}",
        why="Reopened within the window",
    )
    transaction_id = record(tx, entry, contract_id=row.contract_id, service_request_id=service_request_id)
    tx.change(hold, row.id, state="held", ended_at=None, transaction_id=transaction_id)
    return [str(row.contract_id)]


def _end_holds(
    tx: Transaction, service_request_id: str, kind: Literal["settle", "release"], *, keep: str | None
) -> list[str]:
    account, state, why = ENDINGS[kind]
    touched = []
    for row in _HELD.all(tx.connection, {"request": service_request_id}):
        if row.contract_id == keep:
            continue
        # before the posting locks the grant: the contract's state may change with its balance
        lock_contract(tx, row.contract_id)
        entry = LedgerTransaction(
            kind,
            tx.now,
            move("incidents", 1, (row.grant_id, "held"), (row.grant_id, account)),
            cause=f"service_request:{service_request_id}",
            why=why,
        )
        transaction_id = record(tx, entry, contract_id=row.contract_id, service_request_id=service_request_id)
        tx.change(t.incident_hold, row.id, state=state, ended_at=tx.now, transaction_id=transaction_id)
        touched.append(row.contract_id)
    return touched


_HELD = Prepared(
    select(t.incident_hold)
    .where(
        t.incident_hold.c.service_request_id == bindparam("request", type_=Id, required=True),
        t.incident_hold.c.state == "held",
    )
    .order_by(t.incident_hold.c.contract_id)
)
