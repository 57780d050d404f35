#!/usr/bin/env bash
# APScheduler: a monthly interval from the 31st runs seven times a year, a yearly one from 29 February
# every fourth year.
#
# Guess:      CalendarIntervalTrigger(months=1) from 31 January runs on the last day of shorter months, as adding
#             a month does in PostgreSQL, in dateutil and in the terms of a contract.
# Instead:    A month without that day is skipped in silence: after 31 January comes 31 March. From 29 February
#             2024 with years=1 the next run is in 2028. No misfire, no log line: nothing was ever due.
# Version:    APScheduler 3.11.3. Documented by the trigger (months are added until the date is valid).
# Matters:    A month's hours are not allocated, a renewal is not invoiced; only for the contracts that began
#             on the 29th, 30th or 31st.
# Do instead: Keep due dates in the desk's own tables, computed from the anchor date with the day clipped to the
#             month; let the scheduler only tick. A cron trigger with day="last" serves month ends alone.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'APScheduler==3.11.3' 'tzlocal==5.4.5' 'tzdata==2026.6'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from datetime import date, datetime, timedelta, timezone
from importlib.metadata import version

from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
from apscheduler.triggers.cron import CronTrigger


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def fires(trigger, start, count):
    found, previous, now = [], None, datetime.combine(start, datetime.min.time(), timezone.utc)
    while len(found) < count:
        previous = trigger.get_next_fire_time(previous, now)
        found.append(previous.date().isoformat())
        now = previous + timedelta(seconds=1)
    return found


def every(start, count, **step):
    return fires(CalendarIntervalTrigger(start_date=start, timezone=timezone.utc, **step), start, count)


print("APScheduler", version("APScheduler"))
show("control: monthly from 28 January", every(date(2026, 1, 28), 4, months=1),
     ["2026-01-28", "2026-02-28", "2026-03-28", "2026-04-28"])
show("monthly from 31 January", every(date(2026, 1, 31), 5, months=1),
     ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31", "2026-08-31"])
show("monthly from 30 January", every(date(2026, 1, 30), 3, months=1),
     ["2026-01-30", "2026-03-30", "2026-04-30"])
show("yearly from 29 February", every(date(2024, 2, 29), 3, years=1),
     ["2024-02-29", "2028-02-29", "2032-02-29"])
show("control: cron, day='last'", fires(CronTrigger(day="last", timezone=timezone.utc), date(2026, 1, 1), 3),
     ["2026-01-31", "2026-02-28", "2026-03-31"])
PYTHON
