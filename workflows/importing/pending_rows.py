"""Rows of several histories that nothing reads before they are written, by one call for each table.

A row written alone costs three to six times as much: SQLAlchemy and the driver are called for each, and on
PostgreSQL it is a round trip.
"""

from typing import Any

from sqlalchemy import Table

from workflows.core.transaction import Transaction
from workflows.store import tables as t

ORDER = (t.service_request, t.service_request_history, t.audit_event, t.imported_record)
"""Rows that are referred to come first."""


class PendingRows:
    """Rows to insert. Those of a table have values for the same columns."""

    def __init__(self) -> None:
        self._rows: dict[Table, list[dict[str, Any]]] = {}
        self.clear()

    def add(self, table: Table, *rows: dict[str, Any]) -> None:
        """Add rows of one of the tables in `ORDER`."""
        self._rows[table].extend(rows)

    def write(self, tx: Transaction) -> None:
        """Insert them. Raises: IntegrityError, DataError."""
        for table in ORDER:
            tx.add_all(table, self._rows[table])
        self.clear()

    def clear(self) -> None:
        """Forget them: after a rollback."""
        self._rows = {table: [] for table in ORDER}
