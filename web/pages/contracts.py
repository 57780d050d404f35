"""The list of contracts, by what people ask: what is in force, what waits, what ends soon."""

from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from web.pages.formats import minutes_text
from web.pages.listing import asked, csv_response, cursor, every_page, wants_csv
from web.pages.pickers import KINDS, option_of
from web.pages.shell import actor, desk
from workflows.contract_views import contract_types, list_contracts
from workflows.desk import Transaction
from workflows.views.contracts import ContractDetail

SOON_DAYS = 30
VIEWS: dict[str, tuple[str, dict[str, Any]]] = {
    "": ("All", {}),
    "active": ("Active", {"state": "active"}),
    "pending": ("Pending", {"state": "pending"}),
    "soon": (f"End within {SOON_DAYS} days", {"ends_within_days": SOON_DAYS, "order": "expires_at"}),
    "exhausted": ("Used up", {"state": "exhausted"}),
    "expired": ("Expired", {"state": "expired"}),
    "cancelled": ("Cancelled", {"state": "cancelled"}),
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
    filters = asked("view", "q", "type", "holder", "order")
    view = filters.pop("view", "")
    chosen: dict[str, Any] = {**VIEWS.get(view, VIEWS[""])[1], **filters}
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = every_page(lambda **at: list_contracts(tx, **chosen, **at))
            return csv_response("contracts", CSV_HEADER, [_row(one) for one in rows])
        return render_template(
            "contracts/index.html",
            page=list_contracts(tx, **chosen, cursor=cursor()),
            view=view,
            views={key: label for key, (label, _) in VIEWS.items()},
            filters=filters,
            types=contract_types(tx),
            holder=_holder(tx, filters.get("holder")),
        )


def _holder(tx: Transaction, holder_id: str | None) -> str | None:
    """What the holder that the list is narrowed to is called."""
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
