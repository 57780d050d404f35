"""The list of alerts: service level targets that are close or missed, and contracts to look after."""

from datetime import date

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from engine.periods import check_date, first_instant_of
from web.languages import gettext, mark_in
from web.pages.context import actor, desk, zone
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.alerts import ALERT_KINDS, alert_label
from workflows.core.errors import invalid
from workflows.reports.alerts import list_alerts

CSV_HEADER = [
    "at",
    "recorded_at",
    "kind",
    "service_request",
    "target",
    "contract",
    "holder",
    "level",
    "due_at",
    "cleared_at",
]

pages = Blueprint("alerts", __name__, url_prefix="/alerts")


@pages.get("")
def alerts() -> str | Response:
    filters = query_filters("kind", "contract", "service_request", "since")
    chosen = dict(filters)
    if "since" in chosen:
        chosen["since"] = first_instant_of(_day(chosen["since"]), zone())
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_alerts(tx, **chosen, **at))
            table = [
                [
                    one.at.isoformat(),
                    one.recorded_at.isoformat(),
                    one.kind,
                    one.service_request_number,
                    one.target,
                    one.contract_number,
                    one.holder_name,
                    one.level,
                    one.due_at.isoformat() if one.due_at else None,
                    one.cleared_at.isoformat() if one.cleared_at else None,
                ]
                for one in rows
            ]
            return csv_response("alerts", CSV_HEADER, table)
        page = list_alerts(tx, **chosen, **counted_page())
    return render_template(
        "alerts/index.html",
        page=page,
        filters=filters,
        kinds={"": gettext(mark_in("alerts", "All")), **ALERT_KINDS},
        alert_label=alert_label,
    )


def _day(text: str) -> date:
    try:
        return check_date(date.fromisoformat(text))
    except ValueError:
        raise invalid(
            "/since",
            gettext("%(text)s is not a date.", text=repr(text)),
            gettext("Write for example 2026-03-02."),
        ) from None
