"""Contracts and their types."""

from typing import Annotated

from pydantic import Field

from web.api.queries import At, ListQuery, On, Query, Text
from web.api.routing import NoFields, RouteGroup
from web.api.routing import Text as TextAnswer
from web.csv_text import csv_text
from workflows.commands.contracts import Adjust, CancelContract, NewContract, Renew, TopUp
from workflows.contracts.queries import contract_audit, contract_types, list_contracts, read_contract
from workflows.contracts.statement import read_statement
from workflows.contracts.use_cases import (
    adjust,
    cancel_contract,
    create_contract,
    enable_contract,
    renew,
    top_up,
)
from workflows.core.transaction import Transaction
from workflows.views import Page
from workflows.views.contracts import AuditLine, ContractDetail, ContractTypeView, StatementView

contracts = RouteGroup("Contracts")
STATEMENT_COLUMNS = (
    "effective_at",
    "recorded_at",
    "kind",
    "service_request",
    "service_request_number",
    "minutes",
    "incidents",
    "balance_after",
    "why",
)


class ContractQuery(ListQuery):
    """`holder` is an id of any kind of holder; `q` searches numbers and the names of holders."""

    holder: Text | None = None
    type: Text | None = None
    state: Text | None = None
    number: Text | None = None
    q: Text | None = None
    sla: Text | None = None
    service_request: Text | None = None
    ends_within_days: Annotated[int, Field(ge=0, le=3660)] | None = None


class AsOfQuery(Query):
    """The instant that is asked about; now where it is left out."""

    as_of: At | None = None


class SpanQuery(Query):
    """Whole days of the provider, both included."""

    from_: Annotated[On | None, Field(alias="from")] = None
    to: On | None = None


@contracts.get("/contract-types")
def list_contract_types(tx: Transaction) -> Page[ContractTypeView]:
    """The contract types in force, from the rule files."""
    return Page(contract_types(tx), None)


@contracts.post("/contracts", status=201)
def post_contract(tx: Transaction, command: NewContract) -> ContractDetail:
    """Sell a contract."""
    return read_contract(tx, create_contract(tx, command))


@contracts.get("/contracts")
def get_contracts(tx: Transaction, query: ContractQuery) -> Page[ContractDetail]:
    """The contracts, newest first."""
    return list_contracts(tx, **query.given())


@contracts.get("/contracts/{contract}")
def get_contract(tx: Transaction, contract: str, query: AsOfQuery) -> ContractDetail:
    """One contract with its balance, as of now or of any instant."""
    return read_contract(tx, contract, as_of=query.as_of)


@contracts.get("/contracts/{contract}/audit")
def get_contract_audit(tx: Transaction, contract: str) -> Page[AuditLine]:
    """What was done with a contract, newest first."""
    return Page(contract_audit(tx, contract), None)


@contracts.get("/contracts/{contract}/statement")
def get_statement(tx: Transaction, contract: str, query: SpanQuery) -> StatementView:
    """Every movement of a contract's balance."""
    return read_statement(tx, contract, from_=query.from_, to=query.to)


@contracts.get("/contracts/{contract}/statement.csv", media_type="text/csv")
def get_statement_csv(tx: Transaction, contract: str, query: SpanQuery) -> TextAnswer:
    """The statement for a spreadsheet."""
    statement = read_statement(tx, contract, from_=query.from_, to=query.to)
    return TextAnswer(csv_text(STATEMENT_COLUMNS, statement.lines), "text/csv; charset=utf-8")


@contracts.post("/contracts/{contract}/enable")
def post_enable(
    tx: Transaction, contract: str, command: NoFields, expected_version: int | None
) -> ContractDetail:
    """Make a pending contract active now."""
    return read_contract(tx, enable_contract(tx, contract, expected_version=expected_version))


@contracts.post("/contracts/{contract}/top-up")
def post_top_up(tx: Transaction, contract: str, command: TopUp) -> ContractDetail:
    """Add minutes or incidents."""
    return read_contract(tx, top_up(tx, contract, command))


@contracts.post("/contracts/{contract}/adjust")
def post_adjust(tx: Transaction, contract: str, command: Adjust) -> ContractDetail:
    """Grant or withdraw minutes or incidents, with a reason."""
    return read_contract(tx, adjust(tx, contract, command))


@contracts.post("/contracts/{contract}/renew")
def post_renew(tx: Transaction, contract: str, command: Renew) -> ContractDetail:
    """Create the successor, which starts where the contract ends; the answer is the successor."""
    return read_contract(tx, renew(tx, contract, command))


@contracts.post("/contracts/{contract}/cancel")
def post_cancel(
    tx: Transaction, contract: str, command: CancelContract, expected_version: int | None
) -> ContractDetail:
    """End a contract now."""
    return read_contract(tx, cancel_contract(tx, contract, command, expected_version=expected_version))
