"""API routes of org units, customers and items."""

from web.api.queries import ListQuery, Text
from web.api.routing import RouteGroup, TextResponse
from workflows import register
from workflows.administration.activation import assign_items
from workflows.commands.administration import AssignItems
from workflows.commands.register import (
    ChangeCustomer,
    ChangeItem,
    ChangeOrgUnit,
    NewCustomer,
    NewItem,
    NewOrgUnit,
)
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.people.export import open_export
from workflows.views import Page
from workflows.views.administration import AssignedView
from workflows.views.register import CustomerView, ItemView, OrgUnitView

org_units, customers, items = RouteGroup("Org units"), RouteGroup("Customers"), RouteGroup("Items")


class OrgUnitQuery(ListQuery):
    """Filters of org units. `q` searches code and name; `parent` selects children, `within` a subtree."""

    q: Text | None = None
    code: Text | None = None
    parent: Text | None = None
    within: Text | None = None


class CustomerQuery(ListQuery):
    """Filters of customers. `q` searches email and name; `org_unit` selects its members, primary or not."""

    q: Text | None = None
    email: Text | None = None
    org_unit: Text | None = None


class ItemQuery(ListQuery):
    """Filters of items.

    `owner` is an id, or `none` for global items. `for_customer` selects the items that a service request of
    that customer may name.
    """

    q: Text | None = None
    number: Text | None = None
    item_type: Text | None = None
    owner: Text | None = None
    for_customer: Text | None = None


@org_units.post("/org-units", status=201)
def create_org_unit(tx: Transaction, command: NewOrgUnit) -> OrgUnitView:
    """Create an org unit, optionally below a parent. For administrators and supervisors."""
    return register.get_org_unit(tx, register.create_org_unit(tx, command))


@org_units.get("/org-units")
def list_org_units(tx: Transaction, query: OrgUnitQuery) -> Page[OrgUnitView]:
    """List org units: staff see all, customers see their own and its ancestors."""
    return register.list_org_units(tx, **query.given())


@org_units.get("/org-units/{org_unit_id}")
def read_org_unit(tx: Transaction, org_unit_id: str) -> OrgUnitView:
    """Return one org unit."""
    return register.get_org_unit(tx, org_unit_id)


@org_units.patch("/org-units/{org_unit_id}")
def change_org_unit(
    tx: Transaction, org_unit_id: str, command: ChangeOrgUnit, expected_version: int | None
) -> OrgUnitView:
    """Change an org unit. A new parent moves the whole subtree; an org unit cannot be below itself."""
    register.change_org_unit(tx, org_unit_id, command, expected_version)
    return register.get_org_unit(tx, org_unit_id)


@customers.post("/customers", status=201)
def create_customer(tx: Transaction, command: NewCustomer) -> CustomerView:
    """Create a customer. The primary org unit is `org_unit`, or else the first of `org_units`."""
    return register.get_customer(tx, register.create_customer(tx, command))


@customers.get("/customers")
def list_customers(tx: Transaction, query: CustomerQuery) -> Page[CustomerView]:
    """List customers: staff see all, customers see themselves."""
    return register.list_customers(tx, **query.given())


@customers.get("/customers/{customer_id}")
def read_customer(tx: Transaction, customer_id: str) -> CustomerView:
    """Return one customer."""
    return register.get_customer(tx, customer_id)


@customers.patch("/customers/{customer_id}")
def change_customer(
    tx: Transaction, customer_id: str, command: ChangeCustomer, expected_version: int | None
) -> CustomerView:
    """Change a customer. `org_units` replaces the list; `org_unit` alone changes the primary org unit."""
    register.change_customer(tx, customer_id, command, expected_version)
    return register.get_customer(tx, customer_id)


@customers.get("/customers/{customer_id}/personal-data", media_type="application/zip")
def export_customer(desk: Desk, actor: Actor, customer_id: str) -> TextResponse:
    """Return everything that is held on a customer as a ZIP file of JSON, CSV and documents.

    For administrators. That it was exported is written in the audit trail.
    """
    found = open_export(desk, actor, customer_id)
    return TextResponse(found.parts, "application/zip", close=found.close)


@items.post("/items", status=201)
def create_item(tx: Transaction, command: NewItem) -> ItemView:
    """Create an item. While contracts are on, an owner is required."""
    return register.get_item(tx, register.create_item(tx, command))


@items.get("/items")
def list_items(tx: Transaction, query: ItemQuery) -> Page[ItemView]:
    """List items: staff see all, customers see their own and those of their org units."""
    return register.list_items(tx, **query.given())


@items.get("/items/{item_id}")
def read_item(tx: Transaction, item_id: str) -> ItemView:
    """Return one item."""
    return register.get_item(tx, item_id)


@items.patch("/items/{item_id}")
def change_item(tx: Transaction, item_id: str, command: ChangeItem, expected_version: int | None) -> ItemView:
    """Change an item. While contracts are on, its owner cannot be removed."""
    register.change_item(tx, item_id, command, expected_version)
    return register.get_item(tx, item_id)


@items.post("/items/assign")
def assign_global_items(tx: Transaction, command: AssignItems) -> AssignedView:
    """Assign an owner to global items in bulk: those listed, or all of them. All are assigned or none."""
    return assign_items(tx, command)
