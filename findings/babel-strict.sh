#!/usr/bin/env bash
# Babel: in strict mode "1.250" is 1.25 in Polish, French, Swedish and Czech, and "NaN" is a number.
#
# Guess:      parse_decimal(..., strict=True) takes only what is written as the locale writes numbers: it refuses a
#             point where the decimal sign is a comma and thousands are parted by a space.
# Instead:    A point that is neither sign of the locale goes to Decimal as it is, and is its decimal point. Strict
#             mode compares the text only where it has the locale's sign for thousands; so "1.250" is 1250 in
#             German and Danish, 1.25 in Polish. "1E+3", "NaN" and "Infinity" are taken in every locale.
#             Strict mode refuses what people type instead: "1 250,50" with the space bar's space (not strict, it
#             is 1250.50).
# Version:    Babel 2.18.0. What strict mode lets through, we did not find documented.
# Matters:    Who is used to German accounts and types 1.250 on a French page invoices 1.25. An amount that is NaN
#             is neither above nor below a limit.
# Do instead: Match the text with the signs that the locale has (get_group_symbol, get_decimal_symbol), digits and
#             spaces of all kinds, before it is parsed; refuse the rest, and show the amount before it is saved.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'Babel==2.18.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys

import babel
from babel.numbers import NumberFormatError, get_decimal_symbol, get_group_symbol, parse_decimal


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def parsed(text, *locales, strict=True):
    found = {}
    for locale in locales:
        try:
            found[locale] = str(parse_decimal(text, locale=locale, strict=strict))
        except NumberFormatError:
            found[locale] = "refused"
    return found


print("Babel", babel.__version__)
comma = ("pl", "fr", "sv", "cs")
show("control: none of them has a point for a sign",
     [one for one in comma if "." in get_decimal_symbol(one) + get_group_symbol(one)], [])
show("control: a point in German that parts no thousands", parsed("12.50", "de"), {"de": "refused"})
show("1.250, strict", parsed("1.250", "de", "da", *comma),
     {"de": "1250", "da": "1250", "pl": "1.250", "fr": "1.250", "sv": "1.250", "cs": "1.250"})
show("NaN, strict", parsed("NaN", "en", "de", "pl"), {"en": "NaN", "de": "NaN", "pl": "NaN"})
show("1E+3, strict", parsed("1E+3", "en", "pl"), {"en": "1E+3", "pl": "1E+3"})
show("1 250,50 with a space, strict", parsed("1 250,50", "pl", "sv"), {"pl": "refused", "sv": "refused"})
show("and not strict", parsed("1 250,50", "pl", "sv", strict=False), {"pl": "1250.50", "sv": "1250.50"})
PYTHON
