"""How much of what was sold has been delivered by the end of a day, from its period and what was drawn of it.

    a year from 1 January, on 31 March      90 of 365 days
    20 hours, 5 of them drawn or expired    a quarter
    a period and a block                    the larger of the two shares
    over, used up or cancelled              all of it: what is left is breakage

Source: product.md section 10 (Journals).
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from engine.recognition import WHOLE, share_by_days, share_by_quantity, share_whichever_first

NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was sold, as of a day.

    `days` is the half-open period by which it is delivered, None where only the quantity counts; `purchased`
    and `drawn` are minutes, incidents or minor units, 0 where it has no quantity. What expired unused counts
    as drawn. `is_over` once nothing of it can be used any more.
    """

    days: tuple[date, date] | None
    purchased: int
    drawn: int
    is_over: bool

    def share(self, gone_by_until: date) -> Fraction:
        """The share delivered before the day `gone_by_until`: 0 to 1."""
        if self.is_over:
            return WHOLE
        by_days = (
            share_by_days(self.days[0], self.days[1], gone_by_until=gone_by_until)
            if self.days is not None and self.days[0] < self.days[1]
            else NOTHING
        )
        by_quantity = share_by_quantity(self.drawn, self.purchased) if self.purchased > 0 else NOTHING
        return share_whichever_first(by_days, by_quantity)
