"""Of every table: which rows are a customer's, and which columns are personal. A test holds both complete."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Table, or_

from workflows.people.kinds import PERSONAL, Kind, NotTheirs, Theirs
from workflows.people.person import Person
from workflows.people.registry.billing import BILLING
from workflows.people.registry.contracts import CONTRACTS
from workflows.people.registry.elsewhere import ELSEWHERE
from workflows.people.registry.register import REGISTER
from workflows.people.registry.requests import REQUESTS

GROUPS: dict[str, tuple[Theirs | NotTheirs, ...]] = {
    "register": REGISTER,
    "service_requests": REQUESTS,
    "contracts": CONTRACTS,
    "billing": BILLING,
    "messages": ELSEWHERE,
}
"""The tables by subject, as they are counted for people."""
REGISTRY: dict[str, Theirs | NotTheirs] = {one.table.name: one for group in GROUPS.values() for one in group}
"""By the name of the table, in the order in which an export has them."""


def held_tables() -> Iterator[Theirs]:
    """The tables with rows of customers."""
    return (one for one in REGISTRY.values() if isinstance(one, Theirs))


def rows_of(table: Table, person: Person) -> ColumnElement[bool]:
    """SQL: a row of the table is the customer's. Raises: KeyError, or TypeError where no row is anybody's."""
    found = REGISTRY[table.name]
    if isinstance(found, NotTheirs):
        raise TypeError(f"No row of {table.name} is a customer's: {found.why}")
    return found.rows(person)


def personal_columns(table: Table) -> dict[str, Kind]:
    """The columns of a table that identify a person or say something about them in words."""
    found = REGISTRY[table.name]
    columns = found.columns if isinstance(found, Theirs) else {}
    return {name: kind for name, kind in columns.items() if kind in PERSONAL}


def named_in(table: Table, person: Person) -> ColumnElement[bool] | None:
    """SQL: a row, whoever it is about, says by name that the customer did it; None for a table without names.

    Of rows that others hold, such as a note on a colleague's service request, only the name is theirs.
    """
    found = REGISTRY[table.name]
    names = found.of_kind(Kind.ACTOR, Kind.STAFF) if isinstance(found, Theirs) else ()
    return or_(*(table.c[name].in_(person.names) for name in names)) if names else None
