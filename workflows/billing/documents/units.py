"""The units of lines in words, one or several of them, in the language in use."""

from decimal import Decimal

from workflows.languages.texts import gettext, language, mark

UNITS = {
    "C62": (mark("piece"), mark("pieces")),
    "HUR": (mark("hour"), mark("hours")),
    "MIN": (mark("min"), mark("min")),
    "DAY": (mark("day"), mark("days")),
    "MON": (mark("month"), mark("months")),
    "ANN": (mark("year"), mark("years")),
    "KMT": (mark("km"), mark("km")),
    "LS": (mark("lump sum"), mark("lump sums")),
}
"""Units of UN/ECE Recommendation 20, one and several."""
PIECE = "C62"
_BY_NAME = {
    "piece": UNITS[PIECE],
    "hour": UNITS["HUR"],
    "day": UNITS["DAY"],
    "month": UNITS["MON"],
    "year": UNITS["ANN"],
    "km": UNITS["KMT"],
    "contract": (mark("contract"), mark("contracts")),
}
"""The units of the price list that have a code, and that of a contract, as they are stored."""


def unit_words(unit: str, quantity: Decimal) -> str:
    """A unit after its quantity: 2.5 of HUR are "hours"; an unknown unit is shown as it is."""
    if unit not in UNITS and unit not in _BY_NAME:
        return unit
    one, several = UNITS.get(unit) or _BY_NAME[unit]
    # in French, what is less than two is singular
    is_one = abs(quantity) < 2 if language() == "fr" else quantity == 1
    return gettext(one) if is_one else gettext(several)
