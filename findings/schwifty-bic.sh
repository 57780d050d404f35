#!/usr/bin/env bash
# schwifty: DEUTDEFF and DEUTDEFFXXX, the same bank by ISO 9362, are two different values.
#
# Guess:      The eight characters name the head office, XXX says so in words: BIC("COBADEFF") equals
#             BIC("COBADEFFXXX"), or the library writes one of the two forms everywhere.
# Instead:    They compare unequal and hash apart, and `exists` is false for the short form of a bank that is in
#             the register in the long one. The BIC found for an IBAN comes in either form, as the country's
#             register writes it: long for Germany and the United Kingdom, short for France and the Netherlands.
# Version:    schwifty 2026.10.1. Not documented.
# Matters:    Matching a payer's bank of a statement with a customer's, "has the bank account changed?", and
#             duplicate checks answer wrongly for one country and rightly for the next.
# Do instead: Compare the first eight characters, or take off a final XXX before storing.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'schwifty==2026.10.1' 'pycountry==26.2.16' 'rstr==3.2.2'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

from schwifty import BIC, IBAN


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


print("schwifty", version("schwifty"))
short, long = BIC("COBADEFF"), BIC("COBADEFFXXX")
show("control: two spellings of one IBAN are equal",
     IBAN("DE89 3704 0044 0532 0130 00") == IBAN("de89370400440532013000"), True)
show("control: party, country and place are equal",
     [(bic.bank_code, bic.country_code, bic.location_code) for bic in (short, long)], [("COBA", "DE", "FF")] * 2)
show("short == long", short == long, False)
show("values in a set of the two", len({short, long}), 2)
show("exists: short, long", (short.exists, long.exists), (False, True))
examples = {
    "DE": "DE89370400440532013000", "GB": "GB29NWBK60161331926819",
    "FR": "FR1420041010050500013M02606", "NL": "NL91ABNA0417164300",
}
show("BIC of an IBAN, length by country",
     {country: len(IBAN(number).bic) for country, number in examples.items()},
     {"DE": 11, "GB": 11, "FR": 8, "NL": 8})
PYTHON
