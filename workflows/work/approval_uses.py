"""What the customer's approvals have left, what work entries use of them, and what they give back.

Approvals of all service requests concerned are locked by one statement in the order of their ids, then work
entries of other requests than the one that is worked on: those only where they are free, since whoever has
one may wait for a contract that this transaction has locked.
Source: product.md section 7 (Asking before more is spent).
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import func, select

from engine.approvals import ApprovalUse, ApprovedRest, give_back
from workflows.core.contract_locks import ChangedMeanwhile
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.merged import merged_ids
from workflows.store import tables as t
from workflows.store.ids import new_id

e, p, answer, u = t.work_entry, t.approval, t.approval_answer, t.approval_use


class Returned(NamedTuple):
    """What an entry gives back to approvals: `uses` below zero.

    `unapproved` are its minutes without an approval then, None where they stay as they are.
    """

    entry: str
    unapproved: int | None
    uses: list[ApprovalUse]


def lock_approvals(tx: Transaction, request_ids: Iterable[str]) -> None:
    """Lock the approvals of service requests, and of those merged into them, where the transaction writes."""
    if not tx.writes or tx.is_sqlite:
        return
    wanted = {one for request_id in request_ids for one in (request_id, *merged_ids(tx, request_id))}
    if wanted:
        tx.connection.execute(
            select(p.c.id)
            .where(p.c.service_request_id.in_(sorted(wanted)))
            .order_by(p.c.id)
            .with_for_update(key_share=True)
        ).all()


def lock_free_entries(tx: Transaction, entry_ids: Collection[str]) -> None:
    """Lock work entries that no other transaction has.

    Raises: ChangedMeanwhile where one has, so that the use case is run again; its last run waits.
    """
    if not entry_ids or not tx.writes or tx.is_sqlite:
        return
    runs_again = tx.state.contract_locks.runs_again
    free = tx.connection.execute(
        select(e.c.id)
        .where(e.c.id.in_(sorted(entry_ids)))
        .order_by(e.c.id)
        .with_for_update(key_share=True, skip_locked=runs_again)
    ).all()
    if len(free) < len(entry_ids):
        raise ChangedMeanwhile


def rests_of(tx: Transaction, request_id: str, pending: Sequence[ApprovalUse] = ()) -> list[ApprovedRest]:
    """What is left of the approvals of a service request that count now, after uses that are not stored yet.

    Those of the requests that were merged into it count as well. The first to lapse is used first.
    """
    requests = [request_id, *merged_ids(tx, request_id)]
    rows = tx.connection.execute(
        select(
            p.c.id,
            answer.c.minutes,
            answer.c.amount_minor,
            func.coalesce(func.sum(u.c.minutes), 0).label("used_minutes"),
            func.coalesce(func.sum(u.c.amount_minor), 0).label("used_minor"),
        )
        .join(answer, answer.c.approval_id == p.c.id)
        .outerjoin(u, u.c.approval_id == p.c.id)
        .where(p.c.service_request_id.in_(requests), answer.c.answer == "approved", p.c.lapses_at > tx.now)
        .group_by(p.c.id, p.c.lapses_at, answer.c.minutes, answer.c.amount_minor)
        .order_by(p.c.lapses_at, p.c.id)
    )
    rests = []
    for row in rows:
        more = [one for one in pending if one.approval == row.id]
        minutes = int(row.used_minutes) + sum(one.minutes for one in more)
        minor = int(row.used_minor) + sum(one.amount_minor or 0 for one in more)
        rests.append(
            ApprovedRest(
                row.id,
                None if row.minutes is None else row.minutes - minutes,
                None if row.amount_minor is None else row.amount_minor - minor,
            )
        )
    return rests


def store_uses(tx: Transaction, entry_id: str, uses: Iterable[ApprovalUse]) -> None:
    """Store what an entry uses of approvals."""
    for one in uses:
        tx.add(
            u,
            id=new_id(),
            approval_id=one.approval,
            work_entry_id=entry_id,
            minutes=one.minutes,
            amount_minor=one.amount_minor,
            used_at=tx.now,
            recorded_by=tx.actor.name,
        )


def returned(tx: Transaction, entry_id: str, minutes: int | None) -> Returned:
    """What an entry gives back that no longer needs so many minutes, all of them for None.

    First go those that nobody has approved.
    """
    unapproved = tx.connection.execute(select(e.c.unapproved_minutes).where(e.c.id == entry_id)).scalar() or 0
    rows = tx.connection.execute(
        select(u.c.approval_id, func.sum(u.c.minutes), func.sum(u.c.amount_minor), func.max(u.c.id))
        .where(u.c.work_entry_id == entry_id)
        .group_by(u.c.approval_id)
        .having(func.sum(u.c.minutes) > 0)
        .order_by(func.max(u.c.id))
    )
    used = [
        ApprovalUse(approval, int(count), None if amount is None else int(amount))
        for approval, count, amount, _ in rows
    ]
    if minutes is None:
        minutes = unapproved + sum(one.minutes for one in used)
    left = max(0, unapproved - minutes) if unapproved else None
    return Returned(entry_id, left, give_back(used, max(0, minutes - unapproved)))


def store_returned(tx: Transaction, one: Returned) -> None:
    """Store what an entry gives back."""
    if one.unapproved is not None:
        tx.change(e, one.entry, unapproved_minutes=one.unapproved or None)
    store_uses(tx, one.entry, one.uses)


def release_all(tx: Transaction, entry_id: str) -> None:
    """Give everything back to the approvals that an entry uses which no longer counts."""
    store_returned(tx, returned(tx, entry_id, None))
