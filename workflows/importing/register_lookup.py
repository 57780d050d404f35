"""Whom and what an export names, found in our registers or added to them by the use cases.

A customer, an org unit, an item or a technician is remembered by its name in the export (`imported_record`),
so that a later run finds it again whatever it is called here by then. What the register has already under
the same code, number or address is taken as it is.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, or_, select

from workflows.commands.register import ChangeCustomer, NewCustomer, NewItem, NewOrgUnit, OwnerGiven
from workflows.core.transaction import Transaction
from workflows.importing.mapping import Mapping, NamedUnit, slug
from workflows.register import change_customer, create_customer, create_item, create_org_unit
from workflows.register.items import is_global, may_be_asked_for
from workflows.store import tables as t
from workflows.users.accounts import ChangeUser, NewUser, change_user, create_user

LONGEST_CODE = 60
LONGEST_NAME = 200
LONGEST_KEY = 200
KINDS = {"customer": t.customer, "org_unit": t.org_unit, "item": t.item, "technician": t.user_account}
Values = dict[str, str]


@dataclass(slots=True)
class Registers:
    """The records that an export's names stand for, in one transaction; `made` are the new ones.

    `known` is what has been found: whoever rolls back to a savepoint lets it be forgotten.
    """

    mapping: Mapping
    known: dict[tuple[str, str], str] = field(default_factory=dict)
    made: set[tuple[str, str]] = field(default_factory=set)

    def forget(self) -> None:
        """What was found or made may not be there: look again."""
        self.known.clear()

    # -------------------------------------------------------------- customers and org units

    def customer(self, tx: Transaction, values: Values, org_unit: str | None) -> str | None:
        """The customer of a row, as a member of its org unit; None where it names none."""
        name = values.get("customer") or self.mapping.unknown_customer
        if name is None:
            return None
        email = values.get("customer_email", "").lower()

        def find() -> str | None:
            return _with(tx, t.customer, "email", email) if email else None

        def make() -> str:
            address = email or self._address(tx, t.customer, name)
            org_units = [org_unit] if org_unit is not None else []
            command = NewCustomer(email=address, name=clipped(name, LONGEST_NAME), org_units=org_units)
            return create_customer(tx, command)

        customer_id = self._record(tx, "customer", email or name, find, make)
        if org_unit is not None:
            self.join(tx, customer_id, org_unit)
        return customer_id

    def join(self, tx: Transaction, customer_id: str, org_unit: str) -> None:
        """Make a customer a member of one more org unit; the primary one stays."""
        if self.known.get(("member", f"{customer_id} {org_unit}")):
            return
        member = t.customer_org_unit
        rows = tx.connection.execute(
            select(member.c.org_unit_id)
            .where(member.c.customer_id == customer_id)
            .order_by(member.c.position)
        )
        org_units = list(rows.scalars())
        if org_unit not in org_units:
            change_customer(tx, customer_id, ChangeCustomer(org_units=[*org_units, org_unit]))
        self.known["member", f"{customer_id} {org_unit}"] = org_unit

    def org_unit(self, tx: Transaction, values: Values) -> str | None:
        """The org unit of a row, below the mapping's own; that one where the row names none."""
        under = self.mapping.org_units_under
        top = self.unit(tx, under) if under is not None else None
        name = values.get("org_unit")
        if name is None:
            return top
        return self.unit(tx, NamedUnit(clipped(name, LONGEST_CODE), clipped(name, LONGEST_NAME)), top)

    def unit(self, tx: Transaction, unit: NamedUnit, parent: str | None = None) -> str:
        """The org unit with a code."""
        return self._record(
            tx,
            "org_unit",
            unit.code,
            lambda: _with(tx, t.org_unit, "code", unit.code),
            lambda: create_org_unit(tx, NewOrgUnit(code=unit.code, name=unit.name, parent=parent)),
        )

    # -------------------------------------------------------------- items and technicians

    def item(self, tx: Transaction, values: Values, customer: str, org_unit: str | None) -> str | None:
        """The item of a row; None where it names none. One that nobody owns gets the mapping's owner."""
        text = values.get("item")
        if text is None:
            return None
        owner, suffix = self._owner(tx, values, customer, org_unit)
        if suffix and self._fits(tx, clipped(text, LONGEST_CODE), customer):
            suffix = ""
        number = clipped(f"{text}{suffix}", LONGEST_CODE)

        def make() -> str:
            command = NewItem(
                number=number,
                name=clipped(values.get("item_name", text), LONGEST_NAME),
                item_type=clipped(values.get("item_type", self.mapping.item_type), LONGEST_CODE),
                owner=owner,
            )
            return create_item(tx, command)

        item_id = self._record(tx, "item", number, lambda: _with(tx, t.item, "number", number), make)
        self._let_ask(tx, item_id, customer)
        return item_id

    def technician(self, tx: Transaction, values: Values) -> str | None:
        """The technician of a row, as a login that is closed; None where it names none."""
        name = values.get("technician")
        if name is None:
            return None
        email = values.get("technician_email", "").lower()

        def find() -> str | None:
            return _with(tx, t.user_account, "email", email) if email else None

        def make() -> str:
            address = email or self._address(tx, t.user_account, name)
            command = NewUser(email=address, name=clipped(name, LONGEST_NAME), role="technician")
            user_id = create_user(tx, command)
            change_user(tx, user_id, ChangeUser(disabled=True))
            return user_id

        return self._record(tx, "technician", email or name, find, make)

    # -------------------------------------------------------------- helpers

    def _record(
        self, tx: Transaction, kind: str, name: str, find: Callable[[], str | None], make: Callable[[], str]
    ) -> str:
        """The record of that name: remembered, or found in the register, or made now."""
        key = name if len(name) <= LONGEST_KEY else f"{name[:100]} {_digest(name)}"
        known = self.known.get((kind, key))
        if known is not None:
            return known
        record_id = imported(tx, self.mapping.source, kind, key)
        if record_id is None:
            record_id = find()
            if record_id is None:
                record_id = make()
                self.made.add((kind, key))
            remember(tx, self.mapping.source, kind, [key], record_id)
        self.known[kind, key] = record_id
        return record_id

    def _address(self, tx: Transaction, table: Table, name: str) -> str:
        """An address made from a name, which nobody else has: names that differ in marks alone are two."""
        local = slug(name)[:50].strip(".") or _digest(name)
        address = f"{local}@{self.mapping.email_domain}"
        if _with(tx, table, "email", address) is None:
            return address
        return f"{local}.{_digest(name)}@{self.mapping.email_domain}"

    def _owner(
        self, tx: Transaction, values: Values, customer: str, org_unit: str | None
    ) -> tuple[OwnerGiven, str]:
        """Who owns an item, and what its number needs beside its name to be one per owner."""
        wanted = self.mapping.item_owner
        if isinstance(wanted, NamedUnit):
            return OwnerGiven(org_unit=self.unit(tx, wanted)), ""
        if wanted == "org_unit" and org_unit is not None:
            under = self.mapping.org_units_under
            name = values.get("org_unit") or (under.code if under is not None else "")
            return OwnerGiven(org_unit=org_unit), f" · {name}"
        asker = values.get("customer_email") or values.get("customer") or self.mapping.unknown_customer
        return OwnerGiven(customer=customer), f" · {asker}"

    def _fits(self, tx: Transaction, number: str, customer: str) -> bool:
        """Whether the register has an item of this number that the customer may ask support for."""
        item = t.item
        found = select(item.c.id).where(item.c.number == number, _may_ask(tx, customer))
        return tx.connection.execute(found).scalar() is not None

    def _let_ask(self, tx: Transaction, item_id: str, customer: str) -> None:
        """A customer who asks about an org unit's item is one of that org unit."""
        if self.known.get(("asks", f"{customer} {item_id}")):
            return
        item = t.item
        row = tx.connection.execute(
            select(item.c.owner_org_unit_id, _may_ask(tx, customer).label("fits")).where(item.c.id == item_id)
        ).one()
        if not row.fits and row.owner_org_unit_id is not None:
            self.join(tx, customer, row.owner_org_unit_id)
        self.known["asks", f"{customer} {item_id}"] = item_id


def imported(tx: Transaction, source: str, kind: str, key: str) -> str | None:
    """The id of what was imported from a source under a key."""
    r = t.imported_record
    found: str | None = tx.connection.execute(
        select(r.c.record_id).where(r.c.source == source, r.c.kind == kind, r.c.external_key == key)
    ).scalar()
    return found


def remember(tx: Transaction, source: str, kind: str, keys: Sequence[str], record_id: str) -> None:
    """Keep what was imported from a source under some keys."""
    tx.add_all(
        t.imported_record,
        [
            {
                "source": source,
                "kind": kind,
                "external_key": key,
                "record_id": record_id,
                "imported_at": tx.real_now,
            }
            for key in keys
        ],
    )


def clipped(text: str, most: int) -> str:
    """The text in at most so many characters; what is cut keeps a digest, so that two stay two."""
    return text if len(text) <= most else f"{text[: most - 10].rstrip()}… {_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _with(tx: Transaction, table: Table, column: str, value: str) -> str | None:
    found: str | None = tx.connection.execute(select(table.c.id).where(table.c[column] == value)).scalar()
    return found


def _may_ask(tx: Transaction, customer: str) -> Any:
    """Whether a customer may ask support for an item: their own, one of their line, or nobody's yet."""
    own = may_be_asked_for(customer)
    return own if tx.settings.contracts else or_(own, is_global())
