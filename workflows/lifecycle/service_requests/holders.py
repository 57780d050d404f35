"""Whose contracts may cover a service request, as SQL: from the request to its holders, and back.

A contract is held by the service request itself, by its item, by its customer, or by one of the customer's
org units or one above these. Both directions are stated here alone; a property test compares them.
Source: product.md section 6.
"""

from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, and_, bindparam, case, or_, select, union_all

from engine.contracts import Holder, HolderKind
from workflows.register.records import is_own_org_unit, own_org_units
from workflows.store import tables as t
from workflows.store.column_types import Id, number_constant, text_constant

NEXT_LINE = 1000
"""Distance from one org unit line of a customer to the next: no tree is that deep."""


def holders_with_distance() -> CompoundSelect[Any]:
    """The holders of a service request as (holder_kind, holder_id, distance), for the candidate search.

    Parameters: `service_request`, `item`, `customer` and `org_unit`, the request's own unit, whose line comes
    first. Distance is 0 but for org units: 1 for the nearest, then growing along each line.
    """
    own = number_constant(0).label("distance")
    single = [
        select(text_constant(kind).label("holder_kind"), bindparam(kind, type_=Id).label("holder_id"), own)
        for kind in ("service_request", "item", "customer")
    ]
    member, line = t.customer_org_unit, t.org_unit_line
    own_unit = member.c.org_unit_id == bindparam("org_unit", type_=Id)
    position = case((own_unit, number_constant(0)), else_=member.c.position + number_constant(1))
    climbed = own_org_units(bindparam("customer", type_=Id)).with_only_columns(
        text_constant("org_unit").label("holder_kind"),
        line.c.ancestor_id.label("holder_id"),
        (number_constant(1) + position * number_constant(NEXT_LINE) + line.c.steps).label("distance"),
    )
    return union_all(*single, climbed)


def covered_by(holder_id: Any) -> dict[HolderKind, ColumnElement[bool]]:
    """For each kind of holder: whether a contract held by `holder_id` may cover a row of `service_request`.

    `holder_id` is an id or a column.
    """
    r = t.service_request
    return {
        "service_request": r.c.id == holder_id,
        "item": r.c.item_id == holder_id,
        "customer": r.c.customer_id == holder_id,
        "org_unit": is_own_org_unit(holder_id, r.c.customer_id),
    }


def contract_may_cover() -> ColumnElement[bool]:
    """Whether a row of `contract` may cover a row of `service_request`, by its holder alone."""
    c = t.contract
    return or_(*(and_(c.c.holder_kind == kind, fits) for kind, fits in covered_by(c.c.holder_id).items()))


def parties_as_holders(request: Any) -> list[Holder]:
    """Who may take a contract through a service request's row, nearest first; its own org unit alone."""
    found: tuple[tuple[HolderKind, str | None], ...] = (
        ("item", request.item_id),
        ("customer", request.customer_id),
        ("org_unit", request.org_unit_id),
    )
    return [Holder(kind, holder_id) for kind, holder_id in found if holder_id is not None]
