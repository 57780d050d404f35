"""The REST API under /api/v1 and its OpenAPI document."""

from flask import Flask

import web.api.approvals  # adds routes to the group of work
import web.api.erasures  # adds routes to the group of customers
import web.api.holder_statements  # adds routes to the groups of holders
import web.api.work_approval  # noqa: F401  # adds routes to the group of work
from web.api.accounting_exports import accounting_exports
from web.api.accounting_periods import accounting_periods
from web.api.accounts import accounts
from web.api.administration import billing, settings
from web.api.alerts import alerts
from web.api.bank_statements import bank_statements
from web.api.contracts import contracts
from web.api.disputes import disputes
from web.api.docs import register_docs
from web.api.invoices import invoices, payment_routes
from web.api.ledger import ledger, sandbox
from web.api.mail_templates import mail_templates
from web.api.payment_links import payment_links
from web.api.quotes import quotes
from web.api.recurring_sales import recurring_sales
from web.api.register import customers, items, org_units
from web.api.reports import reports
from web.api.routing import RouteGroup
from web.api.rules import rules
from web.api.selling import offers, products
from web.api.service_requests import coverage, service_requests, work
from web.api.users import users
from web.api.webhooks import webhooks
from workflows.core.desk import Desk

ROUTE_GROUPS: tuple[RouteGroup, ...] = (
    org_units,
    customers,
    items,
    contracts,
    products,
    offers,
    quotes,
    recurring_sales,
    invoices,
    payment_routes,
    bank_statements,
    service_requests,
    coverage,
    work,
    disputes,
    alerts,
    ledger,
    accounts,
    accounting_periods,
    accounting_exports,
    reports,
    settings,
    billing,
    rules,
    users,
    webhooks,
    mail_templates,
)


def register_api(app: Flask) -> None:
    """Register every route of the API.

    The routes of the sandbox clock exist only in a sandbox, those of payment links only with a provider.
    """
    desk: Desk = app.extensions["coverdesk"]
    groups = (*ROUTE_GROUPS, sandbox) if desk.sandbox else ROUTE_GROUPS
    groups = (*groups, payment_links) if desk.payments is not None else groups
    operations = [operation for group in groups for operation in group.operations]
    for group in groups:
        group.register(app)
    register_docs(app, operations)
