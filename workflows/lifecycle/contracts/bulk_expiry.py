"""Expiring contracts by the thousand: whole sets in a few statements, each contract with its ledger rows.

Only contracts for which the end is the next thing that is due; what has more to do goes one by one through
`sync_contract_state`, with the same result. Source: product.md sections 5, 8 and 11.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    and_,
    any_,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    true,
    union_all,
    update,
)

from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.column_types import Instant, Json

BATCH = 10_000
c, b = t.contract, t.grant_balance
ENDING = and_(
    c.c.expires_at.is_not(None),
    c.c.next_due_at == c.c.expires_at,
    c.c.state.in_(("pending", "active", "exhausted")),
)
"""Contracts for which nothing but the end is due. Its negation is safe: it is never unknown."""

UNSWEPT = b.c.expiry_posted.is_distinct_from(true())
"""Written so that no index serves it: SQLite would go through all grants of the desk, not the batch's."""


def expire_due(desk: Desk, at: datetime) -> int:
    """Expire every contract whose period has ended by `at`; answers how many. Twice is as once."""
    with desk.database.read() as connection:
        ids = connection.execute(select(c.c.id).where(ENDING, c.c.next_due_at <= at)).scalars().all()
    ids = sorted(ids)
    count = 0
    for start in range(0, len(ids), BATCH):
        batch = partial(_expire, at=at, ids=ids[start : start + BATCH])
        count += desk.perform(SYSTEM, batch, at=at, job="expire_contracts")
    return count


def _expire(tx: Transaction, *, at: datetime, ids: Sequence[str]) -> int:
    """Expire those of the contracts that are still due, in one transaction."""
    due = and_(_among(tx, ids), ENDING, c.c.next_due_at <= at)
    if not tx.is_sqlite:
        tx.connection.execute(select(c.c.id).where(due).order_by(c.c.id).with_for_update())
    grants = and_(b.c.available > 0, UNSWEPT, b.c.contract_id == c.c.id)
    transaction_id = literal("expire-") + b.c.grant_id
    _insert(
        tx, t.ledger_posting, union_all(*(_leg(leg, transaction_id, and_(due, grants)) for leg in (0, 1)))
    )
    _insert(
        tx,
        t.ledger_transaction,
        select(
            transaction_id.label("id"),
            literal("expire").label("kind"),
            b.c.closes_at.label("effective_at"),
            literal(tx.recorded_at, Instant).label("recorded_at"),
            (literal("contract:") + c.c.id).label("cause"),
            literal(tx.actor.name).label("actor"),
            literal("Left when its time was over").label("why"),
            c.c.id.label("contract_id"),
        ).where(due, grants),
    )
    in_batch = select(c.c.id).where(due).correlate(None)
    tx.connection.execute(
        update(b)
        .where(b.c.contract_id.in_(in_batch), UNSWEPT)
        .values(expired=b.c.expired + b.c.available, available=0, expiry_posted=True)
    )
    _trail(tx, due)
    done = tx.connection.execute(
        update(c).where(due).values(state="expired", next_due_at=None, version=c.c.version + 1)
    )
    return int(done.rowcount)


def _among(tx: Transaction, ids: Sequence[str]) -> ColumnElement[bool]:
    """Whether a contract is one of these: one bound value for all, each found by its key.

    What falls due meanwhile stays out of all statements alike. A range of ids would not do: SQLite reads
    through everything between the first and the last.
    """
    if tx.is_sqlite:
        listed = func.json_each(json.dumps(ids)).table_valued("value")
        return c.c.id.in_(select(listed.c.value))
    return c.c.id == any_(literal(ids, ARRAY(Text)))


def _leg(leg: int, transaction_id: ColumnElement[str], where: ColumnElement[bool]) -> Select[Any]:
    account, sign = ("available", -1) if leg == 0 else ("expired", 1)
    return select(
        transaction_id.label("transaction_id"),
        literal(leg).label("leg"),
        b.c.grant_id.label("owner"),
        literal(account).label("account"),
        b.c.unit.label("unit"),
        (b.c.available * sign).label("amount"),
        b.c.closes_at.label("effective_at"),
    ).where(where)


def _trail(tx: Transaction, due: ColumnElement[bool]) -> None:
    """The audit trail's line and the message of each contract that ends."""
    nothing = cast(literal(None, Json), Json)
    _insert(
        tx,
        t.audit_event,
        select(
            (literal("end-") + c.c.id).label("id"),
            literal("contract").label("subject_kind"),
            c.c.id.label("subject_id"),
            literal("expired").label("action"),
            nothing.label("details"),
            literal(tx.actor.name).label("actor"),
            c.c.expires_at.label("at"),
            literal(tx.recorded_at, Instant).label("recorded_at"),
        ).where(due),
    )
    owner = select(t.customer.c.email).join(t.item, t.item.c.owner_customer_id == t.customer.c.id)
    recipient = case(
        (
            c.c.holder_kind == "customer",
            select(t.customer.c.email).where(t.customer.c.id == c.c.holder_id).scalar_subquery(),
        ),
        (c.c.holder_kind == "item", owner.where(t.item.c.id == c.c.holder_id).scalar_subquery()),
    )
    _insert(
        tx,
        t.outbox,
        select(
            (literal("end-") + c.c.id).label("id"),
            literal("contract_expired").label("event"),
            recipient.label("recipient"),
            (literal("Contract ") + c.c.number + literal(" has ended")).label("subject"),
            (literal("Your contract ") + c.c.number + literal(" has ended.")).label("body"),
            literal({"event": "contract_expired"}, Json).label("payload"),
            literal("contract").label("subject_kind"),
            c.c.id.label("subject_id"),
            literal(tx.now, Instant).label("created_at"),
            literal(tx.real_now, Instant).label("next_attempt_at"),
            literal(0).label("attempts"),
        ).where(due),
    )


def _insert(tx: Transaction, table: Any, rows: Any) -> None:
    tx.connection.execute(insert(table).from_select(list(rows.selected_columns.keys()), rows))
