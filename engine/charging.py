"""Converts time worked to chargeable minutes.

Source: product.md sections 3 and 7.
"""

from engine.quantities import Minutes, Rounding, round_minutes

FULL_PERCENT = 100


def chargeable_minutes(
    worked_minutes: Minutes, rounding: Rounding, *, percent: int = FULL_PERCENT, before_minutes: Minutes = 0
) -> Minutes:
    """Whole minutes to charge for work: rounded by `rounding` first, then multiplied, half minutes up.

    `percent` is a whole percentage, not negative. `before_minutes` were worked earlier on the same service
    request and day; if the rounding scope is that day, only the increase of the day's rounded total is
    charged.
    Raises: InvalidQuantity if minutes are negative or beyond 2**31 - 1.
    Source: product.md sections 3 and 7.
    """
    if rounding.scope == "service_request_day":
        total = round_minutes(before_minutes + worked_minutes, rounding)
        rounded = total - round_minutes(before_minutes, rounding)
    else:
        rounded = round_minutes(worked_minutes, rounding)
    return (rounded * percent * 2 + FULL_PERCENT) // (FULL_PERCENT * 2)
