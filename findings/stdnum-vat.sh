#!/usr/bin/env bash
# python-stdnum: validate() does not give one number for one company, in Greece and Switzerland.
#
# Guess:      "validate() returns the number in its compact form" means: the same company, the same text. It
#             does for most: spaces, dots and a missing leading zero in Belgium are evened out.
# Instead:    A Greek number stays GR... or EL... as it was typed, and both are valid. A Swiss number keeps the
#             language of its suffix: MWST, TVA and IVA give three texts for one company.
# Version:    python-stdnum 2.2. Not documented.
# Matters:    Duplicate customers, a second account for the same debtor, and invoices to one company under two
#             tax numbers. The EU's prefix for Greece is EL, in ISO 3166 it is GR; EN 16931 takes both (BR-CO-09).
# Do instead: After validate(), write Greek numbers with EL, and cut the Swiss suffix for comparing; keep what was
#             typed for printing.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'python-stdnum==2.2'

"$work/venv/bin/python" - <<'PYTHON'
import sys

import stdnum
from stdnum.ch import vat as swiss
from stdnum.eu import vat as eu


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


print("python-stdnum", stdnum.__version__)
show("control: a German number, two spellings",
     {eu.validate("DE 136.695.976"), eu.validate("de136695976")}, {"DE136695976"})
show("control: a Belgian number, with and without its zero",
     {eu.validate("BE 0403.019.261"), eu.validate("BE403019261")}, {"BE0403019261"})
show("a Greek number, two prefixes",
     [eu.validate("EL 094259216"), eu.validate("GR 094259216")], ["EL094259216", "GR094259216"])
show("a Swiss number, three languages",
     [swiss.validate(f"CHE-107.787.577 {suffix}") for suffix in ("MWST", "TVA", "IVA")],
     ["CHE107787577MWST", "CHE107787577TVA", "CHE107787577IVA"])
PYTHON
