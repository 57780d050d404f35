"""What should have been invoiced by now and was not: empty once the jobs have run."""

from typing import Any

from flask import url_for
from werkzeug.wrappers import Response

from web.languages import Texts, gettext, mark
from web.pages.context import actor, desk
from web.pages.layout.listing import csv_response, cursor, query_filters, wants_csv
from web.pages.reports.blueprint import pages
from web.pages.reports.layout import Cell, Choice, Column, ReportPage, Table
from web.pages.wording.formats import day_text, money_text
from web.report_files import DUE_CSV, csv_rows
from workflows.billing.invoicing.actions import ISSUERS
from workflows.billing.overage.due_not_raised import ORDER, all_due, list_due
from workflows.billing.sold.sold_texts import description_text
from workflows.views.billing import DueView

KINDS = Texts(
    {
        "time": mark("Time to bill"),
        "sale": mark("Sold"),
        "renewal": mark("Renewal"),
        "credit": mark("To credit"),
    }
)
PAGES = {"time": "time_to_bill.items", "sale": "to_invoice.items", "renewal": "contracts.contracts"}


@pages.get("/due-not-raised")
def due_not_raised() -> str | Response:
    """The report as a page, or its rows as CSV."""
    chosen = query_filters("kind")
    kind = chosen.get("kind")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = csv_rows(DUE_CSV, all_due(tx, kind=kind))
            return csv_response("due-not-raised", DUE_CSV, list(rows))
        page = list_due(tx, kind=kind, cursor=cursor())
    labels = gettext("Customer"), gettext("What"), gettext("Contract"), gettext("Due since")
    columns = [Column(label) for label in labels]
    has_credits = actor().role in ISSUERS and any(one.kind == "credit" for one in page.items)
    actions = [Column(gettext("Action"))] if has_credits else []
    return ReportPage(
        title=gettext("Due but not raised"),
        explanation=gettext(
            "What should have been invoiced by now and is on no invoice. The jobs write the drafts; time "
            "that was billed too high and fits on no draft is to be credited."
        ),
        chosen=chosen,
        page=page,
        table=Table(
            [*columns, Column(gettext("Amount"), is_amount=True), *actions],
            [[*_row(one), *_action(one, len(actions))] for one in page.items],
        ),
        what="due item",
        order=ORDER,
        empty=gettext("Everything that is due is on an invoice or in a draft."),
        choices=[Choice("kind", gettext("What"), [("", gettext("All")), *KINDS.items()])],
        has_months=False,
    ).render()


def _row(one: DueView) -> list[Cell]:
    contract = url_for("contract.show", contract_id=one.contract) if one.contract else ""
    text = description_text("recurring", one.description) if one.description else ""
    of_party: dict[str, Any] = {"customer": one.customer} if one.customer else {"org_unit": one.org_unit}
    if one.kind == "credit":
        href = url_for("invoice.show", invoice_id=one.invoice)
    else:
        href = url_for(PAGES[one.kind], **of_party)
    return [
        Cell(one.party_name),
        Cell(KINDS[one.kind], href, text),
        Cell(one.contract_number or "", contract),
        Cell(day_text(one.due_on)),
        Cell(money_text(one.amount.amount_minor, one.amount.currency)),
    ]


def _action(one: DueView, columns: int) -> list[Cell]:
    """What a person does about a row, where there is a column for it."""
    if one.kind != "credit":
        return [Cell("")] * columns
    return [Cell(gettext("Credit note"), url_for("to_invoice.credit", sold_item_id=one.sold))] * columns
