"""Commands on org units, customers and items."""

from typing import Annotated

from pydantic import Field

from workflows.commands.fields import Code, Command, Id, MailAddress, Name, OneOf


class OwnerGiven(OneOf):
    """The owner of an item."""

    customer: Id | None = None
    org_unit: Id | None = None


class NewOrgUnit(Command):
    code: Code
    name: Name
    parent: Id | None = None


class ChangeOrgUnit(Command):
    code: Code = ""
    name: Name = ""
    parent: Id | None = None


class NewCustomer(Command):
    email: MailAddress
    name: Name
    org_unit: Id | None = None
    org_units: Annotated[list[Id], Field(max_length=50)] = Field(default_factory=list)


class ChangeCustomer(Command):
    email: MailAddress = ""
    name: Name = ""
    org_unit: Id | None = None
    org_units: Annotated[list[Id], Field(max_length=50)] = Field(default_factory=list)


class NewItem(Command):
    number: Code
    name: Name
    item_type: Code
    owner: OwnerGiven | None


class ChangeItem(Command):
    number: Code = ""
    name: Name = ""
    item_type: Code = ""
    owner: OwnerGiven | None = None
