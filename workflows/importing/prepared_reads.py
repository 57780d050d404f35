"""What the import of histories reads and locks, as prepared statements."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import String, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.column_types import Id, Instant
from workflows.store.compiled_statements import Prepared
from workflows.store.id_lists import among, id_list


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


def imported_requests(tx: Transaction, source: str, numbers: Sequence[str]) -> dict[str, str]:
    """The ids of the service requests that were imported from a source, by those of the numbers."""
    given = {"source": source, "numbers": id_list(numbers, is_sqlite=tx.is_sqlite)}
    rows = _imported(tx.is_sqlite).all(tx.connection, given)
    return {row.external_key: row.record_id for row in rows}


def numbers_in_use(tx: Transaction, numbers: Sequence[str]) -> frozenset[str]:
    """Those of the numbers that a service request has."""
    given = {"numbers": id_list(numbers, is_sqlite=tx.is_sqlite)}
    return frozenset(row.number for row in _in_use(tx.is_sqlite).all(tx.connection, given))


@cache
def _imported(is_sqlite: bool) -> Prepared:
    record = t.imported_record.c
    return Prepared(
        select(record.external_key, record.record_id).where(
            record.source == bindparam("source", type_=String, required=True),
            record.kind == "service_request",
            among(record.external_key, "numbers", is_sqlite=is_sqlite),
        )
    )


@cache
def _in_use(is_sqlite: bool) -> Prepared:
    number = t.service_request.c.number
    return Prepared(select(number).where(among(number, "numbers", is_sqlite=is_sqlite)))
