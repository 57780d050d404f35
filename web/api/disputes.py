"""API routes of disputes, and of accepted statements, which belong to the group of contracts."""

from engine.disputes import DisputeKind, DisputeState
from web.api.contracts import contracts
from web.api.queries import ListQuery, Text
from web.api.routing import RouteGroup
from workflows.commands.disputes import AcceptDispute, AcceptStatement, DeclineDispute, OpenDispute
from workflows.commands.fields import Id
from workflows.contracts.acceptance import accept_statement
from workflows.contracts.statement import read_acceptance
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.disputes import queries
from workflows.disputes.use_cases import accept_dispute, decline_dispute, open_dispute
from workflows.reports.impact_preview import preview_impact
from workflows.views import Page
from workflows.views.contracts import AcceptanceView
from workflows.views.disputes import DisputeView
from workflows.views.effects import Effects

disputes = RouteGroup("Disputes")


class DisputeQuery(ListQuery):
    """Filters of disputes. `q` searches reasons and the numbers of requests, contracts and invoices."""

    state: DisputeState | None = None
    kind: DisputeKind | None = None
    customer: Id | None = None
    org_unit: Id | None = None
    service_request: Id | None = None
    contract: Id | None = None
    invoice: Id | None = None
    work_entry: Id | None = None
    statement_line: Text | None = None
    invoice_line: Id | None = None
    q: Text | None = None


@disputes.get("/disputes")
def list_disputes(tx: Transaction, query: DisputeQuery) -> Page[DisputeView]:
    """List disputes, the latest first. Customers see their own."""
    return queries.list_disputes(tx, **query.given())


@disputes.post("/disputes", status=201, may_be_missing=True)
def post_dispute(tx: Transaction, command: OpenDispute) -> DisputeView:
    """Object to a work entry, a line of a contract's statement, or a line of an issued invoice.

    The entry is not billed and the invoice not dunned until the dispute is decided. One is open at a time for
    the same subject.
    """
    return queries.read_dispute(tx, open_dispute(tx, command))


@disputes.get("/disputes/{dispute}")
def read_dispute(tx: Transaction, dispute: str) -> DisputeView:
    """Return one dispute."""
    return queries.read_dispute(tx, dispute)


@disputes.post("/disputes/{dispute}/accept")
def post_acceptance_of_dispute(tx: Transaction, dispute: str, command: AcceptDispute) -> DisputeView:
    """Accept a dispute. For administrators, finance and supervisors.

    Work becomes not billable, or has fewer minutes, and is drawn again; what another line of a statement took
    is given back; a line of an invoice is credited by a credit note.
    """
    return queries.read_dispute(tx, accept_dispute(tx, dispute, command))


@disputes.post("/disputes/{dispute}/accept/preview")
def post_acceptance_of_dispute_preview(
    desk: Desk, actor: Actor, dispute: str, command: AcceptDispute
) -> Effects:
    """Return what the acceptance of a dispute would change. Nothing is saved."""
    return preview_impact(desk, actor, lambda tx: accept_dispute(tx, dispute, command))


@disputes.post("/disputes/{dispute}/decline")
def post_decline_of_dispute(tx: Transaction, dispute: str, command: DeclineDispute) -> DisputeView:
    """Decline a dispute, with a reason that the customer reads."""
    return queries.read_dispute(tx, decline_dispute(tx, dispute, command))


@contracts.post("/contracts/{contract}/statement/accept", status=201)
def post_statement_acceptance(tx: Transaction, contract: str, command: AcceptStatement) -> AcceptanceView:
    """Accept a contract's statement up to an instant, now unless given. For customers.

    The heads of the ledger's chains are stored with it; what changes afterwards is on the statement as a
    difference.
    """
    accept_statement(tx, contract, command)
    return read_acceptance(tx, contract)
