#!/usr/bin/env bash
# SQLAlchemy on SQLite: a row stamped by server_default=func.now() is not found at its own instant.
#
# Guess:      `WHERE created_at >= :t` includes a row whose created_at reads back as exactly t.
# Instead:    SQLite compares the stored texts. CURRENT_TIMESTAMP writes "2026-01-31 10:00:00"; SQLAlchemy binds
#             a parameter as "2026-01-31 10:00:00.000000". The shorter text sorts first, so the row is neither
#             equal to nor at or after the very value that was just read from it. `<` finds it.
# Version:    SQLAlchemy 2.1.9 with SQLite. Each format is documented; their meeting is known from issue reports.
# Matters:    Half-open periods hang on this comparison: a record stamped by the database falls into the period
#             before its own, a page that goes on "from the last row" shows it twice. PostgreSQL does neither.
# Do instead: Stamp in the application (default=), or store integers (microseconds since 1970) in SQLite; no
#             server_default that writes a time.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'SQLAlchemy==2.1.9' 'typing_extensions==4.16.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from datetime import datetime, timezone

import sqlalchemy as sa


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


def utc_now():
    return datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)


table = sa.Table(
    "work", sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("by_server", sa.DateTime, server_default=sa.func.now()),
    sa.Column("by_client", sa.DateTime, default=utc_now),
)
engine = sa.create_engine("sqlite://")
table.metadata.create_all(engine)
with engine.begin() as connection:
    connection.execute(table.insert().values(id=1))
    by_server, by_client = connection.execute(sa.select(table.c.by_server, table.c.by_client)).one()
    stored = connection.exec_driver_sql("SELECT by_server, by_client FROM work").one()

    def found(condition):
        return connection.scalar(sa.select(sa.func.count()).where(condition))

    print("SQLAlchemy", sa.__version__, "with SQLite", sa.create_engine("sqlite://").dialect.dbapi.sqlite_version)
    print("stored by the server and by the client:", *stored, sep="  ")
    show("control: by_client == what was read", found(table.c.by_client == by_client), 1)
    show("control: by_client >= what was read", found(table.c.by_client >= by_client), 1)
    show("by_server == what was read", found(table.c.by_server == by_server), 0)
    show("by_server >= what was read", found(table.c.by_server >= by_server), 0)
    show("by_server < what was read", found(table.c.by_server < by_server), 1)
PYTHON
