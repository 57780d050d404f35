"""Worked and chargeable time by technician, contract and month, and the work entries behind each figure."""

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
    span_of_query,
)
from web.pages.wording.formats import instant_text, minutes_text
from web.report_files import UTILIZATION_CSV, WORK_CSV, csv_rows
from workflows.reports.utilization import UtilizationReport, read_utilization
from workflows.views.reports import WorkOfReport

ENDPOINT, ENTRIES = "reports.utilization", "reports.utilization_entries"
VIEWS = Texts(
    {
        "technician": mark("By technician"),
        "contract": mark("By contract"),
        "customer": mark("By customer"),
        "technician_and_month": mark("By technician and month"),
    }
)
LABELS = Texts(
    {"worked": mark("Worked"), "chargeable": mark("Chargeable"), "not_billable": mark("Not billable")}
)
DEFAULT_ORDER, DEFAULT_ENTRY_ORDER = "-worked", "-worked_at"
EXPLANATION = mark(
    "Time that was worked in each month, and what of it is chargeable after rounding and rules."
)
FILTERS = ("party", "technician", "contract")


@pages.get("/utilization")
def utilization() -> str | Response:
    """The report as a page, or its rows as CSV."""
    chosen = query_filters("from", "to", *FILTERS)
    by, order = by_of_query(VIEWS), order_of_query(DEFAULT_ORDER)
    with desk().read(actor()) as tx:
        report = read_utilization(tx, **span_of_query(), **_filters(chosen))
        rows = report.list_by(by)
        if wants_csv():
            found = csv_rows(UTILIZATION_CSV, rows.rows(order=order))
            return csv_response("utilization", UTILIZATION_CSV, list(found))
        page = rows.page(order=order, **counted_page())
        chosen |= _months(report)
        sums = Sums(
            ENDPOINT,
            LABELS,
            tuple(LABELS),
            lambda _, minutes: minutes_text(minutes),
            chosen,
            by,
            lambda one, _: _entries(one, chosen),
        )
        return ReportPage(
            title=gettext("Utilization"),
            explanation=gettext(EXPLANATION),
            chosen=chosen,
            page=page,
            table=sums.table(page.items),
            what=by if by in ("technician", "contract", "customer") else "row",
            order=order,
            empty=gettext("Time that is logged on service requests appears here."),
            views=VIEWS,
            by=by,
            party_name=report.party_name,
            **sums.by_month(report.months()),
        ).render()


@pages.get("/utilization/entries")
def utilization_entries() -> str | Response:
    """The work entries that a figure counts, as a page or as CSV."""
    chosen, order = query_filters("from", "to", *FILTERS), order_of_query(DEFAULT_ENTRY_ORDER)
    with desk().read(actor()) as tx:
        report = read_utilization(tx, **span_of_query(), **_filters(chosen))
        rows = report.entries()
        if wants_csv():
            return csv_response("work", WORK_CSV, list(csv_rows(WORK_CSV, rows.rows(order=order))))
        page = rows.page(order=order, **counted_page())
        return ReportPage(
            title=gettext("Work entries"),
            explanation=gettext(EXPLANATION),
            chosen=chosen | _months(report),
            page=page,
            table=_table(page.items),
            what="work entry",
            plural="work entries",
            order=order,
            empty=gettext("No work of these months is counted here."),
            party_name=report.party_name,
        ).render()


def _table(entries: list[WorkOfReport]) -> Table:
    amounts = [Column(label, order=name, is_amount=True) for name, label in LABELS.items()]
    labels = gettext("Request"), gettext("Technician"), gettext("Contract")
    columns = [*(Column(label) for label in labels), Column(gettext("When"), order="worked_at")]
    return Table([*columns, *amounts], [_row(one) for one in entries])


def _row(one: WorkOfReport) -> list[Cell]:
    request = url_for("service_request.show", service_request_id=one.service_request)
    contract = url_for("contract.show", contract_id=one.contract) if one.contract is not None else ""
    return [
        Cell(f"{one.service_request_number} {one.subject}", request),
        Cell(one.technician_name or ""),
        Cell(one.contract_number or "", contract),
        Cell(instant_text(one.worked_at, zone())),
        *(Cell(minutes_text(getattr(one, name))) for name in LABELS),
    ]


def _filters(chosen: dict[str, Any]) -> dict[str, Any]:
    return {name: chosen.get(name) for name in FILTERS}


def _months(report: UtilizationReport) -> dict[str, str]:
    return {"from": report.span.names[0], "to": report.span.names[-1]}


def _entries(one: Any, chosen: dict[str, Any]) -> str:
    """The entries behind a figure of a technician or a contract."""
    filters = dict(chosen)
    if one.technician is not None:
        filters["technician"] = one.technician
        if one.month is not None:
            filters |= {"from": one.month, "to": one.month}
    else:
        filters["contract"] = one.contract or "-"
    return url_for(ENTRIES, **filters)
