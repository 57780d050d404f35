#!/usr/bin/env bash
# SQLAlchemy on SQLite: extract("quarter") is 0 for every date, without an error.
#
# Guess:      extract() gives the same number on both databases, or refuses a field that SQLite does not have, as it
#             refuses "isodow".
# Instead:    "quarter" is among the fields known in general, and has no code in SQLite's strftime. The name itself goes
#             there as the format, comes back as the text 'quarter', and is cast to the number 0. "week" is not the ISO
#             week, as on PostgreSQL: it is one lower all through 2025 and 2026, and the same in 2024 and 2027.
# Version:    SQLAlchemy 2.1.9 with SQLite. Neither is documented, as far as we found.
# Matters:    Revenue by quarter is one row with the sum of all, and "this quarter" is empty: a report that says 0.00
#             looks like a quiet quarter. On PostgreSQL the same code is right.
# Do instead: (extract("month") + 2) // 3, or periods with both ends from the application, and a test of each report on
#             both databases.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check \
    'SQLAlchemy==2.1.9' 'typing_extensions==4.16.0'

"$work/venv/bin/python" - <<'PYTHON'
import sys
from datetime import date, timedelta

import sqlalchemy
from sqlalchemy import Column, Date, Integer, MetaData, Table, create_engine, exc, extract, func, insert, select
from sqlalchemy.dialects import postgresql


def show(what, seen, expected):
    """Print what was seen; end with an error if it is no longer what this finding says."""
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"CHANGED: expected {expected!r}, saw {seen!r}")


invoice = Table("invoice", MetaData(), Column("id", Integer, primary_key=True),
                Column("day", Date), Column("minor", Integer))
quarter = extract("quarter", invoice.c.day)
print("SQLAlchemy", sqlalchemy.__version__)
with create_engine("sqlite://").connect() as connection:
    print("SQLite", connection.exec_driver_sql("SELECT sqlite_version()").scalar_one())
    invoice.create(connection)
    connection.execute(insert(invoice), [{"day": date(2026, month, 15), "minor": 10000} for month in range(1, 13)])

    def rows(*columns):
        return [tuple(row) for row in connection.execute(select(*columns).group_by(columns[0]).order_by(columns[0]))]

    show("revenue by quarter", rows(quarter, func.sum(invoice.c.minor)), [(0, 120000)])
    show("invoices of quarter 4", connection.execute(select(invoice.c.id).where(quarter == 4)).all(), [])
    show("control: by month", len(rows(extract("month", invoice.c.day), func.sum(invoice.c.minor))), 12)
    show("control: the remedy", rows((extract("month", invoice.c.day) + 2) // 3, func.sum(invoice.c.minor)),
         [(1, 30000), (2, 30000), (3, 30000), (4, 30000)])
    try:
        connection.execute(select(extract("isodow", invoice.c.day)))
        refused = None
    except exc.CompileError as error:
        refused = str(error)
    show("control: a field that is not known", refused, "isodow is not a valid extract argument.")
    show("control: the text for PostgreSQL", str(select(quarter).compile(dialect=postgresql.dialect())).split(" \n")[0],
         "SELECT EXTRACT(quarter FROM invoice.day) AS anon_1")

    def weeks_that_differ(year):
        """Days of a year whose week is not the ISO week, as PostgreSQL has it."""
        days = [date(year, 1, 8) + timedelta(days=number) for number in range(350)]
        connection.execute(invoice.delete())
        connection.execute(insert(invoice), [{"day": day} for day in days])
        seen = connection.execute(select(invoice.c.day, extract("week", invoice.c.day))).all()
        return sum(week != day.isocalendar().week for day, week in seen)

    show("days in another week than the ISO one, of 350", {year: weeks_that_differ(year) for year in range(2024, 2028)},
         {2024: 0, 2025: 350, 2026: 350, 2027: 0})
PYTHON
