"""Removing what is older than the settings say: what is due, a preview of it, and the job.

A kind of records has a setting of so many months; without them its records stay. What is not of a kind is
never touched: invoices, the ledger, decisions and all that they rest on. Source: product.md section 15.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Column, ColumnElement, Table, and_, delete, func, or_, select

from engine.errors import AbsurdDate
from engine.periods import Duration, add_period, first_instant_of, local_date
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.people.person import read_person
from workflows.people.registry import rows_of
from workflows.store import tables as t
from workflows.views.people import RetentionView

SUBJECT = ("desk", "retention")
REMOVED = "old records removed"
"""The action in the audit trail."""
RECORDS_AT_ONCE = 1000
"""In each transaction: on SQLite nobody else writes meanwhile."""
ABOUT_BILLING = ("invoice", "payment", "quote")
"""Mail about these is business correspondence, which the law has retained for longer than other mail."""


@dataclass(frozen=True, slots=True)
class RetentionKind:
    """Records that are removed some months after they were made: `removable` says which of a table may be."""

    name: str
    table: Table
    made_at: Column[datetime]
    removable: ColumnElement[bool]

    @property
    def setting(self) -> str:
        """The setting that has the number of months; None or 0: they stay."""
        return f"{self.name}_retention_months"


o = t.outbox
_SENT = or_(o.c.delivered_at.is_not(None), o.c.next_attempt_at.is_(None))
"""Delivered, written to the log, without a recipient, or given up; nothing that is still to be sent."""
_ABOUT_BILLING = o.c.subject_kind.in_(ABOUT_BILLING)
KINDS: dict[str, RetentionKind] = {
    kind.name: kind
    for kind in (
        RetentionKind(
            "mail", o, o.c.created_at, and_(_SENT, or_(o.c.subject_kind.is_(None), ~_ABOUT_BILLING))
        ),
        RetentionKind("billing_mail", o, o.c.created_at, and_(_SENT, _ABOUT_BILLING)),
    )
}
"""By their names. A further kind of records is added here, with its setting."""


def preview_retention(tx: Transaction, tried: Mapping[str, int | None] | None = None) -> list[RetentionView]:
    """What would be removed of each kind now, by the settings, or by numbers of months that are `tried`.

    Raises: NotAllowed unless the actor is an administrator.
    """
    tx.require("administrator")
    return [_preview(tx, kind, tried or {}) for kind in KINDS.values()]


def remove_old_records(desk: Desk, at: datetime) -> int:
    """Remove what is due by the settings, some records in each transaction; returns how many.

    What is removed is gone, so that a run that is interrupted, or comes twice, removes nothing else.
    """
    count = 0
    for kind in KINDS.values():
        removes = partial(remove_some, kind=kind)
        while removed := desk.perform(SYSTEM, removes, at=at, job="remove_old_records", repeatable=True):
            count += removed
            if removed < RECORDS_AT_ONCE:
                break
    return count


def _preview(tx: Transaction, kind: RetentionKind, tried: Mapping[str, int | None]) -> RetentionView:
    months = tried.get(kind.setting, _months(tx.settings, kind))
    before = _due_before(tx, months)
    if before is None:
        return RetentionView(kind.name, kind.setting, months or None, None, 0, None, None)
    found = select(func.count(), func.min(kind.made_at), func.max(kind.made_at)).where(
        _is_due(tx, kind, before)
    )
    records, oldest_at, newest_at = tx.connection.execute(found).one()
    return RetentionView(kind.name, kind.setting, months, before, records, oldest_at, newest_at)


def remove_some(tx: Transaction, kind: RetentionKind) -> int:
    """Remove the oldest records that are due, and record how many; returns that."""
    # as the settings are by now: they may have been changed since the run began
    before = _due_before(tx, _months(tx.settings, kind))
    if before is None:
        return 0
    key = kind.table.c.id
    due = select(key).where(_is_due(tx, kind, before)).order_by(kind.made_at, key).limit(RECORDS_AT_ONCE)
    ids = tx.connection.execute(due.with_for_update(skip_locked=True)).scalars().all()
    if not ids:
        return 0
    removed = tx.connection.execute(delete(kind.table).where(key.in_(ids))).rowcount
    tx.audit(*SUBJECT, REMOVED, kind=kind.name, removed=removed, older_than=before.isoformat())
    return int(removed)


def _months(settings: Settings, kind: RetentionKind) -> int | None:
    return {
        "mail": settings.mail_retention_months,
        "billing_mail": settings.billing_mail_retention_months,
    }[kind.name]


def _due_before(tx: Transaction, months: int | None) -> datetime | None:
    """The first instant of the day so many months ago, in the provider's time zone; None: nothing is due."""
    if not months:
        return None
    today = local_date(tx.now, tx.settings.zone)
    try:
        return first_instant_of(add_period(today, Duration(months=months), -1), tx.settings.zone)
    except AbsurdDate:
        return None


def _is_due(tx: Transaction, kind: RetentionKind, before: datetime) -> ColumnElement[bool]:
    """SQL: a record is due. What is held on a customer with a legal hold is not."""
    due = and_(kind.removable, kind.made_at < before)
    holds = select(t.legal_hold.c.customer_id).where(t.legal_hold.c.lifted_at.is_(None))
    held = [rows_of(kind.table, read_person(tx, one)) for one in tx.connection.execute(holds).scalars().all()]
    # by the ids: the condition is null where a record has no recipient
    return and_(due, kind.table.c.id.not_in(select(kind.table.c.id).where(or_(*held)))) if held else due
