"""Work that was entered before a decision and lies in its time: the decision covers it as if it came first.

Source: product.md section 7 (Which contract covered it then).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.redraw import Change
from workflows.store import tables as t

e = t.work_entry


def cover_work_since(tx: Transaction, request: Row[Any], since: datetime) -> Change | None:
    """Store the contract that covers a request with its work from an instant on (aware UTC).

    Returns what is to be drawn again; None where no entry has another contract than before. Entries of
    programs that stored no terms stay as they are.
    """
    contract_id = request.contract_id
    if not request.worked_minutes:
        return None
    worked = select(e.c.id, e.c.charged_by).where(
        e.c.service_request_id == request.id, e.c.started_at >= since, e.c.deleted_at.is_(None)
    )
    moved = [
        row
        for row in tx.connection.execute(worked.order_by(e.c.id))
        if row.charged_by and row.charged_by["draws"] and row.charged_by["contract"] != contract_id
    ]
    for row in moved:
        tx.change(e, row.id, charged_by={**row.charged_by, "contract": contract_id})
    if not moved:
        return None
    return Change(since, f"service_request:{request.id}", entries=frozenset(row.id for row in moved))
