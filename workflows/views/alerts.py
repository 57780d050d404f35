"""Alerts as they are shown; instants are aware UTC."""

from datetime import datetime

from workflows.views.base import View, view


@view
class AlertView(View):
    """One alert, about a service request (with its `target`) or a contract (with its `level`).

    `at` is when it became true, `recorded_at` when the desk found that; `due_at` is the instant that it warns
    of: a target's, a contract's end, or the projected exhaustion. `level` is a threshold in percent of what
    was bought, or a number of days ahead. `holder_name` is that of the contract's holder
    today. One that is cleared can be given again.
    """

    id: str
    kind: str
    at: datetime
    due_at: datetime | None
    recorded_at: datetime
    cleared_at: datetime | None
    service_request: str | None
    service_request_number: str | None
    subject: str | None
    target: str | None
    contract: str | None
    contract_number: str | None
    holder_name: str | None
    level: int | None
