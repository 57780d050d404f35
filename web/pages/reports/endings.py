"""Contracts that end or run out in the months ahead, and what their renewals are worth."""

from collections.abc import Callable
from typing import Any

from flask import request, url_for
from werkzeug.wrappers import Response

from web.languages import Texts, gettext, mark, mark_in, ngettext
from web.pages.context import actor, desk
from web.pages.layout.listing import csv_response, cursor, query_filters, wants_csv
from web.pages.reports.blueprint import pages
from web.pages.reports.layout import Cell, Choice, Column, ReportPage, Table
from web.pages.reports.plots import Series, month_label, plot_months
from web.pages.wording.formats import day_text, minutes_text, money_text
from web.report_files import ENDINGS_CSV, csv_rows
from workflows.core.errors import invalid
from workflows.reports.endings import MONTHS_AHEAD, ORDER, EndingsReport, open_endings
from workflows.reports.report_lists import MOST_ROWS
from workflows.views.reports import EndingContract

BY = Texts({"expiry": mark("Ends"), "exhaustion": mark("Projected to run out")})
MONTHS = (3, 6, 12, 24)
RENEWED = {"yes": True, "no": False}
LABELS = Texts(
    {
        "ending": mark("Contracts ending"),
        "running_out": mark("Projected to run out"),
        "minutes_left": mark("Time left at the end"),
        "renewed_minor": mark("Renewed"),
        "not_renewed_minor": mark("Not renewed"),
    }
)


MADE_OF = {
    "ending": {"kind": "expiry"},
    "running_out": {"kind": "exhaustion"},
    "minutes_left": {"kind": "expiry"},
    "renewed_minor": {"renewed": "yes"},
    "not_renewed_minor": {"renewed": "no"},
}
"""The filters of the contracts of which a sum is made."""


@pages.get("/endings")
def endings() -> str | Response:
    """The report as a page, or its rows as CSV."""
    chosen = query_filters("months", "kind", "renewed", "month")
    filters: dict[str, Any] = {"by": chosen.get("kind"), "renewed": RENEWED.get(chosen.get("renewed", ""))}
    filters["month"] = chosen.get("month")
    with desk().read(actor()) as tx, open_endings(tx, months=_months(), **filters) as report:
        if wants_csv():
            rows = csv_rows(ENDINGS_CSV, report.rows(MOST_ROWS))
            return csv_response("endings", ENDINGS_CSV, list(rows))
        page = report.page(cursor=cursor())
        return ReportPage(
            title=gettext("Contracts ending and their renewals"),
            explanation=gettext(
                "What ends, or runs out at its recent pace. A renewal is worth the contract’s price."
            ),
            chosen={**chosen, "months": chosen.get("months", str(MONTHS_AHEAD))},
            page=page,
            table=_table(page.items),
            what="contract",
            order=ORDER,
            empty=gettext("Contracts that end or run out in the months ahead appear here."),
            choices=[
                Choice("months", gettext("Months ahead"), [(str(one), _months_text(one)) for one in MONTHS]),
                Choice("kind", gettext("How"), [("", gettext("All")), *BY.items()]),
                Choice(
                    "renewed",
                    gettext("Renewed"),
                    [("", gettext("All")), ("yes", gettext("Renewed")), ("no", gettext("Not renewed"))],
                ),
            ],
            has_months=False,
            **_by_month(report, chosen),
        ).render()


def _months_text(count: int) -> str:
    return ngettext("%(num)s month", "%(num)s months", count)


def _months() -> int:
    text = request.args.get("months") or str(MONTHS_AHEAD)
    if not text.isascii() or not text.isdigit() or len(text) > 3:
        problem = gettext("%(text)s is not a number of months.", text=repr(text[:20]))
        raise invalid("/months", problem, gettext("Write for example 12."))
    return int(text)


def _by_month(report: EndingsReport, chosen: dict[str, Any]) -> dict[str, Any]:
    """The plot and the table of the months."""
    months, currency = report.months(), report.currency

    def money(amount: int) -> str:
        return money_text(amount, currency)

    texts: dict[str, Callable[[int], str]] = {"ending": str, "running_out": str, "minutes_left": minutes_text}
    names = [one.month for one in months]
    value = ("renewed_minor", "not_renewed_minor")
    series = [Series(LABELS[name], [getattr(one, name) for one in months], money) for name in value]
    if not any(one.renewed_minor or one.not_renewed_minor for one in months):
        counts = ("ending", "running_out")
        series = [Series(LABELS[name], [getattr(one, name) for one in months], str) for name in counts]
    rows = [
        [
            Cell(month_label(one.month), _listing(chosen, one.month)),
            *(
                Cell(texts.get(name, money)(value), _listing(chosen, one.month, name) if value else "")
                for name, value in ((name, getattr(one, name)) for name in LABELS)
            ),
        ]
        for one in months
    ]
    columns = [Column(gettext("Month")), *(Column(label, is_amount=True) for label in LABELS.values())]
    return {"plot": plot_months(names, series), "months": Table(columns, rows)}


def _listing(chosen: dict[str, Any], month: str, name: str = "") -> str:
    """The contracts of a month, of which one of its sums is made."""
    return url_for("reports.endings", **{**chosen, "month": month, **MADE_OF.get(name, {})})


def _table(contracts: list[EndingContract]) -> Table:
    labels = gettext("Contract"), gettext("Holder"), gettext("How"), gettext("Last day"), gettext("Renewal")
    columns = [Column(label) for label in labels]
    amounts = [
        Column(gettext(mark_in("amount", "Left")), is_amount=True),
        Column(gettext("Renewal value"), is_amount=True),
    ]
    return Table([*columns, *amounts], [_row(one) for one in contracts])


def _row(one: EndingContract) -> list[Cell]:
    successor = url_for("contract.show", contract_id=one.renewed_by) if one.renewed_by is not None else ""
    value = one.renewal_value
    return [
        Cell(one.number, url_for("contract.show", contract_id=one.contract)),
        Cell(one.holder_name),
        Cell(BY[one.by]),
        Cell(day_text(one.last_day)),
        Cell(gettext("Renewed") if successor else gettext("Not renewed"), successor),
        Cell(minutes_text(one.minutes_left) if one.minutes_left else ""),
        Cell(money_text(value.amount_minor, value.currency) if value is not None else ""),
    ]
