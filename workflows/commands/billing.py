"""Commands on invoices, payments and how customers are addressed on invoices."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from engine.invoices import PaymentMethod
from workflows.commands.fields import (
    Command,
    Day,
    Description,
    FieldError,
    Id,
    LongText,
    MailAddress,
    MoneyGiven,
    MoneyGranted,
    OneLine,
    Reason,
    no_control_characters,
)
from workflows.commands.tax_ids import Country, VatId
from workflows.languages.texts import Language, gettext

MOST_LINES = 500
MOST_DISCOUNTS = 10


def _more_than_nothing(text: str) -> str:
    if Decimal(text) <= 0:
        raise ValueError(gettext("It must be more than 0. To take something back, write a credit note."))
    return text


def _share(text: str) -> str:
    if Decimal(text) > 100:
        raise ValueError(gettext("A discount must be between 0 and 100 percent."))
    return text


def _part(text: str) -> str:
    if not 0 < Decimal(text) < 100:
        raise ValueError(gettext("It must be more than 0 and less than 100 percent."))
    return text


Quantity = Annotated[
    str, StringConstraints(pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,6})?$"), AfterValidator(_more_than_nothing)
]
"""A quantity as decimal text with up to six decimals: "1.25"."""
DiscountPercent = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,4})?$"), AfterValidator(_share)
]
EarlyPercent = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?$"), AfterValidator(_part)
]
Unit = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,3}$")]
"""A code of UN/ECE Recommendation 20: HUR hour, C62 piece, MON month, DAY day, KMT kilometre."""
ShortText = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True), OneLine]
RequiredReason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, strip_whitespace=True),
    AfterValidator(no_control_characters),
]


class InvoiceLineGiven(Command):
    """A line: quantity × unit price, less a discount in percent or in money.

    `tax_rate` names one of the settings'. The days of service are inclusive. `sold` is what was sold and not
    invoiced yet: the line invoices it.
    """

    description: Description
    quantity: Quantity
    unit: Unit = "C62"
    unit_price: MoneyGiven
    discount_percent: DiscountPercent | None = None
    discount: MoneyGiven | None = None
    tax_rate: ShortText
    service_from: Day | None = None
    service_to: Day | None = None
    sold: Id | None = None

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.discount_percent is not None and self.discount is not None:
            raise ValueError(gettext("Give a discount in percent or as an amount, not both."))
        if self.service_to is not None and (self.service_from or self.service_to) > self.service_to:
            raise FieldError("service_to", gettext("The service would end before it begins."))
        if self.service_to is not None and self.service_from is None:
            raise FieldError("service_from", gettext("Give the first day of the service too."))
        return self


class DocumentDiscountGiven(Command):
    """A discount on the whole invoice, in percent or in money; it is divided by tax rate."""

    reason: Description
    percent: DiscountPercent | None = None
    amount: MoneyGranted | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.percent is None) == (self.amount is None):
            raise ValueError(gettext("Give either a percentage or an amount."))
        return self


class EarlyPaymentGiven(Command):
    """A discount for payment within so many days of the issue."""

    days: Annotated[int, Field(ge=0, le=365)]
    percent: EarlyPercent


class InvoiceTerms(Command):
    """What an invoice says beside its lines; what is left out comes from the settings and the customer."""

    due_on: Day | None = None
    order_number: ShortText | None = None
    buyer_reference: ShortText | None = None
    note: LongText | None = None
    terms: LongText | None = None
    early_payment: EarlyPaymentGiven | None = None
    language: Language | None = None


class NewInvoice(InvoiceTerms):
    """A draft for a customer or an org unit."""

    customer: Id | None = None
    org_unit: Id | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    lines: Annotated[list[InvoiceLineGiven], Field(min_length=1, max_length=MOST_LINES)]
    discounts: Annotated[list[DocumentDiscountGiven], Field(max_length=MOST_DISCOUNTS)] = Field(
        default_factory=list
    )


class ChangeInvoice(InvoiceTerms):
    """New terms of a draft; `lines` and `discounts` replace the whole lists."""

    lines: Annotated[list[InvoiceLineGiven], Field(min_length=1, max_length=MOST_LINES)] | None = None
    discounts: Annotated[list[DocumentDiscountGiven], Field(max_length=MOST_DISCOUNTS)] | None = None


class ChangeBilling(Command):
    """How a customer or an org unit is addressed on invoices.

    `order_budget` is what may be invoiced on the order number, without tax; more waits for finance.
    """

    name: ShortText | None = None
    street: ShortText | None = None
    postal_code: ShortText | None = None
    city: ShortText | None = None
    country: Country | None = None
    vat_id: VatId | None = None
    email: MailAddress | None = None
    order_number: ShortText | None = None
    buyer_reference: ShortText | None = None
    language: Language | None = None
    order_budget: MoneyGiven | None = None


class IssueInvoice(Command):
    """Issue a draft: it gets its number and never changes afterwards."""


class ConfirmInvoice(Command):
    """Confirm a draft that the rules find unusual, so that it can be issued."""

    reason: RequiredReason


class VoidInvoice(Command):
    """Void a draft, or an issued invoice that nothing was paid of."""

    reason: Reason = ""


class CreditLineGiven(Command):
    """A line to credit, by its id: wholly, or a quantity or an amount of it."""

    line: Id
    quantity: Quantity | None = None
    amount: MoneyGranted | None = None

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.quantity is not None and self.amount is not None:
            raise ValueError(gettext("Give quantity or amount, not both."))
        return self


class CreditInvoice(Command):
    """A credit note for an issued invoice: the whole of it, or the lines that are named."""

    reason: RequiredReason
    lines: Annotated[list[CreditLineGiven], Field(min_length=1, max_length=MOST_LINES)] | None = None


class PauseDunning(Command):
    """Send no reminders of an invoice up to the end of a day."""

    reason: RequiredReason
    until: Day


class WriteOff(Command):
    """Write off all that is open of an invoice."""

    reason: RequiredReason


class ReverseWriteOff(Command):
    """Take back what is written off of an invoice: it is open again."""

    reason: RequiredReason


class CreditUnusedPart(Command):
    """Credit the unused part of a contract that was cancelled."""

    reason: RequiredReason


class NewPayment(Command):
    """A payment that was received for an invoice."""

    amount: MoneyGiven
    received_on: Day
    method: PaymentMethod = "transfer"
    reference: ShortText | None = None


class ReversePayment(Command):
    """Take a payment back as a whole."""

    reason: Reason = ""


class DraftSold(InvoiceTerms):
    """A draft of what was sold to a customer or an org unit and is not invoiced yet: all of it, or `sold`."""

    customer: Id | None = None
    org_unit: Id | None = None
    sold: Annotated[list[Id], Field(min_length=1, max_length=MOST_LINES)] | None = None
    tax_rate: ShortText | None = None


class DraftOverage(Command):
    """Bill the time of a customer or an org unit that was worked by the end of a month, written YYYY-MM.

    The month is the last one that is over unless it is given; of the present one, what was worked so far.
    """

    customer: Id | None = None
    org_unit: Id | None = None
    month: Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")] | None = None
    tax_rate: ShortText | None = None


class CreditOverage(Command):
    """Credit time that was billed too high, on the invoice that billed it."""

    reason: RequiredReason


class WaiveSold(Command):
    """Do not invoice what was sold, for a reason."""

    reason: RequiredReason
