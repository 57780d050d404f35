"""Numbers that people say: SH-0012, SR-1001. Rising per series and never reused."""

from typing import Any

from sqlalchemy import Text, cast, func, insert, literal, text
from sqlalchemy.dialects import postgresql, sqlite

from workflows.desk import Transaction
from workflows.store import tables as t
from workflows.store.prepared import Prepared

FIRST_SERVICE_REQUEST = 1001


def next_number(tx: Transaction, prefix: str) -> str:
    """The next number of a series; its row is locked until the transaction ends."""
    return f"{prefix}-{_count(tx, prefix, first=1):04d}"


def insert_numbered(tx: Transaction, values: dict[str, Any], number: str | None = None) -> str:
    """Insert a service request under the number given, or under the next; answers the number.

    PostgreSQL takes it from a sequence in the INSERT itself, which locks nothing: requests logged at once do
    not wait for each other. On SQLite, with its one writer, a counter does.
    """
    if number is None and not tx.is_sqlite:
        return str(tx.connection.execute(_INSERT_NEXT, values).scalar_one())
    number = number or f"SR-{_count(tx, 'SR', first=FIRST_SERVICE_REQUEST)}"
    tx.add(t.service_request, **values, number=number)
    return number


def _count(tx: Transaction, series: str, *, first: int) -> int:
    counted = _COUNT["sqlite" if tx.is_sqlite else "postgresql"]
    return int(counted.one(tx.connection, {"series": series, "value": first}).value)


_COUNT = {
    dialect.__name__.rpartition(".")[2]: Prepared(
        dialect.insert(t.counter)
        .on_conflict_do_update(index_elements=["series"], set_={"value": t.counter.c.value + 1})
        .returning(t.counter.c.value),
        ("series", "value"),
    )
    for dialect in (sqlite, postgresql)
}

_INSERT_NEXT = (
    insert(t.service_request)
    .values(number=literal("SR-").concat(cast(func.nextval(text("'service_request_number'")), Text)))
    .returning(t.service_request.c.number)
)
