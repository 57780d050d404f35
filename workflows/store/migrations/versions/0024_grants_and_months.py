"""Grants with a priority and a scope; contracts by the month that keep a rest and draw ahead."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Json

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("contract_grant", "grant_balance"):
        default = sa.text("100")
        priority: sa.Column[int] = sa.Column("priority", sa.Integer(), nullable=False, server_default=default)
        op.add_column(table, priority)
    op.add_column("contract_grant", sa.Column("scope", Json, nullable=True))
    op.add_column("contract_grant", sa.Column("rest_of_id", Id, nullable=True))
    for terms in ("carry_over", "borrow"):
        op.add_column("contract", sa.Column(terms, Json, nullable=True))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
