"""Since when a rule set is in force in the desk's own time, and the roles that users had before.

Earlier publications count from the real time at which they were made; of an earlier change of a role nothing is
known here, so work from before it is charged by the role of now.
"""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant
from workflows.store.triggers import append_only, no_replacement

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

ROLE_IS_KNOWN = "old_role IN ('administrator', 'finance', 'supervisor', 'technician', 'customer')"


def upgrade() -> None:
    op.add_column("rule_publication", sa.Column("in_force_since", Instant(), nullable=True))
    op.create_table(
        "user_role_change",
        sa.Column("id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("old_role", sa.String(20), nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.CheckConstraint(ROLE_IS_KNOWN, name=op.f("ck_user_role_change_old_role")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_user_role_change_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_role_change")),
    )
    op.create_index("ix_user_role_change_user_id", "user_role_change", ["user_id", "changed_at"])
    dialect = op.get_bind().dialect.name
    for statement in append_only(dialect, "user_role_change"):
        op.execute(statement)
    if dialect == "sqlite":
        op.execute(no_replacement("user_role_change", (("id",),)))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
