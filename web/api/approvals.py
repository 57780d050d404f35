"""API routes of approvals of time beyond what contracts pay; they belong to the group of work."""

from flask import request

from engine.approvals import ApprovalState
from web.api.queries import ListQuery, Text
from web.api.service_requests import work
from workflows.commands.approvals import AnswerApproval, AskApproval
from workflows.commands.fields import Id
from workflows.core.transaction import Transaction
from workflows.views import Page
from workflows.views.approvals import ApprovalView
from workflows.work.approval_queries import list_approvals, read_approval
from workflows.work.overage_approvals import answer_approval, ask_approval


class ApprovalQuery(ListQuery):
    """Filters of approvals. `q` searches requests, customers and reasons."""

    state: ApprovalState | None = None
    service_request: Id | None = None
    customer: Id | None = None
    q: Text | None = None


@work.post("/service-requests/{service_request}/approvals", status=201)
def post_approval_request(tx: Transaction, service_request: str, command: AskApproval) -> ApprovalView:
    """Ask the customer to approve time beyond the contract, in minutes or up to an amount.

    The customer gets a mail with a link that works once, and a button in the portal.
    """
    return read_approval(tx, ask_approval(tx, service_request, command))


@work.get("/approvals")
def get_approvals(tx: Transaction, query: ApprovalQuery) -> Page[ApprovalView]:
    """List approvals, newest first: all for staff, and for customers those of their own service requests."""
    return list_approvals(tx, **query.given())


@work.get("/approvals/{approval}")
def get_approval(tx: Transaction, approval: str) -> ApprovalView:
    """Return one approval with its answer, and what is left of it."""
    return read_approval(tx, approval)


@work.post("/approvals/{approval}/approve")
def post_approved(tx: Transaction, approval: str, command: AnswerApproval) -> ApprovalView:
    """Approve what was asked, or less, as its customer; supervisors record what the customer said."""
    return read_approval(tx, answer_approval(tx, approval, command, "approved", request.remote_addr or ""))


@work.post("/approvals/{approval}/decline")
def post_declined(tx: Transaction, approval: str, command: AnswerApproval) -> ApprovalView:
    """Decline what was asked, as its customer; supervisors record what the customer said."""
    return read_approval(tx, answer_approval(tx, approval, command, "declined", request.remote_addr or ""))
