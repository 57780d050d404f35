"""How much of what was sold has been delivered by the end of a day, from its period and what was drawn of it.

    a year from 1 January, on 31 March      90 of 365 days
    20 hours, 5 of them drawn or expired    a quarter
    a period and a block                    the larger of the two shares
    over, used up or cancelled              all of it

What is delivered without being used, because a grant expired or the contract ended, is breakage.


Source: product.md section 10 (Journals).
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from engine.recognition import (
    WHOLE,
    recognized_minor,
    share_by_days,
    share_by_quantity,
    share_whichever_first,
)

NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was sold, as of a day.

    `days` is the half-open period by which it is delivered, None where only the quantity counts; `purchased`
    and `drawn` are minutes, incidents or minor units, 0 where it has no quantity. What expired unused counts
    as drawn: it is `expired` of that. `is_over` once nothing of it can be used any more; `ended_on` is the
    first day after that, where it ended before its days did.
    """

    days: tuple[date, date] | None
    purchased: int
    drawn: int
    is_over: bool
    expired: int = 0
    ended_on: date | None = None

    def share(self, gone_by_until: date) -> Fraction:
        """The share delivered before the day `gone_by_until`: 0 to 1."""
        return WHOLE if self.is_over else self._share(gone_by_until, self.drawn)

    def used_share(self, gone_by_until: date) -> Fraction:
        """The share of which the customer had the use before that day: 0 to 1."""
        until = gone_by_until if self.ended_on is None else min(gone_by_until, self.ended_on)
        return self._share(until, self.drawn - self.expired)

    def used_minor(self, sold_minor: int, recognized: int, gone_by_until: date) -> int:
        """How much of the revenue `recognized` was used, in minor units; the rest of it is breakage.

        `sold_minor` is the price before credits: what was credited comes off what was not used.
        """
        used = recognized_minor(sold_minor, self.used_share(gone_by_until))
        return min(used, recognized) if recognized >= 0 else max(used, recognized)

    def _share(self, gone_by_until: date, drawn: int) -> Fraction:
        by_days = (
            share_by_days(self.days[0], self.days[1], gone_by_until=gone_by_until)
            if self.days is not None and self.days[0] < self.days[1]
            else NOTHING
        )
        by_quantity = share_by_quantity(drawn, self.purchased) if self.purchased > 0 else NOTHING
        return share_whichever_first(by_days, by_quantity)
