"""Numbers that people say: SH-0012, SR-1001. Rising per series and never reused."""

from typing import Any

from sqlalchemy import Text, cast, func, literal, text
from sqlalchemy.dialects import postgresql, sqlite

from workflows.desk import Transaction
from workflows.store import tables as t

FIRST_SERVICE_REQUEST = 1001


def next_number(tx: Transaction, prefix: str) -> str:
    """The next number of a series; its row is locked until the transaction ends."""
    return f"{prefix}-{_count(tx, prefix, first=1):04d}"


def service_request_number(tx: Transaction) -> Any:
    """The next service request's number: a value on SQLite, on PostgreSQL an expression for its INSERT.

    A sequence locks nothing, so that requests logged at once do not wait for each other.
    """
    if tx.is_sqlite:
        return f"SR-{_count(tx, 'SR', first=FIRST_SERVICE_REQUEST)}"
    return literal("SR-").concat(cast(func.nextval(text("'service_request_number'")), Text))


def _count(tx: Transaction, series: str, *, first: int) -> int:
    dialect = sqlite if tx.is_sqlite else postgresql
    upsert = dialect.insert(t.counter).values(series=series, value=first)
    counted = upsert.on_conflict_do_update(
        index_elements=["series"], set_={"value": t.counter.c.value + 1}
    ).returning(t.counter.c.value)
    return int(tx.connection.execute(counted).scalar_one())
