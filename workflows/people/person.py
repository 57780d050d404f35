"""A customer as the database may name them: the id, their logins, and the names and addresses they have had.

Most rows name a customer by id. Some have only a name (who wrote a note) or an address (where a mail went).
A name or an address that somebody else has as well proves nothing, and is left out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t


@dataclass(frozen=True, slots=True)
class Person:
    """A customer: the id, the ids of their logins, and what only they have been called, now or earlier.

    `names` are as they are written beside what someone did; `emails` are in lower case. `called` are all
    names that they have had, also those that somebody else has.
    """

    id: str
    users: tuple[str, ...]
    names: tuple[str, ...]
    emails: tuple[str, ...]
    called: tuple[str, ...]


def read_person(tx: Transaction, customer_id: str) -> Person:
    """A customer with everything that identifies them. Raises: NotFound."""
    c, u = t.customer, t.user_account
    row = tx.connection.execute(select(c).where(c.c.id == customer_id)).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such customer."))
    logins = tx.connection.execute(select(u.c.id, u.c.name, u.c.email).where(u.c.customer_id == row.id)).all()
    users = tuple(login.id for login in logins)
    earlier = list(_earlier(tx, row.id, users))
    names = [row.name, *(login.name for login in logins), *(e["name"] for e in earlier if "name" in e)]
    emails = [row.email, *(login.email for login in logins), *(e["email"] for e in earlier if "email" in e)]
    return Person(
        id=row.id,
        users=users,
        names=_only_theirs(tx, row.id, "name", names),
        emails=_only_theirs(tx, row.id, "email", (email.lower() for email in emails)),
        called=tuple(name for name in dict.fromkeys(names) if name),
    )


def _earlier(tx: Transaction, customer_id: str, users: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """The names and addresses that the audit trail says they have had."""
    a = t.audit_event.c
    about = or_(
        and_(a.subject_kind == "customer", a.subject_id == customer_id),
        and_(a.subject_kind == "user", a.subject_id.in_(users)),
    )
    found = select(a.details).where(about, a.action.in_(("created", "changed")), a.details.is_not(None))
    for details in tx.connection.execute(found).scalars():
        values = {key: details[key] for key in ("name", "email") if key in details}
        for place in (0, 1):
            given = {key: _at(value, place) for key, value in values.items()}
            yield {key: value for key, value in given.items() if value}


def _at(value: Any, place: int) -> str | None:
    """A value of the audit trail: the text that was set, or one of the text before and after."""
    one = value[place] if isinstance(value, list) and len(value) == 2 else value
    return one if isinstance(one, str) else None


def _only_theirs(tx: Transaction, customer_id: str, column: str, values: Iterable[str]) -> tuple[str, ...]:
    """Those of the values, each once, that no other customer and no other user has."""
    wanted = [value for value in dict.fromkeys(values) if value]
    c, u = t.customer.c, t.user_account.c
    others = select(c[column]).where(_one_of(c[column], wanted), c.id != customer_id)
    # staff have no customer
    users = select(u[column]).where(
        _one_of(u[column], wanted), or_(u.customer_id.is_(None), u.customer_id != customer_id)
    )
    taken = {value.lower() for value in tx.connection.execute(others.union(users)).scalars()}
    return tuple(value for value in wanted if value.lower() not in taken)


def _one_of(column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    return func.lower(column).in_([value.lower() for value in values])
