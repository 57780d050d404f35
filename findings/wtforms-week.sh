#!/usr/bin/env bash
# WTForms: the week that a browser sends is read as the week after it, or not, by the year.
#
# Guess:      WeekField stands for <input type="week">, whose weeks are those of ISO 8601: "2026-W49" is the week from
#             Monday 30 November.
# Instead:    It reads and writes by %Y-W%W, where week 1 begins with the first Monday of January. In 2025 and 2026 each
#             week comes out as the next one, in 2024 and 2027 as itself. For 1 January 2026 it writes "2026-W00", which
#             HTML does not have. What it wrote it reads again, so that a test of the form alone passes.
# Version:    WTForms 3.3.2. The documentation says "the monday of the given week" and names the default format; which
#             weeks these are is not said.
# Matters:    Time sheets. The one for week 49 is stored under the Monday of week 50, and those of the last week of 2026
#             and the first one of 2027 under one Monday. A form that was tried in 2024 was right.
# Do instead: Read the text with datetime.fromisocalendar (or %G-W%V-%u) in an own field, and write it with isocalendar().
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'WTForms==3.3.2' 'MarkupSafe==3.0.4'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from datetime import date, timedelta
from importlib.metadata import version

from wtforms import Form, WeekField


class Data(dict):
    """What a form gets from a browser."""

    def getlist(self, name):
        return [self[name]]


class Sheet(Form):
    week = WeekField()


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def iso(day):
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def read(text):
    form = Sheet(Data(week=text))
    return str(form.week.data) if form.validate() else form.week.errors


def written(day):
    return Sheet(data={"week": day}).week._value()


print("WTForms", version("WTForms"))
show("the page asks the browser for", str(Sheet().week()), '<input id="week" name="week" type="week" value="">')
show("2026-W49", read("2026-W49"), "2026-12-07")
show("control: Monday of ISO week 49", str(date.fromisocalendar(2026, 49, 1)), "2026-11-30")
show("2026-W53, the last one of 2026", read("2026-W53"), "2027-01-04")
show("2027-W01, the one after it", read("2027-W01"), "2027-01-04")
wrong = {}
for year in range(2024, 2029):
    mondays = [date(year, 1, 8) + timedelta(days=day) for day in range(350)]
    wrong[year] = sum(read(iso(day)) != str(day) for day in mondays if day.weekday() == 0)
show("weeks read as another one, of 50 a year", wrong, {2024: 0, 2025: 50, 2026: 50, 2027: 0, 2028: 0})
show("1 January 2026 and 2027 are written", [written(date(2026, 1, 1)), written(date(2027, 1, 1))],
     ["2026-W00", "2027-W00"])
show("control: their ISO weeks", [iso(date(2026, 1, 1)), iso(date(2027, 1, 1))], ["2026-W01", "2026-W53"])
show("what it writes, it reads again", read(written(date(2026, 11, 30))), "2026-11-30")
PYTHON
