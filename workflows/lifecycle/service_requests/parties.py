"""The parties of a service request: customer, org unit and item, and whether they fit together."""

from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, exists, func, select

from workflows.core.erased import refuse_erased
from workflows.core.errors import InvalidInput, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.register.items import is_global, may_be_asked_for
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared


class Parties(NamedTuple):
    """Checked ids and their names; `org_unit` is the one given, else the customer's primary one."""

    customer: str
    customer_name: str
    org_unit: str | None
    org_unit_name: str | None
    item: str | None
    item_number: str | None
    item_name: str | None
    item_type: str | None


def check_parties(
    tx: Transaction, *, customer: str, item: str | None, org_unit: str | None, prefix: str = ""
) -> Parties:
    """Check that the customer exists, belongs to the org unit, and may ask for the item, in one statement.

    An item must be owned by the customer, one of their org units or one above these. Customers can only ask
    for themselves.

    Raises:
        InvalidInput: names the field; what the actor may not see is reported as missing.
        CustomerErased.

    Source: product.md section 9.
    """
    if not tx.actor.is_staff and customer != tx.actor.customer:
        raise _no_such_customer(prefix)
    row = _PARTIES.first(
        tx.connection, {"customer": customer, "item": item or "", "org_unit": org_unit or ""}
    )
    if row is None:
        raise _no_such_customer(prefix)
    refuse_erased(row.erased_at)
    if org_unit is not None and not row.belongs:
        raise invalid(
            f"{prefix}/org_unit",
            gettext("The customer does not belong to this org unit."),
            gettext("Give one of the customer's org units."),
        )
    fits = row.item_fits or (row.item_is_global and not tx.settings.contracts)
    if item is not None and (row.item_id is None or not fits):
        raise invalid(
            f"{prefix}/item",
            gettext("There is no such item of this customer or of their org units."),
            gettext("Give an item that they own."),
        )
    return Parties(
        customer,
        row.customer_name,
        org_unit or row.org_unit_id,
        row.org_unit_name,
        item,
        row.item_number,
        row.item_name,
        row.item_type,
    )


def _no_such_customer(prefix: str) -> InvalidInput:
    return invalid(
        f"{prefix}/customer", gettext("There is no such customer."), gettext("Look the customer up first.")
    )


def _parties() -> Select[Any]:
    """The customer with the item, and whether org unit and item are theirs. Built once."""
    c, i, u, member = t.customer, t.item, t.org_unit, t.customer_org_unit
    customer, org_unit = bindparam("customer", type_=Id), bindparam("org_unit", type_=Id)
    belongs = exists(
        select(member.c.org_unit_id).where(member.c.customer_id == customer, member.c.org_unit_id == org_unit)
    )
    return (
        select(
            c.c.name.label("customer_name"),
            c.c.org_unit_id,
            c.c.erased_at,
            u.c.name.label("org_unit_name"),
            belongs.label("belongs"),
            i.c.id.label("item_id"),
            i.c.number.label("item_number"),
            i.c.name.label("item_name"),
            i.c.item_type,
            is_global().label("item_is_global"),
            may_be_asked_for(customer).label("item_fits"),
        )
        .select_from(
            c.outerjoin(i, i.c.id == bindparam("item", type_=Id)).outerjoin(
                u, u.c.id == func.coalesce(func.nullif(org_unit, ""), c.c.org_unit_id)
            )
        )
        .where(c.c.id == customer)
    )


_PARTIES = Prepared(_parties())
