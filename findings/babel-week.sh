#!/usr/bin/env bash
# Babel: the week number in locale "de" differs from that in "de_DE", for years on end.
#
# Guess:      Week numbers of a German date are ISO weeks, with or without the country.
# Instead:    The first week of a year depends on the country. A locale without one takes the general rule of the
#             locale data (one day in January is enough), not that of Germany. From 1 January to 31 December
#             2027 each week in "de" is one higher than in "de_DE", the calendar on the wall and
#             date.isocalendar(). The same for "fr" and "it".
# Version:    Babel 2.18.0. It follows the Unicode locale data; we found no word on leaving out the country.
# Matters:    A web application chooses "de" from the browser. A statement says "week 6" for work that the
#             technician's time sheet has in week 5, and 2026 looks right all year but for its last days.
# Do instead: Print weeks from date.isocalendar(), or always negotiate a locale with a country.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'Babel==2.18.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from collections import Counter
from datetime import date, timedelta

import babel
from babel.dates import format_date


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def week(day, locale):
    return format_date(day, "YYYY-'W'ww", locale=locale)


def iso(day):
    year, number, _ = day.isocalendar()
    return f"{year}-W{number:02d}"


def wrong_days(locale):
    """By year from 2024 to 2028: days whose week is not the ISO week."""
    days = (date(2024, 1, 1) + timedelta(days=n) for n in range(5 * 365 + 2))
    return dict(Counter(day.year for day in days if week(day, locale) != iso(day)))


print("Babel", babel.__version__)
monday = date(2027, 2, 1)
show("control: ISO week of 1 February 2027", iso(monday), "2027-W05")
show("control: in de_DE", week(monday, "de_DE"), "2027-W05")
show("control: days wrong in de_DE, fr_FR, it_IT", [wrong_days(x) for x in ("de_DE", "fr_FR", "it_IT")], [{}] * 3)
show("in de", week(monday, "de"), "2027-W06")
for language in ("de", "fr", "it"):
    show(f"days wrong in {language}, by year", wrong_days(language), {2026: 4, 2027: 365, 2028: 366})
PYTHON
