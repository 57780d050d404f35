"""The menu: what each role needs, in the order it needs it."""

from dataclasses import dataclass

from flask import request, url_for

from web.pages.context import actor
from workflows.core import actors
from workflows.core.actors import Role

DESK: frozenset[Role] = frozenset(actors.DESK)
STAFF: frozenset[Role] = frozenset(actors.STAFF)
OFFICE: frozenset[Role] = frozenset(actors.OFFICE)
ADMINISTRATOR: frozenset[Role] = frozenset({"administrator"})
CUSTOMER: frozenset[Role] = frozenset({"customer"})


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the menu; the pages of the blueprints in `within` count as being there, too."""

    endpoint: str
    label: str
    roles: frozenset[Role]
    within: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    href: str
    label: str
    current: bool


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    links: list[Link]


REQUEST_PAGES = ("service_request", "request_work", "request_coverage", "request_edit")
CONTRACT_PAGES = ("contract", "contract_sell")

GROUPS: list[tuple[str, list[Place]]] = [
    (
        "Desk",
        [
            Place("home.home", "Overview", STAFF - {"technician"}),
            Place("queue.queue", "Queue", STAFF, (*REQUEST_PAGES, "uncovered")),
            Place("log_request.log", "Log a request", DESK),
            Place("contracts.contracts", "Contracts", STAFF, CONTRACT_PAGES),
            Place("explorer.explorer", "Coverage explorer", STAFF),
        ],
    ),
    (
        "My desk",
        [
            Place("home.home", "Overview", CUSTOMER),
            Place("queue.queue", "My requests", CUSTOMER, REQUEST_PAGES),
            Place("log_request.log", "Log a request", CUSTOMER),
            Place("contracts.contracts", "My contracts", CUSTOMER, CONTRACT_PAGES),
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
            Place("rules.rules", "Rules", OFFICE, ("replays", "rule_editor")),
            Place("users.users", "Users", ADMINISTRATOR),
            Place("jobs.jobs", "Jobs", ADMINISTRATOR),
            Place("outbox.outbox", "Outbox", ADMINISTRATOR),
            Place("ledger.ledger", "Ledger", OFFICE),
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
    return Link(url_for(place.endpoint), place.label, request.blueprint in (own, *place.within))
