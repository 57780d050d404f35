"""The list of contracts, with views such as active, ending soon and running low."""

from datetime import datetime
from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm
from web.pages.forms.pickers import KINDS, option_of
from web.pages.layout.listing import all_rows, csv_response, cursor, query_filters, wants_csv
from web.pages.wording.formats import minutes_text
from workflows.contracts.queries import contract_types, list_contracts
from workflows.core.transaction import Transaction
from workflows.reports.running_out import MOST_CONTRACTS, RUN_OUT_DAYS, list_running_out
from workflows.views import Page
from workflows.views.contracts import ContractDetail

SOON_DAYS = 30
RUNNING_OUT = "running-out"
VIEWS: dict[str, tuple[str, dict[str, Any]]] = {
    "": ("All", {}),
    "active": ("Active", {"state": "active"}),
    "pending": ("Pending", {"state": "pending"}),
    "soon": (f"Ending within {SOON_DAYS} days", {"ends_within_days": SOON_DAYS, "order": "expires_at"}),
    RUNNING_OUT: ("Running low", {}),
    "exhausted": ("Used up", {"state": "exhausted"}),
    "expired": ("Expired", {"state": "expired"}),
    "cancelled": ("Cancelled", {"state": "cancelled"}),
}
EMPTY_TEXTS = {
    "active": "Active contracts appear here. They can cover requests.",
    "pending": "Contracts awaiting their start, payment or activation appear here.",
    "soon": f"Contracts that end within {SOON_DAYS} days appear here, soonest first.",
    RUNNING_OUT: f"Contracts that will run out within {RUN_OUT_DAYS} days at the current rate appear here.",
    "exhausted": "Contracts with no balance left appear here. A top-up makes them active again.",
    "expired": "Expired contracts appear here. They can be renewed.",
    "cancelled": "Cancelled contracts appear here, with the reason.",
}
CSV_HEADER = [
    "number",
    "type",
    "holder",
    "state",
    "pending_reason",
    "starts_on",
    "ends_on",
    "purchased",
    "drawn",
    "held",
    "available",
    "expired",
    "price_minor",
    "currency",
]

pages = Blueprint("contracts", __name__, url_prefix="/contracts")


@pages.get("")
def contracts() -> str | Response:
    filters = query_filters("view", "q", "type", "holder", "order")
    view = filters.pop("view", "")
    chosen: dict[str, Any] = {**VIEWS.get(view, VIEWS[""])[1], **filters}
    if not actor().is_staff and view == RUNNING_OUT:
        view = ""
    with desk().read(actor()) as tx:
        run_out: dict[str, datetime] = {}
        if view == RUNNING_OUT:
            run_out = {one.contract: one.runs_out_at for one in list_running_out(tx)}
        if wants_csv():
            rows = all_rows(lambda **at: _read(tx, chosen, run_out, view, at))
            return csv_response("contracts", CSV_HEADER, [_row(one) for one in rows])
        return render_template(
            "contracts/index.html",
            page=_read(tx, chosen, run_out, view, {"cursor": cursor()}),
            run_out=run_out,
            action_form=ActionForm(formdata=None),
            view=view,
            empty_texts=EMPTY_TEXTS,
            views={key: label for key, (label, _) in VIEWS.items() if key != RUNNING_OUT or actor().is_staff},
            filters=filters,
            types=contract_types(tx),
            holder=_holder(tx, filters.get("holder")),
        )


def _read(
    tx: Transaction, chosen: dict[str, Any], run_out: dict[str, datetime], view: str, at: dict[str, Any]
) -> Page[ContractDetail]:
    """One page of the list. The view "Running low" is a single page, by default ordered by run-out date."""
    if view != RUNNING_OUT:
        return list_contracts(tx, **chosen, **at)
    page = list_contracts(tx, ids=list(run_out), limit=MOST_CONTRACTS, **chosen)
    if "order" in chosen:
        return page
    return Page(sorted(page.items, key=lambda one: run_out[one.id]), None)


def _holder(tx: Transaction, holder_id: str | None) -> str | None:
    """The name of the holder that the list is filtered by."""
    if holder_id is None:
        return None
    for kind in KINDS:
        option = option_of(tx, f"{kind}:{holder_id}", [kind])
        if option is not None:
            return option.label
    return "this holder"


def _row(one: ContractDetail) -> list[Any]:
    unit = one.balance.incidents if one.draws == "incidents" else one.balance.minutes
    amounts = [unit.purchased, unit.drawn, unit.held, unit.available, unit.expired]
    shown = ["" for _ in amounts]
    if one.draws == "incidents":
        shown = [str(amount) for amount in amounts]
    elif one.draws == "minutes":
        shown = [minutes_text(amount).replace(",", "") for amount in amounts]
    price = one.price
    return [
        one.number,
        one.type_label,
        one.holder_name,
        one.state,
        one.pending_reason,
        one.starts_on,
        one.ends_on,
        *shown,
        price.amount_minor if price else None,
        price.currency if price else None,
    ]
