"""API routes of the statements of holders: items, customers and org units; as JSON, CSV and PDF."""

from typing import Any

from engine.contracts import HolderKind
from web.api.queries import Cursor, DaysQuery, Limit, Text
from web.api.register import customers, items, org_units
from web.api.routing import RouteGroup, TextResponse
from web.statement_documents import HOLDER_CSV, holder_csv_rows, holder_pdf
from workflows.contracts.holder_statement import read_holder_statement
from workflows.core.csv_text import csv_chunks
from workflows.core.transaction import Transaction
from workflows.views import DEFAULT_LIMIT
from workflows.views.contracts import HolderStatementView


class HolderLinesQuery(DaysQuery):
    """Filters of a holder's statement.

    `from` and `to` are the first and last day, both inclusive, in the provider's time zone; `contract` is an
    id, `kind` a kind of movement such as draw or expire.
    """

    contract: Text | None = None
    kind: Text | None = None

    def filters(self) -> dict[str, Any]:
        """The filters as `read_holder_statement` takes them."""
        return {"from_": self.from_, "to": self.to, "contract": self.contract, "movement": self.kind}


class HolderStatementQuery(HolderLinesQuery):
    """The filters, and a page of the lines."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None


def _declare(group: RouteGroup, path: str, kind: HolderKind) -> None:
    """Declare the three routes of one kind of holder."""

    def as_json(tx: Transaction, query: HolderStatementQuery, **ids: str) -> HolderStatementView:
        """Return the movements of all contracts of a holder, grant by grant, with the balance after each."""
        (holder_id,) = ids.values()
        return read_holder_statement(
            tx, kind, holder_id, **query.filters(), limit=query.limit, cursor=query.cursor
        )

    def as_csv(tx: Transaction, query: HolderLinesQuery, **ids: str) -> TextResponse:
        """Return the statement of a holder as CSV."""
        (holder_id,) = ids.values()
        rows = holder_csv_rows(tx, kind, holder_id, **query.filters())
        text = "".join(csv_chunks(HOLDER_CSV, rows))
        return TextResponse(text, "text/csv; charset=utf-8")

    def as_pdf(tx: Transaction, query: HolderLinesQuery, **ids: str) -> TextResponse:
        """Return the statement of a holder as PDF, of up to 2,000 lines."""
        (holder_id,) = ids.values()
        return TextResponse(holder_pdf(tx, kind, holder_id, **query.filters()), "application/pdf")

    for suffix, endpoint, media_type in (
        ("", as_json, "application/json"),
        (".csv", as_csv, "text/csv"),
        (".pdf", as_pdf, "application/pdf"),
    ):
        endpoint.__name__ = f"get_{kind}_statement{suffix.replace('.', '_')}"
        group.get(f"{path}/statement{suffix}", media_type=media_type)(endpoint)


_declare(items, "/items/{item_id}", "item")
_declare(customers, "/customers/{customer_id}", "customer")
_declare(org_units, "/org-units/{org_unit_id}", "org_unit")
