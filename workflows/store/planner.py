"""Long runs over history that go by index, whatever PostgreSQL knows of the tables.

Where a table was never analysed, or has grown tenfold since, PostgreSQL guesses how many rows a statement
finds, and scans or sorts all of it where an index has the few that are asked for. Once that is nothing; in
each of a hundred batches it is the square of the history. So what reads in batches says how it is read.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, func, select

from workflows.store.database import Database

NOT_BY_INDEX = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
SORTING = "enable_sort"


@contextmanager
def read_by_index(database: Database, *, in_its_order: bool = False) -> Iterator[Connection]:
    """A connection for statements that find a batch of rows by an index; they all see one state.

    With `in_its_order` the index has the rows in the order asked for, and nothing is sorted. Keep it short:
    on both databases what is open holds back the clearing up of old rows, though nobody waits for it.
    """
    with database.snapshot() as connection:
        if not database.is_sqlite:
            off = (*NOT_BY_INDEX, SORTING) if in_its_order else NOT_BY_INDEX
            # for this transaction alone, so that a connection goes back to its pool as it came
            connection.execute(select(*(func.set_config(name, "off", True) for name in off)))
        yield connection
