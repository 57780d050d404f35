#!/usr/bin/env bash
# Babel: of 2:30 in the afternoon, as Babel itself writes it in Canada, it reads 2:30 at night.
#
# Guess:      parse_time reads in a locale what format_time writes in it, at least in English.
# Instead:    Only the letters "pm" in one piece count; the marks of the locale are not looked at. Where these are "p.m."
#             (Canada, Mexico, Spanish in the United States) or in another script (Greek, Arabic), the afternoon is
#             read as the night, twelve hours early. With "AM" and "PM", half past twelve at night is read as half past
#             noon, and half past noon is an error.
# Version:    Babel 2.18.0. Not documented; an open pull request (1338) is about twelve o'clock, not about the marks.
# Matters:    Work from 2:30 p.m. is stored at night, outside business hours and at another rate, or before its contract
#             began. German, French and British desks see nothing of it.
# Do instead: Let the browser send 24 hours (<input type="time">), and parse that with time.fromisoformat.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'babel==2.18.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from datetime import time
from importlib.metadata import version

from babel.dates import format_time, parse_time


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def there_and_back(at, locale):
    """A time as Babel writes it in short form, and what Babel reads from that."""
    text = format_time(at, "short", locale=locale)
    try:
        return text.replace("\u202f", " "), f"{parse_time(text, locale=locale):%H:%M}"
    except ValueError:
        return text.replace("\u202f", " "), "an error"


AFTERNOON, NIGHT, NOON = time(14, 30), time(0, 30), time(12, 30)
print("Babel", version("babel"))
show("14:30 in en_CA", there_and_back(AFTERNOON, "en_CA"), ("2:30 p.m.", "02:30"))
show("14:30 in es_MX", there_and_back(AFTERNOON, "es_MX"), ("2:30 p.m.", "02:30"))
show("14:30 in es_US", there_and_back(AFTERNOON, "es_US"), ("2:30 p.m.", "02:30"))
show("14:30 in ar_EG", there_and_back(AFTERNOON, "ar_EG")[1], "02:30")
show("14:30 in el_GR", there_and_back(AFTERNOON, "el_GR"), ("2:30 μ.μ.", "02:30"))
show("00:30 in en_US", there_and_back(NIGHT, "en_US"), ("12:30 AM", "12:30"))
show("12:30 in en_US", there_and_back(NOON, "en_US"), ("12:30 PM", "an error"))
show("control: 14:30 in en_US", there_and_back(AFTERNOON, "en_US"), ("2:30 PM", "14:30"))
for locale in ("de_DE", "fr_FR", "en_GB"):
    show(f"control: all three in {locale}", [there_and_back(at, locale)[1] for at in (AFTERNOON, NIGHT, NOON)],
         ["14:30", "00:30", "12:30"])
PYTHON
