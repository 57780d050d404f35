"""The main menu, by role."""

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
class MenuItem:
    """A menu entry; it is also marked as current on pages of `also_blueprints`."""

    endpoint: str
    label: str
    roles: frozenset[Role]
    also_blueprints: tuple[str, ...] = ()


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

MENU: list[tuple[str, list[MenuItem]]] = [
    (
        "Service desk",
        [
            MenuItem("home.home", "Overview", STAFF - {"technician"}),
            MenuItem("queue.queue", "Queue", STAFF, (*REQUEST_PAGES, "uncovered")),
            MenuItem("log_request.log", "Log a request", DESK),
            MenuItem("contracts.contracts", "Contracts", STAFF, CONTRACT_PAGES),
            MenuItem("alerts.alerts", "Alerts", STAFF),
            MenuItem("explorer.explorer", "Coverage explorer", STAFF),
        ],
    ),
    (
        "My support",
        [
            MenuItem("home.home", "Overview", CUSTOMER),
            MenuItem("queue.queue", "My requests", CUSTOMER, REQUEST_PAGES),
            MenuItem("log_request.log", "Log a request", CUSTOMER),
            MenuItem("contracts.contracts", "My contracts", CUSTOMER, CONTRACT_PAGES),
            MenuItem("items.items", "My items", CUSTOMER),
        ],
    ),
    (
        "Directory",
        [
            MenuItem("customers.customers", "Customers", STAFF),
            MenuItem("org_units.org_units", "Org units", STAFF),
            MenuItem("items.items", "Items", STAFF),
        ],
    ),
    (
        "Administration",
        [
            MenuItem("activation.activation", "Billing", ADMINISTRATOR),
            MenuItem("settings.settings", "Settings", ADMINISTRATOR),
            MenuItem("rules.rules", "Rules", OFFICE, ("replays", "rule_editor")),
            MenuItem("users.users", "Users", ADMINISTRATOR),
            MenuItem("audit.audit", "Audit trail", ADMINISTRATOR),
            MenuItem("jobs.jobs", "Jobs", ADMINISTRATOR),
            MenuItem("outbox.outbox", "Outbox", ADMINISTRATOR),
            MenuItem("ledger.ledger", "Ledger", OFFICE),
        ],
    ),
]


def navigation() -> list[Group]:
    """The menu of the logged-in user, with the current page marked."""
    role = actor().role
    groups = []
    for title, items in MENU:
        links = [_link(item) for item in items if role in item.roles]
        if links:
            groups.append(Group(title, links))
    return groups


def _link(item: MenuItem) -> Link:
    own = item.endpoint.split(".", 1)[0]
    return Link(url_for(item.endpoint), item.label, request.blueprint in (own, *item.also_blueprints))
