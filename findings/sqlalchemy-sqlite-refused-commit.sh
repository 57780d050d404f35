#!/usr/bin/env bash
# SQLAlchemy on SQLite: a connection whose commit was refused goes back to the pool with its transaction open.
#
# Guess:      A commit that raises ends the transaction, at the latest when the connection goes back to the pool, which
#             rolls back whatever was left (reset_on_return).
# Instead:    SQLite keeps a transaction whose COMMIT it refuses for a deferred foreign key. After `transaction.commit()`
#             inside `with connection.begin() as transaction`, SQLAlchemy takes it to be over and says to the pool that no
#             reset is needed. The next user's writes join the refused ones, and the file stays locked for all others.
#             `engine.begin()`, which commits by itself, does roll back.
# Version:    SQLAlchemy 2.1.9, with Python's sqlite3. SQLite documents that the transaction stays open; we found nothing
#             about what the pool makes of it.
# Matters:    One refused sale, and every other process waits for the lock until the connection is used again, by a
#             request that fails for no reason of its own.
# Do instead: Roll back in a "checkin" listener if the driver's connection says `in_transaction`.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'SQLAlchemy==2.1.9' 'typing_extensions==4.16.0'

"$work/venv/bin/python" - "$work" <<'PYTHON'
import sqlite3
import sys

import sqlalchemy as sa


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def desk(name):
    """An engine, and a function that says whether another connection finds the file locked."""
    path = f"{sys.argv[1]}/{name}.db"
    engine = sa.create_engine(f"sqlite:///{path}")

    @sa.event.listens_for(engine, "connect")
    def check_keys(connection, _record):
        connection.execute("PRAGMA foreign_keys=ON")

    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE contract (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql(
            "CREATE TABLE posting (contract INTEGER REFERENCES contract DEFERRABLE INITIALLY DEFERRED)"
        )

    def is_locked():
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        finally:
            other.close()
        return False

    return engine, is_locked


REFUSED = "INSERT INTO posting VALUES (7)"
print("SQLAlchemy", sa.__version__, "with SQLite", sqlite3.sqlite_version)

engine, is_locked = desk("by_itself")
try:
    with engine.begin() as connection:
        connection.exec_driver_sql(REFUSED)
except sa.exc.IntegrityError as error:
    print("refused:", error.orig)
show("control: engine.begin() commits: the file is locked afterwards", is_locked(), False)

engine, is_locked = desk("within")
try:
    with engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql(REFUSED)
        transaction.commit()
except sa.exc.IntegrityError as error:
    print("refused:", error.orig)
show("commit() within begin(): connections in use", engine.pool.checkedout(), 0)
show("commit() within begin(): the file is locked afterwards", is_locked(), True)
with engine.connect() as connection:
    show("the pool's next user sees what was refused", connection.exec_driver_sql("SELECT * FROM posting").all(), [(7,)])
PYTHON
