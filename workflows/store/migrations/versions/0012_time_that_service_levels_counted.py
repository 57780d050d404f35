"""The time that service levels counted, and since when the clock of each service request is stopped.

Until now a clock that was stopped by a resolution, or by waiting for a contract, had no such instant. What was
counted before stays as it is in `sla_clock_at`, from which the clock counts on.
"""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_LAST = (
    "(SELECT max(h.at) FROM service_request_history h WHERE h.service_request_id = service_request.id"
    " AND h.\"{column}\" = '{value}')"
)


def upgrade() -> None:
    op.create_table(
        "sla_counted_time",
        sa.Column("service_request_id", Id, nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=False),
        sa.CheckConstraint("ended_at > began_at", name=op.f("ck_sla_counted_time_ended_at")),
        sa.ForeignKeyConstraint(
            ["service_request_id"],
            ["service_request.id"],
            name=op.f("fk_sla_counted_time_service_request_id"),
        ),
        sa.PrimaryKeyConstraint("service_request_id", "began_at", name=op.f("pk_sla_counted_time")),
    )
    resolved = _LAST.format(column="trigger", value="resolve")
    waits = _LAST.format(column="to_state", value="pending_no_contract")
    for states, since in (
        ("'resolved', 'closed'", "resolved_at"),
        ("'cancelled'", "closed_at"),
        # One that was reopened late has waited since its resolution.
        ("'pending_no_contract'", f"coalesce({resolved}, {waits}, opened_at)"),
    ):
        op.execute(
            f"UPDATE service_request SET paused_at = {since} WHERE paused_at IS NULL AND state IN ({states})"
        )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
