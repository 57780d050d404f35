"""Work that is paid from grants of money: the price of a segment, or what is left of it.

    2026-03-02  G1 EUR 40.00             (contract C1, EUR 100.00 an hour)
    2026-03-03  work 60m                 -> G1 EUR 40.00 for 24m; 36m are left to the next payer

Source: product.md section 7 (Who pays).
"""

from datetime import datetime
from typing import Any, NamedTuple

from engine.burn_order import Account
from engine.charging import MINUTES_AN_HOUR, price_minor
from engine.payers import SliceRow
from engine.quantities import Money


class PricedPart(NamedTuple):
    """A part of a segment: its last `minutes`, of `whole`, the last ones of the segment's first `until`.

    `rate` is the price of an hour. A segment has several parts where a grant begins or ends within it; their
    prices sum to that of the segment, which is rounded once.
    """

    minutes: int
    whole: int
    until: int
    rate: Money


def pay_with_money(
    account: Account, at: datetime, part: PricedPart, slices: list[SliceRow], facts: Any = None
) -> int:
    """Pay for a part from the grants of money open at `at`, in burn order. Returns the whole minutes paid.

    A grant that has less than the price is drawn to exactly 0, and pays for the minute that it began. The
    minutes that are left are priced by themselves, as billed ones are: rounded half up, but never more than
    the part costs. What costs less than half a minor unit is covered by a contract that has money, and draws
    nothing.
    Nothing is paid in another currency than the grants'. Source: product.md section 7.
    """
    if part.rate.currency != account.currency:
        return 0
    rest, most = part.minutes, price_of(part)
    for grant_id in account.open_grants(at, facts):
        if not rest:
            break
        price = most if rest == part.whole else min(price_minor(rest, part.rate.amount_minor), most)
        if not price:
            slices.append(("covered", account.contract, None, rest, at, None, False))
            return part.minutes
        drawn = min(price, account.left[grant_id])
        # never more than the rest: less than its price is left
        minutes = rest if drawn == price else -(-drawn * MINUTES_AN_HOUR // part.rate.amount_minor)
        account.left[grant_id] -= drawn
        most -= drawn
        rest -= minutes
        amount = Money(drawn, part.rate.currency)
        slices.append(("grant", account.contract, grant_id, minutes, at, amount, False))
    return part.minutes - rest


def price_of(part: PricedPart) -> int:
    """The price of all of a part, in minor units: what it adds to the parts before it."""
    rate = part.rate.amount_minor
    return price_minor(part.until, rate) - price_minor(part.until - part.whole, rate)
