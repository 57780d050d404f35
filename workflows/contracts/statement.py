"""The statement of a contract: its movements until now, with the balance after each.

Source: product.md sections 7 and 8.
"""

from datetime import date, timedelta
from itertools import accumulate, groupby
from typing import Any

from sqlalchemy import Row, and_, case, func, select

from engine.periods import first_instant_of
from workflows.contracts.access import contract_row, up_to_date_contract
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.service_requests.access import ANOTHER_REQUEST, Nameable
from workflows.store import tables as t
from workflows.views.contracts import StatementLine, StatementView

SAME_INSTANT = {"restore": 0, "expire": 1}
"""The order of movements at the same instant; other kinds come after these."""


def read_statement(
    tx: Transaction, contract_id: str, *, from_: date | None = None, to: date | None = None
) -> StatementView:
    """The contract's movements until now, by effective instant; `from_` and `to` are days in the
    contract's time zone, both inclusive.

    The unit is whole minutes, or incidents for packs. Monthly grants that were created in advance appear when
    they begin: the running balance is that of the ledger as of each line. A line of a service request that
    the actor may not see stays, without the request's id and number.

    Raises: NotFound, also if the actor may not see the contract. Source: product.md sections 7 and 8.
    """
    with up_to_date_contract(tx, contract_id) as fresh:
        return _statement(fresh, contract_row(fresh, contract_id), from_, to)


def _statement(tx: Transaction, row: Row[Any], from_: date | None, to: date | None) -> StatementView:
    zone = contract_value(row).zone
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
    nameable = Nameable(tx, {"service_request": {one.service_request_id for one in rows}})
    by_instant = groupby(sorted(rows, key=lambda one: one.effective_at), lambda one: one.effective_at)
    opening = balance = 0
    lines = []
    for at, group in by_instant:
        if end is not None and at >= end:
            break
        for one in _in_order(list(group), balance):
            balance += int(one.moved)
            if start is not None and at < start:
                opening = balance
            else:
                lines.append(_statement_line(one, unit, balance, nameable))
    return StatementView(row.id, row.number, unit, opening, balance, lines)


def _in_order(rows: list[Row[Any]], balance: int) -> list[Row[Any]]:
    """The movements of one instant in order: a month ends before the next one begins.

    If that would show a negative balance, additions come first.
    """
    rows.sort(key=lambda one: (SAME_INSTANT.get(one.kind, 2), one.moved < 0, one.recorded_at, one.id))
    if any(balance + moved < 0 for moved in accumulate(int(one.moved) for one in rows)):
        rows.sort(key=lambda one: (one.moved < 0, one.recorded_at, one.id))
    return rows


def _statement_line(row: Row[Any], unit: str, balance: int, nameable: Nameable) -> StatementLine:
    moved = int(row.moved)
    is_named = row.service_request_id is None or nameable.may("service_request", row.service_request_id)
    return StatementLine(
        transaction=row.id,
        effective_at=row.effective_at,
        recorded_at=row.recorded_at,
        kind=row.kind,
        service_request=row.service_request_id if is_named else None,
        service_request_number=row.request_number if is_named else None,
        another_service_request=not is_named,
        minutes=moved if unit == "minutes" else 0,
        incidents=moved if unit == "incidents" else 0,
        balance_after=balance,
        why=row.why if is_named else row.why.replace(row.request_number, ANOTHER_REQUEST),
    )
