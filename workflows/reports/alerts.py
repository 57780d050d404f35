"""The list of alerts: warnings and breaches of service levels, and what was noticed about contracts."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from engine.contract_alerts import CONTRACT_ALERT_KINDS
from engine.sla_alerts import SLA_ALERT_KINDS
from workflows.core.actors import STAFF
from workflows.core.errors import invalid
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.register.holder_names import holder_names
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.alerts import AlertView

ALERT_KINDS: tuple[str, ...] = (*SLA_ALERT_KINDS, *CONTRACT_ALERT_KINDS)
a, r, c = t.alert, t.service_request, t.contract


def list_alerts(
    tx: Transaction,
    *,
    kind: str | None = None,
    service_request: str | None = None,
    contract: str | None = None,
    since: datetime | None = None,
    kinds: tuple[str, ...] | None = None,
    order: str = "-at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[AlertView]:
    """A page of alerts, the latest first: of one kind, or one of `kinds`, from `since` (aware UTC) on.

    Raises: NotAllowed for customers; InvalidInput for an unknown kind, `order`, `limit` or `cursor`.
    """
    tx.require(*STAFF)
    if kind is not None and kind not in ALERT_KINDS:
        raise invalid(
            "/kind",
            gettext("%(kind)s is not a kind of alert.", kind=repr(kind)),
            gettext("Use one of %(alert_kinds)s.", alert_kinds=", ".join(ALERT_KINDS)),
        )
    statement = (
        select(a, r.c.number.label("request_number"), r.c.subject, c.c.number.label("contract_number"))
        .add_columns(c.c.holder_kind, c.c.holder_id)
        .join(r, r.c.id == a.c.service_request_id, isouter=True)
        .join(c, c.c.id == a.c.contract_id, isouter=True)
    )
    if kind is not None:
        statement = statement.where(a.c.kind == kind)
    if kinds is not None:
        statement = statement.where(a.c.kind.in_(kinds))
    if service_request is not None:
        statement = statement.where(a.c.service_request_id == service_request)
    if contract is not None:
        statement = statement.where(a.c.contract_id == contract)
    if since is not None:
        statement = statement.where(a.c.at >= since)
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders={"at": Sort(a.c.at)},
        by_id=a.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    names = holder_names(tx, {_holder(row) for row in page.items if row.contract_id is not None})
    return page.with_items([_view(row, names.get(_holder(row))) for row in page.items])


def _holder(row: Row[Any]) -> tuple[str, str]:
    return row.holder_kind, row.holder_id


def _view(row: Row[Any], holder_name: str | None) -> AlertView:
    return AlertView(
        id=row.id,
        kind=row.kind,
        at=row.at,
        due_at=row.due_at,
        recorded_at=row.recorded_at,
        cleared_at=row.cleared_at,
        service_request=row.service_request_id,
        service_request_number=row.request_number,
        subject=row.subject,
        target=row.target,
        contract=row.contract_id,
        contract_number=row.contract_number,
        holder_name=holder_name,
        level=row.level,
    )
