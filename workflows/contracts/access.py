"""Which contracts someone may see, and a contract as it is once what is due of it has been done.

Source: product.md sections 2 and 11.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select, true

from workflows.core.actors import SYSTEM
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_due
from workflows.register.records import own_org_units
from workflows.service_requests.closing import catch_up, overdue_under
from workflows.store import tables as t

c = t.contract


def visible_contracts(tx: Transaction) -> ColumnElement[bool]:
    """Staff see all; a customer what it holds, itself, by an item or by a service request.

    Where customers see their org unit, its contracts too.
    """
    if tx.actor.is_staff:
        return true()
    me = tx.actor.customer
    own: list[ColumnElement[bool]] = [
        and_(c.c.holder_kind == "customer", c.c.holder_id == me),
        and_(
            c.c.holder_kind == "item",
            c.c.holder_id.in_(select(t.item.c.id).where(t.item.c.owner_customer_id == me)),
        ),
        and_(
            c.c.holder_kind == "service_request",
            c.c.holder_id.in_(select(t.service_request.c.id).where(t.service_request.c.customer_id == me)),
        ),
    ]
    if tx.settings.customers_see_org_unit:
        own.append(and_(c.c.holder_kind == "org_unit", c.c.holder_id.in_(own_org_units(me))))
    return or_(*own)


def contract_row(tx: Transaction, contract_id: str) -> Row[Any]:
    """The row of a contract that the actor may see. Raises: NotFound."""
    row: Row[Any] | None = tx.connection.execute(
        select(c).where(c.c.id == contract_id, visible_contracts(tx))
    ).one_or_none()
    if row is None:
        raise NotFound(
            "There is no such contract.", remedy="Look it up by its number in the list of contracts."
        )
    return row


@contextmanager
def caught_up(tx: Transaction, contract_id: str) -> Iterator[Transaction]:
    """A transaction in which what is due of the contract has been done, whether or not a job has run.

    So too of its holder's others: what they take of the carried minutes is shown with each.
    """
    row = contract_row(tx, contract_id)
    due = (
        select(c.c.id)
        .where(
            c.c.holder_kind == row.holder_kind,
            c.c.holder_id == row.holder_id,
            c.c.next_due_at <= tx.now,
        )
        .order_by(c.c.next_due_at, c.c.id)
    )
    found = [] if tx.writes else tx.connection.execute(due).scalars().all()
    closing = [] if tx.writes else overdue_under(tx, contract_id)
    if not found and not closing:
        yield tx
        return
    for request_id in closing:
        catch_up(tx.runner, request_id)
    for due_id in found:
        tx.runner.perform(SYSTEM, partial(settle_due, contract_id=due_id))
    with tx.runner.read(tx.actor) as fresh:
        yield fresh
