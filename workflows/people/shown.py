"""What of a customer's rows is handed out: no secret, no other customer, and staff as in the portal.

A name beside what was done is shown as the customer reads it in the portal; where the portal has no name of
staff there, only their own. Ids of what may not be named to them are replaced, and so are the names of
customers who had one of their service requests before: mail to the staff of that time has them.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Select, Table, select

from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.service_requests.access import (
    ANOTHER_PERSON,
    Nameable,
    Named,
    PersonNames,
    as_customer,
)
from workflows.people.kinds import Kind, Theirs
from workflows.people.person import Person
from workflows.people.registry import rows_of
from workflows.store import tables as t

ANOTHER = "another"
"""Stands within a text for the id of a record that is not to be named."""
LEFT_OUT = frozenset((Kind.SECRET, Kind.WORDS))
MOST_KNOWN = 10_000
"""So many ids are remembered: with more, an export would take memory for each record."""
_ID = re.compile(r"\b[0-9a-hjkmnp-tv-z]{26}\b")
_NAMED: Mapping[Named, Table] = {
    "customer": t.customer,
    "service_request": t.service_request,
    "item": t.item,
    "contract": t.contract,
    "org_unit": t.org_unit,
}
_ONLY_OWN = (t.invoice, t.payment, t.quote, t.work_entry)
"""Further records of which a customer's rows may mention others'."""


class Shown:
    """Makes of rows what is handed out of them; all statements are of the transaction."""

    def __init__(self, tx: Transaction, person: Person) -> None:
        self._tx, self._person = tx, person
        self._customer = as_customer(tx, person.id)
        self._names = PersonNames(self._customer, [person.id])
        self._hidden: dict[str, bool] = {}
        self._before = _earlier_customers(tx, person)
        self._others: set[str] = set()

    def columns(self, one: Theirs) -> list[str]:
        """The columns of a table that are handed out, in their order."""
        return [column.name for column in one.table.columns if one.columns.get(column.name) not in LEFT_OUT]

    def rows(self, one: Theirs, rows: Iterable[Any]) -> list[dict[str, Any]]:
        """The rows, with their values by column, as they are handed out."""
        names, rows = self.columns(one), list(rows)
        self._look_up({found for row in rows for name in names for found in _ids_in(row[name])})
        self._find_others({row[name] for row in rows for name in one.of_kind(Kind.EMAIL) if row[name]})
        return [{name: self._value(one.columns.get(name), name, row) for name in names} for row in rows]

    def _value(self, kind: Kind | None, name: str, row: Mapping[str, Any]) -> Any:
        value = row[name]
        if value is None:
            return None
        if kind is Kind.ACTOR:
            return self._names[value]
        if kind is Kind.STAFF:
            return value if value in self._person.names else ""
        if kind is Kind.EMAIL and str(value).lower() in self._others:
            return ""
        if kind is Kind.NETWORK and row.get("way") == "staff":
            # where somebody of the staff recorded their answer
            return ""
        return self._without_others(self._without_names(value))

    def _without_names(self, value: Any) -> Any:
        """The value without the names and addresses of earlier customers."""
        if not self._before or not isinstance(value, str | dict | list):
            return value
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if not any(name in text for name in self._before):
            return value
        for name in self._before:
            text = text.replace(name, gettext(ANOTHER_PERSON))
        return text if isinstance(value, str) else json.loads(text)

    def _without_others(self, value: Any) -> Any:
        found = [one for one in _ids_in(value) if self._hidden.get(one)]
        if not found:
            return value
        if isinstance(value, str):
            return None if value in found else _replaced(value, found)
        return json.loads(_replaced(json.dumps(value), found))

    def _look_up(self, ids: set[str]) -> None:
        """Find out which of the ids may not be named; what is known of those before stays for a while."""
        if len(self._hidden) > MOST_KNOWN:
            self._hidden.clear()
        unknown = sorted(ids - self._hidden.keys())
        for start in range(0, len(unknown), 500):
            some = unknown[start : start + 500]
            self._hidden |= dict.fromkeys(some, False) | dict.fromkeys(self._not_nameable(some), True)

    def _find_others(self, addresses: set[str]) -> None:
        """Find out which of these mail addresses are those of staff or of other customers."""
        wanted = {one.lower() for one in addresses} - set(self._person.emails)
        if wanted:
            u, c = t.user_account.c, t.customer.c
            users = select(u.email).where(u.email.in_(wanted), u.id.not_in(self._person.users))
            customers = select(c.email).where(c.email.in_(wanted), c.id != self._person.id)
            self._others |= self._existing(users.union(customers))

    def _not_nameable(self, ids: Sequence[str]) -> set[str]:
        named: dict[Named, set[str]] = {
            kind: self._existing(select(table.c.id).where(table.c.id.in_(ids)))
            for kind, table in _NAMED.items()
        }
        nameable = Nameable(self._customer, named)
        hidden = {one for kind, found in named.items() for one in found if not nameable.may(kind, one)}
        for table in _ONLY_OWN:
            other = select(table.c.id).where(table.c.id.in_(ids), ~rows_of(table, self._person))
            hidden |= self._existing(other)
        u = t.user_account.c
        users = select(u.id).where(u.id.in_(ids), u.customer_id.is_not(None), u.id.not_in(self._person.users))
        return hidden | self._existing(users)

    def _existing(self, found: Select[Any] | CompoundSelect[Any]) -> set[str]:
        return set(self._tx.connection.execute(found).scalars())


def _earlier_customers(tx: Transaction, person: Person) -> list[str]:
    """The names and addresses of those who had one of the person's service requests before, longest first."""
    r, c = t.service_request, t.customer.c
    earlier = select(r.c.earlier).where(rows_of(r, person), r.c.earlier.is_not(None))
    ids = {found for one in tx.connection.execute(earlier).scalars() for found in _ids_in(one)}
    if not ids:
        return []
    others = select(c.name, c.email).where(c.id.in_(ids), c.id != person.id)
    names = {name for row in tx.connection.execute(others) for name in row}
    return sorted(names - {*person.names, *person.emails}, key=lambda name: (-len(name), name))


def _ids_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return _ID.findall(value)
    return _ID.findall(json.dumps(value)) if isinstance(value, dict | list) else []


def _replaced(text: str, ids: Iterable[str]) -> str:
    for one in ids:
        text = text.replace(one, ANOTHER)
    return text
