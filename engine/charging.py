"""From time worked to chargeable minutes.

Source: product.md sections 3 and 7.
"""

from engine.quantities import Minutes, Rounding, round_minutes

FULL_PERCENT = 100


def chargeable_minutes(
    worked_minutes: Minutes, rounding: Rounding, *, percent: int = FULL_PERCENT, before_minutes: Minutes = 0
) -> Minutes:
    """Minutes to charge for work: rounded first, then multiplied, a half minute up.

    `before_minutes` were worked earlier on the same service request and day; where the rounding's scope is
    that day, only what the new work adds to the day's rounded sum is charged.
    Raises: InvalidQuantity for negative minutes.
    """
    if rounding.scope == "service_request_day":
        total = round_minutes(before_minutes + worked_minutes, rounding)
        rounded = total - round_minutes(before_minutes, rounding)
    else:
        rounded = round_minutes(worked_minutes, rounding)
    return (rounded * percent * 2 + FULL_PERCENT) // (FULL_PERCENT * 2)
