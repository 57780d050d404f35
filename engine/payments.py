"""Which invoices a payment settles, what becomes a customer's credit, and what a reversal takes back.

A payment goes to the invoices that it names, in the order given; what is too much becomes a credit of the
customer, which is used on the next invoice, the oldest credit first.

    2026-03-01  invoice R-1 EUR 500.00
    2026-03-05  payment P1 EUR 520.00        -> R-1 500.00; credit P1 20.00
    2026-03-09  invoice R-2 EUR 100.00       -> credit P1 20.00; open 80.00
    2026-03-12  P1 reversed                  -> R-2 open 100.00, R-1 open 500.00

An early payment settles an invoice for less: the discount takes its tax along, rate by rate. Amounts are
integers in minor units of one currency. Source: product.md section 10.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from engine.errors import DeskError
from engine.invoice_document import EarlyPayment, TaxSubtotal
from engine.quantities import round_half_up


class InvalidPayment(DeskError):
    """An amount that cannot be paid, used, paid out or taken back."""

    code = "invalid-payment"


class CreditTooSmall(DeskError):
    """More is to be used of a credit, or on an invoice, than there is."""

    code = "credit-too-small"


@dataclass(frozen=True, slots=True)
class PayableInvoice:
    """An issued invoice and what is still open of it, in minor units.

    `taxes` are its bases and taxes less what was credited: an early-payment discount is a percentage of them.
    """

    id: str
    open_minor: int
    issued_on: date
    early_payment: EarlyPayment | None = None
    taxes: tuple[TaxSubtotal, ...] = ()


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one invoice gets: `amount_minor` of the payment, and the discount for early payment beside it.

    `discounts` has the net (base) and the tax of the discount for each rate of the invoice.
    """

    invoice: str
    amount_minor: int
    discounts: tuple[TaxSubtotal, ...] = ()

    @property
    def discount_minor(self) -> int:
        """The discount with its tax."""
        return sum(one.base_minor + one.tax_minor for one in self.discounts)

    @property
    def settled_minor(self) -> int:
        """By how much the open amount of the invoice falls."""
        return self.amount_minor + self.discount_minor


@dataclass(frozen=True, slots=True)
class PaymentPlan:
    """How an amount is divided: allocations and the rest, `credit_minor`, sum to it exactly."""

    allocations: tuple[Allocation, ...]
    credit_minor: int


@dataclass(frozen=True, slots=True)
class CreditNotePlan:
    """What a credit note takes off the open amount, gives as a credit, and takes back of a discount.

    `difference_minor` is what these sum to beyond the note's total; below zero, what of it settles nothing.
    """

    taken_minor: int
    credit_minor: int
    discount_minor: int
    difference_minor: int


@dataclass(frozen=True, slots=True)
class CustomerCredit:
    """What is left of a credit of a customer, and since when they have it (aware UTC)."""

    id: str
    left_minor: int
    since_at: datetime


@dataclass(frozen=True, slots=True)
class CreditUse:
    """An amount taken from one credit."""

    credit: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Reversal:
    """What a reversal takes back: of the credit that is left, and of allocations, the newest first.

    `owed_minor` is what was paid out of the credit meanwhile: the customer owes it. The three parts sum to
    the amount reversed. A discount that is taken back reopens its invoice as well.
    """

    credit_minor: int
    allocations: tuple[Allocation, ...]
    owed_minor: int


def allocate_payment(amount_minor: int, received_on: date, invoices: Sequence[PayableInvoice]) -> PaymentPlan:
    """Divide a payment among the invoices that it names, in their order; the rest becomes a credit.

    An early-payment discount is given if the payment arrives by the issue plus its days, that day included,
    and what is left of the payment reaches the open amount less the discount. An invoice that gets nothing
    has no allocation.
    Units: minor units of the invoices' currency.
    Raises: InvalidPayment unless the amount is more than zero.
    Source: product.md section 10.
    """
    left_minor = _more_than_zero(amount_minor)
    allocations = []
    for invoice in invoices:
        discounts = early_payment_discount(invoice, received_on)
        reduced_minor = invoice.open_minor - sum(one.base_minor + one.tax_minor for one in discounts)
        if not discounts or left_minor < reduced_minor:
            discounts, reduced_minor = (), invoice.open_minor
        paid_minor = min(left_minor, reduced_minor)
        if paid_minor or discounts:
            allocations.append(Allocation(invoice.id, paid_minor, discounts))
        left_minor -= paid_minor
    return PaymentPlan(tuple(allocations), left_minor)


def early_payment_discount(invoice: PayableInvoice, received_on: date) -> tuple[TaxSubtotal, ...]:
    """The discount that a payment of that day may take, for each rate; nothing if it is too late.

    Net and tax are rounded half up for each rate. Nothing too where the discount is more than what is open.
    """
    terms = invoice.early_payment
    if terms is None or not invoice.open_minor or received_on > last_discount_day(invoice.issued_on, terms):
        return ()
    percent = Fraction(terms.percent)
    discounts = []
    for one in invoice.taxes:
        net_minor = round_half_up(one.base_minor * percent / 100)
        tax_minor = round_half_up(net_minor * Fraction(one.rate) / 100)
        discounts.append(TaxSubtotal(one.category, one.rate, net_minor, tax_minor, one.reason))
    total_minor = sum(one.base_minor + one.tax_minor for one in discounts)
    return tuple(discounts) if 0 < total_minor <= invoice.open_minor else ()


def last_discount_day(issued_on: date, terms: EarlyPayment) -> date:
    """The last day on which the discount for early payment is given."""
    return issued_on + timedelta(days=terms.days)


def allocate_credit_note(amount_minor: int, invoice: PayableInvoice) -> PaymentPlan:
    """What a credit note takes off the invoice that it corrects; what was paid already becomes a credit.

    Raises: InvalidPayment unless the amount is more than zero.
    """
    taken_minor = min(_more_than_zero(amount_minor), invoice.open_minor)
    allocations = (Allocation(invoice.id, taken_minor),) if taken_minor else ()
    return PaymentPlan(allocations, amount_minor - taken_minor)


def plan_credit_note(
    total_minor: int,
    invoice: PayableInvoice,
    *,
    left_minor: int,
    is_rest: bool,
    paid_minor: int,
    discount_minor: int,
) -> CreditNotePlan:
    """What becomes of a credit note: it takes off what is open, then what was paid becomes a credit.

    `left_minor` is what earlier notes left of the invoice's total, `paid_minor` what was paid of it and has
    not become a credit, `discount_minor` what was discounted for early payment: that is not given back as
    money.
    The tax of each note is rounded by itself: with the one that credits the rest (`is_rest`), the notes
    settle exactly the total of the invoice, and before it no more than that.

    Example: 0.02 three times at 19 % are 0.07, and three notes 0.06; the last one settles 0.03 for its 0.02.
    """
    settles_minor = left_minor if is_rest else min(total_minor, left_minor)
    taken_minor = rest_minor = 0
    if settles_minor:
        plan = allocate_credit_note(settles_minor, invoice)
        rest_minor = plan.credit_minor
        taken_minor = settles_minor - rest_minor
    credit_minor = min(rest_minor, max(paid_minor, 0))
    taken_back_minor = min(rest_minor - credit_minor, discount_minor)
    difference_minor = taken_minor + credit_minor + taken_back_minor - total_minor
    return CreditNotePlan(taken_minor, credit_minor, taken_back_minor, difference_minor)


def use_credits(open_minor: int, credits: Iterable[CustomerCredit]) -> tuple[CreditUse, ...]:
    """What an invoice with so much open takes from a customer's credits when it is issued, oldest first."""
    uses = []
    for credit in sorted(credits, key=lambda one: (one.since_at, one.id)):
        taken_minor = min(credit.left_minor, open_minor)
        if taken_minor > 0:
            uses.append(CreditUse(credit.id, taken_minor))
            open_minor -= taken_minor
    return tuple(uses)


def use_amount_of_credits(
    amount_minor: int, credits: Sequence[CustomerCredit], *, open_minor: int | None = None
) -> tuple[CreditUse, ...]:
    """Take exactly so much from credits, oldest first: for an invoice, or to pay it out (`open_minor` None).

    Raises: InvalidPayment unless the amount is more than zero; CreditTooSmall if the credits have less, or
    the invoice has less open.
    """
    available_minor = sum(credit.left_minor for credit in credits)
    if _more_than_zero(amount_minor) > available_minor:
        raise CreditTooSmall(
            "The credit is smaller than the amount.",
            remedy="Use at most what is left of it.",
            available_minor=available_minor,
        )
    if open_minor is not None and amount_minor > open_minor:
        raise CreditTooSmall(
            "Less is open on the invoice than the amount.",
            remedy="Use at most what is open.",
            open_minor=open_minor,
        )
    return use_credits(amount_minor, credits)


def plan_reversal(
    allocations: Sequence[Allocation],
    *,
    credit_left_minor: int,
    paid_out_minor: int = 0,
    amount_minor: int | None = None,
) -> Reversal:
    """Take back a payment, or `amount_minor` of it: its unused credit first, then allocations, newest first.

    `allocations` are those of the payment and of the credit that it left, oldest first. An allocation of
    which anything is taken back loses its whole discount, whose terms are no longer met. What was paid
    out of its credit is taken last.
    Raises: InvalidPayment unless the amount is more than zero and at most what was paid.
    """
    paid_minor = sum(one.amount_minor for one in allocations) + credit_left_minor + paid_out_minor
    left_minor = _more_than_zero(paid_minor if amount_minor is None else amount_minor)
    if left_minor > paid_minor:
        raise InvalidPayment(
            "More would be taken back than was paid.",
            remedy="Take back at most what is left of the payment.",
            paid_minor=paid_minor,
        )
    credit_minor = min(left_minor, credit_left_minor)
    left_minor -= credit_minor
    taken_back = []
    for one in reversed(allocations):
        taken_minor = min(left_minor, one.amount_minor)
        if taken_minor:
            taken_back.append(Allocation(one.invoice, taken_minor, one.discounts))
        left_minor -= taken_minor
    return Reversal(credit_minor, tuple(taken_back), left_minor)


def _more_than_zero(amount_minor: int) -> int:
    if amount_minor <= 0:
        raise InvalidPayment(
            "The amount must be more than 0.",
            remedy="Give the amount that was paid; a payment that went back is reversed instead.",
            amount_minor=amount_minor,
        )
    return amount_minor
