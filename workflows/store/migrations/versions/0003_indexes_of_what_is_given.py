"""Indexes of the items, technicians and closing times that requests have, without the many that have none."""

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_service_request_item_id": ["item_id"],
    "ix_service_request_technician_id": ["technician_id", "state"],
    "ix_service_request_auto_close_at": ["auto_close_at", "id"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        given = text(f"{columns[0]} IS NOT NULL")
        op.drop_index(name, "service_request")
        op.create_index(name, "service_request", columns, sqlite_where=given, postgresql_where=given)
