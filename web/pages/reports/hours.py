"""Hours, or money, sold, used, expired and carried by customer and month."""

from typing import Any

from flask import url_for
from werkzeug.wrappers import Response

from web.languages import Texts, gettext, mark
from web.pages.context import actor, desk
from web.pages.layout.listing import counted_page, csv_response, query_filters, wants_csv
from web.pages.reports.blueprint import pages
from web.pages.reports.layout import Choice, ReportPage, Sums, by_of_query, order_of_query, span_of_query
from web.pages.wording.formats import amount_text
from web.report_files import HOURS_CSV, csv_rows
from workflows.reports.hours import MINUTES, currencies_sold, open_hours
from workflows.reports.months import MonthSpan

ENDPOINT = "reports.hours"
VIEWS = Texts(
    {
        "customer": mark("By customer"),
        "contract": mark("By contract"),
        "customer_and_month": mark("By customer and month"),
    }
)
LABELS = Texts(
    {
        "sold": mark("Sold"),
        "used": mark("Used"),
        "held": mark("Awaiting approval"),
        "expired": mark("Expired"),
        "carried": mark("Carried over"),
        "carried_drawn": mark("Drawn from carried"),
    }
)
PLOTTED = ("sold", "used", "expired", "carried")
DEFAULT_ORDER = "-used"


@pages.get("/hours")
def hours() -> str | Response:
    """The report as a page, or its rows as CSV."""
    chosen = query_filters("from", "to", "party", "contract", "unit")
    by, order, unit = by_of_query(VIEWS), order_of_query(DEFAULT_ORDER), chosen.get("unit", MINUTES)
    filters = {"party": chosen.get("party"), "contract": chosen.get("contract"), "unit": unit}
    with desk().read(actor()) as tx, open_hours(tx, **span_of_query(), **filters) as report:
        rows = report.list_by(by)
        if wants_csv():
            found = csv_rows(HOURS_CSV, rows.rows(order=order), unit=unit)
            return csv_response("hours", HOURS_CSV, list(found))
        page = rows.page(order=order, **counted_page())
        chosen |= {"from": report.span.names[0], "to": report.span.names[-1]}
        sums = Sums(
            ENDPOINT, LABELS, PLOTTED, lambda _, one: _text(one, unit), chosen, by, _statement(report.span)
        )
        units = [(MINUTES, gettext("Hours")), *((one, one) for one in currencies_sold(report.tx))]
        return ReportPage(
            title=gettext("Hours sold, used and expired"),
            explanation=gettext(
                "What the ledger posted for contracts, by the month in which it is effective."
            ),
            chosen=chosen,
            page=page,
            table=sums.table(page.items),
            what={"contract": "contract", "customer": "customer"}.get(by, "row"),
            order=order,
            empty=gettext("Hours that are sold, used, expired or carried over in these months appear here."),
            views=VIEWS,
            by=by,
            choices=[Choice("unit", gettext("Amounts"), units)] if len(units) > 1 else [],
            party_name=report.party_name,
            **sums.by_month(report.months()),
        ).render()


def _statement(span: MonthSpan) -> Any:
    """The address of the statement of a row's contract in these months."""
    days: dict[str, Any] = {"from": span.first_day, "to": span.last_day}

    def of_row(one: Any, _: str) -> str:
        if one.contract is None:
            return ""
        return url_for("contract.show", contract_id=one.contract, **days, _anchor="statement")

    return of_row


def _text(amount: int, unit: str) -> str:
    return amount_text(amount, "minutes") if unit == MINUTES else amount_text(amount, "money", unit)
