"""SHA-256 as an SQL function: PostgreSQL has it, SQLite gets it from each connection of this program."""

import sqlite3
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from workflows.store.column_types import Hash

SQLITE_FUNCTION = "sha256_of"


def add_hash_function(connection: sqlite3.Connection) -> None:
    """Add the function by which the statements of this module hash on SQLite."""
    connection.create_function(SQLITE_FUNCTION, -1, _sha256_of, deterministic=True)


def _sha256_of(*parts: str | bytes | None) -> bytes | None:
    """The hash of texts (as UTF-8) and bytes, one after the other; NULL if one of them is NULL."""
    found = sha256()
    for part in parts:
        if part is None:
            return None
        found.update(part.encode() if isinstance(part, str) else part)
    return found.digest()


class HashOfText(FunctionElement[bytes]):
    """The SHA-256 of a text in UTF-8."""

    type = Hash()
    inherit_cache = True


class HashOfBoth(FunctionElement[bytes]):
    """The SHA-256 of two columns of bytes, one after the other."""

    type = Hash()
    inherit_cache = True


def hash_of_text(text: ColumnElement[str]) -> ColumnElement[bytes]:
    """The SHA-256 of a text in UTF-8, as SQL."""
    return HashOfText(text)


def hash_of_both(first: ColumnElement[bytes], second: ColumnElement[bytes]) -> ColumnElement[bytes]:
    """The SHA-256 of two columns of bytes, one after the other, as SQL."""
    return HashOfBoth(first, second)


@compiles(HashOfText, "sqlite")
@compiles(HashOfBoth, "sqlite")
def _on_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"{SQLITE_FUNCTION}({compiler.process(element.clauses, **options)})"


@compiles(HashOfText, "postgresql")
def _text_on_postgresql(element: HashOfText, compiler: SQLCompiler, **options: Any) -> str:
    return f"sha256(convert_to({compiler.process(element.clauses, **options)}, 'UTF8'))"


@compiles(HashOfBoth, "postgresql")
def _both_on_postgresql(element: HashOfBoth, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(one, **options) for one in element.clauses)
    return f"sha256({first} || {second})"
