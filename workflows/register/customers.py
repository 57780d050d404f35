"""Customers: the people who ask for support, and their org units."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from workflows.commands.register import ChangeCustomer, NewCustomer
from workflows.core.actors import DESK
from workflows.core.erased import refuse_erased
from workflows.core.errors import Conflict, invalid
from workflows.core.paging import Sort, read_page
from workflows.core.search import found_by
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.register.records import READERS, insert_unique, locked, one_row, update_versioned
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared
from workflows.store.ids import new_id
from workflows.store.search_words import request_words
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.register import CustomerView

customer, membership = t.customer, t.customer_org_unit

ORDERS = {
    "email": Sort(customer.c.email),
    "name": Sort(func.lower(customer.c.name)),
    "created_at": Sort(customer.c.created_at),
}


def create_customer(tx: Transaction, command: NewCustomer) -> str:
    """Add a customer; returns the id. Email addresses are unique and stored in lower case.

    Raises:
        NotAllowed: the actor is no administrator, supervisor or technician.
        InvalidInput: an org unit does not exist.
        Conflict: another customer has this email address.
    """
    tx.require(*DESK)
    listed = list(dict.fromkeys(command.org_units))
    org_units = [command.org_unit, *listed] if command.org_unit is not None else listed
    org_units = list(dict.fromkeys(org_units))
    _require_org_units(tx, org_units, "/org_unit" if command.org_unit is not None else None)
    customer_id = new_id()
    values = {
        "id": customer_id,
        "email": command.email.lower(),
        "name": command.name,
        "org_unit_id": org_units[0] if org_units else None,
        "created_at": tx.now,
    }
    insert_unique(tx, customer, values, _taken(command.email))
    _add_memberships(tx, customer_id, org_units)
    tx.audit(
        "customer", customer_id, "created", email=values["email"], name=command.name, org_units=org_units
    )
    return customer_id


def change_customer(
    tx: Transaction, customer_id: str, command: ChangeCustomer, expected_version: int | None = None
) -> None:
    """Change the fields that were given.

    `org_units` replaces the whole list; its first is the primary one. `org_unit` alone moves an org unit of
    the list to its front, or replaces the primary one; null removes the primary one.

    Raises:
        NotAllowed: the actor is no administrator, supervisor or technician.
        NotFound: there is no such customer.
        CustomerErased: the customer has been erased.
        VersionChanged: the record does not have the expected version.
        InvalidInput: an org unit does not exist.
        Conflict: another customer or user has this email address.
    """
    tx.require(*DESK)
    given = command.given()
    row = locked(tx, customer, customer_id, expected_version)
    refuse_erased(row.erased_at)
    before = _org_units_of(tx, [customer_id]).get(customer_id, [])
    after = _org_units_after(before, given)
    if after != before:
        _require_org_units(tx, after, "/org_unit" if given.get("org_unit") is not None else None)
    values: dict[str, Any] = {name: given[name] for name in ("name", "email") if name in given}
    if "email" in values:
        values["email"] = values["email"].lower()
    values["org_unit_id"] = after[0] if after else None
    changed = update_versioned(tx, customer, row, values, _taken(command.email))
    if after != before:
        if not changed:
            tx.change(customer, customer_id, version=row.version + 1)
        tx.connection.execute(delete(membership).where(membership.c.customer_id == customer_id))
        _add_memberships(tx, customer_id, after)
        changed["org_units"] = [before, after]
    if "name" in changed:
        _rename_in_requests(tx, customer_id, values["name"])
    if "email" in changed:
        _move_login(tx, customer_id, values["email"])
    if changed:
        tx.audit("customer", customer_id, "changed", **changed)


def get_customer(tx: Transaction, customer_id: str) -> CustomerView:
    """One customer. Raises: NotFound, also if a customer asks for another one."""
    row = one_row(tx, _visible(tx).where(customer.c.id == customer_id), customer)
    return _view(row, _org_units_of(tx, [customer_id]))


def list_customers(
    tx: Transaction,
    *,
    q: str | None = None,
    email: str | None = None,
    org_unit: str | None = None,
    order: str = "email",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[CustomerView]:
    """A page of customers; `q` searches names and email addresses, `org_unit` lists all its members."""
    statement = _visible(tx)
    if q is not None:
        statement = statement.where(found_by(tx, customer, q))
    if email is not None:
        statement = statement.where(customer.c.email == email.lower())
    if org_unit is not None:
        members = select(membership.c.customer_id).where(membership.c.org_unit_id == org_unit)
        statement = statement.where(customer.c.id.in_(members))
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders=ORDERS,
        by_id=customer.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    org_units = _org_units_of(tx, [row.id for row in page.items])
    return page.with_items([_view(row, org_units) for row in page.items])


def _visible(tx: Transaction) -> Select[Any]:
    tx.require(*READERS)
    statement = select(customer, t.org_unit.c.name.label("org_unit_name")).outerjoin(
        t.org_unit, t.org_unit.c.id == customer.c.org_unit_id
    )
    return statement if tx.actor.is_staff else statement.where(customer.c.id == tx.actor.customer)


def _view(row: Row[Any], org_units: dict[str, list[str]]) -> CustomerView:
    return CustomerView(
        id=row.id,
        email=row.email,
        name=row.name,
        org_unit=row.org_unit_id,
        org_unit_name=row.org_unit_name,
        org_units=org_units.get(row.id, []),
        created_at=row.created_at,
        version=row.version,
        erased_at=row.erased_at,
    )


def _org_units_of(tx: Transaction, customer_ids: Sequence[str]) -> dict[str, list[str]]:
    org_units: dict[str, list[str]] = {}
    if customer_ids:
        rows = tx.connection.execute(
            select(membership.c.customer_id, membership.c.org_unit_id)
            .where(membership.c.customer_id.in_(customer_ids))
            .order_by(membership.c.customer_id, membership.c.position)
        )
        for customer_id, org_unit_id in rows:
            org_units.setdefault(customer_id, []).append(org_unit_id)
    return org_units


def _org_units_after(before: list[str], given: dict[str, Any]) -> list[str]:
    listed: list[str] = list(dict.fromkeys(given.get("org_units", before)))
    if "org_unit" not in given:
        return listed
    primary: str | None = given["org_unit"]
    if "org_units" not in given and primary not in listed:
        listed = listed[1:]
    if primary is None:
        return listed
    return [primary, *(org_unit for org_unit in listed if org_unit != primary)]


def _require_org_units(tx: Transaction, org_units: list[str], first_pointer: str | None) -> None:
    for position, org_unit_id in enumerate(org_units):
        if _ORG_UNIT.first(tx.connection, {"id": org_unit_id}) is None:
            pointer = first_pointer if first_pointer and position == 0 else "/org_units"
            raise invalid(
                pointer,
                gettext("There is no org unit with the id %(org_unit_id)s.", org_unit_id=repr(org_unit_id)),
            )


def _add_memberships(tx: Transaction, customer_id: str, org_units: list[str]) -> None:
    for position, org_unit_id in enumerate(org_units):
        tx.add(membership, customer_id=customer_id, org_unit_id=org_unit_id, position=position)


_ORG_UNIT = Prepared(
    select(t.org_unit.c.id).where(t.org_unit.c.id == bindparam("id", type_=Id, required=True))
)


def _rename_in_requests(tx: Transaction, customer_id: str, name: str) -> None:
    """Let a search for the new name find the customer's service requests."""
    request = t.service_request
    subjects = select(request.c.id, request.c.number, request.c.subject).where(
        request.c.customer_id == customer_id
    )
    words = [
        {"request_id": row.id, "words": request_words(row.number, row.subject, name)}
        for row in tx.connection.execute(subjects)
    ]
    if words:
        renamed = update(request).where(request.c.id == bindparam("request_id"))
        tx.connection.execute(renamed.values(search_words=bindparam("words")), words)


def _move_login(tx: Transaction, customer_id: str, email: str) -> None:
    """Give the customer's user account the customer's email address.

    Links to set a password that were sent to the old address stop working.
    """
    account, link = t.user_account, t.password_link
    theirs = select(account.c.id).where(account.c.customer_id == customer_id)
    tx.connection.execute(delete(link).where(link.c.user_id.in_(theirs)))
    try:
        tx.connection.execute(update(account).where(account.c.customer_id == customer_id).values(email=email))
    except IntegrityError:
        raise Conflict(
            gettext("There is another user with the email address %(email)s.", email=repr(email)),
            pointer="/email",
        ) from None


def _taken(email: str) -> Conflict:
    return Conflict(
        gettext("There is another customer with the email address %(lower)s.", lower=repr(email.lower())),
        pointer="/email",
    )
