"""API route of the alerts."""

from web.api.queries import At, ListQuery, Text
from web.api.routing import RouteGroup
from workflows.core.transaction import Transaction
from workflows.reports.alerts import list_alerts
from workflows.views import Page
from workflows.views.alerts import AlertView

alerts = RouteGroup("Alerts")


class AlertQuery(ListQuery):
    """Filters of alerts.

    `kind` is sla_warning, sla_breach, threshold, expiring or exhaustion; `since` is the earliest instant.
    """

    kind: Text | None = None
    service_request: Text | None = None
    contract: Text | None = None
    since: At | None = None


@alerts.get("/alerts")
def get_alerts(tx: Transaction, query: AlertQuery) -> Page[AlertView]:
    """List alerts, the latest first. Not for customers."""
    return list_alerts(tx, **query.given())
