"""Finds the customers, org units, items and technicians of an export in our registers, or creates them.

Each is recorded by its name in the export (`imported_record`), so that a later run finds it even if it has
been renamed here. A record that the register already has under the same code, number or email address is
used unchanged.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import String, Table, bindparam, or_, select

from workflows.commands.fields import as_one_line
from workflows.commands.register import ChangeCustomer, NewCustomer, NewItem, NewOrgUnit, OwnerGiven
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.importing.mapping import Mapping, NamedUnit, slug
from workflows.importing.pending_rows import PendingRows
from workflows.register import change_customer, create_customer, create_item, create_org_unit
from workflows.register.items import is_global, may_be_asked_for
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared
from workflows.users.accounts import ChangeUser, NewUser, change_user, create_user

LONGEST_CODE = 60
LONGEST_NAME = 200
MOST_LEVELS = 10
"""Of a path of org units; what is deeper belongs to the last one's name."""
LONGEST_KEY = 200
KINDS = {"customer": t.customer, "org_unit": t.org_unit, "item": t.item, "technician": t.user_account}
Values = dict[str, str]
Known = dict[tuple[str, str], str]
"""Ids of records by kind and name, and what is known of them."""


@dataclass(slots=True)
class RegisterLookup:
    """The records for an export's names, within one transaction; `created` are the new ones.

    `known` caches what has been found: call `roll_back` after a rollback to a savepoint. `committed` has what
    earlier transactions of the same import have found. What was imported is recorded among the rows that are
    `pending`.
    """

    mapping: Mapping
    committed: Known
    pending: PendingRows
    known: Known = field(default_factory=dict)
    created: set[tuple[str, str]] = field(default_factory=set)

    def roll_back(self, created: set[tuple[str, str]]) -> None:
        """Return to the time when `created` were the new records: others may no longer exist."""
        self.known.clear()
        self.pending.clear()
        self.created = created

    def _cached(self, kind: str, name: str) -> str | None:
        key = (kind, name)
        return self.known.get(key) or self.committed.get(key)

    def customer(self, tx: Transaction, values: Values, org_unit: str | None) -> str | None:
        """The id of a row's customer, who is made a member of its org unit; None if the row names none."""
        name = values.get("customer") or self.mapping.unknown_customer
        if name is None:
            return None
        email = values.get("customer_email", "").lower()

        def find() -> str | None:
            return _find_by(tx, t.customer, "email", email) if email else None

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
        """Make a customer a member of one more org unit; the primary org unit does not change."""
        if self._cached("member", f"{customer_id} {org_unit}"):
            return
        rows = _MEMBERSHIPS.all(tx.connection, {"customer": customer_id})
        org_units = [row.org_unit_id for row in rows]
        if org_unit not in org_units:
            change_customer(tx, customer_id, ChangeCustomer(org_units=[*org_units, org_unit]))
        self.known["member", f"{customer_id} {org_unit}"] = org_unit

    def org_unit(self, tx: Transaction, values: Values) -> str | None:
        """The id of a row's org unit, below the mapping's `org_units_under`, which is also the default.

        With `org_unit_separator` the cell is a path: an org unit has the path down to it as its code.
        """
        under = self.mapping.org_units_under
        unit = self.unit(tx, under) if under is not None else None
        name = values.get("org_unit")
        if name is None:
            return unit
        separator = self.mapping.org_unit_separator
        if separator is None:
            names = [name]
        else:
            parts = [part.strip() for part in name.split(separator, MOST_LEVELS - 1)]
            names = [part for part in parts if part] or [name]
        between = f" {separator} "
        for level, last in enumerate(names, start=1):
            code = between.join(names[:level])
            unit = self.unit(tx, NamedUnit(clipped(code, LONGEST_CODE), clipped(last, LONGEST_NAME)), unit)
        return unit

    def unit(self, tx: Transaction, unit: NamedUnit, parent: str | None = None) -> str:
        """The id of the org unit with this code."""
        return self._record(
            tx,
            "org_unit",
            unit.code,
            lambda: _find_by(tx, t.org_unit, "code", unit.code),
            lambda: create_org_unit(
                tx, NewOrgUnit(code=as_one_line(unit.code), name=as_one_line(unit.name), parent=parent)
            ),
        )

    def item(self, tx: Transaction, values: Values, customer: str, org_unit: str | None) -> str | None:
        """The id of a row's item; None if the row names none. A new item gets the mapping's owner."""
        text = values.get("item")
        if text is None:
            return None
        owner, suffix = self._owner(tx, values, customer, org_unit)
        if suffix and self._is_usable_by(tx, customer, clipped(text, LONGEST_CODE)):
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

        item_id = self._record(tx, "item", number, lambda: _find_by(tx, t.item, "number", number), make)
        self._ensure_membership(tx, customer, item_id)
        return item_id

    def technician(self, tx: Transaction, values: Values) -> str | None:
        """The id of a row's technician; a new one is a disabled user. None if the row names none."""
        name = values.get("technician")
        if name is None:
            return None
        email = values.get("technician_email", "").lower()

        def find() -> str | None:
            return _find_by(tx, t.user_account, "email", email) if email else None

        def make() -> str:
            address = email or self._address(tx, t.user_account, name)
            command = NewUser(
                email=address, name=clipped(name, LONGEST_NAME), role="technician", invite=False
            )
            user_id = create_user(tx, command)
            change_user(tx, user_id, ChangeUser(disabled=True))
            return user_id

        return self._record(tx, "technician", email or name, find, make)

    def _record(
        self, tx: Transaction, kind: str, name: str, find: Callable[[], str | None], make: Callable[[], str]
    ) -> str:
        """The id of the record with this name: imported earlier, found in the register, or created now."""
        key = name if len(name) <= LONGEST_KEY else f"{name[:100]} {_digest(name)}"
        known = self._cached(kind, key)
        if known is not None:
            return known
        record_id = find_imported(tx, self.mapping.source, kind, key)
        if record_id is None:
            record_id = find()
            if record_id is None:
                record_id = make()
                self.created.add((kind, key))
            record_imported(tx, self.pending, self.mapping.source, kind, [key], record_id)
        self.known[kind, key] = record_id
        return record_id

    def _address(self, tx: Transaction, table: Table, name: str) -> str:
        """An unused address made from a name: names that differ only in accents get different addresses."""
        local = slug(name)[:50].strip(".") or _digest(name)
        address = f"{local}@{self.mapping.email_domain}"
        if _find_by(tx, table, "email", address) is None:
            return address
        return f"{local}.{_digest(name)}@{self.mapping.email_domain}"

    def _owner(
        self, tx: Transaction, values: Values, customer: str, org_unit: str | None
    ) -> tuple[OwnerGiven, str]:
        """The owner of an item, and the suffix that makes its number unique per owner."""
        wanted = self.mapping.item_owner
        if isinstance(wanted, NamedUnit):
            return OwnerGiven(org_unit=self.unit(tx, wanted)), ""
        if wanted == "org_unit" and org_unit is not None:
            under = self.mapping.org_units_under
            name = values.get("org_unit") or (under.code if under is not None else "")
            return OwnerGiven(org_unit=org_unit), f" · {name}"
        asker = values.get("customer_email") or values.get("customer") or self.mapping.unknown_customer
        return OwnerGiven(customer=customer), f" · {asker}"

    def _is_usable_by(self, tx: Transaction, customer: str, number: str) -> bool:
        """Whether the register has an item of this number for which the customer may ask for support."""
        item = t.item
        found = select(item.c.id).where(item.c.number == number, _may_ask(tx, customer))
        return tx.connection.execute(found).scalar() is not None

    def _ensure_membership(self, tx: Transaction, customer: str, item_id: str) -> None:
        """Make the customer a member of the item's org unit, if there is one and it is not in their line."""
        if self._cached("asks", f"{customer} {item_id}"):
            return
        row = _ITEM.one(tx.connection, {"customer": customer, "item": item_id})
        fits = row.fits or (row.is_global and not tx.settings.contracts)
        if not fits and row.owner_org_unit_id is not None:
            self.join(tx, customer, row.owner_org_unit_id)
        self.known["asks", f"{customer} {item_id}"] = item_id


def registered_codes(desk: Desk, kinds: Collection[str]) -> list[tuple[str, str]]:
    """The codes of org units and numbers of items in the register, with their kind: those among `kinds`."""
    columns = {"org_unit": t.org_unit.c.code, "item": t.item.c.number}
    with desk.read(SYSTEM) as tx:
        return [
            (kind, code)
            for kind, column in columns.items()
            if kind in kinds
            for code in tx.connection.execute(select(column)).scalars()
        ]


def find_imported(tx: Transaction, source: str, kind: str, key: str) -> str | None:
    """The id of the record that was imported from a source under a key; None if there is none."""
    found = _IMPORTED.first(tx.connection, {"source": source, "kind": kind, "key": key})
    return str(found.record_id) if found is not None else None


def record_imported(
    tx: Transaction, pending: PendingRows, source: str, kind: str, keys: Sequence[str], record_id: str
) -> None:
    """Record that a record was imported from a source under these keys."""
    rows = [
        {
            "source": source,
            "kind": kind,
            "external_key": key,
            "record_id": record_id,
            "imported_at": tx.real_now,
        }
        for key in keys
    ]
    pending.add(t.imported_record, *rows)


def clipped(text: str, most: int) -> str:
    """A text of one line in at most `most` characters; a digest at the end keeps shortened ones distinct."""
    text = as_one_line(text)
    return text if len(text) <= most else f"{text[: most - 10].rstrip()}… {_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _find_by(tx: Transaction, table: Table, column: str, value: str) -> str | None:
    found = _by_column(table, column).first(tx.connection, {"value": value})
    return str(found.id) if found is not None else None


@cache
def _by_column(table: Table, column: str) -> Prepared:
    value = bindparam("value", type_=table.c[column].type, required=True)
    return Prepared(select(table.c.id).where(table.c[column] == value))


def _may_ask(tx: Transaction, customer: str) -> Any:
    """SQL: a customer may ask for support for their own items, those of their line, and unowned ones.

    Unowned items count only while contracts are off.
    """
    own = may_be_asked_for(customer)
    return own if tx.settings.contracts else or_(own, is_global())


_CUSTOMER = bindparam("customer", type_=Id, required=True)
_MEMBERSHIPS = Prepared(
    select(t.customer_org_unit.c.org_unit_id)
    .where(t.customer_org_unit.c.customer_id == _CUSTOMER)
    .order_by(t.customer_org_unit.c.position)
)
_ITEM = Prepared(
    select(
        t.item.c.owner_org_unit_id,
        may_be_asked_for(_CUSTOMER).label("fits"),
        is_global().label("is_global"),
    ).where(t.item.c.id == bindparam("item", type_=Id, required=True))
)
_IMPORTED = Prepared(
    select(t.imported_record.c.record_id).where(
        t.imported_record.c.source == bindparam("source", type_=String, required=True),
        t.imported_record.c.kind == bindparam("kind", type_=String, required=True),
        t.imported_record.c.external_key == bindparam("key", type_=String, required=True),
    )
)
