#!/usr/bin/env bash
# pydantic: the date "20261201" is an instant in August 1970, also where a time zone is required.
#
# Guess:      An AwareDatetime refuses a date in eight digits: it has no time zone, and no time. (It refuses
#             "2026-12-01", and "20261201T0930Z".)
# Instead:    Text of digits only is a Unix time, and so an instant in UTC: "20261201" is 23 August 1970. Beyond 2e10
#             digits count as milliseconds: "202612010930", with the minutes, is in 1976, and with the seconds in
#             2612. JSON in strict mode does the same. A `date` refuses it, but names the reason "zero time".
# Version:    pydantic 2.14.3. That text of digits is a Unix time is documented; that it is one in strict mode, we
#             did not find.
# Matters:    Eight digits are how iCalendar, bank statements and the dates of a CII e-invoice (format 102) are
#             written. A contract that starts "20261201" is valid since 1970, and every check of the type passed.
# Do instead: Match the text with the one form that you take before pydantic reads it (BeforeValidator), and parse
#             other forms by their own pattern: strptime(text, "%Y%m%d").
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'pydantic==2.14.3' 'pydantic_core==2.50.4' 'typing_extensions==4.16.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from datetime import date

import pydantic
from pydantic import AwareDatetime, TypeAdapter, ValidationError


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def read(text, kind=AwareDatetime, strict=False):
    """The value of a JSON text, or the code of the error."""
    try:
        return TypeAdapter(kind).validate_json(f'"{text}"', strict=strict).isoformat()
    except ValidationError as error:
        return error.errors()[0]["type"]


print("pydantic", pydantic.VERSION)
show("control: '2026-12-01T09:30:00Z'", read("2026-12-01T09:30:00Z"), "2026-12-01T09:30:00+00:00")
show("control: '2026-12-01T09:30:00'", read("2026-12-01T09:30:00"), "timezone_aware")
show("control: '2026-12-01'", read("2026-12-01"), "timezone_aware")
show("control: '20261201T0930Z'", read("20261201T0930Z"), "datetime_from_date_parsing")
show("'20261201'", read("20261201"), "1970-08-23T12:06:41+00:00")
show("'20261201', strict", read("20261201", strict=True), "1970-08-23T12:06:41+00:00")
show("'202612010930'", read("202612010930"), "1976-06-03T01:06:50.930000+00:00")
show("'20261201093000'", read("20261201093000"), "2612-01-20T15:24:53+00:00")
show("'20261201' as a date", read("20261201", date), "date_from_datetime_inexact")
PYTHON
