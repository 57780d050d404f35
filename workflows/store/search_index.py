"""Full-text indexes: FTS5 on SQLite, GIN over a tsvector on PostgreSQL, updated by the database.

A row's document is the words that the program stored with it (`search_words`), and its number, which only
the database may know when the row is inserted. Both databases index its words as they are:
`workflows.core.search` alone decides what a word is.

On SQLite a new service request is indexed with others: until then its id is in a table of those that wait
(`waiting_table`), which a search reads as well. PostgreSQL does the same by itself.
"""

from collections.abc import Iterator, Mapping

ID_MARK = "·"
"""Begins the word by which a row of an FTS5 table is found again; no word of a search begins so."""
DEFERRED = frozenset({"service_request"})
"""Tables whose new rows wait on SQLite: indexing one takes a tenth of the time of logging a covered request,
indexing it with others a seventh of that."""
MOST_WAITING = 64
"""About so many rows are indexed together: a power of two."""


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
    if table in DEFERRED:
        waiting = waiting_table(table)
        yield f"CREATE TABLE {waiting} (id VARCHAR(26) PRIMARY KEY) WITHOUT ROWID"
        wait = f"INSERT INTO {waiting} (id) VALUES (NEW.id)"
        yield f"CREATE TRIGGER {index}_insert AFTER INSERT ON {table} BEGIN {wait}; END"
        several = (
            f"INSERT INTO {index} (id, words) {_as_indexed(table, '')} FROM {table} WHERE id IN {waiting}"
        )
        yield (
            f"CREATE TRIGGER {index}_several AFTER INSERT ON {table} WHEN NEW.rowid % {MOST_WAITING} = 0 "
            f"BEGIN {several}; DELETE FROM {waiting}; END"
        )
        delete += f"; DELETE FROM {waiting} WHERE id = OLD.id"
    else:
        yield f"CREATE TRIGGER {index}_insert AFTER INSERT ON {table} BEGIN {insert}; END"
    yield f"CREATE TRIGGER {index}_delete AFTER DELETE ON {table} BEGIN {delete}; END"
    columns = ", ".join(one for one in ("search_words", "number") if f"{{0}}{one}" in DOCUMENTS[table])
    yield (
        f"CREATE TRIGGER {index}_update AFTER UPDATE OF {columns} ON {table} WHEN {changed} "
        f"BEGIN {delete}; {insert}; END"
    )


def empty_search_index(table: str) -> Iterator[str]:
    """The SQL statements that empty a table's index on SQLite, whose triggers are disabled."""
    yield f"DELETE FROM {table}_search"
    if table in DEFERRED:
        yield f"DELETE FROM {waiting_table(table)}"


def merge_search_index(table: str) -> str:
    """The SQL statement by which SQLite forgets the words that no row of a table has any more."""
    return f"INSERT INTO {table}_search({table}_search) VALUES ('optimize')"


def waiting_table(table: str) -> str:
    """The name of SQLite's table of the ids of rows that are not indexed yet."""
    return f"{table}_search_waiting"


def _as_indexed(table: str, prefix: str) -> str:
    return f"SELECT {prefix}id, '{ID_MARK}' || {prefix}id || {document(table, prefix)}"
