"""The service requests that a contract might cover, that it covers, or that wait for it."""

from sqlalchemy import ColumnElement, and_, exists, or_, select

from engine.contracts import HolderKind
from engine.service_requests import UNFINISHED_STATES, WAITING_OUTCOMES
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.holders import contract_may_cover, covered_by
from workflows.store import tables as t


def waiting_requests(tx: Transaction, holder_kind: HolderKind, holder_id: str) -> list[str]:
    """Unfinished, uncovered service requests that a holder's contract might cover; ids, oldest first."""
    r = t.service_request
    fits = covered_by(holder_id)[holder_kind]
    waiting = and_(r.c.state.in_(UNFINISHED_STATES), r.c.outcome.in_(WAITING_OUTCOMES))
    rows = tx.connection.execute(select(r.c.id).where(waiting, fits).order_by(r.c.opened_at, r.c.id))
    return list(rows.scalars())


def has_active_contract() -> ColumnElement[bool]:
    """Whether a service request has a holder whose contract is active, as its state is stored."""
    r, c = t.service_request, t.contract
    return exists(select(c.c.id).where(c.c.state == "active", contract_may_cover()).correlate(r))


def lock_covered(tx: Transaction, contract_id: str) -> None:
    """Lock the service requests that `search_covered_again` will find.

    Call it before locking the contract: work locks its service request first and then the contract it draws
    from, so the opposite order could deadlock.
    """
    r = t.service_request
    tx.connection.execute(
        select(r.c.id)
        .where(rests_on(contract_id))
        .order_by(r.c.opened_at, r.c.id)
        .with_for_update(of=r, key_share=True)
    ).all()


def rests_on(contract_id: str) -> ColumnElement[bool]:
    """SQL: the service request is unfinished and is covered by the contract, or waits for it."""
    r, d = t.service_request, t.coverage_decision
    awaited = exists(select(d.c.id).where(d.c.id == r.c.decision_id, d.c.contract_id == contract_id))
    waits = and_(r.c.outcome.in_(WAITING_OUTCOMES), awaited)
    return and_(r.c.state.in_(UNFINISHED_STATES), or_(r.c.contract_id == contract_id, waits))
