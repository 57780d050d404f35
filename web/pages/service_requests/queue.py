"""The queue of service requests, with views such as mine, unassigned and at risk; customers see their own."""

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from web.pages.context import actor, desk, now
from web.pages.forms.base import ActionForm
from web.pages.forms.pickers import option_of
from web.pages.layout.listing import all_rows, csv_response, cursor, query_filters, wants_csv
from web.pages.service_requests.sla import next_target
from web.pages.wording.formats import minutes_text
from web.pages.wording.labels import PRIORITIES, REQUEST_STATES
from workflows.contracts.queries import list_contracts
from workflows.core.transaction import Transaction
from workflows.register import list_org_units
from workflows.service_requests.queries import list_service_requests
from workflows.views import Page
from workflows.views.service_requests import ServiceRequestView

VIEWS: dict[str, tuple[str, dict[str, Any]]] = {
    "mine": ("Mine", {"queue": "mine", "order": "opened_at"}),
    "unassigned": ("Unassigned", {"queue": "unassigned", "order": "opened_at"}),
    "risk": ("At risk", {"queue": "at_risk", "order": "next_due_at"}),
    "waiting": ("Waiting for a contract", {"queue": "waiting", "order": "opened_at"}),
    "open": ("Unresolved", {"queue": "unfinished", "order": "-opened_at"}),
    "all": ("All", {}),
}
CUSTOMER_VIEWS = ("open", "waiting", "all")
FILTERS = ("q", "state", "priority", "customer", "item", "org_unit", "contract", "technician", "order")
EMPTY_TEXTS = {
    "mine": ("No requests assigned to you", "Pick an unassigned request, or log a new one."),
    "unassigned": ("No unassigned requests", "Every unresolved request has an assignee."),
    "risk": ("No requests at risk", "No target whose clock runs is overdue or due within four hours."),
    "waiting": ("No requests waiting for a contract", "Work can start on every unresolved request."),
    "open": ("No unresolved requests", "New requests appear here until they are resolved."),
    "all": ("No requests yet", "All requests appear here, from open to closed."),
}
CSV_HEADER = [
    "number",
    "subject",
    "customer",
    "org_unit",
    "item",
    "state",
    "priority",
    "technician",
    "contract",
    "opened_at",
    "resolution_due_at",
    "worked",
    "chargeable",
]

pages = Blueprint("queue", __name__)


@pages.get("/requests")
def queue() -> str | Response:
    view = request.args.get("view", "")
    offered = list(VIEWS) if actor().is_staff else list(CUSTOMER_VIEWS)
    if view not in offered:
        view = "mine" if actor().role == "technician" else "open"
    filters = query_filters(*FILTERS)
    with desk().read(actor()) as tx:
        chosen = {**VIEWS[view][1], **_resolved(tx, filters)}
        if wants_csv():
            rows = all_rows(lambda **at: _read(tx, chosen, at))
            return csv_response("service-requests", CSV_HEADER, [_row(one) for one in rows])
        page = _read(tx, chosen, {"cursor": cursor()})
        return render_template(
            "service_requests/queue.html",
            page=page,
            view=view,
            views={key: VIEWS[key][0] for key in offered},
            filters=filters,
            record_filters=_record_filters(tx, filters),
            empty=EMPTY_TEXTS[view],
            states=REQUEST_STATES,
            priorities=PRIORITIES,
            targets={one.id: next_target(one, now()) for one in page.items},
            action_form=ActionForm(formdata=None),
        )


def _read(tx: Transaction, chosen: dict[str, Any], at: dict[str, Any]) -> Page[ServiceRequestView]:
    if None in (chosen.get("contract", ""), chosen.get("org_unit", "")):
        return Page([], None)
    return list_service_requests(tx, **chosen, **at)


def _resolved(tx: Transaction, filters: dict[str, str]) -> dict[str, str | None]:
    """The filters for the query, with contract numbers and org unit codes replaced by ids.

    None means that the record does not exist, so nothing matches.
    """
    resolved: dict[str, str | None] = dict(filters)
    if "contract" in filters:
        found = list_contracts(tx, number=filters["contract"].upper(), limit=1).items
        resolved["contract"] = found[0].id if found else _known_id(tx, "contract", filters["contract"])
    if "org_unit" in filters:
        units = list_org_units(tx, code=filters["org_unit"], limit=1).items
        units = units or list_org_units(tx, q=filters["org_unit"], limit=1).items
        resolved["org_unit"] = units[0].id if units else _known_id(tx, "org_unit", filters["org_unit"])
    return resolved


def _known_id(tx: Transaction, kind: str, record_id: str) -> str | None:
    """The id itself if it is one: links use ids, users type numbers or codes."""
    if kind == "org_unit":
        return record_id if option_of(tx, f"org_unit:{record_id}", ["org_unit"]) else None
    return record_id if len(record_id) >= 20 else None


def _record_filters(tx: Transaction, filters: dict[str, str]) -> dict[str, str]:
    """The names of the customer and the item that the list is filtered by."""
    names = {}
    for name, kind in (("customer", "customer"), ("item", "item")):
        if name in filters:
            option = option_of(tx, f"{kind}:{filters[name]}", [kind])
            names[name] = option.label if option else "unknown record"
    return names


def _resolution_due(one: ServiceRequestView) -> str | None:
    """When the resolution is due; nothing while that is postponed because the clock is stopped."""
    if one.resolution_due_at is None or one.resolution_state == "stopped":
        return None
    return one.resolution_due_at.isoformat()


def _row(one: ServiceRequestView) -> list[Any]:
    return [
        one.number,
        one.subject,
        one.customer_name,
        one.org_unit_name,
        one.item_number,
        one.state,
        one.priority,
        one.technician_name,
        one.coverage.contract_number if one.coverage else None,
        one.opened_at.isoformat(),
        _resolution_due(one),
        minutes_text(one.worked_minutes).replace(",", ""),
        minutes_text(one.chargeable_minutes).replace(",", ""),
    ]
