"""The register of org units, customers and items, and who owns what."""

from workflows.register.customers import change_customer, create_customer, get_customer, list_customers
from workflows.register.items import change_item, create_item, get_item, list_items
from workflows.register.org_units import change_org_unit, create_org_unit, get_org_unit, list_org_units

__all__ = [
    "change_customer",
    "change_item",
    "change_org_unit",
    "create_customer",
    "create_item",
    "create_org_unit",
    "get_customer",
    "get_item",
    "get_org_unit",
    "list_customers",
    "list_items",
    "list_org_units",
]
