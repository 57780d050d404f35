"""The service requests that a contract might cover, or that rest on it."""

from sqlalchemy import ColumnElement, and_, exists, or_, select

from engine.contracts import HolderKind
from engine.service_requests import UNFINISHED_STATES, WAITING_OUTCOMES
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.holders import contract_may_cover, covered_by
from workflows.store import tables as t


def waiting_requests(tx: Transaction, holder_kind: HolderKind, holder_id: str) -> list[str]:
    """Unfinished service requests without a covering contract that a holder's contract might cover."""
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
    """Keep from others the service requests that `search_covered_again` will find.

    To be called before the contract is locked: work locks its request first and then what it draws from, and
    who does it the other way round may wait for it for ever.
    """
    r = t.service_request
    tx.connection.execute(
        select(r.c.id).where(rests_on(contract_id)).order_by(r.c.opened_at, r.c.id).with_for_update(of=r)
    ).all()


def rests_on(contract_id: str) -> ColumnElement[bool]:
    """Whether a service request is unfinished and covered by a contract, or waits for it."""
    r, d = t.service_request, t.coverage_decision
    awaited = exists(select(d.c.id).where(d.c.id == r.c.decision_id, d.c.contract_id == contract_id))
    waits = and_(r.c.outcome.in_(WAITING_OUTCOMES), awaited)
    return and_(r.c.state.in_(UNFINISHED_STATES), or_(r.c.contract_id == contract_id, waits))
