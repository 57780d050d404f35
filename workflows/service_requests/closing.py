"""What the end of a service request means for its contracts, and what is due without anyone's doing.

A resolved request closes by itself at its due instant, and one that waits opens when its contract's start has
come, whether or not the job has run: whoever reads it or acts on it later finds it so. A close is told as of
its instant. Source: product.md sections 5, 7, 9 and 11.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Row, select

from workflows.core.actors import SYSTEM
from workflows.core.transaction import Runner, Transaction
from workflows.coverage.candidates import find_candidates
from workflows.coverage.search import cancel_untaken, own_contract, settle_and_cover, settle_due
from workflows.lifecycle.contracts.incident_holds import settle_incidents
from workflows.lifecycle.contracts.settlement import sync_contract_state
from workflows.lifecycle.service_requests.transitions import lock_request, move_request
from workflows.store import tables as t

AUTO_CLOSED = "Closed by itself after the time set"
r = t.service_request


def lock_current(tx: Transaction, seen: Row[Any]) -> Row[Any]:
    """A service request's row, kept from others, as it is at the transaction's instant.

    `seen` is the row as it was read. What is due of the contracts that it may wait for is done first,
    contract before request, as the jobs lock them.
    """
    for contract_id in contracts_due(tx, seen):
        settle_due(replace(tx, actor=SYSTEM), contract_id)
    request = lock_request(tx, seen.id)
    return lock_request(tx, request.id) if close_if_due(tx, request) else request


def close_if_due(tx: Transaction, request: Row[Any]) -> bool:
    """Close a locked request whose auto-close is due, as of then; whether it was."""
    due_at = auto_closed_at(tx, request)
    if due_at is None:
        return False
    then = replace(tx, now=due_at, actor=SYSTEM)
    move_request(then, request, "close", note=AUTO_CLOSED)
    end_coverage(then, request.id)
    return True


def auto_closed_at(tx: Transaction, request: Row[Any]) -> datetime | None:
    """When a request closed by itself that is still kept as resolved; None where it did not.

    History that is told afterwards has its own closes: this desk's setting closes nothing in it.
    """
    due_at: datetime | None = request.auto_close_at
    if request.state != "resolved" or due_at is None or due_at > tx.now or _is_importing_history(tx):
        return None
    return due_at


def contracts_due(tx: Transaction, request: Row[Any]) -> list[str]:
    """The contracts that a waiting request may wait for and whose due change no job has made yet."""
    if request.state != "pending_no_contract" or not tx.settings.contracts or _is_importing_history(tx):
        return []
    return find_candidates(
        tx,
        customer=request.customer_id,
        item=request.item_id,
        org_unit=request.org_unit_id,
        service_request=request.id,
    ).due


def _is_importing_history(tx: Transaction) -> bool:
    return tx.job is None and tx.now < tx.recorded_at


def state_now(tx: Transaction, request: Row[Any]) -> str:
    """The state at the transaction's instant, for those who only read."""
    return "closed" if auto_closed_at(tx, request) is not None else str(request.state)


def overdue_under(tx: Transaction, contract_id: str) -> Sequence[str]:
    """The requests covered by a contract that have closed by themselves and are still kept as resolved."""
    due = select(r.c.id).where(
        r.c.contract_id == contract_id, r.c.state == "resolved", r.c.auto_close_at <= tx.now
    )
    return tx.connection.execute(due.order_by(r.c.auto_close_at, r.c.id)).scalars().all()


def catch_up(runner: Runner, service_request_id: str) -> None:
    """Do what is due of a request, in a transaction of its own: before it is read, as the jobs would have."""
    runner.perform(SYSTEM, partial(_lock_current, service_request_id=service_request_id))


def _lock_current(tx: Transaction, service_request_id: str) -> None:
    lock_current(tx, tx.connection.execute(select(r).where(r.c.id == service_request_id)).one())


@contextmanager
def caught_up_request(tx: Transaction, request: Row[Any]) -> Iterator[Transaction]:
    """A transaction in which what is due of a request has been done, whether or not a job has run."""
    if tx.writes or (auto_closed_at(tx, request) is None and not contracts_due(tx, request)):
        yield tx
        return
    catch_up(tx.runner, request.id)
    with tx.runner.read(tx.actor) as fresh:
        yield fresh


def end_coverage(tx: Transaction, service_request_id: str) -> None:
    """What a close means for contracts: a held incident is settled, a per-request contract ends."""
    for contract_id in settle_incidents(tx, service_request_id):
        settle_and_cover(tx, contract_id)
    cancel_untaken(tx, service_request_id, keep=None)
    end_own_contract(tx, service_request_id)


def end_own_contract(tx: Transaction, service_request_id: str) -> None:
    """End the per-request contract with its service request."""
    contract_id = own_contract(tx, service_request_id)
    if contract_id is not None:
        tx.change(t.contract, contract_id, ended_at=tx.now, version=t.contract.c.version + 1)
        sync_contract_state(tx, contract_id)


def revive_own_contract(tx: Transaction, request: Row[Any]) -> None:
    """Let the per-request contract that covered a closed service request live again.

    When it had ended is kept: as of then it stays expired.
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
    tx.change(c, ended.id, ended_at=None, version=c.c.version + 1)
    settle_and_cover(tx, ended.id, skip=request.id)
