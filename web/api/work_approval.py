"""API routes that approve and reject work entries; they belong to the group of work."""

from engine.work_approval import WorkEntryState
from web.api.queries import ListQuery, Text
from web.api.service_requests import work
from workflows.commands.fields import Id
from workflows.commands.work import DecideEntries, DecideEntry
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.reports.impact_preview import preview_impact
from workflows.views import Page
from workflows.views.effects import Effects
from workflows.views.service_requests import DecidedWorkView, ListedWorkView, WorkEntryView
from workflows.work.approval import approve_work, reject_work
from workflows.work.queries import list_all_work, read_work


class WorkQuery(ListQuery):
    """Filters of work entries. `q` searches requests, customers and technicians."""

    state: WorkEntryState | None = None
    technician: Id | None = None
    customer: Id | None = None
    q: Text | None = None


@work.get("/work")
def get_all_work(tx: Transaction, query: WorkQuery) -> Page[ListedWorkView]:
    """List the work entries of all service requests, the earliest first. Submitted ones await approval."""
    return list_all_work(tx, **query.given())


@work.post("/work/{entry}/approve")
def post_approval(tx: Transaction, entry: str, command: DecideEntry) -> WorkEntryView:
    """Approve a submitted work entry. What the grants hold for it is drawn."""
    return read_work(tx, approve_work(tx, _one(tx, entry, command))[0])


@work.post("/work/{entry}/reject")
def post_rejection(tx: Transaction, entry: str, command: DecideEntry) -> WorkEntryView:
    """Reject a submitted work entry. What the grants hold for it is released."""
    return read_work(tx, reject_work(tx, _one(tx, entry, command))[0])


@work.post("/work/approve")
def post_approvals(tx: Transaction, command: DecideEntries) -> DecidedWorkView:
    """Approve submitted work entries: all of them, or none where one is not submitted."""
    return DecidedWorkView([read_work(tx, one) for one in approve_work(tx, command)])


@work.post("/work/reject")
def post_rejections(tx: Transaction, command: DecideEntries) -> DecidedWorkView:
    """Reject submitted work entries: all of them, or none where one is not submitted."""
    return DecidedWorkView([read_work(tx, one) for one in reject_work(tx, command)])


@work.post("/work/approve/preview")
def post_approvals_preview(desk: Desk, actor: Actor, command: DecideEntries) -> Effects:
    """Return what the approval of work entries would change. Nothing is saved."""
    return preview_impact(desk, actor, lambda tx: approve_work(tx, command))


@work.post("/work/reject/preview")
def post_rejections_preview(desk: Desk, actor: Actor, command: DecideEntries) -> Effects:
    """Return what the rejection of work entries would change. Nothing is saved."""
    return preview_impact(desk, actor, lambda tx: reject_work(tx, command))


def _one(tx: Transaction, entry: str, command: DecideEntry) -> DecideEntries:
    """The command for the entry of an address. Raises: NotFound."""
    read_work(tx, entry)
    return DecideEntries(ids=[entry], reason=command.reason)
