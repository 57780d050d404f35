"""What is to be done before a month is closed, as a checklist. Source: product.md section 10.

Each point counts what stands in the way. The revenue to recognize does not: closing posts it.
"""

from datetime import date, datetime

from sqlalchemy import ColumnElement, select

from engine.bank_statements import UNDECIDED
from workflows.billing.journals.accounts import revenue_due
from workflows.billing.sold.to_invoice import STATES
from workflows.core.paging import count_rows
from workflows.core.transaction import Transaction
from workflows.languages.texts import mark
from workflows.notifications.outbox import FAILED
from workflows.store import tables as t
from workflows.views.accounting_periods import ChecklistPoint

POINTS = {
    "unapproved_entries": mark("Approve work entries"),
    "to_invoice": mark("Invoice what was sold"),
    "drafts": mark("Issue drafts of invoices"),
    "bank_entries": mark("Match lines of bank statements"),
    "failed_jobs": mark("Clear failed jobs"),
    "failed_messages": mark("Clear messages that could not be sent"),
    "revenue": mark("Recognize revenue"),
}
"""What each point asks for."""


def period_points(tx: Transaction, ends_at: datetime, last_day: date) -> list[ChecklistPoint]:
    """The points of a month that ends before an instant (aware UTC), in the order in which they are done.

    Those of invoices are left out while invoices are off, and approval where nothing was ever submitted.
    """
    s, i, e, w, job = t.sold_item, t.invoice, t.bank_entry, t.work_entry, t.job_status
    counted: dict[str, tuple[ColumnElement[str], ColumnElement[bool]]] = {
        "unapproved_entries": (
            w.c.id,
            t.NOT_APPROVED_WORK & (w.c.state == "submitted") & (w.c.started_at < ends_at),
        ),
    }
    if tx.settings.invoicing:
        counted |= {
            "to_invoice": (s.c.id, STATES["open"] & (s.c.sold_at < ends_at)),
            "drafts": (i.c.id, (i.c.state == "draft") & (i.c.created_at < ends_at)),
            "bank_entries": (e.c.id, e.c.state.in_(UNDECIDED) & (e.c.booked_on <= last_day)),
        }
    counted |= {
        "failed_jobs": (job.c.job, job.c.last_error.is_not(None)),
        "failed_messages": (t.outbox.c.id, FAILED & (t.outbox.c.created_at < ends_at)),
    }
    points = []
    for name, (column, condition) in counted.items():
        count = count_rows(tx, select(column).where(condition))
        points.append(ChecklistPoint(name, count, is_done=not count))
    if tx.settings.invoicing:
        points.append(_revenue(tx, ends_at))
    return points


def open_points(points: list[ChecklistPoint]) -> list[str]:
    """The names of the points that are not done."""
    return [one.name for one in points if not one.is_done]


def _revenue(tx: Transaction, ends_at: datetime) -> ChecklistPoint:
    """The revenue that closing posts, by currency; it is done by closing."""
    count, amounts = revenue_due(tx, ends_at)
    return ChecklistPoint("revenue", count, is_done=True, amounts=amounts)
