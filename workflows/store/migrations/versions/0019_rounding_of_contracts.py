"""A contract may have a rounding of its own; a request says whether any of its work is rounded together."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Json

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BY_DAY = {
    "postgresql": "charged_by::json -> 'rounding' ->> 'scope'",
    "sqlite": "json_extract(charged_by, '$.rounding.scope')",
}


def upgrade() -> None:
    op.add_column("contract", sa.Column("rounding", Json, nullable=True))
    together: sa.Column[bool] = sa.Column(
        "rounds_together", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("service_request", together)
    scope = BY_DAY[op.get_bind().dialect.name]
    op.execute(
        "UPDATE service_request SET rounds_together = true WHERE id IN ("
        f"SELECT service_request_id FROM work_entry WHERE {scope} = 'service_request_day')"
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
