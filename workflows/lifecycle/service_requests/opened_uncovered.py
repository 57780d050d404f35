"""Requests that waited for a contract when contracts were switched off: they open without one.

Nothing else could open them then. They keep their decision: once contracts are on again, a job searches for
them like for any request that lacks a contract. Their customers, who got a mail that they wait, get one that
they opened. Source: product.md sections 3 and 12.
"""

from typing import Any

from sqlalchemy import Select, select

from workflows.core.transaction import Transaction
from workflows.languages.texts import mark
from workflows.lifecycle.service_requests.transitions import lock_request, move_request
from workflows.notifications.messages import notify_request_event
from workflows.store import tables as t

r = t.service_request
OPENED_UNCOVERED = mark("Contracts are off, so it opens without one.")


def waiting_while_off() -> Select[Any]:
    """SQL: the ids of the requests to open, the oldest first."""
    return select(r.c.id).where(r.c.state == "pending_no_contract").order_by(r.c.opened_at, r.c.id)


def open_uncovered(tx: Transaction, request_id: str) -> bool:
    """Open a request that waits, while contracts are off; returns whether it did. For the job, too."""
    request = lock_request(tx, request_id)
    if tx.settings.contracts or request.state != "pending_no_contract":
        return False
    move_request(tx, request, "cover", note=OPENED_UNCOVERED, history_trigger="open_uncovered")
    notify_request_event(tx, request, "opened")
    return True
