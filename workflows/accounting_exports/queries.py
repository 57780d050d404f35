"""Reading exports for the accounting program: the batches, a batch's file, and what is pending."""

from collections import Counter
from typing import Any

from sqlalchemy import Row, select

from engine.accounting_periods import end_of_month, month_of
from engine.ledger import EXPORT_FORMATS
from workflows.accounting_exports.pending import (
    check_span,
    left_out,
    missing_settings,
    pending_entries,
    unmapped_accounts,
)
from workflows.accounting_exports.use_cases import ACCOUNTANTS
from workflows.billing.documents.files import DocumentFile
from workflows.commands.accounting_exports import NewAccountingExport
from workflows.core.errors import NotFound, invalid
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.accounting_exports import AccountingExportView, PendingExport, PendingMonth

x = t.accounting_export
ORDERS = {"made_at": Sort(x.c.made_at), "number": Sort(x.c.number)}
_COLUMNS = [column for column in x.c if column.name != "content"]


def list_exports(
    tx: Transaction,
    *,
    format: str | None = None,
    order: str = "-made_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[AccountingExportView]:
    """A page of the batches that were made. Raises: NotAllowed; InvalidInput for a format or an order."""
    tx.require(*ACCOUNTANTS)
    statement = select(*_COLUMNS)
    if format is not None:
        if format not in EXPORT_FORMATS:
            formats = ", ".join(EXPORT_FORMATS)
            raise invalid(
                "/format",
                gettext("%(format)s is not possible.", format=repr(format)),
                gettext("Use one of %(formats)s.", formats=formats),
            )
        statement = statement.where(x.c.format == format)
    return read_page(
        tx,
        statement,
        _view,
        orders=ORDERS,
        by_id=x.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def read_export(tx: Transaction, export_id: str) -> AccountingExportView:
    """One batch. Raises: NotAllowed; NotFound."""
    tx.require(*ACCOUNTANTS)
    row = tx.connection.execute(select(*_COLUMNS).where(x.c.id == export_id)).one_or_none()
    if row is None:
        raise NotFound(
            gettext("There is no such export."), remedy=gettext("Look it up in the list of exports.")
        )
    return _view(row)


def export_file(tx: Transaction, export_id: str) -> DocumentFile:
    """A batch's file, byte for byte as it was made. Raises: NotAllowed; NotFound."""
    export = read_export(tx, export_id)
    content: bytes = tx.connection.execute(select(x.c.content).where(x.c.id == export_id)).scalar_one()
    charset = "windows-1252" if export.format == "datev" else "utf-8"
    return DocumentFile(export.file_name, f"text/csv; charset={charset}", content)


def read_pending(tx: Transaction, command: NewAccountingExport) -> PendingExport:
    """What an export would contain now, and what prevents it. Raises: NotAllowed; InvalidInput."""
    tx.require(*ACCOUNTANTS)
    check_span(tx, command)
    months = Counter(one.on.replace(day=1) for one in pending_entries(tx, command))
    closed_until, zone = tx.config.closed_until, tx.settings.zone
    return PendingExport(
        format=command.format,
        from_on=command.from_on,
        to_on=command.to_on,
        months=[
            PendingMonth(
                month=month_of(month),
                transactions=number,
                is_closed=closed_until is not None and end_of_month(month, zone) <= closed_until,
            )
            for month, number in sorted(months.items())
        ],
        unmapped=unmapped_accounts(tx, command),
        missing=missing_settings(tx.settings, command.format),
        left_out=left_out(tx, command),
    )


def _view(row: Row[Any]) -> AccountingExportView:
    return AccountingExportView(**{column.name: getattr(row, column.name) for column in _COLUMNS})
