"""Org units, customers and items over HTTP."""

from typing import Literal

from web.api.queries import ListQuery, Text
from web.api.routing import RouteGroup
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
from workflows.core.transaction import Transaction
from workflows.views import Page
from workflows.views.administration import AssignedView
from workflows.views.register import CustomerView, ItemView, OrgUnitView

org_units, customers, items = RouteGroup("Org units"), RouteGroup("Customers"), RouteGroup("Items")


class OrgUnitQuery(ListQuery):
    """`q` searches code and name; `parent` lists the children of one, `within` its whole branch."""

    q: Text | None = None
    code: Text | None = None
    parent: Text | None = None
    within: Text | None = None


class CustomerQuery(ListQuery):
    """`q` searches address and name; `org_unit` lists those that belong to it, primary or not."""

    q: Text | None = None
    email: Text | None = None
    org_unit: Text | None = None


class ItemQuery(ListQuery):
    """`owner` is an id, or `none` for global items; `for_customer` lists what a customer may ask for."""

    q: Text | None = None
    number: Text | None = None
    item_type: Text | None = None
    owner: Literal["none"] | Text | None = None
    for_customer: Text | None = None


@org_units.post("/org-units", status=201)
def create_org_unit(tx: Transaction, command: NewOrgUnit) -> OrgUnitView:
    """Add an org unit, below its parent where one is named. For administrators and supervisors."""
    return register.get_org_unit(tx, register.create_org_unit(tx, command))


@org_units.get("/org-units")
def list_org_units(tx: Transaction, query: OrgUnitQuery) -> Page[OrgUnitView]:
    """The org units one may see: all for staff, their own line for customers."""
    return register.list_org_units(tx, **query.given())


@org_units.get("/org-units/{org_unit_id}")
def read_org_unit(tx: Transaction, org_unit_id: str) -> OrgUnitView:
    """One org unit."""
    return register.get_org_unit(tx, org_unit_id)


@org_units.patch("/org-units/{org_unit_id}")
def change_org_unit(
    tx: Transaction, org_unit_id: str, command: ChangeOrgUnit, expected_version: int | None
) -> OrgUnitView:
    """Change an org unit; with another parent its whole branch moves. No org unit lies below itself."""
    register.change_org_unit(tx, org_unit_id, command, expected_version)
    return register.get_org_unit(tx, org_unit_id)


@customers.post("/customers", status=201)
def create_customer(tx: Transaction, command: NewCustomer) -> CustomerView:
    """Add a customer. `org_unit` is the primary org unit, else the first of `org_units`."""
    return register.get_customer(tx, register.create_customer(tx, command))


@customers.get("/customers")
def list_customers(tx: Transaction, query: CustomerQuery) -> Page[CustomerView]:
    """The customers one may see: all for staff, themselves for customers."""
    return register.list_customers(tx, **query.given())


@customers.get("/customers/{customer_id}")
def read_customer(tx: Transaction, customer_id: str) -> CustomerView:
    """One customer."""
    return register.get_customer(tx, customer_id)


@customers.patch("/customers/{customer_id}")
def change_customer(
    tx: Transaction, customer_id: str, command: ChangeCustomer, expected_version: int | None
) -> CustomerView:
    """Change a customer. `org_units` replaces the list; `org_unit` alone changes the primary one."""
    register.change_customer(tx, customer_id, command, expected_version)
    return register.get_customer(tx, customer_id)


@items.post("/items", status=201)
def create_item(tx: Transaction, command: NewItem) -> ItemView:
    """Add an item. While contracts are on it needs an owner."""
    return register.get_item(tx, register.create_item(tx, command))


@items.get("/items")
def list_items(tx: Transaction, query: ItemQuery) -> Page[ItemView]:
    """The items one may see: all for staff; for customers their own and those of their org units."""
    return register.list_items(tx, **query.given())


@items.get("/items/{item_id}")
def read_item(tx: Transaction, item_id: str) -> ItemView:
    """One item."""
    return register.get_item(tx, item_id)


@items.patch("/items/{item_id}")
def change_item(tx: Transaction, item_id: str, command: ChangeItem, expected_version: int | None) -> ItemView:
    """Change an item. While contracts are on its owner cannot be taken away."""
    register.change_item(tx, item_id, command, expected_version)
    return register.get_item(tx, item_id)


@items.post("/items/assign")
def assign_global_items(tx: Transaction, command: AssignItems) -> AssignedView:
    """Give global items an owner in bulk: those listed, or all that are left; all of them or none."""
    return assign_items(tx, command)
