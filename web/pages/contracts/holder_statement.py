"""The statement of a holder: an item, a customer or an org unit; as a page, as CSV and as PDF."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, TypeVar

from flask import Blueprint, render_template, url_for
from werkzeug.wrappers import Response

from engine.contracts import HolderKind
from web.pages.context import actor, desk
from web.pages.layout.listing import (
    csv_response,
    cursor,
    days_of_query,
    days_problem,
    pdf_response,
    query_filters,
)
from web.pages.wording.formats import amount_text
from web.posting_reasons import posting_reason
from web.statement_documents import HOLDER_CSV, acceptances, holder_csv_rows, holder_pdf
from web.statement_labels import MOVEMENTS
from workflows.contracts.holder_statement import KINDS, read_holder_statement
from workflows.contracts.queries import list_contracts
from workflows.disputes.queries import disputes_of_statements
from workflows.views import MOST_LIMIT
from workflows.views.contracts import HolderStatementLine

SHOWN_LINES = 50
View = TypeVar("View", bound=Callable[..., Any])
HOLDERS: dict[str, tuple[HolderKind, str, str]] = {
    "items": ("item", "items.show", "item_id"),
    "customers": ("customer", "customers.show", "customer_id"),
    "org-units": ("org_unit", "org_units.show", "org_unit_id"),
}
"""By the first part of the address: the kind of holder, the page of one, and the name of its id there."""

pages = Blueprint("holder_statement", __name__)


def _route(suffix: str) -> Callable[[View], View]:
    """Give a view an address below each kind of holder."""

    def declare(view: View) -> View:
        for holders, (_, _, name) in HOLDERS.items():
            rule = f"/{holders}/<{name}>/statement{suffix}"
            pages.add_url_rule(rule, view.__name__, view, defaults={"holders": holders})
        return view

    return declare


@_route("")
def show(holders: str, **ids: str) -> str:
    kind, holder_page, _ = HOLDERS[holders]
    (holder_id,) = ids.values()
    problem, chosen = days_problem(), query_filters("from", "to", "contract", "kind")
    filters = {} if problem else _filters()
    with desk().read(actor()) as tx:
        statement = read_holder_statement(tx, kind, holder_id, **filters, limit=SHOWN_LINES, cursor=cursor())
        contracts = list_contracts(tx, holder=holder_id, limit=MOST_LIMIT).items
        shown = sorted({line.contract for line in statement.lines})
        disputes = disputes_of_statements(tx, shown)
        accepted = acceptances(tx, shown)
    return render_template(
        "contracts/holder_statement.html",
        statement=statement,
        days_problem=problem,
        sections=_sections(statement.lines),
        contracts=contracts,
        movements=[(code, MOVEMENTS[code]) for code in KINDS],
        chosen=chosen,
        download={"holders": holders, **ids, **chosen},
        holder_href=url_for(holder_page, **dict[str, Any](ids)),
        disputes=disputes,
        acceptances=accepted,
        amount=amount_text,
        amount_of=_amount_of,
        posting_reason=posting_reason,
    )


def _amount_of(line: HolderStatementLine) -> Callable[[int], str]:
    """Formatter for amounts in the unit of a line's contract."""
    unit: Any = line.unit
    return lambda amount: amount_text(amount, unit, line.currency)


def _sections(lines: Sequence[HolderStatementLine]) -> list[list[list[HolderStatementLine]]]:
    """The lines by contract, and then by grant, in their order. Some belong to no grant, as carried time."""
    return [
        [list(of_grant) for _, of_grant in groupby(of_contract, lambda line: line.grant)]
        for _, of_contract in groupby(lines, lambda line: line.contract)
    ]


@_route(".csv")
def as_csv(holders: str, **ids: str) -> Response:
    (holder_id,) = ids.values()
    filters = _filters()
    with desk().read(actor()) as tx:
        rows = list(holder_csv_rows(tx, HOLDERS[holders][0], holder_id, **filters))
    return csv_response("statement", HOLDER_CSV, rows)


@_route(".pdf")
def as_pdf(holders: str, **ids: str) -> Response:
    (holder_id,) = ids.values()
    filters = _filters()
    with desk().read(actor()) as tx:
        document = holder_pdf(tx, HOLDERS[holders][0], holder_id, **filters)
    return pdf_response("statement", document)


def _filters() -> dict[str, Any]:
    """The filters of the query string; a kind that there is not is left out. Raises: InvalidInput."""
    first, last = days_of_query()
    given = query_filters("contract", "kind")
    kind = given.get("kind")
    return {
        "from_": first,
        "to": last,
        "contract": given.get("contract"),
        "movement": kind if kind in KINDS else None,
    }
