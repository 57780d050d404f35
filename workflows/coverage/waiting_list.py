"""The service requests that a contract might cover, that it covers, or that wait for it."""

from functools import cache

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select

from engine.contracts import HolderKind
from engine.service_requests import UNFINISHED_STATES, WAITING_OUTCOMES
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.holders import contract_may_cover, covered_by
from workflows.store import tables as t
from workflows.store.column_types import Id, text_constant
from workflows.store.compiled_statements import Prepared


def waiting_requests(tx: Transaction, holder_kind: HolderKind, holder_id: str) -> list[str]:
    """Unfinished, uncovered service requests that a holder's contract might cover; ids, oldest first."""
    return [row.id for row in _waiting_for(holder_kind).all(tx.connection, {"holder": holder_id})]


@cache
def _waiting_for(holder_kind: HolderKind) -> Prepared:
    r = t.service_request
    fits = covered_by(bindparam("holder", type_=Id, required=True))[holder_kind]
    waiting = and_(
        r.c.state.in_([text_constant(one) for one in UNFINISHED_STATES]),
        r.c.outcome.in_([text_constant(one) for one in WAITING_OUTCOMES]),
    )
    return Prepared(select(r.c.id).where(waiting, fits).order_by(r.c.opened_at, r.c.id))


def waits_for_contract() -> ColumnElement[bool]:
    """SQL: the service request waits for a contract that covers it."""
    r = t.service_request
    return and_(r.c.state == "pending_no_contract", r.c.outcome.in_(WAITING_OUTCOMES))


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
