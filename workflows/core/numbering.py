"""Numbers for people to quote: SH-0012, SR-1001. Each series rises; no number is used twice."""

from typing import Any

from sqlalchemy import ColumnElement, literal_column
from sqlalchemy.dialects import postgresql, sqlite

from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.compiled_statements import Prepared

FIRST_SERVICE_REQUEST = 1001


def next_number(tx: Transaction, prefix: str) -> str:
    """The next number of a series; its row is locked until the transaction ends."""
    return f"{prefix}-{_count(tx, prefix, first=1):04d}"


def next_count(tx: Transaction, series: str) -> int:
    """The next number of a series, from 1, without a prefix; as `next_number`."""
    return _count(tx, series, first=1)


def insert_numbered(tx: Transaction, values: dict[str, Any], number: str | None = None) -> str | None:
    """Insert a service request under `number`, or under the next one. Returns it, None where not known yet.

    PostgreSQL takes the next number from a sequence in the INSERT itself, without a lock: requests logged
    concurrently do not wait for each other. On SQLite, which has one writer, a counter row is enough; in a
    batch the counter is part of the batch, and the number is known once it has been sent.
    Raises: IntegrityError for a number that is taken.
    """
    if number is None and tx.is_sqlite and tx.is_batching:
        tx.run(_INCREMENT, {})
        tx.add(t.service_request, **values, number=_CURRENT)
        return None
    if number is None and tx.is_sqlite:
        number = f"SR-{_count(tx, 'SR', first=FIRST_SERVICE_REQUEST)}"
    tx.add(t.service_request, **values, number=number or _NEXT)
    return number


def _count(tx: Transaction, series: str, *, first: int) -> int:
    increment = _INCREMENT_RETURNING["sqlite" if tx.is_sqlite else "postgresql"]
    return int(increment.one(tx.connection, {"series": series, "value": first}).value)


_INCREMENT_RETURNING = {
    dialect.__name__.rpartition(".")[2]: Prepared(
        dialect.insert(t.counter)
        .on_conflict_do_update(index_elements=["series"], set_={"value": t.counter.c.value + 1})
        .returning(t.counter.c.value),
        ("series", "value"),
    )
    for dialect in (sqlite, postgresql)
}

_INCREMENT = Prepared(
    sqlite.insert(t.counter)
    .values(series=literal_column("'SR'"), value=literal_column(str(FIRST_SERVICE_REQUEST)))
    .on_conflict_do_update(index_elements=["series"], set_={"value": t.counter.c.value + 1})
    .inline()
)
_CURRENT: ColumnElement[str] = literal_column("'SR-' || (SELECT value FROM counter WHERE series = 'SR')")
_NEXT: ColumnElement[str] = literal_column("'SR-' || CAST(nextval('service_request_number') AS TEXT)")
