#!/usr/bin/env bash
# holidays: the German calendar reads "03.10.2026" as 10 March, and "13.10.2026" as 13 October.
#
# Guess:      country_holidays("DE") reads dates as they are written in Germany, or refuses all but ISO dates.
# Instead:    Texts go through dateutil, month first, whatever the country; a first number over 12 is taken for
#             the day. German Unity Day is "not a holiday", and 10 March "is" one. What is added by such a text
#             lands on the other day: a closure for "01.12.2026" becomes one on 12 January.
# Version:    holidays 0.109, python-dateutil 2.9.0.post0. Documented as "any format recognized by dateutil"; the README
#             shows ISO and American dates. That the country makes no difference is not said.
# Matters:    Business hours and SLA targets. A closure list pasted from a spreadsheet is right from the 13th on
#             and wrong before: 132 days of a year move by up to eleven months.
# Do instead: Parse with the format of the file first and hand over date objects only.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'holidays==0.109' 'python-dateutil==2.9.0.post0' 'six==1.17.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from datetime import date, timedelta
from importlib.metadata import version

import holidays


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


germany = holidays.country_holidays("DE", language="en_US")
print("holidays", version("holidays"), "python-dateutil", version("python-dateutil"))
show("control: date(2026, 10, 3)", germany.get(date(2026, 10, 3)), "German Unity Day")
show("control: '2026-10-03'", germany.get("2026-10-03"), "German Unity Day")
show("control: '25.12.2026'", germany.get("25.12.2026"), "Christmas Day")
show("'03.10.2026'", germany.get("03.10.2026"), None)
show("'10.03.2026' (10 March)", germany.get("10.03.2026"), "German Unity Day")

germany.update({"01.12.2026": "stocktaking", "15.12.2026": "party"})
added = {name: day.isoformat() for day, name in germany.items() if name in ("stocktaking", "party")}
show("added for 1 December and 15 December", added, {"stocktaking": "2026-01-12", "party": "2026-12-15"})

probe = holidays.HolidayBase()
year = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
moved = 0
for day in year:
    probe.clear()
    probe.update({day.strftime("%d.%m.%Y"): "x"})
    moved += list(probe) != [day]
show("days of a year that move", moved, 132)
PYTHON
