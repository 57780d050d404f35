"""The service requests that a contract might cover, that it covers, or that wait for it."""

from sqlalchemy import ColumnElement, and_, exists, or_, select

from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.states import UNFINISHED_STATES
from workflows.store import tables as t

WAITING_OUTCOMES = ("waiting", "created", "offered", "refused")


def waiting_requests(tx: Transaction, holder_kind: str, holder_id: str) -> list[str]:
    """Unfinished, uncovered service requests that a holder's contract might cover; ids, oldest first."""
    r, member, line = t.service_request, t.customer_org_unit, t.org_unit_line
    below = exists(
        select(member.c.customer_id)
        .join(line, line.c.org_unit_id == member.c.org_unit_id)
        .where(member.c.customer_id == r.c.customer_id, line.c.ancestor_id == holder_id)
    )
    fits = {
        "service_request": r.c.id == holder_id,
        "item": r.c.item_id == holder_id,
        "customer": r.c.customer_id == holder_id,
        "org_unit": below,
    }[holder_kind]
    waiting = and_(r.c.state.in_(UNFINISHED_STATES), r.c.outcome.in_(WAITING_OUTCOMES))
    rows = tx.connection.execute(select(r.c.id).where(waiting, fits).order_by(r.c.opened_at, r.c.id))
    return list(rows.scalars())


def lock_covered(tx: Transaction, contract_id: str) -> None:
    """Lock the service requests that `search_covered_again` will find.

    Call it before locking the contract: work locks its service request first and then the contract it draws
    from, so the opposite order could deadlock.
    """
    r = t.service_request
    tx.connection.execute(
        select(r.c.id).where(rests_on(contract_id)).order_by(r.c.opened_at, r.c.id).with_for_update(of=r)
    ).all()


def rests_on(contract_id: str) -> ColumnElement[bool]:
    """SQL: the service request is unfinished and is covered by the contract, or waits for it."""
    r, d = t.service_request, t.coverage_decision
    awaited = exists(select(d.c.id).where(d.c.id == r.c.decision_id, d.c.contract_id == contract_id))
    waits = and_(r.c.outcome.in_(WAITING_OUTCOMES), awaited)
    return and_(r.c.state.in_(UNFINISHED_STATES), or_(r.c.contract_id == contract_id, waits))
