"""The main menu, by role."""

from dataclasses import dataclass

from flask import request, url_for

from web.languages import gettext, mark
from web.pages.context import actor, desk, settings
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
    """A menu entry, whose label is marked for translation.

    It is also marked as current on pages of `also_blueprints`. `setting`: it is only shown while that is on.
    `of_invoices`: it is shown while there are invoices, also from before they were switched off.
    """

    endpoint: str
    label: str
    roles: frozenset[Role]
    also_blueprints: tuple[str, ...] = ()
    setting: str = ""
    of_invoices: bool = False


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
        mark("Service desk"),
        [
            MenuItem("home.home", mark("Overview"), STAFF - {"technician"}),
            MenuItem("queue.queue", mark("Queue"), STAFF, (*REQUEST_PAGES, "uncovered")),
            MenuItem("log_request.log", mark("Log a request"), DESK),
            MenuItem("work_approval.entries", mark("Entries to approve"), DESK, setting="work_approval"),
            MenuItem("approvals.approvals", mark("Approvals"), STAFF, setting="contracts"),
            MenuItem("contracts.contracts", mark("Contracts"), STAFF, CONTRACT_PAGES),
            MenuItem("quotes.quotes", mark("Quotes"), OFFICE),
            MenuItem("products.products", mark("Price list"), OFFICE),
            MenuItem("disputes.disputes", mark("Disputes"), STAFF),
            MenuItem("alerts.alerts", mark("Alerts"), STAFF),
            MenuItem("explorer.explorer", mark("Coverage explorer"), STAFF),
            MenuItem("reports.index", mark("Reports"), OFFICE),
        ],
    ),
    (
        mark("My support"),
        [
            MenuItem("home.home", mark("Overview"), CUSTOMER),
            MenuItem("queue.queue", mark("My requests"), CUSTOMER, REQUEST_PAGES),
            MenuItem("log_request.log", mark("Log a request"), CUSTOMER),
            MenuItem("contracts.contracts", mark("My contracts"), CUSTOMER, CONTRACT_PAGES),
            MenuItem("quotes.quotes", mark("My quotes"), CUSTOMER),
            MenuItem("approvals.approvals", mark("Approvals"), CUSTOMER, setting="contracts"),
            MenuItem("offers.offers", mark("Buy support"), CUSTOMER, setting="invoices"),
            MenuItem("invoices.invoices", mark("My invoices"), CUSTOMER, INVOICE_PAGES, of_invoices=True),
            MenuItem("disputes.disputes", mark("My objections"), CUSTOMER),
            MenuItem("items.items", mark("My items"), CUSTOMER),
        ],
    ),
    (
        mark("Billing"),
        [
            MenuItem("invoices.invoices", mark("Invoices"), OFFICE, INVOICE_PAGES, of_invoices=True),
            MenuItem("to_invoice.items", mark("To invoice"), OFFICE, setting="invoices"),
            MenuItem("time_to_bill.items", mark("Time to bill"), OFFICE, setting="invoices"),
            MenuItem("recurring_sales.sales", mark("Recurring sales"), OFFICE, setting="invoices"),
            MenuItem("payments.payments", mark("Payments"), OFFICE, of_invoices=True),
            MenuItem(
                "bank_statements.statements",
                mark("Bank statements"),
                ACCOUNTANTS,
                ("bank_entries",),
                of_invoices=True,
            ),
            MenuItem("accounts.trial_balance", mark("Accounts"), ACCOUNTANTS, of_invoices=True),
            MenuItem("accounting_exports.exports", mark("Accounting exports"), ACCOUNTANTS, of_invoices=True),
        ],
    ),
    (
        mark("Directory"),
        [
            MenuItem("customers.customers", mark("Customers"), STAFF, ("erasure",)),
            MenuItem("org_units.org_units", mark("Org units"), STAFF),
            MenuItem("items.items", mark("Items"), STAFF),
        ],
    ),
    (
        mark("Administration"),
        [
            MenuItem("activation.activation", mark("Billing"), ADMINISTRATOR),
            MenuItem("settings.settings", mark("Settings"), ADMINISTRATOR, ("logo", "retention")),
            MenuItem("rules.rules", mark("Rules"), OFFICE, ("replays", "rule_editor")),
            MenuItem("users.users", mark("Users"), ADMINISTRATOR),
            MenuItem("audit.audit", mark("Audit trail"), ADMINISTRATOR),
            MenuItem("jobs.jobs", mark("Jobs"), ADMINISTRATOR),
            MenuItem("outbox.outbox", mark("Outbox"), ADMINISTRATOR),
            MenuItem("mail_templates.templates", mark("Mail templates"), ADMINISTRATOR),
            MenuItem("webhooks.webhooks", mark("Webhooks"), ADMINISTRATOR),
            MenuItem("ledger.ledger", mark("Ledger"), OFFICE),
            MenuItem("accounting_periods.periods", mark("Accounting periods"), ACCOUNTANTS),
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
            groups.append(Group(gettext(title), links))
    return groups


def _is_on(item: MenuItem) -> bool:
    if item.of_invoices:
        return desk().config.shows_invoices
    return not item.setting or bool(getattr(settings(), item.setting))


def _link(item: MenuItem) -> Link:
    own = item.endpoint.split(".", 1)[0]
    return Link(
        url_for(item.endpoint), gettext(item.label), request.blueprint in (own, *item.also_blueprints)
    )
