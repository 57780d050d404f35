"""API routes of service requests, their coverage and their work entries."""

from typing import Annotated

from pydantic import Field

from web.api.expansion import OF_SERVICE_REQUESTS
from web.api.queries import ListQuery, LongText, Query, Text
from web.api.routing import RouteGroup
from web.errors import Problem
from workflows.commands.contracts import TakeContract
from workflows.commands.fields import Command, Id
from workflows.commands.service_requests import (
    AddNote,
    ChangeServiceRequest,
    CoverageQuestion,
    FireTrigger,
    MergeRequest,
    NewServiceRequest,
    RemindCustomer,
    SearchCoverage,
    SplitRequest,
)
from workflows.commands.work import ChangeWork, RecalculateWork, WorkGiven
from workflows.contracts.offers import take_contract
from workflows.contracts.queries import read_contract
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.coverage.bulk import BulkLine, BulkResult, Group, apply_bulk, preview_bulk
from workflows.coverage.decisions import decisions_of, read_decision
from workflows.coverage.search import preview_coverage
from workflows.lifecycle.service_requests.access import require_visible
from workflows.reports.impact_preview import preview_impact
from workflows.service_requests.history import history_of, list_mail, list_merged, list_notes, read_note
from workflows.service_requests.log import log_service_request
from workflows.service_requests.queries import list_service_requests, read_service_request
from workflows.service_requests.reminding import remind_customer
from workflows.service_requests.use_cases import (
    add_note,
    change_service_request,
    fire_trigger,
    search_or_assign,
)
from workflows.views import Page
from workflows.views.contracts import ContractDetail
from workflows.views.decisions import DecisionView
from workflows.views.effects import Effects
from workflows.views.service_requests import (
    HistoryLine,
    MergedView,
    NoteView,
    RecalculationView,
    RequestMailView,
    ServiceRequestView,
    WorkEntryView,
    WorkPreview,
)
from workflows.work.merging import merge_requests, split_request
from workflows.work.queries import list_work, preview_view, read_work, recalculation_view
from workflows.work.recalculation import preview_recalculation, recalculate_work
from workflows.work.use_cases import change_work, delete_work, log_work, preview_change, preview_work

service_requests, coverage, work = RouteGroup("Service requests"), RouteGroup("Coverage"), RouteGroup("Work")


class ServiceRequestQuery(ListQuery):
    """Filters of service requests.

    `queue` is mine, unassigned, waiting, at_risk or unfinished. `org_unit` includes the org units below it.
    """

    queue: Text | None = None
    state: Text | None = None
    priority: Text | None = None
    customer: Text | None = None
    item: Text | None = None
    org_unit: Text | None = None
    technician: Text | None = None
    contract: Text | None = None
    outcome: Text | None = None
    number: Text | None = None
    q: Text | None = None


class BulkQuery(Query):
    """The group of service requests to search."""

    group: Group


class ApplyBulk(Command):
    """The group of service requests to search, or some of its members."""

    group: Group
    service_requests: Annotated[list[Id], Field(max_length=10_000)] | None = None


@coverage.post("/coverage/preview", reads=True)
def post_coverage_preview(tx: Transaction, command: CoverageQuestion) -> DecisionView:
    """Make a coverage decision without saving anything."""
    return preview_coverage(tx, command)


@coverage.get("/coverage/bulk", conflicts=True)
def get_coverage_bulk(tx: Transaction, query: BulkQuery) -> Page[BulkLine]:
    """Return what a search would find for a group of service requests. Nothing is saved."""
    return Page(preview_bulk(tx, query.group), None)


@coverage.post("/coverage/bulk")
def post_coverage_bulk(tx: Transaction, command: ApplyBulk) -> BulkResult:
    """Search coverage for a group of service requests and save the decisions that change something."""
    return apply_bulk(tx, command.group, command.service_requests)


@service_requests.post("/service-requests", status=201, reads_first=True)
def post_service_request(tx: Transaction, command: NewServiceRequest) -> ServiceRequestView | Problem:
    """Log a service request and search its coverage.

    A refusal by the rules is 409; its decision is stored all the same.
    """
    logged = log_service_request(tx, command)
    if logged.service_request is None:
        return Problem(409, "refused", logged.refused or "Refused.", values={"decision": logged.decision})
    return logged.view or read_service_request(tx, logged.service_request)


@service_requests.get("/service-requests", expands=OF_SERVICE_REQUESTS)
def get_service_requests(tx: Transaction, query: ServiceRequestQuery) -> Page[ServiceRequestView]:
    """List service requests, newest first."""
    return list_service_requests(tx, **query.given())


@service_requests.get("/service-requests/{service_request}", expands=OF_SERVICE_REQUESTS)
def get_service_request(tx: Transaction, service_request: str) -> ServiceRequestView:
    """Return one service request, with the triggers that the caller may fire now."""
    return read_service_request(tx, service_request)


@service_requests.patch("/service-requests/{service_request}")
def patch_service_request(
    tx: Transaction, service_request: str, command: ChangeServiceRequest, expected_version: int | None
) -> ServiceRequestView:
    """Change a service request. A new customer, item or work type starts a new coverage search."""
    change_service_request(tx, service_request, command, expected_version=expected_version)
    return read_service_request(tx, service_request)


@service_requests.post("/service-requests/{service_request}/transitions")
def post_transition(
    tx: Transaction, service_request: str, command: FireTrigger, expected_version: int | None
) -> ServiceRequestView:
    """Fire a trigger. One that the state does not allow is 409, with the triggers that are allowed."""
    fire_trigger(tx, service_request, command, expected_version=expected_version)
    return read_service_request(tx, service_request)


@service_requests.post("/service-requests/{service_request}/remind")
def post_reminder(tx: Transaction, service_request: str, command: RemindCustomer) -> ServiceRequestView:
    """Remind the customer of a request that waits for a contract by mail; it is a line of its history.

    In another state it is 409; minutes after the last reminder, too, unless `again` is true.
    """
    return read_service_request(tx, remind_customer(tx, service_request, command))


@service_requests.post("/service-requests/{service_request}/merge")
def post_merge(tx: Transaction, service_request: str, command: MergeRequest) -> ServiceRequestView:
    """Merge a service request into another one. Returns the one that remains; both ids lead to it."""
    return read_service_request(tx, merge_requests(tx, service_request, command))


@service_requests.post("/service-requests/{service_request}/merge/preview")
def post_merge_preview(desk: Desk, actor: Actor, service_request: str, command: MergeRequest) -> Effects:
    """Return what a merge would change: who pays for the work then. Nothing is saved."""
    return preview_impact(desk, actor, lambda tx: merge_requests(tx, service_request, command))


@service_requests.post("/service-requests/{service_request}/split")
def post_split(tx: Transaction, service_request: str, command: SplitRequest) -> ServiceRequestView:
    """Undo the merge of a service request, by its own id. Returns it, with the work that came with it."""
    return read_service_request(tx, split_request(tx, service_request, command))


@service_requests.post("/service-requests/{service_request}/split/preview")
def post_split_preview(desk: Desk, actor: Actor, service_request: str, command: SplitRequest) -> Effects:
    """Return what a split would change. Nothing is saved."""
    return preview_impact(desk, actor, lambda tx: split_request(tx, service_request, command))


@service_requests.get("/service-requests/{service_request}/merged")
def get_merged(tx: Transaction, service_request: str) -> Page[MergedView]:
    """List the service requests that were merged into one, the earliest merge first."""
    return Page(list_merged(tx, service_request), None)


@work.post("/service-requests/{service_request}/work", status=201)
def post_work(tx: Transaction, service_request: str, command: WorkGiven) -> WorkEntryView:
    """Log a work entry and post its draw-down."""
    return read_work(tx, log_work(tx, service_request, command))


@work.post("/service-requests/{service_request}/work/preview", reads=True)
def post_work_preview(tx: Transaction, service_request: str, command: WorkGiven) -> WorkPreview:
    """Preview the draw-down of a work entry. Nothing is saved."""
    return preview_view(tx, preview_work(tx, service_request, command))


@work.post("/service-requests/{service_request}/work/recalculate")
def post_work_recalculation(
    tx: Transaction, service_request: str, command: RecalculateWork
) -> ServiceRequestView:
    """Charge all work of a service request by what holds today, and draw again what that moves."""
    recalculate_work(tx, service_request, command)
    return read_service_request(tx, service_request)


@work.post("/service-requests/{service_request}/work/recalculate/preview", reads=True)
def post_work_recalculation_preview(tx: Transaction, service_request: str) -> RecalculationView:
    """Preview what charging all work of a service request by today's terms would change."""
    return recalculation_view(tx, preview_recalculation(tx, service_request))


@work.get("/service-requests/{service_request}/work")
def get_work(tx: Transaction, service_request: str, query: ListQuery) -> Page[WorkEntryView]:
    """List the work entries of a service request by the instant worked, the earliest first."""
    return list_work(tx, service_request, **query.given())


@work.get("/work/{entry}")
def get_work_entry(tx: Transaction, entry: str) -> WorkEntryView:
    """Return a work entry with what pays for it."""
    return read_work(tx, entry)


@work.patch("/work/{entry}")
def patch_work(
    tx: Transaction, entry: str, command: ChangeWork, expected_version: int | None
) -> WorkEntryView:
    """Correct a work entry. A new time, work type or billing reverses its draw-down and posts it again.

    It is charged by the terms stored with it. A new note moves no minutes. `service_request` moves the entry:
    the contract that covered that request at the instant worked pays. `recalculate` charges it by what holds
    today, which supervisors may.
    """
    return read_work(tx, change_work(tx, entry, command, expected_version=expected_version))


@work.post("/work/{entry}/preview", reads=True)
def post_change_preview(tx: Transaction, entry: str, command: ChangeWork) -> WorkPreview:
    """Preview the draw-down of a corrected work entry. Nothing is saved."""
    return preview_view(tx, preview_change(tx, entry, command))


class DeleteWorkQuery(Query):
    """The reason is required for an entry that has been approved."""

    reason: LongText | None = None


@work.delete("/work/{entry}")
def delete_work_entry(
    tx: Transaction, entry: str, query: DeleteWorkQuery, expected_version: int | None
) -> None:
    """Delete a work entry and reverse its draw-down."""
    delete_work(tx, entry, expected_version=expected_version, reason=query.reason)


@service_requests.get("/service-requests/{service_request}/history")
def get_history(tx: Transaction, service_request: str) -> Page[HistoryLine]:
    """List every transition of a service request, the logging first."""
    return Page(history_of(tx, service_request), None)


@coverage.get("/service-requests/{service_request}/decisions")
def get_decisions(tx: Transaction, service_request: str) -> Page[DecisionView]:
    """List every coverage decision of a service request, newest first."""
    return Page(decisions_of(tx, require_visible(tx, service_request).id), None)


@coverage.get("/decisions/{decision}")
def get_decision(tx: Transaction, decision: str) -> DecisionView:
    """Return one coverage decision with its facts and candidates."""
    return read_decision(tx, decision)


@coverage.post("/service-requests/{service_request}/coverage")
def post_coverage(tx: Transaction, service_request: str, command: SearchCoverage) -> DecisionView:
    """Search coverage again, or assign a contract with a reason. Returns the new decision."""
    return read_decision(tx, search_or_assign(tx, service_request, command))


@coverage.post("/service-requests/{service_request}/coverage/preview")
def post_coverage_change_preview(
    desk: Desk, actor: Actor, service_request: str, command: SearchCoverage
) -> Effects:
    """Return what a search or an assignment would change. Nothing is saved."""
    return preview_impact(desk, actor, lambda tx: search_or_assign(tx, service_request, command))


@service_requests.post("/service-requests/{service_request}/contracts", status=201)
def post_taken_contract(tx: Transaction, service_request: str, command: TakeContract) -> ContractDetail:
    """Order a contract for a service request that waits for one."""
    return read_contract(tx, take_contract(tx, service_request, command))


@service_requests.get("/service-requests/{service_request}/notes")
def get_notes(tx: Transaction, service_request: str, query: ListQuery) -> Page[NoteView]:
    """List the notes of a service request, oldest first."""
    return list_notes(tx, service_request, **query.given())


@service_requests.get("/service-requests/{service_request}/mail")
def get_mail(tx: Transaction, service_request: str, query: ListQuery) -> Page[RequestMailView]:
    """List the mail about a service request, oldest first: to a customer, what was sent to them."""
    return list_mail(tx, service_request, **query.given())


@service_requests.post("/service-requests/{service_request}/notes", status=201)
def post_note(tx: Transaction, service_request: str, command: AddNote) -> NoteView:
    """Add a note to a service request."""
    return read_note(tx, service_request, add_note(tx, service_request, command))
