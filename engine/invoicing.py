"""The arithmetic of invoices and credit notes: lines, discounts, tax, totals, shares of a period.

Exact by fractions; every amount that comes out is an integer in minor units, rounded half up (ties away from
zero) once: a line's net, the discount of a tax rate, the tax of a rate. Sources: product.md section 10;
EN 16931-1, BR-CO-10 to BR-CO-17.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from engine.errors import DeskError
from engine.invoice_document import DocumentDiscount, TaxCategory, TaxSubtotal
from engine.quantities import round_half_up

Number = int | Decimal | Fraction


class DiscountTooLarge(DeskError):
    """A discount of more than what it is taken from."""

    code = "discount-too-large"


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A category and a rate in percent; `reason` says why nothing is charged, where so."""

    category: TaxCategory
    percent: Decimal
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LineTerms:
    """What one line charges: quantity × price, less a percentage or an amount in minor units.

    The price is in minor units for one piece and may have decimals. A negative discount is a surcharge.
    """

    quantity: Number
    unit_price_minor: Number
    tax: TaxRate
    discount_percent: Decimal | None = None
    discount_minor: int = 0


@dataclass(frozen=True, slots=True)
class DiscountTerms:
    """A discount on the whole document, in percent or in minor units; negative amounts are surcharges.

    With a `tax` it is of that rate alone; else it is divided by rate: a percentage is taken of each, an
    amount in proportion to the net of each.
    """

    reason: str = ""
    percent: Decimal | None = None
    amount_minor: int | None = None
    tax: TaxRate | None = None


@dataclass(frozen=True, slots=True)
class LineAmounts:
    """A line in minor units: `discount_minor` is the rounded quantity × price less the net."""

    net_minor: int
    discount_minor: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The amounts of a document in minor units, in the order of its lines and by tax rate."""

    lines: tuple[LineAmounts, ...]
    discounts: tuple[DocumentDiscount, ...]
    taxes: tuple[TaxSubtotal, ...]
    net_minor: int
    tax_minor: int
    total_minor: int


def document_totals(lines: Sequence[LineTerms], discounts: Iterable[DiscountTerms] = ()) -> Totals:
    """The totals of a document.

    Percentages of several discounts are each of the lines' net: they do not compound.
    Raises: DiscountTooLarge if an amount is to be divided and there is less to take it from.
    """
    amounts = tuple(map(line_amounts, lines))
    nets = _sums((one.tax, amount.net_minor) for one, amount in zip(lines, amounts, strict=True))
    taken = [part for one in discounts for part in _divided(one, nets)]
    parts = [(one.tax, amount.net_minor) for one, amount in zip(lines, amounts, strict=True)]
    parts += [(rate, -part.amount_minor) for rate, part in taken]
    taxes = tax_subtotals(parts)
    net_minor = sum(one.base_minor for one in taxes)
    tax_minor = sum(one.tax_minor for one in taxes)
    return Totals(
        amounts, tuple(part for _, part in taken), taxes, net_minor, tax_minor, net_minor + tax_minor
    )


def line_amounts(line: LineTerms) -> LineAmounts:
    """The net of a line, rounded once, and its discount.

    Example: 3 × 33.33 less 10 % are 89.991, so 89.99; the discount is 99.99 − 89.99.
    """
    gross = Fraction(line.quantity) * Fraction(line.unit_price_minor)
    gross_minor = round_half_up(gross)
    if not line.discount_percent and not line.discount_minor:
        return LineAmounts(gross_minor, 0)
    share = 1 - Fraction(line.discount_percent or 0) / 100
    net_minor = round_half_up(gross * share - line.discount_minor)
    return LineAmounts(net_minor, gross_minor - net_minor)


def tax_subtotals(parts: Iterable[tuple[TaxRate, int]]) -> tuple[TaxSubtotal, ...]:
    """The base and the tax of each category and rate: net amounts are summed, then the tax rounded once."""
    return tuple(
        TaxSubtotal(rate.category, rate.percent, base, tax_of(base, rate.percent), rate.reason)
        for rate, base in sorted(_sums(parts).items(), key=lambda one: (one[0].category, one[0].percent))
    )


def tax_of(base_minor: int, percent: Number) -> int:
    """The tax on a base, half up."""
    return round_half_up(base_minor * Fraction(percent) / 100)


def divided(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """An amount in parts in proportion to weights: they sum to it exactly, each within one minor unit.

    The running sum is rounded half up, and each part is what that grew by. The weights must not sum to zero.
    """
    whole, running = sum(weights), 0
    ends = [0]
    for weight in weights:
        running += weight
        ends.append(round_half_up(Fraction(amount_minor * running, whole)))
    return [after - before for before, after in pairwise(ends)]


def _sums(parts: Iterable[tuple[TaxRate, int]]) -> dict[TaxRate, int]:
    """Net amounts by category and rate. A category and rate has one reason: the first that is given."""
    first: dict[tuple[TaxCategory, Decimal], TaxRate] = {}
    sums: dict[TaxRate, int] = {}
    for rate, net in parts:
        key = first.setdefault((rate.category, rate.percent), rate)
        sums[key] = sums.get(key, 0) + net
    return sums


def _divided(discount: DiscountTerms, nets: dict[TaxRate, int]) -> list[tuple[TaxRate, DocumentDiscount]]:
    """A discount as it falls on each tax rate. Raises: DiscountTooLarge."""
    if discount.tax is not None:
        bases = {discount.tax: nets.get(discount.tax, 0)}
    else:
        bases = {rate: net for rate, net in nets.items() if net}
    if discount.percent is not None:
        share = Fraction(discount.percent) / 100
        amounts = [round_half_up(base * share) for base in bases.values()]
    elif discount.tax is not None:
        amounts = [discount.amount_minor or 0]
    else:
        amounts = _amount_by_rate(discount.amount_minor or 0, list(bases.values()))
    return [
        (
            rate,
            DocumentDiscount(discount.reason, base, discount.percent, amount, rate.category, rate.percent),
        )
        for (rate, base), amount in zip(bases.items(), amounts, strict=True)
    ]


def _amount_by_rate(amount_minor: int, bases: list[int]) -> list[int]:
    if amount_minor > sum(bases):
        raise DiscountTooLarge(
            "The discount is more than the lines amount to.",
            remedy="Give a smaller amount.",
            lines_minor=sum(bases),
        )
    return divided(amount_minor, bases) if bases else []
