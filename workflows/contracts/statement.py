"""The statement of a contract: what has happened to it by now, with what was left after each movement.

Source: product.md sections 7 and 8.
"""

from datetime import date, timedelta
from itertools import accumulate, groupby
from typing import Any

from sqlalchemy import Row, and_, case, func, select

from engine.periods import first_instant_of
from workflows.contracts.access import caught_up, contract_row
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.views.contracts import StatementLine, StatementView

SAME_INSTANT = {"restore": 0, "expire": 1}
"""What comes first of the movements of one instant; all others come after."""


def read_statement(
    tx: Transaction, contract_id: str, *, from_: date | None = None, to: date | None = None
) -> StatementView:
    """What has happened to the contract by now, by effective instant; `from_` and `to` are days, inclusive.

    Months that are granted ahead come when they begin: the running balance is the ledger's as of each line.
    """
    with caught_up(tx, contract_id) as fresh:
        return _statement(fresh, contract_row(fresh, contract_id), from_, to)


def _statement(tx: Transaction, row: Row[Any], from_: date | None, to: date | None) -> StatementView:
    zone = tx.settings.zone
    start = first_instant_of(from_, zone) if from_ else None
    end = first_instant_of(to + timedelta(days=1), zone) if to else None
    entry, leg, request = t.ledger_transaction, t.ledger_posting, t.service_request
    unit = "incidents" if row.draws == "incidents" else "minutes"
    moved = case((and_(leg.c.account == "available", leg.c.unit == unit), leg.c.amount), else_=0)
    rows = tx.connection.execute(
        select(entry, request.c.number.label("request_number"), func.sum(moved).label("moved"))
        .join(leg, leg.c.transaction_id == entry.c.id)
        .outerjoin(request, request.c.id == entry.c.service_request_id)
        .where(entry.c.contract_id == row.id, entry.c.effective_at <= tx.now)
        .group_by(entry.c.id, request.c.number)
    ).all()
    by_instant = groupby(sorted(rows, key=lambda one: one.effective_at), lambda one: one.effective_at)
    opening = balance = 0
    lines = []
    for at, together in by_instant:
        if end is not None and at >= end:
            break
        for one in _in_order(list(together), balance):
            balance += int(one.moved)
            if start is not None and at < start:
                opening = balance
            else:
                lines.append(_statement_line(tx, one, unit, balance))
    return StatementView(row.id, row.number, unit, opening, balance, lines)


def _in_order(rows: list[Row[Any]], balance: int) -> list[Row[Any]]:
    """The movements of one instant: a month ends before the next one begins.

    Where that would show less than nothing, what adds comes first.
    """
    rows.sort(key=lambda one: (SAME_INSTANT.get(one.kind, 2), one.moved < 0, one.recorded_at, one.id))
    if any(balance + moved < 0 for moved in accumulate(int(one.moved) for one in rows)):
        rows.sort(key=lambda one: (one.moved < 0, one.recorded_at, one.id))
    return rows


def _statement_line(tx: Transaction, row: Row[Any], unit: str, balance: int) -> StatementLine:
    moved = int(row.moved)
    return StatementLine(
        transaction=row.id,
        effective_at=row.effective_at,
        recorded_at=row.recorded_at,
        kind=row.kind,
        service_request=row.service_request_id,
        service_request_number=row.request_number,
        minutes=moved if unit == "minutes" else 0,
        incidents=moved if unit == "incidents" else 0,
        balance_after=balance,
        why=row.why,
    )
