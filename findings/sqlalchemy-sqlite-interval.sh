#!/usr/bin/env bash
# SQLAlchemy on SQLite: `starts_at + length > now` is false for every row, without an error.
#
# Guess:      Interval columns work on both databases, or the first arithmetic with one fails.
# Instead:    SQLite has no interval; SQLAlchemy keeps one as a date counted from 1 January 1970 and still writes
#             `starts_at + length` into the WHERE clause. SQLite then adds the leading numbers of the two texts:
#             2026 + 1970 = 3996. A number sorts before any text, so every sum is "before" every instant.
#             Only a SELECT of the sum fails, when SQLAlchemy reads the 3996.
# Version:    SQLAlchemy 2.1.9 with SQLite. The 1970 form is documented; the wrong comparison is not.
# Matters:    "Contracts still running" written as start plus length is empty on SQLite, right on PostgreSQL:
#             every contract looks expired, or no reminder is ever due, depending on the sign of the query.
# Do instead: Store both ends of a period, or the length in integer minutes, and compute in the application.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'SQLAlchemy==2.1.9' 'typing_extensions==4.16.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from datetime import datetime, timedelta

import sqlalchemy as sa


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


table = sa.Table(
    "contract", sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("starts_at", sa.DateTime),
    sa.Column("length", sa.Interval),
)
engine = sa.create_engine("sqlite://")
table.metadata.create_all(engine)
starts_at, length, now = datetime(2026, 1, 1), timedelta(days=30), datetime(2026, 1, 15)
with engine.begin() as connection:
    connection.execute(table.insert().values(id=1, starts_at=starts_at, length=length))

    def found(condition):
        return connection.scalar(sa.select(sa.func.count()).where(condition))

    ends_at = table.c.starts_at + table.c.length
    print("SQLAlchemy", sa.__version__, "with SQLite", engine.dialect.dbapi.sqlite_version)
    print("the query:", str(ends_at.compile(engine)))
    show("control: in Python the contract still runs", starts_at + length > now, True)
    show("control: the length alone compares well", found(table.c.length == length), 1)
    show("WHERE starts_at + length > 15 January", found(ends_at > now), 0)
    show("WHERE starts_at + length < 15 January", found(ends_at < now), 1)
    show("what SQLite computes",
         connection.exec_driver_sql("SELECT starts_at + length FROM contract").scalar(), 3996)
PYTHON
