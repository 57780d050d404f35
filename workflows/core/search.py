"""Searching records by words, with the same results on both databases.

Words are runs of letters and digits, without case and accents: "Ärger" and "arger" are the same. Each word of
a search must begin a word of the record, in any order; words in quotation marks must follow each other as
they are. A whole number finds numbers with leading zeros too: 12 finds SH-0012. Other characters only
separate words, so that no text is an error; a search without a word finds nothing.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    column,
    false,
    literal,
    literal_column,
    or_,
    select,
    sql,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from workflows.core.transaction import Transaction
from workflows.store.column_types import Id, number_constant
from workflows.store.search_index import DEFERRED, document, vector, waiting_table
from workflows.store.search_words import words_in

PART = re.compile(r'"([^"]*)"|([^"]+)')
MOST_WORDS = 12
MOST_LEADING_ZEROS = 3
MOST_FOUND = 250
"""Up to so many records are taken from the index. A search that finds more is frequent enough in the list, in
whatever order, that a page of it is found sooner by reading the list."""


def found_by(tx: Transaction, table: Table, q: str) -> ColumnElement[bool]:
    """SQL: a row of a searchable table has the words of a search. Costs a statement of its own."""
    search = parse(q)
    ids = find_ids(tx, table, search)
    return search.matches(table) if ids is None else table.c.id.in_(ids)


def find_ids(tx: Transaction, table: Table, search: "Search") -> set[str] | None:
    """The ids of the rows that a search finds; None if they are more than `MOST_FOUND`."""
    if not search.prefixes and not search.phrases:
        return set()
    given = search.as_fts5() if tx.is_sqlite else search.as_tsquery()
    indexed = _indexed_ids(table, is_sqlite=tx.is_sqlite)
    ids = set(tx.connection.execute(indexed, {"words": given}).scalars())
    if len(ids) > MOST_FOUND:
        return None
    if tx.is_sqlite and table.name in DEFERRED:
        waiting = sql.table(waiting_table(table.name), column("id", Id))
        not_indexed = select(table.c.id).where(table.c.id.in_(select(waiting.c.id)), search.matches(table))
        ids.update(tx.connection.execute(not_indexed).scalars())
    if search.phrases and ids:
        # the index knows which words a record has, not their order
        in_order = select(table.c.id).where(table.c.id.in_(ids), search.matches(table))
        ids = set(tx.connection.execute(in_order).scalars())
    return ids


@cache
def _indexed_ids(table: Table, *, is_sqlite: bool) -> Select[Any]:
    """SQL: the ids of rows that the index finds by `words`, one more than are wanted."""
    words = bindparam("words", type_=Text)
    if is_sqlite:
        index = sql.table(f"{table.name}_search", column("id", Id))
        found = select(index.c.id).where(literal_column(index.name).op("MATCH")(words))
    else:
        vectors: ColumnElement[Any] = literal_column(vector(table.name))
        found = select(table.c.id).where(vectors.op("@@")(cast(words, TSQUERY)))
    return found.limit(number_constant(MOST_FOUND + 1))


@dataclass(frozen=True, slots=True)
class Search:
    """The words that begin a word of the record, and the phrases: words that follow each other."""

    prefixes: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...]

    def matches(self, table: Table) -> ColumnElement[bool]:
        """SQL: a row has the words, read from its document instead of the index."""
        if not self.prefixes and not self.phrases:
            return false()
        words: ColumnElement[str] = literal_column(f"({document(table.name, f'{table.name}.')})")
        prefixes = [
            or_(*(_contains(words, f" {one}") for one in _with_leading_zeros(word))) for word in self.prefixes
        ]
        return and_(*prefixes, *(_contains(words, f" {' '.join(phrase)} ") for phrase in self.phrases))

    def as_fts5(self) -> str:
        """The search in the language of FTS5; words are in quotation marks and so never operators."""
        prefixes = [
            "(" + " OR ".join(f'"{one}" *' for one in _with_leading_zeros(word)) + ")"
            for word in self.prefixes
        ]
        return " AND ".join([*prefixes, *(f'"{word}"' for phrase in self.phrases for word in phrase)])

    def as_tsquery(self) -> str:
        """The search in the language of PostgreSQL."""
        prefixes = [
            "(" + " | ".join(f"'{one}':*" for one in _with_leading_zeros(word)) + ")"
            for word in self.prefixes
        ]
        return " & ".join([*prefixes, *(f"'{word}'" for phrase in self.phrases for word in phrase)])


def parse(q: str) -> Search:
    """The words and phrases of a search; at most `MOST_WORDS` words, the others are ignored."""
    prefixes: dict[str, None] = {}
    phrases: dict[tuple[str, ...], None] = {}
    for phrase, plain in PART.findall(q):
        if phrase:
            phrases[tuple(words_in(phrase)[:MOST_WORDS])] = None
        prefixes |= dict.fromkeys(words_in(plain))
    phrases.pop((), None)
    return Search(tuple(prefixes)[:MOST_WORDS], tuple(phrases)[:MOST_WORDS])


class _Position(FunctionElement[int]):
    """SQL: where a text is found in another, from 1; 0 if nowhere. The functions' names differ.

    PostgreSQL guesses that this finds a third of all rows, and reads a list in its order. It guesses that
    `LIKE` finds almost none, and then reads and sorts the whole table for a page.
    """

    type = Integer()
    inherit_cache = True


@compiles(_Position, "postgresql")
def _position_of_postgresql(element: _Position, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


@compiles(_Position, "sqlite")
def _position_of_sqlite(element: _Position, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


def _contains(words: ColumnElement[str], given: str) -> ColumnElement[bool]:
    return _Position(words, literal(given, Text)) > number_constant(0)


def _with_leading_zeros(word: str) -> list[str]:
    """The word; of a whole number also the forms in which it is written in record numbers."""
    if not (word.isascii() and word.isdigit()):
        return [word]
    return ["0" * zeros + word for zeros in range(MOST_LEADING_ZEROS + 1)]
