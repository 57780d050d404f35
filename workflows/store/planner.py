"""Long runs over history that read by index, whatever statistics PostgreSQL has.

Where a table was never analysed, or has grown tenfold since, PostgreSQL guesses how many rows a statement
finds, and scans or sorts the whole table where an index has the few that are wanted. In each of a hundred
batches that adds up to the square of the history. So statements that read in batches fix the plan.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, func, select

from workflows.store.database import Database

NOT_BY_INDEX = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
SORTING = "enable_sort"


@contextmanager
def read_by_index(database: Database, *, in_its_order: bool = False) -> Iterator[Connection]:
    """A connection for statements that find a batch of rows by an index, all in one snapshot.

    With `in_its_order` the index returns the rows in the wanted order, and nothing is sorted. Close it soon:
    on both databases an open snapshot keeps old row versions from being removed.
    """
    with database.snapshot() as connection:
        if not database.is_sqlite:
            off = (*NOT_BY_INDEX, SORTING) if in_its_order else NOT_BY_INDEX
            # only for this transaction, so that the connection returns to its pool unchanged
            connection.execute(select(*(func.set_config(name, "off", True) for name in off)))
        yield connection
