"""Closing service requests: the effects on their contracts, and changes that are due by time.

A resolved request closes automatically at its due instant, and a waiting one opens when its contract starts,
whether or not the job has run: later reads and changes see it so. A late close is recorded as of
its due instant. Source: product.md sections 5, 7, 9 and 11.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Row, select

from workflows.core.actors import SYSTEM
from workflows.core.erased import require_not_erased
from workflows.core.transaction import Runner, Transaction
from workflows.coverage.candidates import find_candidates
from workflows.coverage.search import cancel_untaken, own_contract, settle_and_cover, settle_due
from workflows.lifecycle.contracts.incident_holds import settle_incidents
from workflows.lifecycle.contracts.settlement import sync_contract_state
from workflows.lifecycle.service_requests.sla import alert_if_due
from workflows.lifecycle.service_requests.transitions import lock_request, move_request
from workflows.notifications.messages import notify_moved
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version

AUTO_CLOSED = "Closed automatically"
r = t.service_request


def lock_current(tx: Transaction, seen: Row[Any]) -> Row[Any]:
    """A service request's row, locked and up to date at the transaction's instant.

    `seen` is the row as it was read. Changes that are due of the contracts it may wait for are made first:
    contracts are locked before requests, in the order of the jobs. Raises: CustomerErased.
    """
    for contract_id in contracts_due(tx, seen):
        settle_due(replace(tx, actor=SYSTEM), contract_id)
    # Not by the statement that found it: PostgreSQL keeps the lock of a row that it waited for, even if the
    # row no longer fits then (it was merged, or waits for a contract): locks would be taken in two orders.
    request = lock_request(tx, seen.id)
    require_not_erased(tx, request.customer_id)
    was_due = close_if_due(tx, request) or alert_if_due(tx, request)
    return lock_request(tx, request.id) if was_due else request


def lock_current_pair(tx: Transaction, first: Row[Any], second: Row[Any]) -> tuple[Row[Any], Row[Any]]:
    """`lock_current` for two service requests, in the order of their ids, so that no two deadlock."""
    for contract_id in sorted({*contracts_due(tx, first), *contracts_due(tx, second)}):
        settle_due(replace(tx, actor=SYSTEM), contract_id)
    for request_id in sorted([first.id, second.id]):
        lock_request(tx, request_id)
    return lock_current(tx, first), lock_current(tx, second)


def close_if_due(tx: Transaction, request: Row[Any]) -> bool:
    """Close a locked request as of its auto-close instant if that is due; returns whether it was."""
    due_at = auto_closed_at(tx, request)
    if due_at is None:
        return False
    then = replace(tx, now=due_at, actor=SYSTEM)
    notify_moved(then, request, move_request(then, request, "close", note=AUTO_CLOSED))
    end_coverage(then, request.id)
    return True


def auto_closed_at(tx: Transaction, request: Row[Any]) -> datetime | None:
    """When a request that is still stored as resolved was closed automatically; None if it was not.

    Imported history has closes of its own: the setting of this desk does not apply to it.
    """
    due_at: datetime | None = request.auto_close_at
    if request.state != "resolved" or due_at is None or due_at > tx.now or is_importing_history(tx):
        return None
    return due_at


def contracts_due(tx: Transaction, request: Row[Any]) -> list[str]:
    """The contracts that a waiting request may wait for and that have a change which is due."""
    if request.state != "pending_no_contract" or not tx.settings.contracts or is_importing_history(tx):
        return []
    return find_candidates(
        tx,
        customer=request.customer_id,
        item=request.item_id,
        org_unit=request.org_unit_id,
        service_request=request.id,
    ).due


def is_importing_history(tx: Transaction) -> bool:
    """Whether the transaction acts at an instant of the past, for an import."""
    return tx.job is None and tx.now < tx.recorded_at


def state_now(tx: Transaction, request: Row[Any]) -> str:
    """The state at the transaction's instant, for reading."""
    return "closed" if auto_closed_at(tx, request) is not None else str(request.state)


def overdue_requests_of(tx: Transaction, contract_id: str) -> Sequence[str]:
    """The requests covered by a contract whose automatic close is due, but which are stored as resolved."""
    due = select(r.c.id).where(
        r.c.contract_id == contract_id, r.c.state == "resolved", r.c.auto_close_at <= tx.now
    )
    return tx.connection.execute(due.order_by(r.c.auto_close_at, r.c.id)).scalars().all()


def bring_up_to_date(runner: Runner, service_request_id: str) -> None:
    """Make the changes of a request that are due, in a transaction of its own, as the jobs would."""
    runner.perform(SYSTEM, partial(_lock_current, service_request_id=service_request_id), repeatable=True)


def _lock_current(tx: Transaction, service_request_id: str) -> None:
    lock_current(tx, tx.connection.execute(select(r).where(r.c.id == service_request_id)).one())


@contextmanager
def up_to_date_request(tx: Transaction, request: Row[Any]) -> Iterator[Transaction]:
    """A transaction in which everything due of a request has been done, whether or not a job has run."""
    if tx.writes or (auto_closed_at(tx, request) is None and not contracts_due(tx, request)):
        yield tx
        return
    bring_up_to_date(tx.runner, request.id)
    with tx.runner.read(tx.actor) as fresh:
        yield fresh


def end_coverage(tx: Transaction, service_request_id: str) -> None:
    """End the coverage of a closed request: settle its held incident and end its per-request contract."""
    for contract_id in settle_incidents(tx, service_request_id):
        settle_and_cover(tx, contract_id)
    cancel_untaken(tx, service_request_id, keep=None)
    end_own_contract(tx, service_request_id)


def end_own_contract(tx: Transaction, service_request_id: str) -> None:
    """End the per-request contract of a service request, if there is one."""
    contract_id = own_contract(tx, service_request_id)
    if contract_id is not None:
        tx.change(t.contract, contract_id, ended_at=tx.now, version=next_version(t.contract))
        sync_contract_state(tx, contract_id)


def revive_own_contract(tx: Transaction, request: Row[Any]) -> None:
    """Revive the per-request contract that covered a closed service request.

    The span in which it had ended is recorded: queries as of that span still see it expired.
    """
    c = t.contract
    ended = tx.connection.execute(
        select(c.c.id, c.c.ended_at).where(
            c.c.id == request.contract_id,
            c.c.holder_kind == "service_request",
            c.c.ended_at.is_not(None),
        )
    ).one_or_none()
    if ended is None:
        return
    if ended.ended_at < tx.now:
        tx.add(t.contract_lapse, contract_id=ended.id, ended_at=ended.ended_at, revived_at=tx.now)
    tx.change(c, ended.id, ended_at=None, version=next_version(c))
    settle_and_cover(tx, ended.id, skip=request.id)
