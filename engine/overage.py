"""Time to be billed: its price, and how it gathers into the lines of a customer's draft.

A piece of work that no contract paid is charged once. What is taken back afterwards is a charge below zero:

    March  C1 at 120.00   60 min   +120.00    one line of the draft
    March  C1 at 120.00  -30 min    -60.00    while it is a draft: the line has 30 min
    April  C2 at  90.00   90 min   +135.00    after the issue: a line of 135.00, less the 60.00 of March

A line never goes below zero: what fits on none waits for the next draft.

Source: product.md sections 7 (Bill) and 10.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from engine.charging import MINUTES_AN_HOUR, price_minor
from engine.invoicing import divided
from engine.quantities import Money

HOUR_UNIT, PIECE_UNIT = "HUR", "C62"
"""Units of UN/ECE Recommendation 20: an hour, and one."""


class WorkedFor(NamedTuple):
    """A month (YYYY-MM) in which was worked, and the contract whose time had run out."""

    month: str
    contract: str


class OverageLine(NamedTuple):
    """What one line bills: the work of a contract in a month (YYYY-MM) at one price of an hour."""

    contract: str
    month: str
    rate_minor: int
    currency: str


class OverageCharge(NamedTuple):
    """What is charged for a piece of work, an allocation of minutes of a work entry; below zero, taken back.

    `takes_back` is the charge that it takes back, and `charged_on` the item on which that one stands;
    `was_waived` if that item was, so that nobody paid it.
    Units: whole minutes; minor units of the line's currency.
    """

    piece: str
    entry: str
    line: OverageLine
    minutes: int
    amount_minor: int
    takes_back: str | None = None
    charged_on: str | None = None
    was_waived: bool = False


@dataclass(frozen=True, slots=True)
class Gathering:
    """Where charges go: on lines of the draft, on items whose amount stays, or nowhere yet.

    `lines` has the charges that each line gets, its own and, below zero, those of other lines that it is
    reduced by; `amounts_minor` what each line then amounts to, 0 if nothing is left of it. `even` are charges
    that nobody pays or gets back, as they sum to zero or take back what was waived, by the item on which what
    they take back stands.
    """

    lines: dict[OverageLine, list[OverageCharge]] = field(default_factory=dict)
    amounts_minor: dict[OverageLine, int] = field(default_factory=dict)
    even: dict[str, list[OverageCharge]] = field(default_factory=dict)
    waiting: list[OverageCharge] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.lines and not self.even


def overage_rate(*rates: Money | None) -> Money | None:
    """The price of an hour: the first that there is, in the order in which they are asked."""
    return next((one for one in rates if one is not None), None)


def charge_piece(
    piece: str, entry: str, *, contract: str, month: str, minutes: int, rate: Money
) -> OverageCharge:
    """The charge for a piece of work at the price of an hour, rounded half up once.

    Units: whole minutes; minor units of the rate's currency.
    """
    line = OverageLine(contract, month, rate.amount_minor, rate.currency)
    return OverageCharge(piece, entry, line, minutes, price_minor(minutes, rate.amount_minor))


def gather(charges: Iterable[OverageCharge], unissued_minor: Mapping[OverageLine, int]) -> Gathering:
    """Where charges go; `unissued_minor` are the lines that are not issued yet, with their amounts.

    What is taken back reduces its own line while that is not issued; else, or where that has too little,
    another line in its currency, of the same contract if there is one. What is charged anew for the same line
    goes with it: a customer who is owed something is charged no more first. An entry whose time was waived
    costs what it has become more than that, and nothing is owed for what it has become less.
    """
    charges, waived = without_waived(charges)
    found = Gathering(even=waived)
    rest: list[list[OverageCharge]] = []
    amounts = dict(unissued_minor)
    for line, own in _by_line(charges).items():
        taken, left = _fitting(own, amounts.get(line, 0))
        if left:
            rest.append(left)
        amount = amounts.get(line, 0) + _sum(taken)
        if taken and not amount and line not in unissued_minor:
            place = next((one.charged_on for one in taken if one.charged_on is not None), None)
            (found.waiting if place is None else found.even.setdefault(place, [])).extend(taken)
        elif taken:
            found.lines[line] = taken
            amounts[line] = amount
    for bundle in rest:
        host = _host(bundle, amounts)
        if host is None:
            found.waiting.extend(bundle)
        else:
            found.lines.setdefault(host, []).extend(bundle)
            amounts[host] += _sum(bundle)
    found.amounts_minor.update({line: amounts[line] for line in found.lines})
    return found


def without_waived(
    charges: Iterable[OverageCharge],
) -> tuple[list[OverageCharge], dict[str, list[OverageCharge]]]:
    """The charges that somebody pays or gets back, and the others by the item that was waived.

    The latter take back what was waived, with what is charged anew of the same entry up to as much.
    """
    paid: list[OverageCharge] = []
    waived: dict[str, list[OverageCharge]] = {}
    by_entry: dict[str, list[OverageCharge]] = {}
    for one in charges:
        by_entry.setdefault(one.entry, []).append(one)
    for own in by_entry.values():
        back = [one for one in own if one.was_waived]
        rest = [one for one in own if not one.was_waived]
        if not back or _sum(own) > 0:
            paid += own
        elif _sum(rest) >= 0:
            waived.setdefault(str(back[0].charged_on), []).extend(own)
        else:
            waived.setdefault(str(back[0].charged_on), []).extend(back)
            paid += rest
    return paid, waived


def owed_by_item(waiting: Iterable[OverageCharge]) -> dict[str, list[OverageCharge]]:
    """What fits on no line, by the item on which it was billed too high; each sums to less than zero.

    What is charged anew of an entry goes with what is taken back of it, and of other entries with what is
    owed most. Charges of a line that are not below zero in sum are owed to nobody.
    Example: 60 minutes at 120.00 that are 40 by now are -120.00 and 80.00: 40.00 is owed.
    """
    found: dict[str, list[OverageCharge]] = {}
    for bundle in _by_line(waiting).values():
        if _sum(bundle) >= 0:
            continue
        items: dict[str, list[OverageCharge]] = {}
        rest: list[OverageCharge] = []
        for entry in dict.fromkeys(one.entry for one in bundle):
            own = [one for one in bundle if one.entry == entry]
            billed_on = next((one.charged_on for one in own if one.charged_on is not None), None)
            (rest if billed_on is None else items.setdefault(billed_on, [])).extend(own)
        most = min(items, key=lambda item: (_sum(items[item]), item))
        items[most].extend(rest)
        for item, charges in items.items():
            found.setdefault(item if _sum(charges) < 0 else most, []).extend(charges)
    return found


def quantity_and_price(minutes: int, rate_minor: int, amount_minor: int) -> tuple[Decimal, str, int]:
    """Quantity, unit and unit price of a line: hours where these give its amount exactly, else one piece.

    Example: 90 minutes at 120.00 are 1.5 hours of 120.00; 50 minutes are one piece of 100.00.
    """
    hours = Decimal(minutes) / MINUTES_AN_HOUR
    is_exact = minutes % 3 == 0 and minutes * rate_minor == amount_minor * MINUTES_AN_HOUR
    return (hours.normalize(), HOUR_UNIT, rate_minor) if is_exact else (Decimal(1), PIECE_UNIT, amount_minor)


def net_by_work(net_minor: int, charged_minor: Mapping[WorkedFor, int]) -> dict[WorkedFor, int]:
    """What of a line's net is for the work of which month and contract, in minor units; sums to the net.

    `charged_minor` are the line's charges by the month worked (YYYY-MM) and the contract; a discount falls on
    each in proportion. Empty where they sum to nothing.
    Example: 72.00 of a line that charges 120.00 for April, less 40.00 of March, are 108.00 and -36.00.
    """
    pieces = sorted(charged_minor)
    weights = [charged_minor[piece] for piece in pieces]
    if not sum(weights):
        return {}
    return dict(zip(pieces, divided(net_minor, weights), strict=True))


def _by_line(charges: Iterable[OverageCharge]) -> dict[OverageLine, list[OverageCharge]]:
    lines: dict[OverageLine, list[OverageCharge]] = {}
    for charge in sorted(charges, key=lambda one: (one.line, one.piece, one.minutes)):
        lines.setdefault(charge.line, []).append(charge)
    return lines


def _fitting(charges: list[OverageCharge], has_minor: int) -> tuple[list[OverageCharge], list[OverageCharge]]:
    """The charges that leave a line at zero or above, and, below zero in sum, those beyond that.

    What is charged and taken back of one work entry stays together.
    """
    if has_minor + _sum(charges) >= 0:
        return charges, []
    taken: list[OverageCharge] = []
    left: list[OverageCharge] = []
    for entry in dict.fromkeys(one.entry for one in charges):
        bundle = [one for one in charges if one.entry == entry]
        fits = _sum(bundle) <= 0 <= has_minor + _sum(taken) + _sum(bundle)
        (taken if fits else left).extend(bundle)
    return taken, left


def _host(bundle: list[OverageCharge], amounts: Mapping[OverageLine, int]) -> OverageLine | None:
    """The line that charges below zero reduce, so that something is left of it."""
    own = bundle[0].line
    fits = [
        line
        for line, amount in amounts.items()
        if line.currency == own.currency and line != own and amount + _sum(bundle) > 0
    ]
    return min(fits, key=lambda line: (line.contract != own.contract, line), default=None)


def _sum(charges: Iterable[OverageCharge]) -> int:
    return sum(one.amount_minor for one in charges)
