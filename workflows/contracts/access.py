"""Which contracts an actor may see, and bringing a contract up to date before it is read.

Source: product.md sections 2 and 11.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select, true

from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.coverage.up_to_date import due_contracts, settle_each
from workflows.languages.texts import gettext
from workflows.register.records import own_org_units
from workflows.service_requests.closing import bring_up_to_date, overdue_requests_of
from workflows.store import tables as t

c = t.contract


def visible_contracts(tx: Transaction) -> ColumnElement[bool]:
    """SQL: the contracts that the actor may see.

    Staff see all. Customers see those held by themselves, their items and their service requests, and those
    of their org units and all above if the setting allows it.
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
    """The row of a contract. Raises: NotFound, also if the actor may not see it."""
    row: Row[Any] | None = tx.connection.execute(
        select(c).where(c.c.id == contract_id, visible_contracts(tx))
    ).one_or_none()
    if row is None:
        raise NotFound(
            gettext("There is no such contract."),
            remedy=gettext("Look it up by its number in the list of contracts."),
        )
    return row


@contextmanager
def up_to_date_contract(tx: Transaction, contract_id: str) -> Iterator[Transaction]:
    """A transaction in which everything due of the contract has been done, whether or not a job has run.

    This includes the holder's other contracts, because they may draw the same carried minutes.
    Raises: NotFound, also if the actor may not see the contract.
    """
    contract_row(tx, contract_id)
    found = [] if tx.writes else due_contracts(tx, [contract_id], with_ends=True)
    closing = [] if tx.writes else overdue_requests_of(tx, contract_id)
    if not found and not closing:
        yield tx
        return
    for request_id in closing:
        bring_up_to_date(tx.runner, request_id)
    settle_each(tx, found)
    with tx.runner.read(tx.actor) as fresh:
        yield fresh
