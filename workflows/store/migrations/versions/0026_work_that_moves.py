"""Service requests that were merged into another one, and where work came from or went to."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_reference("service_request", "merged_into_id")
    add_reference("service_request_history", "other_id")
    add_reference("work_entry", "merged_from_id")
    merged = sa.text("merged_into_id IS NOT NULL")
    op.create_index(
        "ix_service_request_merged_into_id",
        "service_request",
        ["merged_into_id", "id"],
        sqlite_where=merged,
        postgresql_where=merged,
    )


def add_reference(table: str, column: str) -> None:
    """Add a column that names a service request. Alembic cannot add a named foreign key to a table of SQLite."""
    name = f"fk_{table}_{column}"
    kind = Id.compile(dialect=op.get_bind().dialect)
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN {column} {kind} CONSTRAINT {name} REFERENCES service_request (id)"
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
