"""Service levels met and missed by level, customer and month, and the service requests behind each figure."""

from typing import Any

from flask import url_for
from werkzeug.wrappers import Response

from web.languages import Texts, gettext, mark
from web.pages.context import actor, desk, zone
from web.pages.layout.listing import counted_page, csv_response, query_filters, wants_csv
from web.pages.reports.blueprint import pages
from web.pages.reports.layout import (
    Cell,
    Column,
    ReportPage,
    Sums,
    Table,
    by_of_query,
    order_of_query,
    party_key,
    span_of_query,
)
from web.pages.wording.formats import instant_text, number_text
from web.report_files import SERVICE_LEVELS_CSV, TARGETS_CSV, csv_rows
from workflows.reports.service_levels import ServiceLevelsReport, open_service_levels
from workflows.views.reports import TargetsOfRequest

ENDPOINT, REQUESTS = "reports.service_levels", "reports.service_level_requests"
VIEWS = Texts(
    {
        "level": mark("By service level"),
        "customer": mark("By customer"),
        "customer_and_month": mark("By customer and month"),
    }
)
LABELS = Texts(
    {
        "response_met": mark("Response met"),
        "response_missed": mark("Response missed"),
        "response_open": mark("Response open"),
        "resolution_met": mark("Resolution met"),
        "resolution_missed": mark("Resolution missed"),
        "resolution_open": mark("Resolution open"),
    }
)
PLOTTED = ("response_met", "response_missed", "resolution_met", "resolution_missed")
STATES = Texts(
    {
        "met": mark("Met"),
        "missed": mark("Missed"),
        "open": mark("Open"),
        "stopped": mark("Open, clock stopped"),
        "cancelled": mark("Cancelled"),
        "none": mark("None"),
    }
)
DEFAULT_ORDER, DEFAULT_REQUEST_ORDER = "-resolution_missed", "-opened_at"
EXPLANATION = mark("The targets of the service requests that were opened in each month, as they are now.")


@pages.get("/service-levels")
def service_levels() -> str | Response:
    """The report as a page, or its rows as CSV."""
    chosen = query_filters("from", "to", "party", "level")
    by, order = by_of_query(VIEWS), order_of_query(DEFAULT_ORDER)
    with desk().read(actor()) as tx, open_service_levels(tx, **span_of_query(), **_filters(chosen)) as report:
        rows = report.list_by(by)
        if wants_csv():
            found = csv_rows(SERVICE_LEVELS_CSV, rows.rows(order=order))
            return csv_response("service-levels", SERVICE_LEVELS_CSV, list(found))
        page = rows.page(order=order, **counted_page())
        chosen |= _months(report)
        sums = Sums(
            ENDPOINT,
            LABELS,
            PLOTTED,
            lambda _, count: number_text(count),
            chosen,
            by,
            lambda one, name: _requests(one, name, chosen),
            next_by="level",
        )
        return ReportPage(
            title=gettext("Service levels met and missed"),
            explanation=gettext(EXPLANATION),
            chosen=chosen,
            page=page,
            table=sums.table(page.items),
            what={"level": "service level", "customer": "customer"}.get(by, "row"),
            order=order,
            empty=gettext(
                "Service requests with a service level that were opened in these months appear here."
            ),
            views=VIEWS,
            by=by,
            party_name=report.party_name,
            **sums.by_month(report.months()),
        ).render()


@pages.get("/service-levels/requests")
def service_level_requests() -> str | Response:
    """The service requests that a figure counts, as a page or as CSV."""
    chosen, order = (
        query_filters("from", "to", "party", "level", "counted"),
        order_of_query(DEFAULT_REQUEST_ORDER),
    )
    with desk().read(actor()) as tx, open_service_levels(tx, **span_of_query(), **_filters(chosen)) as report:
        rows = report.requests(chosen.get("counted"))
        if wants_csv():
            found = csv_rows(TARGETS_CSV, rows.rows(order=order))
            return csv_response("service-level-requests", TARGETS_CSV, list(found))
        page = rows.page(order=order, **counted_page())
        return ReportPage(
            title=LABELS.get(chosen.get("counted", ""), gettext("Service requests with a service level")),
            explanation=gettext(EXPLANATION),
            chosen=chosen | _months(report),
            page=page,
            table=_table(page.items),
            what="service request",
            order=order,
            empty=gettext("No service request of these months is counted here."),
            party_name=report.party_name,
        ).render()


def _table(requests: list[TargetsOfRequest]) -> Table:
    columns = (
        gettext("Request"),
        gettext("Customer"),
        gettext("Service level"),
        gettext("Response"),
        gettext("Resolution"),
    )
    return Table(
        [*(Column(label) for label in columns), Column(gettext("Opened"), order="opened_at")],
        [
            [
                Cell(
                    f"{one.number} {one.subject}",
                    url_for("service_request.show", service_request_id=one.service_request),
                ),
                Cell(one.party_name or ""),
                Cell(one.level_label or ""),
                Cell(STATES[one.response or "none"]),
                Cell(STATES[one.resolution or "none"]),
                Cell(instant_text(one.opened_at, zone())),
            ]
            for one in requests
        ],
    )


def _filters(chosen: dict[str, Any]) -> dict[str, Any]:
    return {"party": chosen.get("party"), "level": chosen.get("level")}


def _months(report: ServiceLevelsReport) -> dict[str, str]:
    return {"from": report.span.names[0], "to": report.span.names[-1]}


def _requests(one: Any, name: str, chosen: dict[str, Any]) -> str:
    """The requests behind a figure of a service level."""
    filters = {**chosen, "counted": name, "level": one.level or "-"}
    if one.party is not None:
        filters["party"] = party_key(one.party)
    return url_for(REQUESTS, **filters)
