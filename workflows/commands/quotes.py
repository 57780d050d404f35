"""Commands on quotes."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from workflows.commands.contracts import NewContract
from workflows.commands.fields import (
    Code,
    Command,
    Day,
    Description,
    FieldError,
    Id,
    LongText,
    MailAddress,
    MoneyGiven,
    Name,
    Percent,
    PositiveDecimal,
    Reason,
)
from workflows.languages.texts import gettext

MOST_LINES = 100


class QuoteLineGiven(Command):
    """A line of a quote: a contract to make, a product of the price list, or anything by its description.

    Without `unit_price` it has the price list's of today, or of the contract's first day. `contract` has the
    terms of the contract without a price; its quantity is 1. `tax_rate` names one of the settings'; without
    it that of the product holds, or the first of them.
    """

    contract: NewContract | None = None
    product: Id | None = None
    description: Description | None = None
    quantity: PositiveDecimal = "1"
    unit: Code | None = None
    unit_price: MoneyGiven | None = None
    discount_percent: Percent | None = None
    tax_rate: Name | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if self.contract is not None and self.product is not None:
            raise ValueError(gettext("Give contract or product, not both."))
        if self.contract is None and self.product is None:
            if self.description is None:
                raise ValueError(gettext("Give a contract, a product or a description."))
            if self.unit_price is None:
                needed = gettext("A line without a contract or a product needs a price.")
                raise FieldError("unit_price", needed)
        if self.contract is not None and Decimal(self.quantity) != 1:
            raise FieldError("quantity", gettext("A line makes one contract: leave quantity out."))
        return self


QuoteLines = Annotated[list[QuoteLineGiven], Field(max_length=MOST_LINES)]


class NewQuote(Command):
    """A quote to a customer or an org unit; `last_on` is the last day on which it can be accepted."""

    customer: Id | None = None
    org_unit: Id | None = None
    subject: Name
    note: LongText = ""
    last_on: Day
    lines: QuoteLines = Field(default_factory=list)


class ChangeQuote(Command):
    """New values of the fields that are given; `lines` replaces all lines.

    Where the latest version was sent, it stays as it is, and the change makes the next version.
    """

    subject: Name = ""
    note: LongText = ""
    last_on: Day | None = None
    lines: QuoteLines | None = None

    @model_validator(mode="after")
    def _has_a_last_day(self) -> Self:
        if "last_on" in self.model_fields_set and self.last_on is None:
            raise FieldError("last_on", gettext("A quote needs a last day."))
        return self


class SendQuote(Command):
    """Send the latest version; `recipient` defaults to the customer's address, and an org unit needs one."""

    recipient: MailAddress | None = None


class DecideQuote(Command):
    """Accept or decline a version, by default the latest that was sent.

    `name` is who decided, where staff record it; a customer decides in their own name.
    """

    version: Annotated[int, Field(ge=1, le=10_000)] | None = None
    name: Name | None = None
    comment: Reason | None = None
