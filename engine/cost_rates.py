"""What an hour of someone's work costs the provider, from a day on. Source: product.md section 10."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from engine.quantities import round_half_up


@dataclass(frozen=True, slots=True)
class CostRate:
    """The cost of an hour in minor units, from an instant on (aware UTC), of one `person` or of a `role`.

    `sequence` rises in the order in which rates were given.
    """

    person: str | None
    role: str | None
    from_at: datetime
    per_hour_minor: int
    sequence: int


def rate_in_force(rates: Iterable[CostRate], *, person: str, role: str, at: datetime) -> CostRate | None:
    """The rate of a person's work at an instant; None if there is none.

    A rate of the person comes before those of the role; of these the one that begins last, and of several
    from one instant the one that was given last.
    """
    fitting = [
        one
        for one in rates
        if one.from_at <= at and (one.person == person or (one.person is None and one.role == role))
    ]
    return max(fitting, key=lambda one: (one.person is not None, one.from_at, one.sequence), default=None)


def cost_minor(minutes: int, per_hour_minor: int) -> int:
    """What minutes cost at the price of an hour, rounded half up."""
    return round_half_up(Fraction(minutes * per_hour_minor, 60))
