"""A top-up that awaits its payment is sold before it has its grant.

PostgreSQL changes the check in place. SQLite cannot, so the table is written anew from its own definition and
the rows copied.
"""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id
from workflows.store.migrations.rewriting import rewrite_table

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

OLD_GRANT = "(kind = 'top_up') = (grant_id IS NOT NULL)"
NEW_GRANT = "kind = 'top_up' OR grant_id IS NULL"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        rewrite_table("sold_item", OLD_GRANT, NEW_GRANT)
        op.execute(
            f"ALTER TABLE sold_item ADD COLUMN top_up_id VARCHAR({Id.length}) "
            "CONSTRAINT fk_sold_item_top_up_id REFERENCES auto_top_up (id)"
        )
    else:
        op.drop_constraint(op.f("ck_sold_item_grant"), "sold_item", type_="check")
        op.create_check_constraint(op.f("ck_sold_item_grant"), "sold_item", NEW_GRANT)
        op.add_column("sold_item", sa.Column("top_up_id", Id, nullable=True))
        op.create_foreign_key(
            op.f("fk_sold_item_top_up_id"), "sold_item", "auto_top_up", ["top_up_id"], ["id"]
        )
    op.create_index("uq_sold_item_top_up_id", "sold_item", ["top_up_id"], unique=True)


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
