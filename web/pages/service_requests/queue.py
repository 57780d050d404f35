"""The queue of service requests, with views such as mine, unassigned and at risk; customers see their own."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from engine.service_requests import FINISHED_STATES, UNFINISHED_STATES
from web.languages import gettext, mark, mark_in
from web.pages.context import actor, desk, now
from web.pages.forms.base import ActionForm
from web.pages.forms.pickers import find_org_unit, option_of
from web.pages.layout.listing import all_rows, counted_page, csv_response, cursor, query_filters, wants_csv
from web.pages.service_requests.sla import next_target
from web.pages.session.saved_filters import known_query
from web.pages.wording.formats import minutes_text
from web.pages.wording.labels import PRIORITIES, REQUEST_STATES
from workflows.contracts.queries import list_contracts
from workflows.core.transaction import Transaction
from workflows.languages.texts import in_language
from workflows.service_requests.queries import list_service_requests
from workflows.views import CountedPage, Page
from workflows.views.service_requests import ServiceRequestView

VIEWS: dict[str, tuple[str, dict[str, Any]]] = {
    "mine": (mark("Mine"), {"queue": "mine", "order": "urgency"}),
    "unassigned": (mark_in("requests", "Unassigned"), {"queue": "unassigned", "order": "urgency"}),
    "risk": (mark("At risk"), {"queue": "at_risk", "order": "urgency"}),
    "waiting": (mark("Waiting for a contract"), {"queue": "waiting", "order": "opened_at"}),
    "open": (mark("Unresolved"), {"queue": "unfinished", "order": "urgency"}),
    "all": (mark_in("requests", "All"), {"order": "-opened_at"}),
}
CUSTOMER_VIEWS = ("open", "waiting", "all")
CUSTOMER_ORDER = "-opened_at"
FILTERS = ("q", "state", "priority", "customer", "item", "org_unit", "contract", "technician", "order")
EMPTY_TEXTS = {
    "mine": (
        mark("No requests assigned to you"),
        mark("Pick an unassigned request, or log a new one."),
    ),
    "unassigned": (mark("No unassigned requests"), mark("Every unresolved request has an assignee.")),
    "risk": (
        mark("No requests at risk"),
        mark("No target whose clock runs is overdue or due within four hours."),
    ),
    "waiting": (
        mark("No requests waiting for a contract"),
        mark("Work can start on every unresolved request."),
    ),
    "open": (
        mark("No unresolved requests"),
        mark("New requests appear here until they are resolved."),
    ),
    "all": (mark("No requests yet"), mark("All requests appear here, from open to closed.")),
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


@dataclass(frozen=True, slots=True)
class RequestList:
    """A list of service requests: the view, and the filters in it."""

    view: str
    filters: dict[str, str]

    @property
    def query(self) -> dict[str, Any]:
        """The arguments of `list_service_requests`, before records are looked up."""
        own: dict[str, Any] = VIEWS[self.view][1]
        if not actor().is_staff:
            own = {**own, "order": CUSTOMER_ORDER}
        if self.view == "mine" and self.filters.get("state") in FINISHED_STATES:
            own = {"technician": actor().id, "order": "-opened_at"}
        return {**own, **self.filters}


@pages.get("/requests")
def queue() -> str | Response:
    offered = offered_views()
    filters = query_filters(*FILTERS)
    chosen = request_list(request.args.get("view", ""), filters)
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: read_list(tx, chosen, at))
            with in_language("en"):
                return csv_response("service-requests", CSV_HEADER, [_row(one) for one in rows])
        page = read_list(tx, chosen, counted_page())
        return render_template(
            "service_requests/queue.html",
            page=page,
            view=chosen.view,
            views={key: gettext(VIEWS[key][0]) for key in offered},
            filters=filters,
            order=chosen.query["order"],
            list_query=_list_query(chosen.view),
            record_filters=_record_filters(tx, filters),
            empty=[gettext(text) for text in EMPTY_TEXTS[chosen.view]],
            states=REQUEST_STATES,
            priorities=PRIORITIES,
            targets={one.id: next_target(one, now()) for one in page.items},
            action_form=ActionForm(formdata=None),
        )


def offered_views() -> list[str]:
    return list(VIEWS) if actor().is_staff else list(CUSTOMER_VIEWS)


def request_list(asked_view: str, filters: dict[str, str]) -> RequestList:
    """The list for a view and filters; another view if that one has no request in the state asked for."""
    state = filters.get("state")
    view = asked_view
    if view not in offered_views():
        view = "mine" if actor().role == "technician" and state not in FINISHED_STATES else "open"
    if state in FINISHED_STATES and view != "mine":
        view = "all"
    elif state in UNFINISHED_STATES and view == "waiting" and state != "pending_no_contract":
        view = "open"
    return RequestList(view, filters)


def read_list(tx: Transaction, chosen: RequestList, at: dict[str, Any]) -> Page[ServiceRequestView]:
    """A page of the list; `at` has the page, as arguments of `list_service_requests`."""
    return _read(tx, _resolved(tx, chosen.query), at)


def _list_query(view: str) -> str:
    """The query string of this list and page, for the links to its requests."""
    shown = {**request.args.to_dict(), "view": view}
    return urlencode([*parse_qsl(known_query("queue.queue", urlencode(shown))), *_page_of_list()])


def _page_of_list() -> list[tuple[str, str]]:
    at = cursor()
    return [("cursor", at)] if at else []


def _read(tx: Transaction, chosen: dict[str, Any], at: dict[str, Any]) -> Page[ServiceRequestView]:
    if None in (chosen.get("contract", ""), chosen.get("org_unit", "")):
        return CountedPage([], None)
    return list_service_requests(tx, **chosen, **at)


def _resolved(tx: Transaction, filters: dict[str, Any]) -> dict[str, Any]:
    """The filters for the query, with contract numbers and org unit codes replaced by ids.

    None means that the record does not exist, so nothing matches.
    """
    resolved: dict[str, Any] = dict(filters)
    if "contract" in filters:
        found = list_contracts(tx, number=filters["contract"].upper(), limit=1).items
        resolved["contract"] = found[0].id if found else _known_id(filters["contract"])
    if "org_unit" in filters:
        resolved["org_unit"] = find_org_unit(tx, filters["org_unit"])
    return resolved


def _known_id(typed: str) -> str | None:
    """The id itself if it is one: links use ids, users type numbers."""
    return typed if len(typed) >= 20 else None


def _record_filters(tx: Transaction, filters: dict[str, str]) -> dict[str, str]:
    """The names of the customer and the item that the list is filtered by."""
    names = {}
    for name, kind in (("customer", "customer"), ("item", "item")):
        if name in filters:
            option = option_of(tx, f"{kind}:{filters[name]}", [kind])
            names[name] = option.label if option else gettext("unknown record")
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
