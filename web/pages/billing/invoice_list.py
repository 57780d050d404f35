"""The list of invoices and credit notes, with views such as drafts and overdue."""

from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from web.languages import gettext, mark, mark_in
from web.pages.context import actor, desk, settings
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.billing import dunning_level_text
from workflows.billing.invoicing.queries import list_invoices
from workflows.core.actors import OFFICE
from workflows.views.billing import InvoiceView

DEFAULT_ORDER = "-created_at"
VIEWS: dict[str, tuple[str, dict[str, Any]]] = {
    "": (mark_in("invoices", "All"), {}),
    "draft": (mark("Drafts"), {"state": "draft"}),
    "open": (mark("Not paid"), {"payment": "open", "order": "due_on"}),
    "unpaid": (mark_in("invoices", "Unpaid"), {"payment": "unpaid", "order": "due_on"}),
    "part-paid": (mark_in("invoices", "Partly paid"), {"payment": "part_paid", "order": "due_on"}),
    "overdue": (mark("Overdue"), {"payment": "overdue", "order": "due_on"}),
    "paid": (mark_in("invoices", "Paid"), {"payment": "paid"}),
    "written-off": (mark_in("invoices", "Written off"), {"payment": "written_off"}),
    "to-process": (mark("To process"), {"delivery": "to_process"}),
    "credit-notes": (mark("Credit notes"), {"kind": "credit_note"}),
    "void": (mark_in("invoices", "Void"), {"state": "void"}),
}
STAFF_VIEWS = ("draft", "to-process")
"""Customers see no drafts, and do not process."""
CSV_HEADER = [
    "number", "kind", "state", "payment", "delivery", "customer", "issued_on", "due_on", "currency",
    "net_minor", "tax_minor", "total_minor", "paid_minor", "open_minor",
    "written_off_minor", "dunning_level",
]  # fmt: skip

pages = Blueprint("invoices", __name__, url_prefix="/invoices")


@pages.get("")
def invoices() -> str | Response:
    filters = query_filters("view", "q", "number", "customer", "org_unit", "level", "order")
    view = filters.pop("view", "")
    if view not in VIEWS or (view in STAFF_VIEWS and not actor().is_staff):
        view = ""
    levels = _levels()
    level = filters.pop("level", "")
    if view != "overdue" or level not in levels:
        level = ""
    chosen = {**VIEWS[view][1], **filters, **({"dunning_level": int(level)} if level else {})}
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_invoices(tx, **chosen, **at))
            return csv_response("invoices", CSV_HEADER, [_row(one) for one in rows])
        page = list_invoices(tx, **chosen, **counted_page())
    return render_template(
        "billing/invoices.html",
        page=page,
        view=view,
        views={
            key: gettext(label)
            for key, (label, _) in VIEWS.items()
            if key not in STAFF_VIEWS or actor().is_staff
        },
        filters=filters,
        level=level,
        levels=levels if view == "overdue" else {},
        order=chosen.get("order", DEFAULT_ORDER),
        may_write=actor().role in OFFICE and settings().invoicing,
    )


def _levels() -> dict[str, str]:
    """The dunning levels that overdue invoices are filtered by, with their labels."""
    return {str(one): dunning_level_text(one) for one in range(len(settings().dunning_levels) + 1)}


def _row(one: InvoiceView) -> list[Any]:
    amounts = [
        getattr(one, name).amount_minor for name in ("net", "tax", "total", "paid", "open", "written_off")
    ]
    return [
        one.number,
        one.kind,
        one.state,
        one.payment,
        one.delivery,
        one.party_name,
        one.issued_on,
        one.due_on,
        one.currency,
        *amounts,
        one.dunning_level,
    ]
