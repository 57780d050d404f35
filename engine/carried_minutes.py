"""Carried minutes: what later contracts still draw of them once some were not carried after all.

Source: product.md section 7 (Rollover).
"""

from collections.abc import Sequence
from datetime import datetime

Dated = tuple[datetime, int]
"""Whole minutes that were carried, or drawn, as of an instant (aware UTC)."""


def remaining_draws(carried: Sequence[Dated], draws: Sequence[Dated]) -> list[int]:
    """The minutes that each draw keeps, given what is carried now; the draws are in order of their instants.

    A draw took what was carried by its instant, as far as its contract had minutes. So it keeps what it took,
    or what is left of the carried minutes if that is less: no contract pays for other work than before.
    Units: whole minutes, not negative; instants aware UTC.
    Source: product.md section 7 (Rollover).
    """
    remaining: list[int] = []
    for drawn_at, minutes in draws:
        by_then = sum(amount for carried_at, amount in carried if carried_at <= drawn_at)
        remaining.append(max(0, min(minutes, by_then - sum(remaining))))
    return remaining
