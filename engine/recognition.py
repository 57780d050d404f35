"""How much of a price is revenue, by time or by what was drawn, and what is left of it.

Revenue so far = price × the share delivered, rounded down; each movement is the growth of that sum, so that
the last day, or the last unit of a grant, takes the rest, and a smaller share moves revenue back.

    EUR 100.00 for 3 incidents    1 drawn 33.33    2 drawn 33.33    3 drawn 33.34

Amounts are integers in minor units. Source: product.md section 10 (Journals).
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from engine.errors import InvalidPeriod, InvalidQuantity
from engine.periods import local_date

WHOLE = Fraction(1)
MICROSECOND = timedelta(microseconds=1)


def share_by_days(from_on: date, until_on: date, *, gone_by_until: date) -> Fraction:
    """The share of the days [from_on, until_on) that has gone by before the day `gone_by_until`: 0 to 1.

    Raises: InvalidPeriod unless the period has a day.
    """
    if until_on <= from_on:
        raise InvalidPeriod(
            f"The period from {from_on} to {until_on} has no day.", remedy="Give an end after the start."
        )
    gone_by = (min(gone_by_until, until_on) - from_on).days
    return Fraction(max(gone_by, 0), (until_on - from_on).days)


def share_by_quantity(drawn: int | Fraction, purchased: int | Fraction) -> Fraction:
    """The share of what was purchased (minutes, incidents or minor units) that has been drawn: 0 to 1.

    What is drawn beyond the purchase is overage, not part of this price.
    Raises: InvalidQuantity unless more than nothing was purchased.
    """
    if purchased <= 0:
        raise InvalidQuantity(
            "Nothing was purchased.", remedy="Recognize a price without a quantity by days."
        )
    return min(max(Fraction(drawn) / Fraction(purchased), Fraction(0)), WHOLE)


def share_whichever_first(by_days: Fraction, by_quantity: Fraction) -> Fraction:
    """The share of a contract that ends at its end or at its last unit: the larger of the two."""
    return max(by_days, by_quantity)


def recognized_minor(price_minor: int, share: Fraction) -> int:
    """The revenue so far: the price × the share, rounded down (that of a negative price is the mirror).

    Raises: InvalidQuantity unless the share is 0 to 1.
    """
    if not 0 <= share <= 1:
        raise InvalidQuantity("A share must be from 0 to 1.", share=str(share))
    amount = abs(price_minor) * share.numerator // share.denominator
    return amount if price_minor >= 0 else -amount


def recognized_steps(price_minor: int, shares: Iterable[Fraction]) -> tuple[int, ...]:
    """What each step adds to the revenue, for the shares delivered after each, from nothing on.

    The steps sum to the revenue at the last share; one whose share is smaller than that before is negative.
    """
    steps, before_minor = [], 0
    for share in shares:
        so_far_minor = recognized_minor(price_minor, share)
        steps.append(so_far_minor - before_minor)
        before_minor = so_far_minor
    return tuple(steps)


def deferred_minor(price_minor: int, share: Fraction) -> int:
    """What is still to be delivered: the price less the revenue so far.

    For a grant that expires, this is its breakage; for one that is cancelled, its unused part.
    """
    return price_minor - recognized_minor(price_minor, share)


def unused_part_minor(price_minor: int, share: Fraction, *, credited_minor: int = 0) -> int:
    """What a cancellation credits, without tax: price − revenue so far − what was credited before; 0 or more.

    `price_minor` is net of its discounts; `share` is what was delivered, of days up to `first_unused_day`.
    """
    return max(deferred_minor(price_minor, share) - credited_minor, 0)


def first_unused_day(ended_at: datetime, zone: ZoneInfo) -> date:
    """The first day in a zone that is left unused at an exclusive end (aware UTC).

    A day that has begun has gone by: an end on 4 March at 10:00 leaves the 5th, one at 0:00 leaves the 4th.
    """
    return local_date(ended_at - MICROSECOND, zone) + timedelta(days=1)
