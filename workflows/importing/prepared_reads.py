"""What the import of each history reads and locks, as prepared statements."""

from sqlalchemy import String, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.column_types import Id, Instant
from workflows.store.compiled_statements import Prepared


def lock_source(tx: Transaction, source: str) -> None:
    """Allow one import per source at a time to write a history; others wait for its commit."""
    if _SOURCE.first(tx.connection, {"source": source}) is not None:
        return
    r = t.imported_record
    dialect = sqlite if tx.is_sqlite else postgresql
    row = dialect.insert(r).values(
        source=source, kind="source", external_key=source, record_id="", imported_at=tx.real_now
    )
    tx.connection.execute(row.on_conflict_do_nothing())
    _SOURCE.one(tx.connection, {"source": source})


_SOURCE = Prepared(
    select(t.imported_record.c.source)
    .where(
        t.imported_record.c.source == bindparam("source", type_=String, required=True),
        t.imported_record.c.kind == "source",
    )
    .with_for_update()
)
_OF_NUMBER = Prepared(
    select(t.service_request.c.id).where(
        t.service_request.c.number == bindparam("number", type_=String, required=True)
    )
)
STATE = Prepared(
    select(t.service_request.c.state, t.service_request.c.on_hold_reason).where(
        t.service_request.c.id == bindparam("id", type_=Id, required=True)
    )
)
DISCARD = Prepared(
    delete(t.outbox).where(
        t.outbox.c.id >= bindparam("mark", type_=Id, required=True),
        t.outbox.c.created_at <= bindparam("last", type_=Instant, required=True),
    )
)


def is_number_in_use(tx: Transaction, number: str) -> bool:
    return _OF_NUMBER.first(tx.connection, {"number": number}) is not None
