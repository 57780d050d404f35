"""When contracts had ended before they were in force again."""

import sqlalchemy as sa
from alembic import op

from workflows.store.columns import Id, Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contract_lapse",
        sa.Column("contract_id", Id, nullable=False),
        sa.Column("ended_at", Instant(), nullable=False),
        sa.Column("revived_at", Instant(), nullable=False),
        sa.CheckConstraint("revived_at > ended_at", name=op.f("ck_contract_lapse_span")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_contract_lapse_contract_id")),
        sa.PrimaryKeyConstraint("contract_id", "ended_at", name=op.f("pk_contract_lapse")),
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
