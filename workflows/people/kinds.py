"""What the registry says of a table: whose its rows are, and what each of its texts holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import ColumnElement, LargeBinary, String, Table
from sqlalchemy.types import JSON, TypeDecorator

from workflows.people.person import Person
from workflows.store.column_types import Id

Rows = Callable[[Person], ColumnElement[bool]]
"""SQL: a row of the table is about the customer."""


class Kind(StrEnum):
    """What a column holds of a person."""

    NAME = "name"
    """Their name, alone."""
    EMAIL = "email"
    ADDRESS = "address"
    """A part of their postal address."""
    TAX_ID = "tax_id"
    BANK_ACCOUNT = "bank_account"
    NETWORK = "network"
    """The network address or the program with which they called."""
    TEXT = "text"
    """Free text that was written by or about them: a subject, a note, a reason, the name of a thing."""
    JSON = "json"
    """JSON in which values of the kinds above are, or ids of others."""
    ACTOR = "actor"
    """The name of who did it, the customer or somebody of the staff; customers read it in the portal."""
    STAFF = "staff"
    """The same where the portal shows customers no name: it may be their own, or of the staff."""
    WORDS = "words"
    """The words of other columns for the search; follows from them."""
    SECRET = "secret"
    """A password, a token or what is made of one. Leaves the database by no way."""
    REFERENCE = "reference"
    """Nothing of the person, but JSON or text with ids of records, which may be those of others."""


PERSONAL = frozenset(Kind) - {Kind.SECRET, Kind.REFERENCE}
"""What identifies a person or says something in words about them, and is replaced when they are erased."""


@dataclass(frozen=True, slots=True)
class Theirs:
    """A table some of whose rows are a customer's.

    `columns` has those that hold something of a person; `plain` names the other columns of text or JSON,
    separated by spaces: numbers, codes, states, and texts that the program writes without naming anyone.
    """

    table: Table
    rows: Rows
    columns: Mapping[str, Kind] = field(default_factory=dict)
    plain: str = ""

    def of_kind(self, *kinds: Kind) -> tuple[str, ...]:
        """The columns of these kinds, in their order."""
        return tuple(name for name, kind in self.columns.items() if kind in kinds)


@dataclass(frozen=True, slots=True)
class NotTheirs:
    """A table of which no row is a customer's, and why."""

    table: Table
    why: str


def text_columns(table: Table) -> set[str]:
    """The columns that can hold something of a person: texts, JSON, files; ids are random and cannot."""
    return {column.name for column in table.columns if column.type is not Id and _holds_text(column.type)}


def _holds_text(kind: object) -> bool:
    if isinstance(kind, TypeDecorator):
        # instants and exact decimals; neither is text to a person
        return False
    return isinstance(kind, String | JSON | LargeBinary)
