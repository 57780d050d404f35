"""The priority, work type and item that service requests had before.

Of an earlier change nothing is known here: work from before it is charged by what its request has now.
"""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Json

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("service_request", sa.Column("earlier", Json, nullable=True))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
