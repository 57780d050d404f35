"""Reminders of unpaid invoices: before they are due, when they are overdue, then by dunning levels with fees.

Each is sent once, as of the instant at which it was due, however late the job is; what is paid by then gets
none, and none is sent while a dispute about a line of the invoice is open. A fee is an invoice of its own,
not subject to VAT, and charged for no other fee. Source: product.md sections 10 and 11.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from engine.dunning import DUE_SOON, OVERDUE, Payable, Reminder, ReminderTerms, next_reminder
from engine.invoicing import TaxRate
from workflows.billing.invoicing.draft_parts import DraftLine
from workflows.billing.invoicing.drafts import SUBJECT, add_draft
from workflows.billing.invoicing.parties import lock_party, party_of
from workflows.billing.invoicing.rows import locked_invoice, party_row
from workflows.billing.issuing.notices import notify_reminder
from workflows.billing.issuing.use_cases import issue_charge
from workflows.commands.billing import InvoiceTerms
from workflows.core.settings import DunningLevelSetting
from workflows.core.transaction import Transaction
from workflows.languages.texts import SOURCE, gettext, in_language, known_language
from workflows.lifecycle.open_disputes import invoice_is_disputed, last_decided
from workflows.store import tables as t
from workflows.store.column_types import Instant
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id

i, a, reminder = t.invoice.c, t.payment_allocation.c, t.invoice_reminder
SETTINGS = ("invoice_warning_days", "dunning_levels")
A_DAY = timedelta(days=1)
"""Days of a time zone are not all 24 hours long."""
FEE_TAX_NAME = "Not subject to VAT"


@dataclass(frozen=True, slots=True, order=True)
class ReminderDue:
    """A reminder of an invoice, by the instant at which it is due (aware UTC)."""

    due_at: datetime
    invoice: str


def reminders_due(tx: Transaction, at: datetime) -> list[ReminderDue]:
    """The next reminder of each invoice for which it is due by `at` (aware UTC), the earliest due first."""
    rows = tx.connection.execute(_unpaid().where(_may_be_due(tx, at))).all()
    return sorted(one for one in _next_of(tx, rows) if one.due_at <= at)


def next_reminder_due(tx: Transaction) -> datetime | None:
    """When the next reminder is due, in the past if it is late; None if none is."""
    rows = tx.connection.execute(_unpaid()).all()
    return min((one.due_at for one in _next_of(tx, rows)), default=None)


def remind_if_due(tx: Transaction, invoice_id: str) -> tuple[bool, datetime | None]:
    """Send the next reminder of an invoice if it is due as of now.

    Returns whether it was, and when the one after it is due.
    """
    lock_party(tx, *party_of(party_row(tx, invoice_id)))
    row = locked_invoice(tx, invoice_id)
    due = _next(tx, invoice_id)
    if due is None or due.due_at > tx.now:
        return False, None
    _remind(tx, row, due)
    following = _next(tx, invoice_id)
    return True, following.due_at if following is not None else None


def _remind(tx: Transaction, row: Any, due: Reminder) -> None:
    level = tx.settings.dunning_levels[due.stage - 1] if due.stage > OVERDUE else None
    fee_id = _draft_fee(tx, row, due.stage, level) if level is not None else None
    tx.change(
        t.invoice, row.id, reminder_stage=due.stage, reminder_at=due.due_at, version=next_version(t.invoice)
    )
    tx.audit(SUBJECT, row.id, "reminded", level=max(due.stage, 0))
    fee_number = issue_charge(tx, fee_id) if fee_id is not None else None
    recipient = notify_reminder(
        tx,
        row,
        due.stage,
        text=level.text if level is not None else "",
        fee=(fee_number, level.fee_minor) if level is not None and fee_number is not None else None,
        fee_invoice=fee_id,
        is_only_event=due.stage == OVERDUE and _level_comes_at_once(tx),
    )
    tx.add(
        reminder,
        id=new_id(),
        invoice_id=row.id,
        stage=due.stage,
        due_at=due.due_at,
        recorded_at=tx.recorded_at,
        open_minor=row.open_minor,
        recipient=recipient,
        fee_invoice_id=fee_id,
    )


def _draft_fee(tx: Transaction, row: Any, stage: int, level: DunningLevelSetting) -> str | None:
    """The draft of a level's fee; None if it has none, in another currency, and of what is a fee itself."""
    if not level.fee_minor or row.currency != tx.settings.currency or _is_fee(tx, row.id):
        return None
    with in_language(known_language(row.language) or SOURCE):
        text = gettext("Fee for reminder %(level)s of invoice %(number)s", level=stage, number=row.number)
        tax = TaxRate("O", Decimal(0), gettext("Fee for late payment, not subject to VAT"))
    line = DraftLine(text, Decimal(1), level.fee_minor, FEE_TAX_NAME, tax)
    # the customer has ordered no fee: it counts for no order's budget
    return add_draft(tx, party_of(row), row.currency, [line], terms=InvoiceTerms(order_number=""))


def _is_fee(tx: Transaction, invoice_id: str) -> bool:
    found = select(reminder.c.id).where(reminder.c.fee_invoice_id == invoice_id)
    return tx.connection.execute(found).scalar() is not None


def _level_comes_at_once(tx: Transaction) -> bool:
    """Whether the first level is due when an invoice becomes overdue: then one mail is enough."""
    return bool(tx.settings.dunning_levels) and tx.settings.dunning_levels[0].days == 1


# ------------------------------------------------------------------ what is due


def _next(tx: Transaction, invoice_id: str) -> Reminder | None:
    row = tx.connection.execute(_unpaid().where(i.id == invoice_id)).one_or_none()
    if row is None:
        return None
    return next_reminder(_payable(row, _settings_changed(tx)), _terms(tx), tx.settings.zone)


def _next_of(tx: Transaction, rows: Any) -> Iterator[ReminderDue]:
    changed_at, terms = _settings_changed(tx), _terms(tx)
    for row in rows:
        found = next_reminder(_payable(row, changed_at), terms, tx.settings.zone)
        if found is not None:
            yield ReminderDue(found.due_at, row.id)


def _terms(tx: Transaction) -> ReminderTerms:
    days = tuple(level.days for level in tx.settings.dunning_levels)
    return ReminderTerms(tx.settings.invoice_warning_days, days)


def _payable(row: Any, changed_at: datetime | None) -> Payable:
    since = (row.issued_at, row.dunning_paused_until, row.opened_at, row.undisputed_at, changed_at)
    last = Reminder(row.reminder_stage, row.reminder_at) if row.reminder_at is not None else None
    return Payable(row.issued_at, row.due_on, row.overdue_at, max(at for at in since if at is not None), last)


@cache
def _unpaid() -> Select[Any]:
    """The issued invoices of which something is open, without those in dispute, and when they were opened
    again, or a dispute was decided.
    """
    opened_at = (
        select(func.max(a.effective_at, type_=Instant()))
        .where(a.invoice_id == i.id, a.reverses_id.is_not(None))
        .correlate(t.invoice)
        .scalar_subquery()
    )
    return select(
        i.id,
        i.issued_at,
        i.due_on,
        i.overdue_at,
        i.reminder_stage,
        i.reminder_at,
        i.dunning_paused_until,
        opened_at.label("opened_at"),
        last_decided(t.dispute.c.invoice_id, i.id).label("undisputed_at"),
    ).where(i.kind == "invoice", i.state == "issued", i.open_minor > 0, ~invoice_is_disputed(i.id))


def _may_be_due(tx: Transaction, at: datetime) -> ColumnElement[bool]:
    """SQL: the next reminder may be due by then; what comes later, and what had all of them, is not read."""
    ahead = timedelta(days=tx.settings.invoice_warning_days or 0) + A_DAY
    stage = func.coalesce(i.reminder_stage, DUE_SOON)
    by_stage = [
        and_(stage == number, i.overdue_at <= at - timedelta(days=level.days) + 2 * A_DAY)
        for number, level in enumerate(tx.settings.dunning_levels)
    ]
    return and_(
        i.overdue_at <= at + ahead,
        or_(i.dunning_paused_until.is_(None), i.dunning_paused_until <= at),
        or_(i.reminder_stage.is_(None), stage < OVERDUE, *by_stage),
    )


def _settings_changed(tx: Transaction) -> datetime | None:
    """When the levels, or the days before an invoice is due, were changed last."""
    change = t.setting_change.c
    found = select(func.max(change.changed_at, type_=Instant())).where(change.key.in_(SETTINGS))
    changed_at: datetime | None = tx.connection.execute(found).scalar()
    return changed_at
