"""Full-text indexes: FTS5 on SQLite, GIN over a tsvector on PostgreSQL, updated by the database.

A row's document is the words that the program stored with it (`search_words`), and its number, which only
the database may know when the row is inserted. Both databases index its words as they are:
`workflows.core.search` alone decides what a word is.
"""

from collections.abc import Iterator, Mapping

ID_MARK = "·"
"""Begins the word by which a row of an FTS5 table is found again; no word of a search begins so."""


def _number_words(column: str) -> str:
    """SQL: the words of a number as this program assigns them, such as SR-1001."""
    return f"' ' || lower(replace({column}, '-', ' ')) || ' '"


DOCUMENTS: Mapping[str, str] = {
    "service_request": f"{{0}}search_words || {_number_words('{0}number')}",
    "contract": _number_words("{0}number"),
    "customer": "{0}search_words",
    "item": "{0}search_words",
    "org_unit": "{0}search_words",
}
"""SQL for a row's words with spaces around each, by table; `{0}` is the prefix of its columns."""


def document(table: str, prefix: str = "") -> str:
    """SQL: the words of a row, with spaces around each; `prefix` is that of its columns, such as `NEW.`."""
    return DOCUMENTS[table].format(prefix)


def vector(table: str, prefix: str = "") -> str:
    """SQL of PostgreSQL: the words of a row as a tsvector, as they are indexed."""
    return f"array_to_tsvector(array_remove(string_to_array({document(table, prefix)}, ' '), ''))"


def create_search_index(dialect: str, table: str) -> Iterator[str]:
    """The DDL statements that create the index of a table and fill it, in order."""
    if dialect == "postgresql":
        yield f"CREATE INDEX ix_{table}_search ON {table} USING gin ({vector(table)})"
        return
    index = f"{table}_search"
    yield (
        f"CREATE VIRTUAL TABLE {index} USING "
        "fts5(id UNINDEXED, words, tokenize='ascii', detail='none', columnsize=0)"
    )
    yield f"INSERT INTO {index} (id, words) {_as_indexed(table, '')} FROM {table}"
    insert = f"INSERT INTO {index} (id, words) {_as_indexed(table, 'NEW.')}"
    delete = (
        f"DELETE FROM {index} WHERE rowid IN (SELECT rowid FROM {index} "
        f"WHERE {index} MATCH '\"{ID_MARK}' || OLD.id || '\"')"
    )
    changed = f"{document(table, 'OLD.')} IS NOT {document(table, 'NEW.')}"
    yield f"CREATE TRIGGER {index}_insert AFTER INSERT ON {table} BEGIN {insert}; END"
    yield f"CREATE TRIGGER {index}_delete AFTER DELETE ON {table} BEGIN {delete}; END"
    columns = ", ".join(one for one in ("search_words", "number") if f"{{0}}{one}" in DOCUMENTS[table])
    yield (
        f"CREATE TRIGGER {index}_update AFTER UPDATE OF {columns} ON {table} WHEN {changed} "
        f"BEGIN {delete}; {insert}; END"
    )


def _as_indexed(table: str, prefix: str) -> str:
    return f"SELECT {prefix}id, '{ID_MARK}' || {prefix}id || {document(table, prefix)}"
