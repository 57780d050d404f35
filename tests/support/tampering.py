"""Changes to a desk's database behind its back: by its owner, with the triggers and foreign keys off.

Each makes one random change to the ledger or to what is stored beside it, and returns the names by which an
audit may report it: ids of records, or a checkpoint's number.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, create_engine, insert, select, text, update

from tests.support.unique_keys import unique_keys
from workflows.store import tables as t
from workflows.store.column_types import Instant
from workflows.store.ids import new_id

Names = set[str]
NOT_HASHED = ("why", "actor")
"""Texts, which a person's erasure replaces: they are in no hash."""
_POSTED = t.work_allocation.c.kind != "covered"


@dataclass(frozen=True, slots=True)
class Tampering:
    """What is changed, and how."""

    name: str
    apply: Callable[["Intruder"], Names]


class Intruder:
    """Someone with the rights of the database's owner, who chooses at random."""

    def __init__(self, connection: Connection, chance: Random) -> None:
        self.connection, self.chance = connection, chance

    def rows(self, table: Table, *where: ColumnElement[bool]) -> list[Row[Any]]:
        found = list(
            self.connection.execute(select(table).where(*where).order_by(*table.primary_key.columns))
        )
        assert found, f"no row in {table.name} to tamper with"
        return found

    def one(self, table: Table, *where: ColumnElement[bool]) -> Row[Any]:
        return self.chance.choice(self.rows(table, *where))

    def update(self, table: Table, row: Row[Any], **values: Any) -> None:
        done = self.connection.execute(update(table).where(*_is_row(table, row)).values(values))
        assert done.rowcount == 1

    def delete(self, table: Table, row: Row[Any]) -> None:
        assert self.connection.execute(table.delete().where(*_is_row(table, row))).rowcount == 1

    def insert(self, table: Table, row: Row[Any], **values: Any) -> None:
        """Insert a copy of a row with other values."""
        self.connection.execute(insert(table).values({**row._mapping, **values}))

    def other(self, table: Table, column: str, value: Any) -> Any:
        """Another value that a column could have."""
        kind = table.c[column].type
        if isinstance(value, bytes):
            return self.chance.randbytes(32)
        if isinstance(kind, Instant):
            return value + timedelta(seconds=self.chance.choice((-86400, -1, 1, 3600)))
        if isinstance(value, int):
            return value + self.chance.choice((100, 700, 1000))
        if any(column in key for key in unique_keys(table)):
            return f"{value}x"
        found = set(self.connection.execute(select(table.c[column]).distinct()).scalars())
        others = sorted(one for one in found if one not in (value, None))
        return self.chance.choice([*others, f"{value}x"[-10:]]) if others else f"{value}x"


def _is_row(table: Table, row: Row[Any]) -> list[ColumnElement[bool]]:
    return [column == getattr(row, column.name) for column in table.primary_key.columns]


@contextmanager
def intruding(url: str, chance: Random) -> Iterator[Intruder]:
    """Open a database as its owner, past everything by which it protects itself."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                triggers = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
                for name in triggers.scalars().all():
                    connection.execute(text(f"DROP TRIGGER {name}"))
            else:
                for table in t.metadata.tables:
                    connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
            yield Intruder(connection, chance)
    finally:
        engine.dispose()


# ------------------------------------------------------------------ tamperings


def _names(table: Table, row: Row[Any]) -> Names:
    """What an audit may call a row."""
    given = row._mapping
    if table is t.ledger_checkpoint:
        return {f"checkpoint {row.number}", f"checkpoint {row.number + 1}"}
    wanted = (
        "id",
        "transaction_id",
        "chain_id",
        "contract_id",
        "grant_id",
        "work_entry_id",
        "owner",
        "holder",
    )
    found = {str(given[name]) for name in wanted if given.get(name) is not None}
    if table is t.ledger_checkpoint_head:
        found.add(f"checkpoint {row.checkpoint_number}")
    return found


def _change(table: Table, column: str, *where: ColumnElement[bool]) -> Tampering:
    def apply(intruder: Intruder) -> Names:
        row = intruder.one(table, *where)
        value = intruder.other(table, column, getattr(row, column))
        intruder.update(table, row, **{column: value})
        return _names(table, row) | ({str(value)} if isinstance(value, str) else set())

    return Tampering(f"change {table.name}.{column}", apply)


def _remove(table: Table) -> Tampering:
    def apply(intruder: Intruder) -> Names:
        row = intruder.one(table)
        intruder.delete(table, row)
        return _names(table, row)

    return Tampering(f"remove a row of {table.name}", apply)


def _swap(table: Table, column: str, *, within: str | None = None) -> Tampering:
    """Exchange the values of a column between two rows that differ in it."""

    def apply(intruder: Intruder) -> Names:
        first = intruder.one(table)
        others = [
            row
            for row in intruder.rows(table)
            if getattr(row, column) != getattr(first, column)
            and (within is None or getattr(row, within) == getattr(first, within))
        ]
        if not others:
            return apply(intruder)
        second = intruder.chance.choice(others)
        one, another = getattr(first, column), getattr(second, column)
        if any(column in key for key in unique_keys(table)):
            intruder.update(table, second, **{column: 10**9})
        intruder.update(table, first, **{column: another})
        intruder.update(table, second, **{column: one})
        return _names(table, first) | _names(table, second)

    return Tampering(f"swap {table.name}.{column}", apply)


def _remove_transaction(intruder: Intruder) -> Names:
    """With its postings."""
    row = intruder.one(t.ledger_transaction)
    for leg in intruder.rows(t.ledger_posting, t.ledger_posting.c.transaction_id == row.id):
        intruder.delete(t.ledger_posting, leg)
    intruder.delete(t.ledger_transaction, row)
    return _names(t.ledger_transaction, row)


def _add_transaction(intruder: Intruder) -> Names:
    """At the end of a chain, with postings that sum to zero."""
    row = intruder.one(t.ledger_transaction)
    last = max(
        one.sequence
        for one in intruder.rows(t.ledger_transaction, t.ledger_transaction.c.chain_id == row.chain_id)
    )
    added = new_id()
    for leg in intruder.rows(t.ledger_posting, t.ledger_posting.c.transaction_id == row.id):
        intruder.insert(t.ledger_posting, leg, transaction_id=added)
    values = {"id": added, "sequence": last + 1, "idempotency_key": None, "reverses_id": None}
    intruder.insert(t.ledger_transaction, row, **values)
    return {added, row.chain_id}


def _add_postings(intruder: Intruder) -> Names:
    """Two more, which sum to zero."""
    leg = intruder.one(t.ledger_posting)
    intruder.insert(t.ledger_posting, leg, leg=50)
    intruder.insert(t.ledger_posting, leg, leg=51, amount=-leg.amount)
    return _names(t.ledger_posting, leg)


def _add_posting(intruder: Intruder) -> Names:
    leg = intruder.one(t.ledger_posting)
    intruder.insert(t.ledger_posting, leg, leg=50)
    return _names(t.ledger_posting, leg)


def _raise_both_legs(intruder: Intruder) -> Names:
    """A movement of more than was moved, which still sums to zero."""
    row = intruder.one(t.ledger_transaction)
    for leg in intruder.rows(t.ledger_posting, t.ledger_posting.c.transaction_id == row.id):
        intruder.update(t.ledger_posting, leg, amount=leg.amount * 2)
    return _names(t.ledger_transaction, row)


def _add_head(intruder: Intruder) -> Names:
    row = intruder.one(t.ledger_chain)
    intruder.insert(t.ledger_chain, row, id="another chain")
    return {"another chain"}


def _add_allocation(intruder: Intruder) -> Names:
    row = intruder.one(t.work_allocation, _POSTED)
    added = new_id()
    intruder.insert(t.work_allocation, row, id=added)
    return _names(t.work_allocation, row) | {added}


def _reverse_allocation(intruder: Intruder) -> Names:
    """Mark an allocation as reversed, or one that was reversed as current."""
    row = intruder.one(t.work_allocation)
    at = None if row.reversed_at is not None else row.effective_at
    intruder.update(t.work_allocation, row, reversed_at=at)
    return _names(t.work_allocation, row)


def _add_checkpoint(intruder: Intruder) -> Names:
    last = intruder.rows(t.ledger_checkpoint)[-1]
    intruder.insert(t.ledger_checkpoint, last, number=last.number + 1)
    return {f"checkpoint {last.number + 1}"}


def _add_checkpoint_head(intruder: Intruder) -> Names:
    """A place in a chain that no checkpoint has, as it is."""
    known = {(row.chain_id, row.sequence) for row in intruder.rows(t.ledger_checkpoint_head)}
    entries = [
        row for row in intruder.rows(t.ledger_transaction) if (row.chain_id, row.sequence) not in known
    ]
    row, number = intruder.chance.choice(entries), intruder.one(t.ledger_checkpoint).number
    values = {"chain_id": row.chain_id, "sequence": row.sequence, "hash": row.hash}
    intruder.connection.execute(insert(t.ledger_checkpoint_head).values(**values, checkpoint_number=number))
    return {f"checkpoint {number}"}


def _columns(table: Table, *without: str) -> list[str]:
    return [column.name for column in table.c if column.name not in without]


TAMPERINGS: list[Tampering] = [
    *(_change(t.ledger_transaction, name) for name in _columns(t.ledger_transaction, *NOT_HASHED)),
    *(_change(t.ledger_posting, name) for name in _columns(t.ledger_posting)),
    *(_change(t.grant_balance, name) for name in ("available", "held", "consumed", "expired", "contract_id")),
    _change(t.contract_grant, "quantity"),
    _change(t.carried_balance, "minutes"),
    *(_change(t.ledger_chain, name) for name in _columns(t.ledger_chain)),
    _change(t.work_allocation, "minutes"),
    *(
        _change(t.work_allocation, name, _POSTED)
        for name in ("work_entry_id", "transaction_id", "effective_at", "contract_id")
    ),
    _change(t.work_allocation, "grant_id", t.work_allocation.c.kind == "grant"),
    *(_change(t.ledger_checkpoint, name) for name in _columns(t.ledger_checkpoint)),
    *(_change(t.ledger_checkpoint_head, name) for name in _columns(t.ledger_checkpoint_head)),
    *(
        _remove(table)
        for table in (
            t.ledger_transaction,
            t.ledger_posting,
            t.grant_balance,
            t.carried_balance,
            t.ledger_chain,
            t.work_allocation,
            t.ledger_checkpoint,
            t.ledger_checkpoint_head,
        )
    ),
    _swap(t.ledger_transaction, "sequence", within="chain_id"),
    _swap(t.ledger_transaction, "hash", within="chain_id"),
    _swap(t.ledger_transaction, "effective_at"),
    _swap(t.ledger_posting, "amount"),
    _swap(t.ledger_posting, "owner"),
    _swap(t.ledger_chain, "hash"),
    _swap(t.ledger_checkpoint, "root"),
    _swap(t.work_allocation, "minutes"),
    *(
        Tampering(one.__name__.strip("_").replace("_", " "), one)
        for one in (
            _remove_transaction,
            _add_transaction,
            _add_postings,
            _add_posting,
            _raise_both_legs,
            _add_head,
            _add_allocation,
            _reverse_allocation,
            _add_checkpoint,
            _add_checkpoint_head,
        )
    ),
]
