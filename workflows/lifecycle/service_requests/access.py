"""Which service requests an actor may see, and what the records they see may name to them.

What an actor may not see does not exist for them: a record that they see, such as a contract's statement, an
old decision or a work entry, names nothing of it. All views decide this here. Source: product.md section 2.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Table, and_, bindparam, exists, or_, select, true

from workflows.core.actors import SYSTEM, Actor
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext, mark
from workflows.register.items import may_be_asked_for
from workflows.register.records import own_org_units
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared

Named = Literal["service_request", "contract", "customer", "item", "org_unit"]

ANOTHER_REQUEST = "another service request"
ANOTHER_PERSON = mark("Another person")
ANOTHER_ITEM = mark("Another holder's item")

_TABLES: Mapping[Named, Table] = {
    "service_request": t.service_request,
    "contract": t.contract,
    "customer": t.customer,
    "item": t.item,
    "org_unit": t.org_unit,
}


class Nameable:
    """Which of some records may be named to the actor: all of them to staff.

    To a customer: the service requests that they see and these requests' customers, the items that they may
    ask for, their org units with all above, and contracts held by any of these or by the customer. That
    includes their organization's contract that covers a request, even if they may not open it.
    """

    def __init__(self, tx: Transaction, ids: Mapping[Named, Iterable[str | None]]) -> None:
        """Look the records up: for a customer by one statement per kind, for staff by none."""
        self._all = tx.actor.is_staff
        self._known = (
            {} if self._all else {kind: _nameable(tx, kind, of_kind) for kind, of_kind in ids.items()}
        )

    def may(self, kind: Named, record_id: str | None) -> bool:
        """Whether the record may be named; it must be among those looked up."""
        return self._all or record_id in self._known[kind]

    def id(self, kind: Named, record_id: str | None) -> str | None:
        """The record's id, or None if it may not be named."""
        return record_id if self.may(kind, record_id) else None


def may_name(tx: Transaction, kind: Named, record_id: str) -> bool:
    """Whether one record may be named to the actor; True for staff also if it does not exist."""
    return Nameable(tx, {kind: [record_id]}).may(kind, record_id)


def as_customer(tx: Transaction, customer_id: str) -> Transaction:
    """The transaction as a customer acts in it: what may be named to them, whoever writes to them."""
    return replace(tx, actor=Actor(None, "", "customer", customer_id))


def require_nameable(tx: Transaction, ids: Iterable[str]) -> None:
    """Raise NotFound if one of the ids is a service request or contract that the actor may not name."""
    if tx.actor.is_staff:
        return
    wanted = list(ids)
    for kind in ("service_request", "contract"):
        table = _TABLES[kind]
        existing = set(tx.connection.execute(select(table.c.id).where(table.c.id.in_(wanted))).scalars())
        if existing - _nameable(tx, kind, existing):
            raise _no_such_request()


class PersonNames:
    """The names of those who acted on service requests, as far as the actor may read them.

    Names are stored as text. A customer reads those of staff, their own and that of the request's customer;
    an earlier customer of the request is "Another person".
    """

    def __init__(self, tx: Transaction, customer_ids: Iterable[str]) -> None:
        """`customer_ids` are the customers of the service requests, all visible to the actor."""
        self._all = tx.actor.is_staff
        if self._all:
            return
        user, customer = t.user_account.c, t.customer.c
        of_these = {*customer_ids, tx.actor.customer or ""}
        accounts = select(user.name).where(or_(user.role != "customer", user.customer_id.in_(of_these)))
        names = accounts.union(select(customer.name).where(customer.id.in_(of_these)))
        self._known = {SYSTEM.name, tx.actor.name, *tx.connection.execute(names).scalars()}

    def __getitem__(self, name: str) -> str:
        """The name, or "Another person"."""
        return name if self._all or name in self._known else gettext(ANOTHER_PERSON)


def visible_requests(tx: Transaction) -> ColumnElement[bool]:
    """SQL: the service requests that the actor may see.

    Staff see all. Customers see their own, and those of their org units if the setting allows it.
    """
    if tx.actor.is_staff:
        return true()
    r, member = t.service_request, t.customer_org_unit
    own = r.c.customer_id == tx.actor.customer
    if not tx.settings.customers_see_org_unit:
        return own
    shared = exists(
        select(member.c.org_unit_id).where(
            member.c.customer_id == tx.actor.customer, member.c.org_unit_id == r.c.org_unit_id
        )
    )
    return or_(own, shared)


_BY_ID = Prepared(
    select(t.service_request).where(t.service_request.c.id == bindparam("id", type_=Id, required=True))
)


def require_visible(tx: Transaction, service_request_id: str) -> Row[Any]:
    """The row of a service request; of a merged one that of the request that is left, if the actor sees it.

    Raises: NotFound, also if the actor may not see it.
    """
    row = visible_row(tx, service_request_id)
    if row is None:
        raise _no_such_request()
    if row.merged_into_id is None:
        return row
    return visible_row(tx, surviving_id(tx, row.merged_into_id)) or row


def visible_row(tx: Transaction, service_request_id: str) -> Row[Any] | None:
    """The row of a service request itself, merged or not; None if the actor may not see it."""
    if tx.actor.is_staff:
        found: Row[Any] | None = _BY_ID.first(tx.connection, {"id": service_request_id})
        return found
    r = t.service_request
    wanted = select(r).where(r.c.id == service_request_id, visible_requests(tx))
    return tx.connection.execute(wanted).one_or_none()


def surviving_id(tx: Transaction, service_request_id: str) -> str:
    """The id of the request that is left for one: its own, unless it was merged."""
    r = t.service_request.c
    while True:
        into = tx.connection.execute(select(r.merged_into_id).where(r.id == service_request_id)).scalar()
        if into is None:
            return service_request_id
        service_request_id = into


def _nameable(tx: Transaction, kind: Named, ids: Iterable[str | None]) -> set[str]:
    """Those of the ids that may be named to a customer."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return set()
    table = _TABLES[kind]
    found = tx.connection.execute(
        select(table.c.id).where(table.c.id.in_(wanted), _conditions(tx)[kind])
    ).scalars()
    return set(found)


def _conditions(tx: Transaction) -> dict[Named, ColumnElement[bool]]:
    """SQL for each kind: a row of its table may be named to the customer who acts."""
    me, r, c = tx.actor.customer, t.service_request, t.contract
    requests, items, units = visible_requests(tx), may_be_asked_for(me), own_org_units(me)
    holders = {
        "service_request": c.c.holder_id.in_(select(r.c.id).where(requests)),
        "customer": c.c.holder_id == me,
        "item": c.c.holder_id.in_(select(t.item.c.id).where(items)),
        "org_unit": c.c.holder_id.in_(units),
    }
    return {
        "service_request": requests,
        "contract": or_(*(and_(c.c.holder_kind == kind, holds) for kind, holds in holders.items())),
        "customer": or_(t.customer.c.id == me, t.customer.c.id.in_(select(r.c.customer_id).where(requests))),
        "item": items,
        "org_unit": t.org_unit.c.id.in_(units),
    }


def _no_such_request() -> NotFound:
    return NotFound(
        gettext("There is no such service request."), remedy=gettext("Look it up by its number in the list.")
    )
