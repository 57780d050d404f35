"""API routes of contracts and contract types."""

from contextlib import ExitStack
from typing import Annotated

from pydantic import BaseModel, Field

from web.api.expansion import OF_CONTRACTS
from web.api.queries import At, Cursor, DaysQuery, Limit, ListQuery, Query, Text
from web.api.routing import RouteGroup, TextResponse
from web.statement_documents import CSV_REMARKS, contract_pdf, csv_row
from workflows.billing.contract_actions import preview_action
from workflows.billing.issuing.unused_part import cancel_and_credit, credit_unused_part, read_unused_part
from workflows.commands.billing import CreditUnusedPart
from workflows.commands.contracts import (
    Adjust,
    AmendContract,
    CancelAndCredit,
    DecideTopUp,
    EnableContract,
    NewContract,
    Renew,
    SetAutoTopUp,
    TopUp,
    TransferContract,
)
from workflows.contracts.amending import amend_contract, transfer_contract
from workflows.contracts.auto_top_up import (
    confirm_top_up,
    decline_top_up,
    list_auto_top_ups,
    set_auto_top_up,
)
from workflows.contracts.balance_curve import read_burn_down
from workflows.contracts.queries import contract_audit, contract_types, list_contracts, read_contract
from workflows.contracts.statement import open_statement, read_statement
from workflows.contracts.use_cases import (
    adjust,
    create_contract,
    enable_contract,
    renew,
    top_up,
)
from workflows.core.actors import Actor
from workflows.core.csv_text import csv_chunks
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.disputes.queries import disputes_of_statements
from workflows.reports.impact_preview import preview_impact
from workflows.views import Page
from workflows.views.billing import UnusedPartView
from workflows.views.contracts import (
    AuditLine,
    AutoTopUpView,
    BurnDownView,
    ContractDetail,
    ContractTypeView,
    StatementView,
)
from workflows.views.effects import Effects

contracts = RouteGroup("Contracts")
STATEMENT_COLUMNS = (
    "effective_at",
    "recorded_at",
    "kind",
    "service_request",
    "service_request_number",
    "minutes",
    "incidents",
    "money",
    "currency",
    "balance_after",
    "why",
    *CSV_REMARKS,
)


class ContractQuery(ListQuery):
    """Filters of contracts. `holder` is the id of any kind of holder; `q` searches numbers and holders.

    `org_unit` finds what an org unit, the units below it, their customers, items and requests hold.
    """

    holder: Text | None = None
    org_unit: Text | None = None
    type: Text | None = None
    state: Text | None = None
    number: Text | None = None
    q: Text | None = None
    sla: Text | None = None
    service_request: Text | None = None
    ends_within_days: Annotated[int, Field(ge=0, le=3660)] | None = None
    awaiting_payment: bool = False


class AsOfQuery(Query):
    """The instant of the balance and state; defaults to now."""

    as_of: At | None = None


class SpanQuery(DaysQuery):
    """The first and last day, both inclusive, in the contract's time zone."""


class StatementQuery(SpanQuery):
    """The days, and a page of their lines; without `limit` all of them.

    `order` is effective_at, or -effective_at for the latest first.
    """

    order: Text | None = None
    limit: Limit | None = None
    cursor: Cursor | None = None


@contracts.get("/contract-types")
def list_contract_types(tx: Transaction) -> Page[ContractTypeView]:
    """List the contract types of the rule set in force."""
    return Page(contract_types(tx), None)


@contracts.post("/contracts", status=201)
def post_contract(tx: Transaction, command: NewContract) -> ContractDetail:
    """Create a contract."""
    return read_contract(tx, create_contract(tx, command))


@contracts.post("/contracts/preview")
def post_contract_preview(desk: Desk, actor: Actor, command: NewContract) -> Effects:
    """Return the contract as it would be sold, with its price, and the requests that it would open.

    Nothing is saved.
    """
    return preview_impact(desk, actor, lambda tx: create_contract(tx, command))


@contracts.get("/contracts", expands=OF_CONTRACTS)
def get_contracts(tx: Transaction, query: ContractQuery) -> Page[ContractDetail]:
    """List contracts, newest first."""
    return list_contracts(tx, **query.given())


@contracts.get("/contracts/{contract}", expands=OF_CONTRACTS)
def get_contract(tx: Transaction, contract: str, query: AsOfQuery) -> ContractDetail:
    """Return one contract with its state and balance, as of now or of any instant."""
    return read_contract(tx, contract, as_of=query.as_of)


@contracts.get("/contracts/{contract}/burn-down")
def get_burn_down(tx: Transaction, contract: str) -> BurnDownView:
    """Return what a contract has available over time, and when it is likely to run out."""
    return read_burn_down(tx, contract)


@contracts.get("/contracts/{contract}/audit")
def get_contract_audit(tx: Transaction, contract: str) -> Page[AuditLine]:
    """List the audit trail of a contract, newest first."""
    return Page(contract_audit(tx, contract), None)


@contracts.get("/contracts/{contract}/statement")
def get_statement(tx: Transaction, contract: str, query: StatementQuery) -> StatementView:
    """Return every movement of a contract's balance in the given days, or with `limit` a page of them.

    A line of a service request that the caller may not see keeps its minutes, without the id and the number.
    """
    return read_statement(tx, contract, **query.given())


@contracts.get("/contracts/{contract}/statement.csv", media_type="text/csv")
def get_statement_csv(desk: Desk, actor: Actor, contract: str, query: SpanQuery) -> TextResponse:
    """Return the statement as CSV; its lines are read while they are sent."""
    with ExitStack() as stack:
        tx = stack.enter_context(desk.read(actor))
        statement = stack.enter_context(open_statement(tx, contract, from_=query.from_, to=query.to))
        disputes = disputes_of_statements(tx, [contract])
        rows = (csv_row(line, STATEMENT_COLUMNS, disputes.get(line.transaction)) for line in statement.lines)
        chunks = csv_chunks(STATEMENT_COLUMNS, rows)
        return TextResponse(chunks, "text/csv; charset=utf-8", close=stack.pop_all().close)


@contracts.get("/contracts/{contract}/statement.pdf", media_type="application/pdf")
def get_statement_pdf(tx: Transaction, contract: str, query: SpanQuery) -> TextResponse:
    """Return the statement as PDF, of up to 2,000 lines."""
    return TextResponse(contract_pdf(tx, contract, from_=query.from_, to=query.to), "application/pdf")


@contracts.post("/contracts/{contract}/enable")
def post_enable(
    tx: Transaction, contract: str, command: EnableContract, expected_version: int | None
) -> ContractDetail:
    """Activate a pending contract, now or at a later instant; a later start moves to it."""
    return read_contract(tx, enable_contract(tx, contract, command, expected_version=expected_version))


@contracts.post("/contracts/{contract}/top-up")
def post_top_up(tx: Transaction, contract: str, command: TopUp) -> ContractDetail:
    """Add minutes, incidents or money."""
    return read_contract(tx, top_up(tx, contract, command))


@contracts.post("/contracts/{contract}/auto-top-up")
def post_auto_top_up(tx: Transaction, contract: str, command: SetAutoTopUp) -> ContractDetail:
    """Set what happens when little is left: only warn, prepare a top-up, or add it. Null switches it off."""
    return read_contract(tx, set_auto_top_up(tx, contract, command))


@contracts.post("/contracts/{contract}/auto-top-up/preview")
def post_auto_top_up_preview(desk: Desk, actor: Actor, contract: str, command: SetAutoTopUp) -> Effects:
    """Return what these terms would change now. Nothing is saved."""
    return _preview(desk, actor, contract, command)


@contracts.get("/contracts/{contract}/auto-top-ups")
def get_auto_top_ups(tx: Transaction, contract: str) -> Page[AutoTopUpView]:
    """List what was done when little was left of a contract, the latest first; at most 100."""
    read_contract(tx, contract)
    return Page(list_auto_top_ups(tx, contract), None)


@contracts.post("/contracts/{contract}/auto-top-ups/{top_up}/confirm")
def post_top_up_confirmation(
    tx: Transaction, contract: str, top_up: str, command: DecideTopUp
) -> ContractDetail:
    """Add the grant of a top-up that was prepared, from the instant on at which it was due."""
    return read_contract(tx, confirm_top_up(tx, contract, top_up, command))


@contracts.post("/contracts/{contract}/auto-top-ups/{top_up}/confirm/preview")
def post_top_up_confirmation_preview(
    desk: Desk, actor: Actor, contract: str, top_up: str, command: DecideTopUp
) -> Effects:
    """Return what the confirmation of a top-up would change. Nothing is saved."""
    return preview_impact(desk, actor, lambda tx: confirm_top_up(tx, contract, top_up, command))


@contracts.post("/contracts/{contract}/auto-top-ups/{top_up}/decline")
def post_top_up_refusal(tx: Transaction, contract: str, top_up: str, command: DecideTopUp) -> ContractDetail:
    """Decline a top-up that was prepared."""
    return read_contract(tx, decline_top_up(tx, contract, top_up, command))


@contracts.post("/contracts/{contract}/adjust")
def post_adjust(tx: Transaction, contract: str, command: Adjust) -> ContractDetail:
    """Grant (positive) or withdraw (negative) minutes, incidents or money, with a reason."""
    return read_contract(tx, adjust(tx, contract, command))


@contracts.post("/contracts/{contract}/renew")
def post_renew(tx: Transaction, contract: str, command: Renew) -> ContractDetail:
    """Create and return the successor, which starts where this contract ends."""
    return read_contract(tx, renew(tx, contract, command))


@contracts.post("/contracts/{contract}/amend")
def post_amend(
    tx: Transaction, contract: str, command: AmendContract, expected_version: int | None
) -> ContractDetail:
    """Change terms from an instant on; `GET /contracts/ID?as_of=` has those that were in force before.

    An instant before work that the contract has paid for is refused, with the entries named.
    """
    return read_contract(tx, amend_contract(tx, contract, command, expected_version=expected_version))


@contracts.post("/contracts/{contract}/transfer")
def post_transfer(
    tx: Transaction, contract: str, command: TransferContract, expected_version: int | None
) -> ContractDetail:
    """Give a contract another holder from an instant on; the requests that it covers are searched again."""
    return read_contract(tx, transfer_contract(tx, contract, command, expected_version=expected_version))


@contracts.post("/contracts/{contract}/cancel")
def post_cancel(
    tx: Transaction, contract: str, command: CancelAndCredit, expected_version: int | None
) -> ContractDetail:
    """Cancel a contract, now or at another instant.

    Work since an earlier instant is drawn again. It is refused where an incident has been settled since then.
    With `credit_unused` what is unused of it is credited at once, which finance and administrators may do.
    """
    return read_contract(tx, cancel_and_credit(tx, contract, command, expected_version=expected_version))


@contracts.get("/contracts/{contract}/unused-part")
def get_unused_part(tx: Transaction, contract: str) -> UnusedPartView:
    """Return what of a contract's issued invoices is unused and not credited yet, line by line.

    Of a contract that has not ended, what would be unused if it ended now.
    """
    return read_unused_part(tx, contract)


@contracts.post("/contracts/{contract}/credit-unused")
def post_credit_unused(tx: Transaction, contract: str, command: CreditUnusedPart) -> ContractDetail:
    """Credit the unused part of a cancelled contract, by a credit note for each of its invoices.

    For finance and administrators. What was paid of it becomes credit of the customer.
    """
    return read_contract(tx, credit_unused_part(tx, contract, command))


@contracts.post("/contracts/{contract}/credit-unused/preview")
def post_credit_unused_preview(desk: Desk, actor: Actor, contract: str, command: CreditUnusedPart) -> Effects:
    """Return the credit notes that crediting the unused part would issue. Nothing is saved."""
    return _preview(desk, actor, contract, command)


def _preview(desk: Desk, actor: Actor, contract: str, command: BaseModel) -> Effects:
    return preview_impact(desk, actor, lambda tx: preview_action(tx, contract, command))


@contracts.post("/contracts/{contract}/enable/preview")
def post_enable_preview(desk: Desk, actor: Actor, contract: str, command: EnableContract) -> Effects:
    """Return what enabling a contract would change. Nothing is saved."""
    return _preview(desk, actor, contract, command)


@contracts.post("/contracts/{contract}/top-up/preview")
def post_top_up_preview(desk: Desk, actor: Actor, contract: str, command: TopUp) -> Effects:
    """Return what a top-up would change. Nothing is saved."""
    return _preview(desk, actor, contract, command)


@contracts.post("/contracts/{contract}/adjust/preview")
def post_adjust_preview(desk: Desk, actor: Actor, contract: str, command: Adjust) -> Effects:
    """Return what an adjustment would change. Nothing is saved."""
    return _preview(desk, actor, contract, command)


@contracts.post("/contracts/{contract}/renew/preview")
def post_renew_preview(desk: Desk, actor: Actor, contract: str, command: Renew) -> Effects:
    """Return the successor that a renewal would create. Nothing is saved."""
    return _preview(desk, actor, contract, command)


@contracts.post("/contracts/{contract}/amend/preview")
def post_amend_preview(desk: Desk, actor: Actor, contract: str, command: AmendContract) -> Effects:
    """Return what new terms would change. Nothing is saved."""
    return _preview(desk, actor, contract, command)


@contracts.post("/contracts/{contract}/transfer/preview")
def post_transfer_preview(desk: Desk, actor: Actor, contract: str, command: TransferContract) -> Effects:
    """Return what a transfer would change. Nothing is saved."""
    return _preview(desk, actor, contract, command)


@contracts.post("/contracts/{contract}/cancel/preview")
def post_cancel_preview(desk: Desk, actor: Actor, contract: str, command: CancelAndCredit) -> Effects:
    """Return what cancelling a contract would change. Nothing is saved."""
    return _preview(desk, actor, contract, command)
