#!/usr/bin/env bash
# icalendar: a calendar file is read by the time zone of another file that was read before it.
#
# Guess:      A VTIMEZONE belongs to the file that it stands in. Two files may both call theirs "Office".
# Instead:    The first definition of a name holds for the whole process. A later file with the same name and
#             other rules is read by the first one's rules, and a file without any definition, which alone gives
#             a time without zone, silently takes the one left behind. The result depends on what the process
#             has read before.
# Version:    icalendar 7.3.0. An internal docstring mentions the cache ("this can influence the result"); we
#             found no word of it in the user documentation.
# Matters:    A desk imports closures of many customers in one process. Names such as "Customized Time Zone" or
#             "Local" are common, so that one customer's office hours, and SLA targets, follow another's zone.
# Do instead: Call use_zoneinfo() before each file, which empties the cache, under a lock; refuse names that are
#             no IANA zone and have no VTIMEZONE in the same file.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'icalendar==7.3.0' 'python-dateutil==2.9.0.post0' 'six==1.17.0' 'tzdata==2026.6' 'typing_extensions==4.16.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import icalendar


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def read(offset):
    """Start of an event at noon in zone "Office", which has this offset; None: not defined in the file."""
    zone = f"""BEGIN:VTIMEZONE
TZID:Office
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:{offset}
TZOFFSETTO:{offset}
TZNAME:OFFICE
END:STANDARD
END:VTIMEZONE
"""
    text = f"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//findings//EN
{zone if offset else ""}BEGIN:VEVENT
UID:1
DTSTAMP:20260101T000000Z
DTSTART;TZID=Office:20260701T120000
END:VEVENT
END:VCALENDAR
"""
    event = icalendar.Calendar.from_ical(text.replace("\n", "\r\n")).events[0]
    return event.start.isoformat()


print("icalendar", version("icalendar"))
show("control: no definition, read first", read(None), "2026-07-01T12:00:00")
show("control: +05:00, read first", read("+0500"), "2026-07-01T12:00:00+05:00")
show("-03:00, read after it", read("-0300"), "2026-07-01T12:00:00+05:00")
show("no definition, read after it", read(None), "2026-07-01T12:00:00+05:00")
icalendar.use_zoneinfo()
show("control: -03:00 after use_zoneinfo()", read("-0300"), "2026-07-01T12:00:00-03:00")
PYTHON
