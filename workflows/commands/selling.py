"""Commands on the price list."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from engine.invoices import ItemKind
from engine.price_list import ProductKind
from engine.recurring_sales import Interval, Timing
from workflows.commands.fields import (
    MOST_MINOR,
    Code,
    Command,
    Day,
    Description,
    FieldError,
    Id,
    MoneyGiven,
    Name,
    PositiveDecimal,
    Reason,
    no_control_characters,
)
from workflows.languages.texts import gettext

MOST_FILE_BYTES = 2 * 1024 * 1024
MOST_ITEMS = 50
Quantity = Annotated[int, Field(ge=1, le=MOST_MINOR)]
FileText = Annotated[
    str, StringConstraints(max_length=MOST_FILE_BYTES), AfterValidator(no_control_characters)
]


class NewProduct(Command):
    """Something to sell. `contract_type` is needed for the kinds contract_type and top_up, and only there.

    `quantity` is what of that type its price is for: whole minutes, incidents or minor units of money;
    without it, any. `tax_rate` names one of the settings'; without it, the first of them holds. Customers buy
    in the portal what is `offered`.
    """

    code: Code
    label: Name
    kind: ProductKind
    contract_type: Code | None = None
    quantity: Quantity | None = None
    unit: Code = "piece"
    tax_rate: Code | None = None
    offered: bool = False


class ChangeProduct(Command):
    """New values of the fields that are given; the kind of a product stays."""

    code: Code = ""
    label: Name = ""
    contract_type: Code | None = None
    quantity: Quantity | None = None
    unit: Code = ""
    tax_rate: Code | None = None
    offered: bool = False


class _Days(Command):
    first_on: Day
    last_on: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_on is not None and self.last_on < self.first_on:
            raise FieldError("last_on", gettext("The last day must not be before the first."))
        return self


class NewPrice(_Days):
    """A price of a product from its first to its last day, both inclusive; without a last day for ever."""

    price: MoneyGiven


class EndPrice(Command):
    """Another last day of a price; null: it has no end."""

    last_on: Day | None


class PriceListFile(Command):
    """A price list as CSV text, with the columns of the export."""

    file: FileText


class SoldItemGiven(Command):
    """Something sold once: a product of the price list, or anything by its description.

    Without `unit_price` a product has the price list's of the day. `kind` is that of the product, otherwise
    one_off. `tax_rate` names one of the settings'; without it that of the product holds, or the first one.
    """

    product: Id | None = None
    description: Description | None = None
    kind: ItemKind | None = None
    quantity: PositiveDecimal = "1"
    unit: Code | None = None
    unit_price: MoneyGiven | None = None
    tax_rate: Name | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if self.product is None and (self.description is None or self.unit_price is None):
            raise ValueError(gettext("Give a product, or a description and a price."))
        if self.product is not None and self.kind is not None:
            wrong = gettext("The kind of a product is that of the price list: leave kind out.")
            raise FieldError("kind", wrong)
        return self


SoldItemsGiven = Annotated[list[SoldItemGiven], Field(max_length=MOST_ITEMS)]


class NewSoldItem(SoldItemGiven):
    """Something sold on a service request. `sold_on` is the day, by default today.

    It is to be paid by the customer of the request, or by its org unit.
    """

    sold_on: Day | None = None
    bill_to: Literal["customer", "org_unit"] = "customer"


class ChangeSoldItem(Command):
    """New values of the fields that are given; the price stays unless it is given."""

    description: Description | None = None
    quantity: PositiveDecimal | None = None
    unit_price: MoneyGiven | None = None
    tax_rate: Name | None = None
    sold_on: Day | None = None


class NewRecurringSale(Command):
    """Something sold every month, quarter or year: a product of the price list, or by its description.

    It is for a customer, an org unit, or goes with a contract and ends with it. Without `unit_price` a
    product has the price list's of the first day. `starts_on` is today unless given; `last_on` is inclusive,
    without it there is no end. Periods begin on the day `billing_day` of the month, by default that of the
    start.
    """

    customer: Id | None = None
    org_unit: Id | None = None
    contract: Id | None = None
    product: Id | None = None
    description: Description | None = None
    quantity: PositiveDecimal = "1"
    unit: Code | None = None
    unit_price: MoneyGiven | None = None
    tax_rate: Name | None = None
    every: Interval
    timing: Timing = "advance"
    billing_day: Annotated[int, Field(ge=1, le=31)] | None = None
    starts_on: Day | None = None
    last_on: Day | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if sum(one is not None for one in (self.customer, self.org_unit, self.contract)) != 1:
            raise ValueError(gettext("Name either a customer, an org unit or a contract."))
        if self.product is None and (self.description is None or self.unit_price is None):
            raise ValueError(gettext("Give a product, or a description and a price."))
        return self


class EndRecurringSale(Command):
    """End a recurring sale with a day, which is still sold."""

    last_on: Day
    reason: Reason | None = None


class BuyOffer(Command):
    """Buy what is offered, at the price that was shown; a top-up for one of the customer's own contracts."""

    price: MoneyGiven
    contract: Id | None = None
