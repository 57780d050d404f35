"""The main menu, by role."""

from dataclasses import dataclass

from flask import request, url_for

from web.pages.context import actor, settings
from workflows.accounting_periods import use_cases
from workflows.core import actors
from workflows.core.actors import Role

DESK: frozenset[Role] = frozenset(actors.DESK)
STAFF: frozenset[Role] = frozenset(actors.STAFF)
OFFICE: frozenset[Role] = frozenset(actors.OFFICE)
ACCOUNTANTS: frozenset[Role] = frozenset(use_cases.ACCOUNTANTS)
ADMINISTRATOR: frozenset[Role] = frozenset({"administrator"})
CUSTOMER: frozenset[Role] = frozenset({"customer"})


@dataclass(frozen=True, slots=True)
class MenuItem:
    """A menu entry; it is also marked as current on pages of `also_blueprints`.

    `setting`: it is only shown while that is on.
    """

    endpoint: str
    label: str
    roles: frozenset[Role]
    also_blueprints: tuple[str, ...] = ()
    setting: str = ""


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
INVOICE_PAGES = ("invoice", "invoice_draft", "invoice_drafts")

MENU: list[tuple[str, list[MenuItem]]] = [
    (
        "Service desk",
        [
            MenuItem("home.home", "Overview", STAFF - {"technician"}),
            MenuItem("queue.queue", "Queue", STAFF, (*REQUEST_PAGES, "uncovered")),
            MenuItem("log_request.log", "Log a request", DESK),
            MenuItem("work_approval.entries", "Entries to approve", DESK, setting="work_approval"),
            MenuItem("contracts.contracts", "Contracts", STAFF, CONTRACT_PAGES),
            MenuItem("quotes.quotes", "Quotes", OFFICE),
            MenuItem("products.products", "Price list", OFFICE),
            MenuItem("alerts.alerts", "Alerts", STAFF),
            MenuItem("explorer.explorer", "Coverage explorer", STAFF),
            MenuItem("reports.index", "Reports", OFFICE),
        ],
    ),
    (
        "My support",
        [
            MenuItem("home.home", "Overview", CUSTOMER),
            MenuItem("queue.queue", "My requests", CUSTOMER, REQUEST_PAGES),
            MenuItem("log_request.log", "Log a request", CUSTOMER),
            MenuItem("contracts.contracts", "My contracts", CUSTOMER, CONTRACT_PAGES),
            MenuItem("quotes.quotes", "My quotes", CUSTOMER),
            MenuItem("offers.offers", "Buy support", CUSTOMER, setting="invoices"),
            MenuItem("invoices.invoices", "My invoices", CUSTOMER, INVOICE_PAGES, setting="invoices"),
            MenuItem("items.items", "My items", CUSTOMER),
        ],
    ),
    (
        "Billing",
        [
            MenuItem("invoices.invoices", "Invoices", OFFICE, INVOICE_PAGES, setting="invoices"),
            MenuItem("to_invoice.items", "To invoice", OFFICE, setting="invoices"),
            MenuItem("time_to_bill.items", "Time to bill", OFFICE, setting="invoices"),
            MenuItem("recurring_sales.sales", "Recurring sales", OFFICE, setting="invoices"),
            MenuItem("payments.payments", "Payments", OFFICE, setting="invoices"),
            MenuItem(
                "bank_statements.statements",
                "Bank statements",
                ACCOUNTANTS,
                ("bank_entries",),
                setting="invoices",
            ),
            MenuItem("accounts.trial_balance", "Accounts", ACCOUNTANTS, setting="invoices"),
            MenuItem("accounting_exports.exports", "Accounting exports", ACCOUNTANTS, setting="invoices"),
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
            MenuItem("settings.settings", "Settings", ADMINISTRATOR, ("logo",)),
            MenuItem("rules.rules", "Rules", OFFICE, ("replays", "rule_editor")),
            MenuItem("users.users", "Users", ADMINISTRATOR),
            MenuItem("audit.audit", "Audit trail", ADMINISTRATOR),
            MenuItem("jobs.jobs", "Jobs", ADMINISTRATOR),
            MenuItem("outbox.outbox", "Outbox", ADMINISTRATOR),
            MenuItem("mail_templates.templates", "Mail templates", ADMINISTRATOR),
            MenuItem("webhooks.webhooks", "Webhooks", ADMINISTRATOR),
            MenuItem("ledger.ledger", "Ledger", OFFICE),
            MenuItem("accounting_periods.periods", "Accounting periods", ACCOUNTANTS),
        ],
    ),
]


def navigation() -> list[Group]:
    """The menu of the logged-in user, with the current page marked."""
    role = actor().role
    groups = []
    for title, items in MENU:
        links = [_link(item) for item in items if role in item.roles and _is_on(item)]
        if links:
            groups.append(Group(title, links))
    return groups


def _is_on(item: MenuItem) -> bool:
    return not item.setting or bool(getattr(settings(), item.setting))


def _link(item: MenuItem) -> Link:
    own = item.endpoint.split(".", 1)[0]
    return Link(url_for(item.endpoint), item.label, request.blueprint in (own, *item.also_blueprints))
