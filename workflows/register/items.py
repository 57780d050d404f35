"""Items: the things supported. While contracts are on, every item has an owner."""

from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, false, func, or_, select

from workflows.commands.register import ChangeItem, NewItem, OwnerGiven
from workflows.core.actors import DESK
from workflows.core.config_version import settings_in_force
from workflows.core.erased import require_not_erased
from workflows.core.errors import Conflict, StateForbids
from workflows.core.paging import Sort, read_page
from workflows.core.search import found_by
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.register.records import (
    READERS,
    insert_unique,
    locked,
    one_row,
    own_org_units,
    require_record,
    update_versioned,
)
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.register import CustomerOwner, ItemView, OrgUnitOwner

item = t.item

ORDERS = {
    "number": Sort(item.c.number),
    "name": Sort(func.lower(item.c.name)),
    "created_at": Sort(item.c.created_at),
}


def create_item(tx: Transaction, command: NewItem) -> str:
    """Add an item; returns its id.

    Raises:
        NotAllowed: the actor is no administrator, supervisor or technician.
        StateForbids: the item has no owner while contracts are on.
        InvalidInput: the owner does not exist.
        Conflict: another item has this number.

    Source: product.md section 3.
    """
    tx.require(*DESK)
    item_id = new_id()
    values = {
        "id": item_id,
        "number": command.number,
        "name": command.name,
        "item_type": command.item_type,
        "created_at": tx.now,
        **owner_columns(tx, command.owner),
    }
    insert_unique(tx, item, values, _taken(command.number))
    tx.audit("item", item_id, "created", **command.model_dump(exclude_none=True))
    return item_id


def change_item(
    tx: Transaction, item_id: str, command: ChangeItem, expected_version: int | None = None
) -> None:
    """Change the fields that were given.

    Raises:
        NotAllowed: the actor is no administrator, supervisor or technician.
        NotFound: there is no such item.
        VersionChanged: the record does not have the expected version.
        StateForbids: the owner would be removed while contracts are on.
        InvalidInput: the owner does not exist.
        Conflict: another item has this number.
    """
    tx.require(*DESK)
    given = command.given()
    row = locked(tx, item, item_id, expected_version)
    if "owner" in given:
        del given["owner"]
        given.update(owner_columns(tx, command.owner))
    changed = update_versioned(tx, item, row, given, _taken(command.number))
    if changed:
        tx.audit("item", item_id, "changed", **changed)


def get_item(tx: Transaction, item_id: str) -> ItemView:
    """One item. Raises: NotFound, also for a customer if neither they nor an org unit above them owns it."""
    return _view(one_row(tx, _visible(tx).where(item.c.id == item_id), item))


def list_items(
    tx: Transaction,
    *,
    q: str | None = None,
    number: str | None = None,
    item_type: str | None = None,
    owner: Literal["none"] | str | None = None,
    for_customer: str | None = None,
    order: str = "number",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[ItemView]:
    """A page of items; `q` searches numbers and names.

    `owner` is the id of a customer or an org unit, or "none" for global items; `for_customer` lists all items
    for which that customer may ask for support.
    """
    statement = _visible(tx)
    if q is not None:
        statement = statement.where(found_by(tx, item, q))
    if number is not None:
        statement = statement.where(item.c.number == number)
    if item_type is not None:
        statement = statement.where(item.c.item_type == item_type)
    if owner == "none":
        statement = statement.where(is_global())
    elif owner is not None:
        statement = statement.where(or_(item.c.owner_customer_id == owner, item.c.owner_org_unit_id == owner))
    if for_customer is not None:
        own = tx.actor.is_staff or tx.actor.customer == for_customer
        statement = statement.where(may_be_asked_for(for_customer) if own else false())
    return read_page(
        tx,
        statement,
        _view,
        orders=ORDERS,
        by_id=item.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def may_be_asked_for(customer: Any) -> ColumnElement[bool]:
    """Whether an item is the customer's or of one of their org units, or of one above these.

    `customer` is an id, a parameter or a column. Source: product.md section 9.
    """
    return or_(item.c.owner_customer_id == customer, item.c.owner_org_unit_id.in_(own_org_units(customer)))


def is_global() -> ColumnElement[bool]:
    """SQL: the item has no owner."""
    return item.c.owner_customer_id.is_(None) & item.c.owner_org_unit_id.is_(None)


def owner_columns(tx: Transaction, owner: OwnerGiven | None) -> dict[str, str | None]:
    """The values of an item's owner columns.

    Raises: InvalidInput if the owner does not exist; CustomerErased; StateForbids without one while contracts
    are on.
    """
    if owner is None:
        if settings_in_force(tx).contracts:
            raise StateForbids(
                gettext("While contracts are on, every item needs an owner."),
                remedy=gettext("Give a customer or an org unit as the owner."),
                pointer="/owner",
                state="contracts_on",
            )
        return {"owner_customer_id": None, "owner_org_unit_id": None}
    require_record(
        tx, t.customer if owner.kind == "customer" else t.org_unit, owner.id, f"/owner/{owner.kind}"
    )
    require_not_erased(tx, owner.customer)
    return {"owner_customer_id": owner.customer, "owner_org_unit_id": owner.org_unit}


def _visible(tx: Transaction) -> Select[Any]:
    tx.require(*READERS)
    statement = (
        select(item, func.coalesce(t.customer.c.name, t.org_unit.c.name).label("owner_name"))
        .outerjoin(t.customer, t.customer.c.id == item.c.owner_customer_id)
        .outerjoin(t.org_unit, t.org_unit.c.id == item.c.owner_org_unit_id)
    )
    return statement if tx.actor.is_staff else statement.where(may_be_asked_for(tx.actor.customer))


def _view(row: Row[Any]) -> ItemView:
    owner: CustomerOwner | OrgUnitOwner | None = None
    if row.owner_customer_id is not None:
        owner = CustomerOwner(row.owner_customer_id)
    elif row.owner_org_unit_id is not None:
        owner = OrgUnitOwner(row.owner_org_unit_id)
    return ItemView(
        id=row.id,
        number=row.number,
        name=row.name,
        item_type=row.item_type,
        owner=owner,
        owner_name=row.owner_name,
        created_at=row.created_at,
        version=row.version,
    )


def _taken(number: str) -> Conflict:
    return Conflict(
        gettext("There is another item with the number %(number)s.", number=repr(number)), pointer="/number"
    )
