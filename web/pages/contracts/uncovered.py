"""Uncovered time: carried forward, not billed, or to be billed."""

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from web.languages import Texts, mark, mark_in
from web.pages.context import actor, desk
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.reports.plots import month_label
from web.pages.wording.formats import minutes_text
from workflows.languages.texts import in_language
from workflows.reports.months import month_span
from workflows.reports.overview import UncoveredView, list_uncovered, month_start

KINDS = Texts(
    {
        "": mark_in("time", "All"),
        "carried": mark("Carried forward"),
        "ignored": mark("Not billed"),
        "overage": mark("To be billed"),
    }
)
CSV_HEADER = ["effective_at", "service_request", "subject", "customer", "technician", "outcome", "time"]

pages = Blueprint("uncovered", __name__, url_prefix="/uncovered-time")


@pages.get("")
def uncovered() -> str | Response:
    filters = query_filters("kind", "contract", "party")
    months = query_filters("from", "to")
    every = "every" in request.args
    with desk().read(actor()) as tx:
        chosen = {**filters, "from_at": None if every else month_start(tx)}
        span = month_span(tx, months.get("from"), months.get("to")) if months else None
        if span is not None:
            chosen |= {"from_at": span.starts_at, "to_at": span.ends_at[-1]}
        if wants_csv():
            rows = all_rows(lambda **at: list_uncovered(tx, **chosen, **at))
            with in_language("en"):
                return csv_response("uncovered-time", CSV_HEADER, [_row(one) for one in rows])
        page = list_uncovered(tx, **chosen, **counted_page())
    names = span.names if span is not None else []
    return render_template(
        "contracts/uncovered.html",
        page=page,
        filters=filters,
        kinds=KINDS,
        every=every,
        narrowed=[key for key in ("contract", "party") if key in filters],
        months=[month_label(one) for one in dict.fromkeys((names[0], names[-1]))] if names else [],
    )


def _row(one: UncoveredView) -> list[Any]:
    return [
        one.effective_at.isoformat(),
        one.number,
        one.subject,
        one.customer_name,
        one.technician_name,
        one.kind,
        minutes_text(one.minutes).replace(",", ""),
    ]
