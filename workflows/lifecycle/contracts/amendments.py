"""Effective-dated changes of a contract's terms and holder: recorded once, applied when they take effect.

`contract_amendment` has every change; the contract's row has the terms in force. `contract.amends_at` is when
the next change takes effect, `contract.terms_since` when the last one did: only questions about other
instants have to read the changes. Source: product.md section 5.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select

from engine.amendments import Amendment, terms_as_of
from engine.contracts import Contract, Holder
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.grants import (
    expire_grants,
    read_grants,
    reopen_grants,
    update_grant_spans,
)
from workflows.lifecycle.contracts.month_allocation import carry_over_of, grant_months
from workflows.lifecycle.contracts.rows import contract_value, lock_contract
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id

TERMS = (
    "holder_kind", "holder_id", "expires_at", "price_minor", "currency", "overage_rate_minor", "sla",
    "time_expired", "exclusions", "overage", "not_to_exceed",
)  # fmt: skip
"""The columns of a contract that can be amended."""
INSTANTS = frozenset({"expires_at"})


def record_amendment(
    tx: Transaction,
    row: Any,
    *,
    kind: str,
    effective_at: datetime,
    after: Mapping[str, Any],
    reason: str | None,
) -> None:
    """Record new values of terms from an instant on, for a contract whose row is locked.

    The change is then due: `apply_amendments` puts it into the contract's row.
    """
    now = terms_on(row, amendments_of(tx, [row.id]).get(row.id, []), effective_at)
    tx.add(
        t.contract_amendment,
        id=new_id(),
        contract_id=row.id,
        kind=kind,
        effective_at=effective_at,
        before={name: _stored(now[name]) for name in after},
        after={name: _stored(value) for name, value in after.items()},
        reason=reason,
        created_at=tx.now,
        created_by=tx.actor.name,
    )
    due_at = effective_at if row.amends_at is None else min(row.amends_at, effective_at)
    tx.change(t.contract, row.id, amends_at=due_at)


def apply_amendments(tx: Transaction, contract_id: str, at: datetime) -> dict[str, Any]:
    """Bring a contract's row to the terms in force at `at`, where it has none of later. Returns the columns
    that changed.

    A holder's carried minutes stay with that holder. Searching again for requests is the caller's.
    """
    row = lock_contract(tx, contract_id)
    amendments = amendments_of(tx, [contract_id])[contract_id]
    if row.terms_since is not None:
        # one that is recorded late, as of an earlier instant, does not undo a later one
        at = max(at, row.terms_since)
    wanted = terms_on(row, amendments, at)
    changes = {name: wanted[name] for name in TERMS if wanted[name] != getattr(row, name)}
    taken = [one.effective_at for one in amendments if one.effective_at <= at]
    due = [one.effective_at for one in amendments if one.effective_at > at]
    if {"holder_kind", "holder_id"} & changes.keys():
        # another amendment may have taken effect after the transfer
        changes["held_since"] = max(
            one.effective_at for one in amendments if one.effective_at <= at and "holder_id" in one.after
        )
        _record_past_holder(tx, row, changes["held_since"])
    tx.change(
        t.contract,
        contract_id,
        **changes,
        terms_since=max(taken),
        amends_at=min(due, default=None),
        version=next_version(t.contract),
    )
    if "expires_at" in changes:
        _move_end(tx, row, lock_contract(tx, contract_id), at)
    return changes


def amendments_of(tx: Transaction, contract_ids: Iterable[str]) -> dict[str, list[Amendment]]:
    """The amendments of contracts by contract id, in the order in which they were recorded."""
    a = t.contract_amendment
    rows = tx.connection.execute(
        select(a.c.contract_id, a.c.effective_at, a.c.before, a.c.after)
        .where(a.c.contract_id.in_(list(contract_ids)))
        .order_by(a.c.id)
    )
    found: dict[str, list[Amendment]] = {}
    for row in rows:
        one = Amendment(row.effective_at, _read(row.before), _read(row.after))
        found.setdefault(row.contract_id, []).append(one)
    return found


def terms_on(row: Any, amendments: Sequence[Amendment], at: datetime) -> dict[str, Any]:
    """The terms of a contract's row as of an instant, by column."""
    return terms_as_of({name: getattr(row, name) for name in TERMS}, amendments, at)


def rows_as_of(tx: Transaction, rows: Sequence[Row[Any]], at: datetime) -> list[Any]:
    """Rows of `contract` with the terms that were, or will be, in force at `at` (aware UTC)."""
    differ = [row.id for row in rows if has_other_terms(row, at)]
    found = amendments_of(tx, differ) if differ else {}
    return [row_as_of(row, found[row.id], at) if row.id in found else row for row in rows]


def row_as_of(row: Any, amendments: Sequence[Amendment], at: datetime) -> Any:
    """The columns of a row of `contract`, with the terms in force at `at` (aware UTC)."""
    columns = {name: getattr(row, name) for name in t.contract.c.keys()}  # noqa: SIM118 - no mapping
    return SimpleNamespace(**{**columns, **terms_on(row, amendments, at)})


def has_other_terms(row: Any, at: datetime) -> bool:
    """Whether a contract may have other terms at `at` than those in its row."""
    earlier = row.terms_since is not None and at < row.terms_since
    return earlier or (row.amends_at is not None and at >= row.amends_at)


def contract_as_of(tx: Transaction, row: Any, at: datetime) -> Contract:
    """The contract with the terms in force at `at` (aware UTC)."""
    return contract_value(rows_as_of(tx, [row], at)[0])


def past_holders_of(tx: Transaction, contract_id: str) -> tuple[tuple[datetime, Holder], ...]:
    """Who held a contract before its holder, each until an instant (exclusive), in the order of time."""
    past = t.contract_past_holder
    rows = tx.connection.execute(
        select(past).where(past.c.contract_id == contract_id).order_by(past.c.held_until)
    )
    return tuple((row.held_until, Holder(row.holder_kind, row.holder_id)) for row in rows)


def is_held_since(holders: Iterable[Holder], at: datetime) -> ColumnElement[bool]:
    """SQL: one of the holders (one or more) holds the contract now, or held it until `at` or later."""
    c, past, listed = t.contract, t.contract_past_holder, sorted(set(holders))
    now = [and_(c.c.holder_kind == one.kind, c.c.holder_id == one.id) for one in listed]
    then = [and_(past.c.holder_kind == one.kind, past.c.holder_id == one.id) for one in listed]
    transferred = select(past.c.contract_id).where(or_(*then), past.c.held_until >= at)
    return or_(*now, c.c.id.in_(transferred))


def _record_past_holder(tx: Transaction, row: Any, until: datetime) -> None:
    if row.held_since == until:
        return
    tx.add(
        t.contract_past_holder,
        contract_id=row.id,
        holder_kind=row.holder_kind,
        holder_id=row.holder_id,
        held_from=row.held_since,
        held_until=until,
    )


def _move_end(tx: Transaction, before: Any, row: Any, at: datetime) -> None:
    """Cut or extend the grants of a contract whose end has moved; months that are added are granted."""
    contract = contract_value(row)
    update_grant_spans(tx, contract)
    is_later = row.expires_at is None or (
        before.expires_at is not None and row.expires_at > before.expires_at
    )
    if not is_later:
        expire_grants(tx, row.id, at, for_good=True)
        return
    reopen_grants(tx, row.id, at)
    if row.monthly_minutes is None or row.activated_at is None or row.expires_at is None:
        return
    granted = {
        one.grant.effective_at
        for one in read_grants(tx, row.id)
        if one.kind == "allocation" and one.rest_of is None
    }
    grant_months(tx, contract, row.monthly_minutes, carry_over_of(row), granted=granted)


def _stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in INSTANTS and value is not None else value
        for name, value in values.items()
    }
