"""API routes of exports for the accounting program."""

from engine.ledger import ExportFormat
from web.api.queries import ListQuery, On, Query
from web.api.routing import RouteGroup, TextResponse
from workflows.accounting_exports import queries
from workflows.accounting_exports.use_cases import export_journals
from workflows.commands.accounting_exports import NewAccountingExport
from workflows.core.transaction import Transaction
from workflows.views import Page
from workflows.views.accounting_exports import AccountingExportView, MadeExports, PendingExport

accounting_exports = RouteGroup("Accounting exports")


class ExportQuery(ListQuery):
    """Filters of batches."""

    format: ExportFormat | None = None


class PendingQuery(Query):
    """The format, the last day, and the first one if earlier days are not to be exported."""

    format: ExportFormat
    to_on: On
    from_on: On | None = None


@accounting_exports.post("/accounting-exports", status=201)
def post_accounting_export(tx: Transaction, command: NewAccountingExport) -> MadeExports:
    """Export journals that are not exported yet, as CSV or DATEV, in numbered batches by month.

    Each ledger transaction is in one batch of a format; what is recorded later, also for an earlier day, is
    in the next one. For finance and administrators.
    """
    return MadeExports([queries.read_export(tx, one) for one in export_journals(tx, command)])


@accounting_exports.get("/accounting-exports")
def get_accounting_exports(tx: Transaction, query: ExportQuery) -> Page[AccountingExportView]:
    """List the batches that were made, the latest first."""
    return queries.list_exports(tx, **query.given())


@accounting_exports.get("/accounting-exports/pending")
def get_pending_export(tx: Transaction, query: PendingQuery) -> PendingExport:
    """Return what an export would contain now by month, and the accounts and settings that it lacks."""
    return queries.read_pending(tx, NewAccountingExport.model_validate(query.given()))


@accounting_exports.get("/accounting-exports/{accounting_export}")
def get_accounting_export(tx: Transaction, accounting_export: str) -> AccountingExportView:
    """Return one batch."""
    return queries.read_export(tx, accounting_export)


@accounting_exports.get("/accounting-exports/{accounting_export}/file", media_type="text/csv")
def get_export_file(tx: Transaction, accounting_export: str) -> TextResponse:
    """Return the file of a batch as it was made: CSV in UTF-8, DATEV in windows-1252."""
    found = queries.export_file(tx, accounting_export)
    return TextResponse(found.body, found.content_type)
