"""The REST API under /api/v1 and its OpenAPI document."""

from flask import Flask

import web.api.holder_statements  # noqa: F401  # adds routes to the groups of holders
from web.api.administration import billing, settings
from web.api.alerts import alerts
from web.api.contracts import contracts
from web.api.docs import register_docs
from web.api.ledger import ledger, sandbox
from web.api.register import customers, items, org_units
from web.api.routing import RouteGroup
from web.api.rules import rules
from web.api.service_requests import coverage, service_requests, work
from web.api.users import users
from workflows.core.desk import Desk

ROUTE_GROUPS: tuple[RouteGroup, ...] = (
    org_units,
    customers,
    items,
    contracts,
    service_requests,
    coverage,
    work,
    alerts,
    ledger,
    settings,
    billing,
    rules,
    users,
)


def register_api(app: Flask) -> None:
    """Register every route of the API. The routes of the sandbox clock exist only in a sandbox."""
    desk: Desk = app.extensions["coverdesk"]
    groups = (*ROUTE_GROUPS, sandbox) if desk.sandbox else ROUTE_GROUPS
    operations = [operation for group in groups for operation in group.operations]
    for group in groups:
        group.register(app)
    register_docs(app, operations)
