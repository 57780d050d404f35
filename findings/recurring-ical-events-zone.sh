#!/usr/bin/env bash
# recurring-ical-events: a line for display moves events that are written in UTC to other days.
#
# Guess:      DTSTART:20260105T233000Z is an instant. X-WR-TIMEZONE, which is in no standard and says in which
#             zone to show a calendar, changes how it is shown, not when it is.
# Instead:    Before anything repeats, each UTC time of a calendar with that line becomes a local time of that zone, and
#             the rule is applied there. "Mondays 23:30 UTC" starts on a Tuesday in Berlin, and goes on with Mondays
#             00:30 there, which are Sundays in UTC: a day earlier, and once more than COUNT says. A series over the
#             change of the clocks moves by an hour. A single event stays where it is.
# Version:    recurring-ical-events 3.8.2, x-wr-timezone 2.0.1, icalendar 7.3.0. That of() corrects "times according to
#             X-WR-TIMEZONE" is documented; that the days of a UTC series change is not said.
# Matters:    Closures and maintenance windows, and by them SLA targets, are a day or an hour off, for the one publisher
#             whose program writes UTC and that line.
# Do instead: Put the events into a new Calendar, without the properties of theirs, before of(); and test with a file
#             that has the line.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'recurring-ical-events==3.8.2' 'x-wr-timezone==2.0.1' 'icalendar==7.3.0' 'python-dateutil==2.9.0.post0' \
    'tzdata==2026.6' 'click==8.5.1'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from datetime import UTC, date
from importlib.metadata import version

import icalendar
import recurring_ical_events


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


DISPLAY = "X-WR-TIMEZONE:Europe/Berlin\n"


def starts(event, display="", *, alone=False):
    """The starts of an event in 2026, in UTC; `alone` takes it out of its calendar first."""
    text = (f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//\n{display}BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\n"
            f"{event}\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR\n")
    calendar = icalendar.Calendar.from_ical(text.replace("\n", "\r\n"))
    if alone:
        bare = icalendar.Calendar()
        for one in calendar.walk("VEVENT"):
            bare.add_component(one)
        calendar = bare
    found = recurring_ical_events.of(calendar).between(date(2026, 1, 1), date(2027, 1, 1))
    return [f"{at:%a %d %b %H:%M}" for at in sorted(one["DTSTART"].dt.astimezone(UTC) for one in found)]


for name in ("recurring-ical-events", "x-wr-timezone", "icalendar"):
    print(name, version(name))

MONDAYS = "DTSTART:20260105T233000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3"
DAILY = "DTSTART:20260328T080000Z\nRRULE:FREQ=DAILY;COUNT=2"
ONCE = "DTSTART:20260706T233000Z"
show("Mondays 23:30 UTC, three times", starts(MONDAYS), ["Mon 05 Jan 23:30", "Mon 12 Jan 23:30", "Mon 19 Jan 23:30"])
show("with the line for display", starts(MONDAYS, DISPLAY), [
    "Mon 05 Jan 23:30", "Sun 11 Jan 23:30", "Sun 18 Jan 23:30", "Sun 25 Jan 23:30"])
show("daily 08:00 UTC, twice", starts(DAILY), ["Sat 28 Mar 08:00", "Sun 29 Mar 08:00"])
show("with the line for display", starts(DAILY, DISPLAY), ["Sat 28 Mar 08:00", "Sun 29 Mar 07:00"])
show("control: an event that does not repeat", starts(ONCE, DISPLAY), starts(ONCE))
show("control: the events alone, in a new calendar", starts(MONDAYS, DISPLAY, alone=True), starts(MONDAYS))
PYTHON
