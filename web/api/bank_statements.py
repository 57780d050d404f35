"""API routes of bank statements and their entries."""

from typing import Literal

from engine.bank_statements import EntryState
from web.api.queries import ListQuery, Query, Text
from web.api.routing import RouteGroup
from web.api.uploads import UploadedFile
from workflows.billing.bank import entries as bank_entries
from workflows.billing.bank import queries as bank_queries
from workflows.billing.bank.statement_formats.values import MOST_BYTES
from workflows.billing.bank.statements import import_statement
from workflows.commands.bank_statements import AssignEntry, SetAside
from workflows.core.transaction import Transaction
from workflows.views import Page
from workflows.views.bank_statements import BankEntryView, BankStatementDetail, BankStatementView

bank_statements = RouteGroup("Bank statements")
LARGEST_BODY = MOST_BYTES + 1024 * 1024
"""A file that is somewhat too large is named; a larger body is not received."""


class UploadQuery(Query):
    """What the file does not say about itself: the `profile` of a CSV file, and its name."""

    profile: Text | None = None
    file_name: Text | None = None


class StatementQuery(ListQuery):
    """Paging of bank statements."""


class EntryQuery(ListQuery):
    """Filters of entries; undecided are those offered or left. `q` searches payer, IBAN and texts."""

    q: Text | None = None
    state: Literal[EntryState, "undecided"] | None = None


@bank_statements.post("/bank-statements", status=201, reads_first=True, max_body_bytes=LARGEST_BODY)
def upload_bank_statement(tx: Transaction, file: UploadedFile, query: UploadQuery) -> BankStatementDetail:
    """Take in a bank statement: camt.053 (versions 02 to 08), or CSV by a profile of the settings.

    What names its invoices with their exact amount is recorded as payments at once; what is likely is
    offered, the rest is left. A file that was uploaded before, and entries that came with another one, add
    nothing. For finance.
    """
    name = query.file_name or file.name
    return bank_queries.read_statement(tx, import_statement(tx, name, file.data, query.profile))


@bank_statements.get("/bank-statements")
def list_bank_statements(tx: Transaction, query: StatementQuery) -> Page[BankStatementView]:
    """List the uploaded bank statements, the latest first. For finance and administrators."""
    return bank_queries.list_statements(tx, **query.given())


@bank_statements.get("/bank-statements/{bank_statement}")
def read_bank_statement(tx: Transaction, bank_statement: str) -> BankStatementDetail:
    """Return a bank statement with up to 200 entries each that were matched, are offered or left."""
    return bank_queries.read_statement(tx, bank_statement)


@bank_statements.get("/bank-statements/{bank_statement}/entries")
def list_statement_entries(tx: Transaction, bank_statement: str, query: EntryQuery) -> Page[BankEntryView]:
    """List the entries of a bank statement, in the order of the file unless another one is given."""
    bank_queries.require_statement(tx, bank_statement)
    return bank_queries.list_entries(tx, statement=bank_statement, **({"order": "position"} | query.given()))


@bank_statements.get("/bank-entries")
def list_bank_entries(tx: Transaction, query: EntryQuery) -> Page[BankEntryView]:
    """List the entries of all bank statements, such as those that await a decision."""
    return bank_queries.list_entries(tx, **query.given())


@bank_statements.get("/bank-entries/{bank_entry}")
def read_bank_entry(tx: Transaction, bank_entry: str) -> BankEntryView:
    """Return one entry."""
    return bank_queries.read_entry(tx, bank_entry)


@bank_statements.post("/bank-entries/{bank_entry}/assign")
def assign_bank_entry(tx: Transaction, bank_entry: str, command: AssignEntry) -> BankEntryView:
    """Record an entry as payments of the invoices named. For finance.

    Without amounts it pays invoices of one customer or org unit in their order, and the rest becomes credit.
    With amounts, which sum to that of the entry, each is a payment by itself: a batch of several customers is
    split that way.
    """
    return bank_queries.read_entry(tx, bank_entries.assign_entry(tx, bank_entry, command))


@bank_statements.post("/bank-entries/{bank_entry}/set-aside")
def set_aside_bank_entry(tx: Transaction, bank_entry: str, command: SetAside) -> BankEntryView:
    """Decide that an entry pays no invoice. It can still be assigned. For finance."""
    return bank_queries.read_entry(tx, bank_entries.set_aside_entry(tx, bank_entry, command))
