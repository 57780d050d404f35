#!/usr/bin/env bash
# Babel: 125.50 Serbian dinars are printed as 126, and which currencies lose their decimals depends on the release.
#
# Guess:      "The currency's natural number of decimal digits" is the minor unit of ISO 4217: 2 for RSD, 3 for IQD.
# Instead:    It is the number that Unicode's locale data has as usual in daily life: 0 for thirteen currencies in use
#             that have 2 or 3. The amount is rounded, half to even. One release later RSD has its 2 decimals again,
#             and HUF, COP and IDR, which had 2, have none.
# Version:    Babel 2.18.0 and 2.19.0. The locale data says that its digits may differ from ISO 4217; Babel's reference
#             does not. That the same code prints another amount after an upgrade follows from it.
# Matters:    Banks, payment providers and e-invoices count in the minor units of ISO 4217. With this number as the
#             exponent, 125 typed is stored as 125 para, and the invoice says 1.25; and a page rounds what the
#             document does not.
# Do instead: Keep the exponents of ISO 4217 as data of your own, for storing as for printing, and print by a pattern
#             with so many decimals and currency_digits=False.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

cat >"$work/probe.py" <<'PYTHON'
import sys
from decimal import Decimal

import babel
from babel import Locale
from babel.core import get_global
from babel.numbers import format_currency, get_currency_precision


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def printed(amount, currency, **options):
    return format_currency(Decimal(amount), currency, locale="de_DE", **options).replace("\u00a0", " ")


NONE = set("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
THREE = set("BHD IQD JOD KWD LYD OMR TND".split())


def minor_unit(currency):
    """The decimals by ISO 4217, except two units of account that nobody is paid in."""
    return 0 if currency in NONE else 3 if currency in THREE else 2


in_use = {
    code for history in get_global("territory_currencies").values()
    for code, _, end, is_tender in history if end is None and is_tender
}
print("Babel", babel.__version__)
differ = sorted(one for one in in_use if get_currency_precision(one) != minor_unit(one))
show("control: 125.50 EUR", printed("125.50", "EUR"), "125,50 €")
show("control: 1.250 KWD", printed("1.250", "KWD"), "1,250 KWD")
show("control: 125 JPY", printed("125", "JPY"), "125 ¥")
if babel.__version__ == "2.18.0":
    show("125.50 RSD", printed("125.50", "RSD"), "126 RSD")
    show("124.50 RSD", printed("124.50", "RSD"), "124 RSD")
    show("1.750 IQD", printed("1.750", "IQD"), "2 IQD")
    show("125.50 HUF", printed("125.50", "HUF"), "125,50 HUF")
    show("125 RSD in minor units, by its precision", 125 * 10 ** get_currency_precision("RSD"), 125)
    show("other decimals than ISO 4217", " ".join(differ),
         "AFN ALL IQD IRR KPW LAK LBP MGA MMK RSD SOS SYP YER")
    pattern = Locale.parse("de_DE").currency_formats["standard"].pattern
    show("control: by a pattern", printed("125.50", "RSD", format=pattern, currency_digits=False), "125,50 RSD")
else:
    show("125.50 RSD", printed("125.50", "RSD"), "125,50 RSD")
    show("125.50 HUF", printed("125.50", "HUF"), "126 HUF")
    show("no longer 2", [one for one in ("COP", "HUF", "IDR") if one in differ], ["COP", "HUF", "IDR"])
PYTHON

for release in 2.18.0 2.19.0; do
    python3 -m venv "$work/$release"
    "$work/$release/bin/pip" install -qq --disable-pip-version-check "Babel==$release"
    "$work/$release/bin/python" "$work/probe.py"
done
