"""Expiring contracts by the thousand: a few statements for each batch.

For contracts of which the end is the next thing due. All others are brought up to date one by one, by
`sync_contract_state`. Both write the same rows, made by the same functions of the journal, the grants, the
messages and the audit trail. Source: product.md sections 5, 8 and 11.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, and_, any_, func, literal, select, update

from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.grants import expire_grants_of
from workflows.notifications.messages import notify_contract_events
from workflows.store import tables as t
from workflows.store.column_types import text_constant

BATCH = 10_000
c = t.contract
ENDING = and_(
    c.c.expires_at.is_not(None),
    c.c.next_due_at == c.c.expires_at,
    c.c.state.in_([text_constant(state) for state in ("pending", "active", "exhausted")]),
)
"""Contracts for which nothing but the end is due. Safe to negate: it is never NULL."""


def expire_due(desk: Desk, at: datetime) -> int:
    """Expire every contract whose period has ended by `at`. Returns how many; a second run finds none."""
    with desk.database.read() as connection:
        ids = connection.execute(select(c.c.id).where(ENDING, c.c.next_due_at <= at)).scalars().all()
    ids = sorted(ids)
    count = 0
    for start in range(0, len(ids), BATCH):
        batch = partial(expire_batch, at=at, ids=ids[start : start + BATCH])
        count += desk.perform(SYSTEM, batch, at=at, job="expire_contracts", repeatable=True)
    return count


def expire_batch(tx: Transaction, *, at: datetime, ids: Sequence[str]) -> int:
    """Expire those of the contracts that are still due, in one transaction. Returns how many."""
    due = select(c.c.id).where(_among(tx, ids)(c.c.id), ENDING, c.c.next_due_at <= at)
    still_due = tx.connection.execute(due.order_by(c.c.id).with_for_update(key_share=True)).scalars().all()
    if not still_due:
        return 0
    among = _among(tx, still_due)
    expire_grants_of(tx, among(t.grant_balance.c.contract_id), at)
    contracts = among(c.c.id)
    tx.audit_each_at(c.c.expires_at, "contract", c.c.id, "expired", where=contracts)
    notify_contract_events(tx, contracts, "expired")
    tx.connection.execute(
        update(c).where(contracts).values(state="expired", next_due_at=None, version=c.c.version + 1)
    )
    return len(still_due)


def _among(tx: Transaction, ids: Sequence[str]) -> Callable[[ColumnElement[str]], ColumnElement[bool]]:
    """Whether a column has one of the ids: all of them are one bound value, and each is found by index.

    A range of ids would not do: SQLite would read every row from the first to the last.
    """
    if tx.is_sqlite:
        listed = literal(json.dumps(ids))
        return lambda column: column.in_(select(func.json_each(listed).table_valued("value").c.value))
    array: Any = literal(ids, ARRAY(Text))
    return lambda column: column == any_(array)
