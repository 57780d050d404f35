"""The hash chain of each contract: where a transaction stands in it, and how its head moves.

Each transaction is in the chain of its contract, else of its service request's customer: a sequence number
without gaps, and a hash over its content and the hash before (`engine.hash_chain`). The head of each chain is
a row of `ledger_chain`. It is moved, and read, by the statement that writes the transaction, so that the hash
costs no statement on PostgreSQL; the head's row is locked from then on, after that of the contract. There is
no chain, and no lock, that all writers share. Source: product.md section 8.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.util import ClauseAdapter

from engine.hash_chain import BELONGS, FORMAT, JOB, content_hash, content_text, number_field, text_field
from engine.ledger import Posting
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.column_types import EPOCH, MICROSECOND, Hash, Id, microseconds
from workflows.store.compiled_statements import Prepared
from workflows.store.multi_table_insert import Conditional, NewRow
from workflows.store.sql_hashes import hash_of_both, hash_of_text

_HEAD = t.ledger_chain.c
_GIVEN = [column for column in t.ledger_transaction.c if column.name not in ("chain_id", "sequence", "hash")]


def chain_of(
    tx: Transaction, contract_id: str | None, service_request_id: str | None, postings: Sequence[Posting]
) -> str:
    """The chain of a transaction: its contract's, else that of its service request's customer.

    One that belongs to neither is in the chain of its first posting's owner.
    """
    if contract_id is not None:
        return contract_id
    if service_request_id is not None:
        return str(_CUSTOMER.one(tx.connection, {"request": service_request_id}).customer_id)
    return postings[0].owner


def chained_rows(
    tx: Transaction,
    values: Mapping[str, Any],
    postings: Sequence[Posting],
    belongs_at: datetime | None = None,
) -> list[NewRow]:
    """The rows of a transaction and of the moved head of its chain, to be written after the postings.

    `values` are the columns of the transaction that come from its writer. For an adjustment, `belongs_at` is
    when it belongs; its row comes last.
    """
    chain_id = chain_of(tx, values["contract_id"], values["service_request_id"], postings)
    content = content_hash(
        content_text(
            chain_id,
            values["id"],
            values["kind"],
            microseconds_of(values["effective_at"]),
            microseconds_of(values["recorded_at"]),
            values["cause"],
            values["idempotency_key"],
            values["reverses_id"],
            values["contract_id"],
            values["service_request_id"],
            [(leg, one.owner, one.account, one.unit, one.amount) for leg, one in enumerate(postings)],
            microseconds_of(belongs_at) if belongs_at is not None else None,
            values["job"],
        )
    )
    adjustment: list[NewRow] = []
    if belongs_at is not None:
        adjustment = [(t.ledger_adjustment, {"transaction_id": values["id"], "belongs_at": belongs_at})]
    if tx.is_sqlite:
        head = {"chain_id": chain_id, "content": content}
        return [(_MOVE_HEAD, head), (_INSERT_AT_HEAD, {**values, "chain_id": chain_id}), *adjustment]
    return [(_APPEND, {**values, "chain_id": chain_id, "content": content}), *adjustment]


def microseconds_of(instant: datetime) -> int:
    """Whole microseconds since 1970 of an aware instant."""
    return (instant - EPOCH) // MICROSECOND


_CUSTOMER = Prepared(
    select(t.service_request.c.customer_id).where(
        t.service_request.c.id == bindparam("request", type_=Id, required=True)
    )
)


# ------------------------------------------------------------------ one transaction


def _upsert_head(dialect: Any, rows: Select[Any]) -> Any:
    """Move the heads of chains, or begin chains: `rows` are ids of chains, 1, and the hashes of contents."""
    new = dialect.insert(t.ledger_chain).from_select(["id", "sequence", "hash"], rows)
    return new.on_conflict_do_update(
        index_elements=["id"],
        set_={"sequence": _HEAD.sequence + 1, "hash": hash_of_both(_HEAD.hash, new.excluded.hash)},
    )


def _given(name: str, type_: Any) -> ColumnElement[Any]:
    return bindparam(name, type_=type_, required=True)


def _new_head(where: ColumnElement[bool], suffix: str = "") -> Select[Any]:
    return select(
        _given(f"chain_id{suffix}", _HEAD.id.type),
        literal_column("1"),
        _given(f"content{suffix}", Hash()),
    ).where(where)


def _append(where: ColumnElement[bool], suffix: str) -> Any:
    """PostgreSQL: move the head and insert the transaction with what the head then is."""
    head = _upsert_head(postgresql, _new_head(where, suffix)).returning(_HEAD.sequence, _HEAD.hash)
    moved = head.cte(f"head{suffix}")
    columns = [*_GIVEN, t.ledger_transaction.c.chain_id]
    names = [column.name for column in columns]
    values = select(
        *(_given(f"{column.name}{suffix}", column.type) for column in columns), moved.c.sequence, moved.c.hash
    )
    return insert(t.ledger_transaction).from_select([*names, "sequence", "hash"], values)


_APPEND = Conditional(_append)
_MOVE_HEAD = Prepared(_upsert_head(sqlite, _new_head(true())))


def _at_head(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return select(column).where(_HEAD.id == _given("chain_id", _HEAD.id.type)).scalar_subquery()


_INSERT_AT_HEAD = Prepared(
    # inline: a trigger of SQLite may return nothing
    insert(t.ledger_transaction)
    .inline()
    .values(
        {
            **{column.name: _given(column.name, column.type) for column in _GIVEN},
            "chain_id": _given("chain_id", _HEAD.id.type),
            "sequence": _at_head(_HEAD.sequence),
            "hash": _at_head(_HEAD.hash),
        }
    )
)


# ------------------------------------------------------------------ a transaction for each of many grants


def append_for_each(
    tx: Transaction,
    where: ColumnElement[bool],
    values: Mapping[str, Any],
    postings: Sequence[Posting],
    belongs_at: ColumnElement[datetime] | None = None,
) -> None:
    """Append a transaction for each row of `grant_balance` that `where` selects; their postings are written.

    `values` and the postings are SQL expressions of the row; so is `belongs_at`, where some are adjustments:
    those that are not effective then. A chain that gets several takes one at a time,
    in the order of the grants: each needs the hash of the one before.
    """
    balance = t.grant_balance.c
    counts = select(func.count()).where(where).group_by(balance.contract_id).subquery()
    most = tx.connection.execute(select(func.max(counts.c[0]))).scalar() or 0
    text = _content(values, postings, is_sqlite=tx.is_sqlite)
    if belongs_at is not None:
        adjusts = literal(BELONGS, Text) + _instant_sql(belongs_at, is_sqlite=tx.is_sqlite)
        text = text + case((values["effective_at"] != belongs_at, adjusts), else_=literal("", Text))
    if values["job"] is not None:
        text = text + literal(JOB + text_field(values["job"]), Text)
    content = hash_of_text(text)
    dialect = sqlite if tx.is_sqlite else postgresql
    for place in range(most):
        these = where if most == 1 else and_(where, _place_in_chain(where) == place)
        rows = select(balance.contract_id, literal_column("1"), content).where(these)
        tx.connection.execute(_upsert_head(dialect, rows))
        head = {"chain_id": balance.contract_id, "sequence": _HEAD.sequence, "hash": _HEAD.hash}
        tx.add_for_each(
            and_(these, _HEAD.id == balance.contract_id), t.ledger_transaction, {**values, **head}
        )


def _place_in_chain(where: ColumnElement[bool]) -> ColumnElement[int]:
    """How many grants of the same contract that are selected too have a lower id."""
    balance, other = t.grant_balance, t.grant_balance.alias("earlier")
    same: ColumnElement[bool] = ClauseAdapter(other).traverse(where)
    return (
        select(func.count())
        .select_from(other)
        .where(same, other.c.contract_id == balance.c.contract_id, other.c.grant_id < balance.c.grant_id)
        .correlate(balance)
        .scalar_subquery()
    )


def _content(
    values: Mapping[str, Any], postings: Sequence[Posting], *, is_sqlite: bool
) -> ColumnElement[str]:
    """`engine.hash_chain.content_text` as SQL, in the chain of `grant_balance.contract_id`."""
    parts = [FORMAT, _text_sql(t.grant_balance.c.contract_id)]
    parts += [_text_sql(values[name]) for name in ("id", "kind")]
    parts += [_instant_sql(values[name], is_sqlite=is_sqlite) for name in ("effective_at", "recorded_at")]
    names = ("cause", "idempotency_key", "reverses_id", "contract_id", "service_request_id")
    parts += [_text_sql(values[name]) for name in names]
    for leg, one in enumerate(postings):
        parts.append(number_field(leg))
        parts += [_text_sql(one.owner), _text_sql(one.account), _text_sql(one.unit), _number_sql(one.amount)]
    text: ColumnElement[str] = literal("", Text)
    for part in parts:
        text = text + (part if isinstance(part, ColumnElement) else literal(part, Text))
    return text


def _text_sql(value: Any) -> Any:
    if not isinstance(value, ColumnElement):
        return text_field(value)
    return func.coalesce(
        cast(func.length(value), Text) + literal(":", Text) + cast(value, Text),
        literal("-", Text),
        type_=Text,
    )


def _number_sql(value: Any) -> Any:
    if not isinstance(value, ColumnElement):
        return number_field(value)
    return cast(value, Text) + literal(";", Text)


def _instant_sql(value: Any, *, is_sqlite: bool) -> Any:
    if not isinstance(value, ColumnElement):
        return number_field(microseconds_of(value))
    return _number_sql(microseconds(value, is_sqlite=is_sqlite))
