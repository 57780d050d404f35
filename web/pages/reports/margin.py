"""The margin of contracts by month, and the cost rates that it is computed with."""

from typing import Any, ClassVar

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, SelectField, StringField

from web.languages import Texts, gettext, lazy_text, mark
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.forms.fields import DayField, MoneyField, select_options
from web.pages.layout.listing import all_rows, counted_page, csv_response, cursor, query_filters, wants_csv
from web.pages.reports.blueprint import pages
from web.pages.reports.layout import Cell, Column, ReportPage, Table, span_of_query
from web.pages.reports.plots import Series, month_label, plot_months
from web.pages.wording.formats import minutes_text, money_text
from web.report_files import MARGIN_CSV, csv_rows
from workflows.commands.margins import NewCostRate
from workflows.core.actors import DESK
from workflows.core.transaction import Transaction
from workflows.margins.cost_rates import ACCOUNTANTS, add_cost_rate, costing_people, list_cost_rates
from workflows.margins.report import ORDER, MarginReport, open_margins
from workflows.reports.report_lists import MOST_ROWS
from workflows.views.margins import CostRateView, Margin, MarginOfContract

LABELS = Texts(
    {
        "revenue_minor": mark("Revenue"),
        "cost_minor": mark("Cost"),
        "margin_minor": mark("Margin"),
        "worked": mark("Worked"),
    }
)
EVERYONE = Texts(
    {
        "administrator": mark("Everyone: administrator"),
        "supervisor": mark("Everyone: supervisor"),
        "technician": mark("Everyone: technician"),
    }
)
"""Whose work the rate of a role is for."""
RATES_CSV = ["from_on", "technician", "role", "per_hour_minor", "currency", "reason", "recorded_at"]


class CostRateForm(KeyedForm):
    pointer_fields: ClassVar[dict[str, str]] = {
        "": "whose",
        "/technician": "whose",
        "/role": "whose",
        "/per_hour": "per_hour",
        "/from_on": "from_on",
    }

    whose = SelectField(lazy_text("Whose work"))
    per_hour = MoneyField(lazy_text("Cost of an hour"))
    from_on = DayField(lazy_text("From"))
    changes_past = BooleanField(
        lazy_text("Change past margins"),
        description=lazy_text("Needed for a day that has gone by: margins since then change."),
    )
    reason = StringField(lazy_text("Reason"))

    def new_rate(self) -> NewCostRate | None:
        kind, _, value = (self.whose.data or "").partition(":")
        values = {
            kind: value,
            "per_hour": self.per_hour.command_value,
            "from_on": self.from_on.text,
            "changes_past": bool(self.changes_past.data),
            "reason": self.reason.data or None,
        }
        command: NewCostRate | None = self.command(NewCostRate, values)
        return command


@pages.get("/margin")
def margin() -> str | Response:
    """The report as a page, or its rows as CSV."""
    chosen = query_filters("from", "to", "contract")
    with (
        desk().read(actor()) as tx,
        open_margins(tx, **span_of_query(), contract=chosen.get("contract")) as report,
    ):
        if wants_csv():
            rows = csv_rows(MARGIN_CSV, report.rows(MOST_ROWS), currency=report.currency)
            return csv_response("margin", MARGIN_CSV, list(rows))
        page = report.page(cursor=cursor())
        return ReportPage(
            title=gettext("Contract margin"),
            explanation=gettext("The revenue of contracts, less what the work that they covered costs."),
            chosen=chosen | {"from": report.span.names[0], "to": report.span.names[-1]},
            page=page,
            table=_table(report, page.items),
            what="contract",
            order=ORDER,
            empty=gettext("Contracts with revenue or work in these months appear here."),
            notes=_notes(report),
            **_by_month(report),
        ).render()


@pages.get("/cost-rates")
def cost_rates() -> str | Response:
    if wants_csv():
        with desk().read(actor()) as tx:
            rows = [_rate_row(one) for one in all_rows(lambda **at: list_cost_rates(tx, **at))]
        return csv_response("cost-rates", RATES_CSV, rows)
    return _rates_page(CostRateForm(formdata=None))


@pages.post("/cost-rates")
def new_cost_rate() -> tuple[str, int] | Response:
    """Give a cost rate."""
    require_role(*ACCOUNTANTS)
    form = CostRateForm()
    with desk().read(actor()) as tx:
        form.whose.choices = _people(tx)
    command = form.new_rate() if form.validate_on_submit() else None
    if command is not None and attempt_once(form, lambda tx: add_cost_rate(tx, command), command) is not None:
        flash(gettext("The cost rate has been added."), "success")
        return redirect(url_for("reports.cost_rates"))
    return _rates_page(form), 422


def _rates_page(form: CostRateForm) -> str:
    with desk().read(actor()) as tx:
        page = list_cost_rates(tx, **counted_page())
        form.whose.choices = _people(tx)
    return render_template("reports/cost_rates.html", page=page, form=form, everyone=EVERYONE)


def _people(tx: Transaction) -> Any:
    """Roles first, then everyone of staff by name."""
    of_roles = [(f"role:{one}", EVERYONE[one]) for one in DESK]
    return select_options([*of_roles, *((f"technician:{one}", name) for one, name in costing_people(tx))])


def _rate_row(one: CostRateView) -> list[Any]:
    whose = [one.technician_name, one.role]
    return [
        one.from_on, *whose, one.per_hour.amount_minor, one.per_hour.currency, one.reason, one.recorded_at,
    ]  # fmt: skip


def _by_month(report: MarginReport) -> dict[str, Any]:
    """The plot and the table of the months."""
    months, currency = report.months(), report.currency
    names = [one.month for one in months]
    series = [
        Series(label, [getattr(one, name) for one in months], lambda minor: money_text(minor, currency))
        for name, label in LABELS.items()
        if name != "worked"
    ]
    columns = [Column(gettext("Month")), *(Column(label, is_amount=True) for label in LABELS.values())]
    rows = [[Cell(month_label(one.month)), *_amounts(one, currency)] for one in months]
    return {"plot": plot_months(names, series), "months": Table(columns, rows)}


def _table(report: MarginReport, contracts: list[MarginOfContract]) -> Table:
    columns = [Column(gettext("Contract")), Column(gettext("Holder"))]
    amounts = [Column(label, is_amount=True) for label in LABELS.values()]
    rows = [
        [
            Cell(one.contract_number, url_for("contract.show", contract_id=one.contract)),
            Cell(one.holder_name),
            *_amounts(one, report.currency),
        ]
        for one in contracts
    ]
    return Table([*columns, *amounts], rows)


def _amounts(one: Margin, currency: str) -> list[Cell]:
    money = [Cell(money_text(getattr(one, name), currency)) for name in LABELS if name != "worked"]
    return [*money, Cell(minutes_text(one.worked))]


def _notes(report: MarginReport) -> list[str]:
    unpriced = sum(one.unpriced for one in report.months())
    if not unpriced:
        return []
    time = minutes_text(unpriced)
    return [gettext("%(time)s of work have no cost rate and cost nothing here.", time=time)]
