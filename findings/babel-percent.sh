#!/usr/bin/env bash
# Babel: a tax rate of 8.1 % is printed as 8 %, one of 5.5 % as 6 %.
#
# Guess:      format_percent prints the rate that it is given, as format_decimal prints 8.1.
# Instead:    The locale's percent pattern has no decimals, and the value is rounded to a whole percent, half to
#             even: 12.5 % becomes 12 %, 13.5 % becomes 14 %. The exact Decimal is no help.
# Version:    Babel 2.18.0. Documented under the argument decimal_quantization, which switches it off.
# Matters:    Rates with decimals are everyday ones: Switzerland 8.1, 2.6 and 3.8, France 5.5 and 2.1, Finland
#             25.5. An invoice that says "8 %" beside a tax of 8.1 % is wrong on its face. Discounts too.
# Do instead: format_percent(rate, locale=..., decimal_quantization=False), and test a rate with a decimal.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'Babel==2.18.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from decimal import Decimal

import babel
from babel.numbers import format_decimal, format_percent


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def percents(locale, *rates):
    return [format_percent(Decimal(rate), locale=locale) for rate in rates]


print("Babel", babel.__version__)
show("control: a whole rate", percents("de_CH", "0.19"), ["19%"])
show("control: the number alone", format_decimal(Decimal("8.1"), locale="de_CH"), "8.1")
show("8.1, 2.6 and 3.8 %, de_CH", percents("de_CH", "0.081", "0.026", "0.038"), ["8%", "3%", "4%"])
show("5.5 and 2.1 %, fr_FR", [p.replace("\u202f", " ").replace("\u00a0", " ")
                              for p in percents("fr_FR", "0.055", "0.021")], ["6 %", "2 %"])
show("12.5 and 13.5 %, de_CH", percents("de_CH", "0.125", "0.135"), ["12%", "14%"])
show("control: without decimal_quantization",
     format_percent(Decimal("0.081"), locale="de_CH", decimal_quantization=False), "8.1%")
PYTHON
