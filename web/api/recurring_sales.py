"""API routes of recurring sales."""

from engine.recurring_sales import SaleState
from web.api.queries import ListQuery, Text
from web.api.routing import RouteGroup
from workflows.billing.sold import recurring_queries as queries
from workflows.billing.sold import recurring_sales as use_cases
from workflows.commands.selling import EndRecurringSale, NewRecurringSale
from workflows.core.transaction import Transaction
from workflows.views import Page
from workflows.views.billing import EndPreview, RecurringSaleView

recurring_sales = RouteGroup("Recurring sales")


class RecurringSaleQuery(ListQuery):
    """Filters of recurring sales. `q` searches numbers and descriptions; `state` is as of today."""

    q: Text | None = None
    customer: Text | None = None
    org_unit: Text | None = None
    contract: Text | None = None
    state: SaleState | None = None


@recurring_sales.post("/recurring-sales", status=201)
def create_recurring_sale(tx: Transaction, command: NewRecurringSale) -> RecurringSaleView:
    """Sell something every month, quarter or year. Each period is to be invoiced once it is due."""
    return queries.read_recurring_sale(tx, use_cases.create_recurring_sale(tx, command))


@recurring_sales.post("/recurring-sales/preview")
def preview_recurring_sale(tx: Transaction, command: NewRecurringSale) -> RecurringSaleView:
    """Return the sale with its first periods and what they cost. Nothing is saved."""
    return queries.preview_recurring_sale(tx, command)


@recurring_sales.get("/recurring-sales")
def list_recurring_sales(tx: Transaction, query: RecurringSaleQuery) -> Page[RecurringSaleView]:
    """List recurring sales. For administrators, finance and supervisors."""
    return queries.list_recurring_sales(tx, **query.given())


@recurring_sales.get("/recurring-sales/{recurring_sale}")
def read_recurring_sale(tx: Transaction, recurring_sale: str) -> RecurringSaleView:
    """Return one recurring sale with its next periods."""
    return queries.read_recurring_sale(tx, recurring_sale)


@recurring_sales.post("/recurring-sales/{recurring_sale}/end")
def end_recurring_sale(
    tx: Transaction, recurring_sale: str, command: EndRecurringSale, expected_version: int | None
) -> RecurringSaleView:
    """End a recurring sale with a day. Its periods beyond that are reduced, where they are on no invoice."""
    use_cases.end_recurring_sale(tx, recurring_sale, command, expected_version)
    return queries.read_recurring_sale(tx, recurring_sale)


@recurring_sales.post("/recurring-sales/{recurring_sale}/end/preview")
def preview_end(tx: Transaction, recurring_sale: str, command: EndRecurringSale) -> EndPreview:
    """Return what an end would change, and what would have to be credited. Nothing is saved."""
    return queries.preview_end(tx, recurring_sale, command)
