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
    """A part of a segment: whole `minutes`, the last ones of the first `until` minutes of the segment.

    `rate` is the price of an hour. The prices of all parts of a segment sum to that of the segment, which is
    rounded once.
    """

    minutes: int
    until: int
    rate: Money


def pay_with_money(
    account: Account, at: datetime, part: PricedPart, slices: list[SliceRow], facts: Any = None
) -> int:
    """Pay for a part from the grants of money open at `at`, in burn order. Returns the whole minutes paid.

    A grant that has less than the price is drawn to exactly 0, and pays for the minute that it began. What
    costs less than half a minor unit is covered by a contract that has money, and draws nothing.
    Nothing is paid in another currency than the grants'. Source: product.md section 7.
    """
    if part.rate.currency != account.currency:
        return 0
    rest = part.minutes
    for grant_id in account.open_grants(at, facts):
        if not rest:
            break
        price = price_of_last(rest, part)
        if not price:
            slices.append(("covered", account.contract, None, rest, at, None, False))
            return part.minutes
        drawn = min(price, account.left[grant_id])
        # never more than the rest: less than its price is left
        minutes = rest if drawn == price else -(-drawn * MINUTES_AN_HOUR // part.rate.amount_minor)
        account.left[grant_id] -= drawn
        rest -= minutes
        amount = Money(drawn, part.rate.currency)
        slices.append(("grant", account.contract, grant_id, minutes, at, amount, False))
    return part.minutes - rest


def price_of_last(minutes: int, part: PricedPart) -> int:
    """The price of the last so many minutes of a part, in minor units: what they add to all before them."""
    rate = part.rate.amount_minor
    return price_minor(part.until, rate) - price_minor(part.until - minutes, rate)
