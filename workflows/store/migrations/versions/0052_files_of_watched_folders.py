"""The files of watched rules folders, with which their next edit is merged into the rule set in force.

Of a folder watched before, they are those of the published rule set that it had, if it had one.
"""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Json

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("base", "proposed"):
        op.add_column("rules_folder", sa.Column(name, Json, nullable=True))
    op.execute(
        "UPDATE rules_folder SET base = "
        "(SELECT s.files FROM rule_set s WHERE s.version = rules_folder.content)"
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
