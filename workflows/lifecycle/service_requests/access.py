"""Which service requests an actor may see. For all others, they do not exist."""

from typing import Any

from sqlalchemy import ColumnElement, Row, exists, or_, select, true

from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.store import tables as t


def visible_requests(tx: Transaction) -> ColumnElement[bool]:
    """SQL: the service requests that the actor may see.

    Staff see all. Customers see their own, and those of their org units if the setting allows it.
    """
    if tx.actor.is_staff:
        return true()
    r, member = t.service_request, t.customer_org_unit
    own = r.c.customer_id == tx.actor.customer
    if not tx.settings.customers_see_org_unit:
        return own
    shared = exists(
        select(member.c.org_unit_id).where(
            member.c.customer_id == tx.actor.customer, member.c.org_unit_id == r.c.org_unit_id
        )
    )
    return or_(own, shared)


def require_visible(tx: Transaction, service_request_id: str) -> Row[Any]:
    """The service request's row. Raises: NotFound, also if the actor may not see it."""
    r = t.service_request
    row = tx.connection.execute(
        select(r).where(r.c.id == service_request_id, visible_requests(tx))
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such service request.", remedy="Look it up by its number in the list.")
    return row
