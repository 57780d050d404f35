#!/usr/bin/env bash
# num2words: 125 euros in words are "one euro, twenty-five cents", unless they are written 125.0.
#
# Guess:      num2words(125, to="currency") is a hundred and twenty-five euros, as for Decimal("125"), and as 125
#             without `to` is a hundred and twenty-five.
# Instead:    An int is taken for hundredths of the currency; a Decimal, a float and a text are whole units. So the
#             same value comes out a hundredfold apart by its type, and Decimal("1.250") has the words of the int 125.
# Version:    num2words 0.5.14. The README does not say it; an open issue (426) calls it an error.
# Matters:    Some countries ask for the sum in words on receipts and invoices, and on a cheque it counts before the
#             figures. JSON gives an int for whole amounts only, so that all is well with 125.50 and a receipt for 125
#             is a hundredth; a database gives int for one column and Decimal for another.
# Do instead: Hand over Decimal(minor).scaleb(-2) always, never an int, and test a whole amount.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'num2words==0.5.14' 'docopt==0.6.2'

"$work/venv/bin/python" - <<'PYTHON'
import json
import sys
from decimal import Decimal
from importlib.metadata import version

from num2words import num2words


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def words(amount, language="en"):
    return num2words(amount, to="currency", lang=language, currency="EUR")


print("num2words", version("num2words"))
show("control: the number 125", num2words(125), "one hundred and twenty-five")
show("control: Decimal('125')", words(Decimal("125")), "one hundred and twenty-five euro, zero cents")
show("control: Decimal('125.50')", words(Decimal("125.50")), "one hundred and twenty-five euro, fifty cents")
show("125 as an int", words(125), "one euro, twenty-five cents")
show("in German", words(125, "de"), "ein Euro und fünfundzwanzig Cent")
show("in French", words(125, "fr"), "un euro et vingt-cinq centimes")
show("[125.5, 125] read from JSON", [words(one) for one in json.loads("[125.5, 125]")],
     ["one hundred and twenty-five euro, fifty cents", "one euro, twenty-five cents"])
show("equal amounts, equal words", [Decimal("125") == 125, words(Decimal("125")) == words(125)], [True, False])
show("control: minor units as a Decimal", words(Decimal(12550).scaleb(-2)), words(Decimal("125.50")))
PYTHON
