"""The menu: what each role needs, in the order it needs it."""

from dataclasses import dataclass

from flask import request, url_for

from web.pages.shell import actor
from workflows.desk import Role

DESK: frozenset[Role] = frozenset({"technician", "supervisor", "administrator"})
STAFF: frozenset[Role] = DESK | {"finance"}
ADMINISTRATOR: frozenset[Role] = frozenset({"administrator"})
CUSTOMER: frozenset[Role] = frozenset({"customer"})


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the menu: `within` is the blueprint whose other pages count as being there, too."""

    endpoint: str
    label: str
    roles: frozenset[Role]
    within: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    href: str
    label: str
    current: bool


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    links: list[Link]


GROUPS: list[tuple[str, list[Place]]] = [
    (
        "Desk",
        [
            Place("home.home", "Overview", STAFF),
            Place("queue.queue", "Queue", STAFF, "service_request"),
            Place("log_request.log", "Log a request", DESK),
            Place("contracts.contracts", "Contracts", STAFF, "contract"),
            Place("explorer.explorer", "Coverage explorer", STAFF),
        ],
    ),
    (
        "My desk",
        [
            Place("home.home", "Overview", CUSTOMER),
            Place("queue.queue", "My requests", CUSTOMER, "service_request"),
            Place("log_request.log", "Log a request", CUSTOMER),
            Place("contracts.contracts", "My contracts", CUSTOMER, "contract"),
            Place("items.items", "My items", CUSTOMER),
        ],
    ),
    (
        "Register",
        [
            Place("customers.customers", "Customers", STAFF),
            Place("org_units.org_units", "Org units", STAFF),
            Place("items.items", "Items", STAFF),
        ],
    ),
    (
        "House",
        [
            Place("activation.activation", "Billing", ADMINISTRATOR),
            Place("settings.settings", "Settings", ADMINISTRATOR),
            Place("rules.rules", "Rules", STAFF),
            Place("users.users", "Users", ADMINISTRATOR),
            Place("jobs.jobs", "Jobs", ADMINISTRATOR),
            Place("outbox.outbox", "Outbox", ADMINISTRATOR),
            Place("ledger.ledger", "Ledger audit", frozenset({"administrator", "finance"})),
        ],
    ),
]


def navigation() -> list[Group]:
    """The menu of who is logged in, with the page that is open marked."""
    role = actor().role
    groups = []
    for title, places in GROUPS:
        links = [_link(place) for place in places if role in place.roles]
        if links:
            groups.append(Group(title, links))
    return groups


def _link(place: Place) -> Link:
    own = place.endpoint.split(".", 1)[0]
    open_now = request.blueprint in (own, place.within) and request.blueprint is not None
    return Link(url_for(place.endpoint), place.label, open_now)
