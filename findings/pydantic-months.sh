#!/usr/bin/env bash
# pydantic: a duration of twelve months is 360 days, one of a year 365.
#
# Guess:      A timedelta has no months, so "P12M" is refused.
# Instead:    It is accepted at 30 days a month and 365 a year. P12M ends five days before P1Y; "P1Y1M" is 395
#             days and "P13M" 390. Written back, 365 days become "P1Y", but 360 days stay "P360D".
# Version:    pydantic 2.14.3. That ISO 8601 durations are read is documented; the lengths we found only in an
#             issue of its parser (speedate, 100).
# Matters:    The length of a contract, an SLA or a retention in a JSON file or an API body: two spellings of one
#             year differ by five days, every month drifts from the calendar, and nobody sees an error.
# Do instead: Keep calendar lengths as two integers (months, days) and add them to a date with the day clipped.
#             For timedelta fields refuse Y and M before pydantic reads them.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'pydantic==2.14.3' 'pydantic_core==2.50.4' 'typing_extensions==4.16.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from datetime import date, timedelta

import pydantic


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


duration = pydantic.TypeAdapter(timedelta)


def days(text):
    return duration.validate_python(text) / timedelta(days=1)


print("pydantic", pydantic.VERSION)
show("control: days of PT36H", days("PT36H"), 1.5)
show("control: days of P2W", days("P2W"), 14.0)
show("days of P1Y", days("P1Y"), 365.0)
show("days of P12M", days("P12M"), 360.0)
show("days of P1Y1M and of P13M", (days("P1Y1M"), days("P13M")), (395.0, 390.0))
show("365 and 360 days written as JSON",
     [duration.dump_json(timedelta(days=count)).decode() for count in (365, 360)], ['"P1Y"', '"P360D"'])
end = date(2026, 1, 1) + duration.validate_python("P12M")
show("twelve months from 1 January 2026 end before", end.isoformat(), "2026-12-27")
PYTHON
