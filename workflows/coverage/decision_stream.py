"""Stored decisions in the order in which they were made, in batches and in bounded memory.

Each batch is a statement of its own: between batches no lock or snapshot is held.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, tuple_

from workflows.core.desk import Desk
from workflows.store import tables as t
from workflows.store.planner import read_by_index

BATCH = 1000
d = t.coverage_decision
ALL_COLUMNS = select(d)


def count_decisions(desk: Desk, from_: datetime | None = None, to: datetime | None = None) -> int:
    """The number of decisions made in [from_, to); instants are aware UTC."""
    with desk.database.read() as connection:
        wanted = select(func.count()).select_from(d).where(*_span(from_, to))
        return int(connection.execute(wanted).scalar_one())


def decision_batches(
    desk: Desk,
    from_: datetime | None = None,
    to: datetime | None = None,
    *,
    wanted: Select[Any] = ALL_COLUMNS,
    batch: int | None = None,
) -> Iterator[list[Row[Any]]]:
    """The decisions made in [from_, to), oldest first, in lists of at most `batch` (or `BATCH`).

    `wanted` selects at least `id` and `decided_at` from the decisions and may join other tables.
    """
    after: tuple[datetime, str] | None = None
    ordered = wanted.where(*_span(from_, to)).order_by(d.c.decided_at, d.c.id).limit(batch or BATCH)
    while True:
        statement = ordered
        if after is not None:
            statement = statement.where(tuple_(d.c.decided_at, d.c.id) > after)
        with read_by_index(desk.database, in_its_order=True) as connection:
            rows = list(connection.execute(statement).all())
        if not rows:
            return
        yield rows
        after = (rows[-1].decided_at, rows[-1].id)


def _span(from_: datetime | None, to: datetime | None) -> list[ColumnElement[bool]]:
    bounds = []
    if from_ is not None:
        bounds.append(d.c.decided_at >= from_)
    if to is not None:
        bounds.append(d.c.decided_at < to)
    return bounds
