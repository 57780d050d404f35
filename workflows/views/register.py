"""Org units, customers and items as they are shown."""

from datetime import datetime

from workflows.views.base import View, view


@view
class OrgUnitView(View):
    """A customer company, site or department; `parent` is the id of the one above it."""

    id: str
    code: str
    name: str
    parent: str | None
    parent_name: str | None
    created_at: datetime
    version: int


@view
class CustomerView(View):
    """A person who asks for support; `org_unit` is the primary one, and the first of `org_units`.

    `erased_at` is when what identified them was replaced, null if it was not.
    """

    id: str
    email: str
    name: str
    org_unit: str | None
    org_unit_name: str | None
    org_units: list[str]
    created_at: datetime
    version: int
    erased_at: datetime | None = None


@view
class CustomerOwner(View):
    """A customer owns the item."""

    customer: str

    @property
    def kind(self) -> str:
        return "customer"

    @property
    def id(self) -> str:
        return self.customer


@view
class OrgUnitOwner(View):
    """An org unit owns the item."""

    org_unit: str

    @property
    def kind(self) -> str:
        return "org_unit"

    @property
    def id(self) -> str:
        return self.org_unit


@view
class ItemView(View):
    """A thing supported. Without an owner it is a global item."""

    id: str
    number: str
    name: str
    item_type: str
    owner: CustomerOwner | OrgUnitOwner | None
    owner_name: str | None
    created_at: datetime
    version: int
