"""The list of contracts, with views such as active, ending soon and running low."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from web.languages import gettext, mark, mark_in
from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm
from web.pages.forms.pickers import KINDS, find_org_unit, option_of
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.formats import minutes_text, plain_money
from workflows.contracts.holder_parties import Parties, parties_of_holders
from workflows.contracts.queries import contract_types, list_contracts
from workflows.core.transaction import Transaction
from workflows.languages.texts import in_language
from workflows.reports.running_out import MOST_CONTRACTS, RUN_OUT_DAYS, list_running_out
from workflows.views import CountedPage, Page
from workflows.views.contracts import ContractDetail

SOON_DAYS = 30
RUNNING_OUT, UNPAID = "running-out", "unpaid"
DEFAULT_ORDER = "-created_at"
VIEWS: dict[str, tuple[str, dict[str, Any]]] = {
    "": (mark("All"), {}),
    "active": (mark_in("contracts", "Active"), {"state": "active"}),
    "pending": (mark("Pending"), {"state": "pending"}),
    UNPAID: (mark("Awaiting payment"), {"awaiting_payment": True}),
    "soon": (mark("Ending within %(days)s days"), {"ends_within_days": SOON_DAYS, "order": "expires_at"}),
    RUNNING_OUT: (mark("Running low"), {}),
    "exhausted": (mark_in("contracts", "Used up"), {"state": "exhausted"}),
    "expired": (mark_in("contracts", "Expired"), {"state": "expired"}),
    "cancelled": (mark_in("contracts", "Cancelled"), {"state": "cancelled"}),
}
EMPTY_TEXTS = {
    "active": mark("Active contracts appear here. They can cover requests."),
    "pending": mark("Contracts awaiting their start, payment or activation appear here."),
    UNPAID: mark("Contracts that become active once finance has recorded their payment appear here."),
    "soon": mark("Contracts that end within %(days)s days appear here, soonest first."),
    RUNNING_OUT: mark("Contracts that will run out within %(days)s days at the current rate appear here."),
    "exhausted": mark("Contracts with no balance left appear here. A top-up makes them active again."),
    "expired": mark("Expired contracts appear here. They can be renewed."),
    "cancelled": mark("Cancelled contracts appear here, with the reason."),
}
DAYS = {"soon": SOON_DAYS, RUNNING_OUT: RUN_OUT_DAYS}
"""The days that the texts of a view name."""
CSV_HEADER = [
    "number",
    "type",
    "holder",
    "customer",
    "org_unit",
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
    filters = query_filters("view", "q", "type", "holder", "org_unit", "order")
    view = filters.pop("view", "")
    if view not in VIEWS or (view == RUNNING_OUT and not actor().is_staff):
        view = ""
    with desk().read(actor()) as tx:
        chosen = _resolved(tx, {**VIEWS[view][1], **filters})
        run_out: dict[str, datetime] = {}
        if view == RUNNING_OUT:
            run_out = {one.contract: one.runs_out_at for one in list_running_out(tx)}
        if wants_csv():
            with in_language("en"):
                rows = list(all_rows(lambda **at: _read(tx, chosen, run_out, view, at)))
                parties = _parties(tx, rows)
                return csv_response("contracts", CSV_HEADER, [_row(one, parties[one.id]) for one in rows])
        page = _read(tx, chosen, run_out, view, counted_page())
        return render_template(
            "contracts/index.html",
            page=page,
            parties=_parties(tx, page.items),
            run_out=run_out,
            action_form=ActionForm(formdata=None),
            view=view,
            empty_text=_text(view, EMPTY_TEXTS[view]) if view else "",
            views={
                key: _text(key, label)
                for key, (label, _) in VIEWS.items()
                if key != RUNNING_OUT or actor().is_staff
            },
            filters=filters,
            order=chosen.get("order", DEFAULT_ORDER),
            types=contract_types(tx),
            holder=_holder(tx, filters.get("holder")),
        )


def _text(view: str, text: str) -> str:
    """A text of a view in the reader's language."""
    return gettext(text, days=DAYS[view]) if view in DAYS else gettext(text)


def _resolved(tx: Transaction, chosen: dict[str, Any]) -> dict[str, Any]:
    """The filters, with the code or name of an org unit replaced by its id; None if there is no such unit."""
    if "org_unit" not in chosen:
        return chosen
    return {**chosen, "org_unit": find_org_unit(tx, chosen["org_unit"])}


def _parties(tx: Transaction, contracts: Sequence[ContractDetail]) -> dict[str, Parties]:
    """To whom the holder of each contract belongs, by the contract's id."""
    holders = {one.id: next(iter(one.holder.items())) for one in contracts}
    found = parties_of_holders(tx, set(holders.values()))
    return {one: found.get(holder, Parties()) for one, holder in holders.items()}


def _read(
    tx: Transaction, chosen: dict[str, Any], run_out: dict[str, datetime], view: str, at: dict[str, Any]
) -> Page[ContractDetail]:
    """One page of the list. The view "Running low" is a single page, by default ordered by run-out date."""
    if chosen.get("org_unit", "") is None:
        return CountedPage([], None)
    if view != RUNNING_OUT:
        return list_contracts(tx, **chosen, **at)
    page = list_contracts(tx, ids=list(run_out), limit=MOST_CONTRACTS, counted=True, **chosen)
    if "order" in chosen:
        return page
    return page.with_items(sorted(page.items, key=lambda one: run_out[one.id]))


def _holder(tx: Transaction, holder_id: str | None) -> str | None:
    """The name of the holder that the list is filtered by."""
    if holder_id is None:
        return None
    for kind in KINDS:
        option = option_of(tx, f"{kind}:{holder_id}", [kind])
        if option is not None:
            return option.label
    return gettext("this holder")


def _row(one: ContractDetail, parties: Parties) -> list[Any]:
    unit = one.balance.of(one.draws)
    amounts = [unit.purchased, unit.drawn, unit.held, unit.available, unit.expired]
    shown = ["" for _ in amounts]
    if one.draws == "incidents":
        shown = [str(amount) for amount in amounts]
    elif one.draws == "minutes":
        shown = [minutes_text(amount).replace(",", "") for amount in amounts]
    elif one.draws == "money":
        currency = one.balance.money.currency
        shown = [f"{currency} {plain_money(amount, currency)}" for amount in amounts]
    price = one.price
    return [
        one.number,
        one.type_label,
        one.holder_name,
        parties.customer_name,
        parties.org_unit_name,
        one.state,
        one.pending_reason,
        one.starts_on,
        one.ends_on,
        *shown,
        price.amount_minor if price else None,
        price.currency if price else None,
    ]
