"""Time that no contract paid, by customer, contract and month; and who has the most overage."""

from typing import Any

from flask import url_for
from werkzeug.wrappers import Response

from web.languages import Texts, gettext, mark
from web.pages.context import actor, desk
from web.pages.layout.listing import counted_page, csv_response, query_filters, wants_csv
from web.pages.reports.blueprint import pages
from web.pages.reports.hours import VIEWS
from web.pages.reports.layout import ReportPage, Sums, by_of_query, order_of_query, party_key, span_of_query
from web.pages.wording.formats import amount_text
from web.report_files import UNCOVERED_CSV, csv_rows
from workflows.reports.uncovered import read_uncovered

ENDPOINT = "reports.uncovered"
LABELS = Texts(
    {
        "carried": mark("Carried forward"),
        "ignored": mark("Not billed"),
        "overage": mark("To be billed"),
        "overage_minor": mark("Price to be billed"),
    }
)
PLOTTED = ("carried", "ignored", "overage")
DEFAULT_ORDER = "-ignored"


@pages.get("/uncovered")
def uncovered() -> str | Response:
    """The report as a page, or its rows as CSV."""
    chosen = query_filters("from", "to", "party")
    by, order = by_of_query(VIEWS), order_of_query(DEFAULT_ORDER)
    with desk().read(actor()) as tx:
        report = read_uncovered(tx, **span_of_query(), party=chosen.get("party"))
        rows, currency = report.list_by(by), report.currency
        if wants_csv():
            found = csv_rows(UNCOVERED_CSV, rows.rows(order=order), currency=currency)
            return csv_response("uncovered", UNCOVERED_CSV, list(found))
        page = rows.page(order=order, **counted_page())
        chosen |= {"from": report.span.names[0], "to": report.span.names[-1]}

        def text(name: str, amount: int) -> str:
            return amount_text(amount, "money" if name == "overage_minor" else "minutes", currency)

        sums = Sums(ENDPOINT, LABELS, PLOTTED, text, chosen, by, lambda one, name: _list(one, name, chosen))
        return ReportPage(
            title=gettext("Uncovered time and overage"),
            explanation=gettext(
                "Chargeable time that no contract paid, by the month in which it was worked."
            ),
            chosen=chosen,
            page=page,
            table=sums.table(page.items),
            what={"contract": "contract", "customer": "customer"}.get(by, "row"),
            order=order,
            empty=gettext("Time worked without a contract, or after it had run out, appears here."),
            views=VIEWS,
            by=by,
            party_name=report.party_name,
            **sums.by_month(report.months()),
        ).render()


def _list(one: Any, name: str, chosen: dict[str, Any]) -> str:
    """The list of the time behind a sum of a contract, or of a customer without one."""
    filters = {key: chosen[key] for key in ("from", "to", "party") if chosen.get(key)}
    if one.party is not None:
        filters["party"] = party_key(one.party)
    kind = "overage" if name == "overage_minor" else name
    return url_for("uncovered.uncovered", **filters, kind=kind, contract=one.contract or "none")
