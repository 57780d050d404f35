"""What contracts are called, for words that speak of many: number, type and holder."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from workflows.core.actors import STAFF
from workflows.core.transaction import Transaction
from workflows.register.holder_names import holder_names
from workflows.store import tables as t

MOST_NAMED = 900
"""Ids in one statement: SQLite takes 999 in old builds."""


@dataclass(frozen=True, slots=True)
class ContractName:
    """A contract as a sentence names it."""

    id: str
    number: str
    type: str
    holder_kind: str
    holder_id: str
    currency: str
    holder_name: str


def contract_names(tx: Transaction, contract_ids: Iterable[str | None]) -> dict[str, ContractName]:
    """The names of contracts by their ids, for staff; those that are not there are left out."""
    tx.require(*STAFF)
    c = t.contract
    wanted = sorted({one for one in contract_ids if one is not None})
    found: dict[str, ContractName] = {}
    for start in range(0, len(wanted), MOST_NAMED):
        rows = tx.connection.execute(
            select(c.c.id, c.c.number, c.c.type, c.c.holder_kind, c.c.holder_id, c.c.currency).where(
                c.c.id.in_(wanted[start : start + MOST_NAMED])
            )
        ).all()
        names = holder_names(tx, {(row.holder_kind, row.holder_id) for row in rows})
        for row in rows:
            found[row.id] = ContractName(
                id=row.id,
                number=row.number,
                type=row.type,
                holder_kind=row.holder_kind,
                holder_id=row.holder_id,
                currency=row.currency or tx.settings.currency,
                holder_name=names.get((row.holder_kind, row.holder_id), ""),
            )
    return found
