"""The job that recorded a ledger transaction; NULL for a person's call, and for all until now."""

import sqlalchemy as sa
from alembic import op

from workflows.store.erasure_triggers import append_only_but_erased

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ledger_transaction", sa.Column("job", sa.String(40), nullable=True))
    for statement in append_only_but_erased(op.get_bind(), "ledger_transaction"):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
