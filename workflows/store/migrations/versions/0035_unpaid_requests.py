"""When the customer of a service request was warned that it waits for a payment."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Instant

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("service_request", sa.Column("unpaid_warned_at", Instant, nullable=True))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
