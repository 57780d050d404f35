"""The margin of contracts by month, and the cost rates that it is computed with."""

from contextlib import AbstractContextManager
from typing import Any, ClassVar

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, SelectField, StringField

from engine.errors import DeskError
from web.languages import Texts, gettext, lazy_text, mark, ngettext
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import KeyedForm, add_desk_error, attempt_once
from web.pages.forms.effects import EffectPreview, effect_response, typed_errors
from web.pages.forms.fields import DayField, MoneyField, select_options
from web.pages.layout.listing import all_rows, counted_page, csv_response, cursor, query_filters, wants_csv
from web.pages.reports.blueprint import pages
from web.pages.reports.layout import Cell, Column, ReportPage, Table, span_of_query
from web.pages.reports.plots import Series, month_label, plot_months
from web.pages.wording.billing import SOLD_KINDS
from web.pages.wording.formats import minutes_text, money_text
from web.pages.wording.request_impact import Line
from web.report_files import MARGIN_CSV, REVENUE_CSV, csv_rows
from workflows.commands.margins import NewCostRate
from workflows.core.actors import DESK
from workflows.core.transaction import Transaction
from workflows.margins.cost_rates import (
    ACCOUNTANTS,
    add_cost_rate,
    costing_people,
    list_cost_rates,
    preview_cost_rate,
)
from workflows.margins.report import ORDER, REVENUE_ORDER, MarginReport, open_margins
from workflows.reports.report_lists import MOST_ROWS
from workflows.views.margins import CostRatePreview, CostRateView, Margin, MarginOfContract, RevenueOfContract

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
        lazy_text("Price work since that day again"),
        description=lazy_text("Needed for a day that has gone by: past margins change."),
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
    with desk().read(actor()) as tx, _report(tx) as report:
        if wants_csv():
            rows = csv_rows(MARGIN_CSV, report.rows(MOST_ROWS), currency=report.currency)
            return csv_response("margin", MARGIN_CSV, list(rows))
        page, chosen = report.page(cursor=cursor()), _chosen(report)
        return ReportPage(
            title=gettext("Contract margin"),
            explanation=gettext(
                "The revenue of contracts, time past what they pay included once it is invoiced, less what "
                "the work that they covered costs."
            ),
            chosen=chosen,
            page=page,
            table=_table(report, page.items, chosen),
            what="contract",
            order=ORDER,
            empty=gettext("Contracts with revenue or work in these months appear here."),
            notes=_notes(report),
            **_by_month(report, chosen),
        ).render()


@pages.get("/margin/revenue")
def margin_revenue() -> str | Response:
    """What the revenue is made of, as a page or as CSV."""
    with desk().read(actor()) as tx, _report(tx) as report:
        if wants_csv():
            rows = csv_rows(REVENUE_CSV, report.revenue_rows(MOST_ROWS), currency=report.currency)
            return csv_response("revenue", REVENUE_CSV, list(rows))
        page = report.revenue_page(cursor=cursor())
        return ReportPage(
            title=gettext("Revenue of contracts"),
            explanation=gettext(
                "What was sold, by the month in which it is revenue. Time past what a contract pays is "
                "revenue of the month worked where that was open."
            ),
            chosen=_chosen(report),
            page=page,
            table=_revenue_table(report, page.items),
            what="row",
            order=REVENUE_ORDER,
            empty=gettext("Contracts with revenue in these months appear here."),
        ).render()


def _report(tx: Transaction) -> AbstractContextManager[MarginReport]:
    """The report of the months and the contract in the address."""
    return open_margins(tx, **span_of_query(), contract=query_filters("contract").get("contract"))


def _chosen(report: MarginReport) -> dict[str, Any]:
    months = {"from": report.span.names[0], "to": report.span.names[-1]}
    return query_filters("contract") | months


@pages.get("/cost-rates")
def cost_rates() -> str | Response:
    if wants_csv():
        with desk().read(actor()) as tx:
            rows = [_rate_row(one) for one in all_rows(lambda **at: list_cost_rates(tx, **at))]
        return csv_response("cost-rates", RATES_CSV, rows)
    return _rates_page(CostRateForm(formdata=None))


@pages.post("/cost-rates/effect")
def cost_rate_effect() -> str:
    """What the rate would move, as a fragment or in the page; nothing is saved."""
    require_role(*ACCOUNTANTS)
    form = _posted_form()
    effect = _effect(form)
    return effect_response(effect, lambda: _rates_page(form, effect))


@pages.post("/cost-rates")
def new_cost_rate() -> tuple[str, int] | Response:
    """Give a cost rate."""
    require_role(*ACCOUNTANTS)
    form = _posted_form()
    command = form.new_rate() if form.validate_on_submit() else None
    if command is not None and attempt_once(form, lambda tx: add_cost_rate(tx, command), command) is not None:
        flash(gettext("The cost rate has been added."), "success")
        return redirect(url_for("reports.cost_rates"))
    return _rates_page(form), 422


def _posted_form() -> CostRateForm:
    form = CostRateForm()
    with desk().read(actor()) as tx:
        form.whose.choices = _people(tx)
    return form


def _rates_page(form: CostRateForm, effect: EffectPreview | None = None) -> str:
    with desk().read(actor()) as tx:
        page = list_cost_rates(tx, **counted_page())
        form.whose.choices = _people(tx)
    return render_template("reports/cost_rates.html", page=page, form=form, everyone=EVERYONE, effect=effect)


def _effect(form: CostRateForm) -> EffectPreview:
    """What a rate would move, once the form is valid."""
    command = form.new_rate() if form.validate_on_submit() else None
    try:
        if command is not None:
            with desk().read(actor()) as tx:
                return EffectPreview("rate", _moves(preview_cost_rate(tx, command)))
    except DeskError as error:
        add_desk_error(form, error)
    return EffectPreview("rate", error=typed_errors(form))


def _moves(found: CostRatePreview) -> list[Line]:
    """What becomes of the cost of work, by month."""

    def change(before_minor: int, after_minor: int) -> dict[str, str]:
        return {
            "before": money_text(before_minor, found.currency),
            "after": money_text(after_minor, found.currency),
        }

    if not found.months:
        return [Line(gettext("No margin changes: no work is priced anew."))]
    total = ngettext(
        "The work for %(num)s contract that is priced anew costs %(after)s instead of %(before)s.",
        "The work for %(num)s contracts that is priced anew costs %(after)s instead of %(before)s.",
        found.contracts,
        **change(found.cost_minor_before, found.cost_minor_after),
    )
    months = []
    for one in found.months:
        values = {
            "month": month_label(one.month),
            "time": minutes_text(one.worked),
            **change(one.cost_minor_before, one.cost_minor_after),
        }
        months.append(
            gettext("%(month)s (closed), %(time)s: %(before)s → %(after)s", **values)
            if one.closed
            else gettext("%(month)s, %(time)s: %(before)s → %(after)s", **values)
        )
    needed = [Line(gettext("It has to be asked for, since the day has gone by."))] if found.asks else []
    return [Line(total, details=months), *needed]


def _people(tx: Transaction) -> Any:
    """Roles first, then everyone of staff by name."""
    of_roles = [(f"role:{one}", EVERYONE[one]) for one in DESK]
    return select_options([*of_roles, *((f"technician:{one}", name) for one, name in costing_people(tx))])


def _rate_row(one: CostRateView) -> list[Any]:
    whose = [one.technician_name, one.role]
    return [
        one.from_on, *whose, one.per_hour.amount_minor, one.per_hour.currency, one.reason, one.recorded_at,
    ]  # fmt: skip


def _by_month(report: MarginReport, chosen: dict[str, Any]) -> dict[str, Any]:
    """The plot and the table of the months."""
    months, currency = report.months(), report.currency
    names = [one.month for one in months]
    series = [
        Series(label, [getattr(one, name) for one in months], lambda minor: money_text(minor, currency))
        for name, label in LABELS.items()
        if name != "worked"
    ]
    columns = [Column(gettext("Month")), *(Column(label, is_amount=True) for label in LABELS.values())]
    rows = []
    for one in months:
        only = chosen | {"from": one.month, "to": one.month}
        link = Cell(month_label(one.month), url_for("reports.margin", **only))
        rows.append([link, *_amounts(one, currency, only)])
    return {"plot": plot_months(names, series), "months": Table(columns, rows)}


def _table(report: MarginReport, contracts: list[MarginOfContract], chosen: dict[str, Any]) -> Table:
    columns = [Column(gettext("Contract")), Column(gettext("Holder"))]
    amounts = [Column(label, is_amount=True) for label in LABELS.values()]
    rows = [
        [
            Cell(one.contract_number, url_for("contract.show", contract_id=one.contract)),
            Cell(one.holder_name),
            *_amounts(one, report.currency, chosen | {"contract": one.contract}),
        ]
        for one in contracts
    ]
    return Table([*columns, *amounts], rows)


def _amounts(one: Margin, currency: str, only: dict[str, Any]) -> list[Cell]:
    """Revenue, cost, margin and time, each with what it is made of: sales, work, the months and contracts."""
    behind = {
        "revenue_minor": "reports.margin_revenue",
        "cost_minor": "reports.utilization_entries",
        "margin_minor": "reports.margin",
        "worked": "reports.utilization_entries",
    }
    cells = []
    for name in LABELS:
        value = getattr(one, name)
        text = minutes_text(value) if name == "worked" else money_text(value, currency)
        cells.append(Cell(text, url_for(behind[name], **only) if value else ""))
    return cells


def _revenue_table(report: MarginReport, revenue: list[RevenueOfContract]) -> Table:
    labels = gettext("Month"), gettext("Contract"), gettext("Sold"), gettext("Invoice")
    rows = [
        [
            Cell(month_label(one.month)),
            Cell(one.contract_number, url_for("contract.show", contract_id=one.contract)),
            Cell(SOLD_KINDS[one.kind], _work_of(one)),
            Cell(
                one.invoice_number or "",
                url_for("invoice.show", invoice_id=one.invoice) if one.invoice else "",
            ),
            Cell(money_text(one.revenue_minor, report.currency)),
        ]
        for one in revenue
    ]
    columns = [Column(label) for label in labels]
    return Table([*columns, Column(gettext("Revenue"), is_amount=True)], rows)


def _work_of(one: RevenueOfContract) -> str:
    """The work that an amount of time is made of."""
    return url_for("to_invoice.work", sold_item_id=one.sold) if one.kind == "overage" else ""


def _notes(report: MarginReport) -> list[str]:
    unpriced = sum(one.unpriced for one in report.months())
    if not unpriced:
        return []
    time = minutes_text(unpriced)
    return [gettext("%(time)s of work have no cost rate and cost nothing here.", time=time)]
