"""The facts of a service request that the rules read, now and as of the instant of work."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from engine.facts import RequestFacts
from workflows.core.transaction import Transaction
from workflows.store import tables as t


def request_facts(
    tx: Transaction,
    *,
    customer: str,
    item: str | None,
    org_unit: str | None,
    priority: str,
    work_type: str | None,
    channel: str | None,
    service_request: str | None = None,
    at: datetime | None = None,
    logged_at: datetime | None = None,
    item_type: str | None = None,
) -> RequestFacts:
    """The facts of a service request as of `at` (aware UTC, default: now).

    The item's type is read if the caller does not give it. `logged_at` is None if it is not logged yet.
    """
    if item is not None and item_type is None:
        item_type = tx.connection.execute(select(t.item.c.item_type).where(t.item.c.id == item)).scalar()
    return RequestFacts(
        at=at or tx.now,
        contract_validation=tx.settings.contract_validation,
        customer=customer,
        item=item,
        item_type=item_type,
        org_unit=org_unit,
        priority=priority,
        work_type=work_type,
        channel=channel,
        service_request=service_request,
        logged_at=logged_at,
        time_zone=tx.settings.time_zone,
    )


def facts_of(tx: Transaction, request: Any, parties: Mapping[str, str | None] | None = None) -> RequestFacts:
    """The facts of a logged service request, as of now, or with the ids of other `parties`."""
    whose = parties or charged_facts(request).parties
    return request_facts(
        tx,
        customer=whose["customer"] or request.customer_id,
        item=whose["item"],
        org_unit=whose["org_unit"],
        priority=request.priority,
        work_type=request.work_type,
        channel=request.channel,
        service_request=request.id,
        logged_at=request.opened_at,
    )


class ChargedFacts(NamedTuple):
    """What work on a service request is charged by; whose contracts pay what the covering one does not."""

    priority: str
    work_type: str | None
    item_id: str | None
    customer_id: str
    org_unit_id: str | None

    @property
    def parties(self) -> dict[str, str | None]:
        """The ids of those whose contracts may pay, as they are stored with an entry."""
        return {"customer": self.customer_id, "item": self.item_id, "org_unit": self.org_unit_id}


def charged_facts(request: Any) -> ChargedFacts:
    """What a service request, with the columns of a row, has now."""
    return ChargedFacts(*(getattr(request, name) for name in ChargedFacts._fields))


def charged_facts_at(tx: Transaction, request: Any, at: datetime) -> ChargedFacts:
    """What a service request, with the columns of a row, had at an instant (aware UTC), as far as is known.

    A change that seems to lie ahead, because the clock was set back, counts as older than everything.
    """
    for one in request.earlier or ():
        if at < datetime.fromisoformat(one["until"]) <= tx.recorded_at:
            return ChargedFacts(*(one[name] for name in ChargedFacts._fields))
    return charged_facts(request)


def with_earlier(tx: Transaction, request: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changed columns of a service request, with what it is charged by until now where that changes."""
    before = charged_facts(request)
    if all(changes.get(name, value) == value for name, value in before._asdict().items()):
        return dict(changes)
    earlier = {"until": tx.now.isoformat(), **before._asdict()}
    return {**changes, "earlier": [*(request.earlier or ()), earlier]}
