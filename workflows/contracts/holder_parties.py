"""To whom the holders of contracts belong: their customer and org unit, for lists of contracts."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, null, or_, select

from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.access import Nameable
from workflows.store import tables as t

HolderKey = tuple[str, str]
customer, unit, member = t.customer, t.org_unit, t.customer_org_unit


@dataclass(frozen=True, slots=True)
class Parties:
    """The customer and the org unit of a holder, as ids and names.

    A customer's org unit is the primary one; an org unit's is its parent.
    """

    customer: str | None = None
    customer_name: str | None = None
    org_unit: str | None = None
    org_unit_name: str | None = None


def parties_of_holders(tx: Transaction, holders: Collection[HolderKey]) -> dict[HolderKey, Parties]:
    """The parties of holders, by kind and id, as far as they may be named to the actor.

    One statement per kind of holder; for a customer, two more.
    """
    found: dict[HolderKey, Parties] = {}
    for kind, statement in _statements().items():
        ids = {holder_id for one, holder_id in holders if one == kind}
        if ids:
            for row in tx.connection.execute(statement.where(_TABLES[kind].c.id.in_(ids))):
                names = (row.customer_id, row.customer_name, row.org_unit_id, row.org_unit_name)
                found[kind, row.holder_id] = Parties(*names)
    return found if tx.actor.is_staff else _nameable(tx, found)


def _nameable(tx: Transaction, found: dict[HolderKey, Parties]) -> dict[HolderKey, Parties]:
    nameable = Nameable(
        tx,
        {
            "customer": [one.customer for one in found.values()],
            "org_unit": [one.org_unit for one in found.values()],
        },
    )
    seen = {}
    for holder, one in found.items():
        if not nameable.may("customer", one.customer):
            one = replace(one, customer=None, customer_name=None)
        if not nameable.may("org_unit", one.org_unit):
            one = replace(one, org_unit=None, org_unit_name=None)
        seen[holder] = one
    return seen


def held_within(org_unit: str) -> ColumnElement[bool]:
    """SQL: a row of `contract` is held by an org unit, one below it, or by their customers or items.

    Also by a service request of any of these.
    """
    c, line, item, request = t.contract, t.org_unit_line, t.item, t.service_request
    branch = select(line.c.org_unit_id).where(line.c.ancestor_id == org_unit)
    members = select(member.c.customer_id).where(member.c.org_unit_id.in_(branch))
    items = select(item.c.id).where(
        or_(item.c.owner_org_unit_id.in_(branch), item.c.owner_customer_id.in_(members))
    )
    requests = select(request.c.id).where(
        or_(request.c.org_unit_id.in_(branch), request.c.customer_id.in_(members))
    )
    held_by = {"org_unit": branch, "customer": members, "item": items, "service_request": requests}
    return or_(*(and_(c.c.holder_kind == kind, c.c.holder_id.in_(ids)) for kind, ids in held_by.items()))


_TABLES = {
    "customer": t.customer,
    "item": t.item,
    "org_unit": t.org_unit,
    "service_request": t.service_request,
}


def _statements() -> dict[str, Select[Any]]:
    """For each kind of holder: its id, and the customer and the org unit to whom it belongs."""
    item, request, parent = t.item, t.service_request, t.org_unit.alias("parent")
    primary = and_(member.c.customer_id == customer.c.id, member.c.position == 0)
    of_customer = customer.outerjoin(member, primary).outerjoin(unit, unit.c.id == member.c.org_unit_id)
    who = (customer.c.id.label("customer_id"), customer.c.name.label("customer_name"))
    where = (unit.c.id.label("org_unit_id"), unit.c.name.label("org_unit_name"))
    owner_unit = or_(
        unit.c.id == item.c.owner_org_unit_id,
        and_(item.c.owner_org_unit_id.is_(None), unit.c.id == member.c.org_unit_id),
    )
    of_item = (
        item.outerjoin(customer, customer.c.id == item.c.owner_customer_id)
        .outerjoin(member, primary)
        .outerjoin(unit, owner_unit)
    )
    of_request = request.join(customer, customer.c.id == request.c.customer_id).outerjoin(
        unit, unit.c.id == request.c.org_unit_id
    )
    above = (parent.c.id.label("org_unit_id"), parent.c.name.label("org_unit_name"))
    of_unit = unit.outerjoin(parent, parent.c.id == unit.c.parent_id)
    nobody = (null().label("customer_id"), null().label("customer_name"))
    return {
        "customer": select(customer.c.id.label("holder_id"), *who, *where).select_from(of_customer),
        "item": select(item.c.id.label("holder_id"), *who, *where).select_from(of_item),
        "service_request": select(request.c.id.label("holder_id"), *who, *where).select_from(of_request),
        "org_unit": select(unit.c.id.label("holder_id"), *nobody, *above).select_from(of_unit),
    }
