"""Indexes of unfinished requests, uncovered time and failed messages, which the home page counts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

UNFINISHED = "state NOT IN ('resolved', 'closed', 'cancelled')"
NEXT_TARGET = (
    "(CASE WHEN responded_at IS NULL AND (resolution_due_at IS NULL OR response_due_at < resolution_due_at) "
    "THEN response_due_at ELSE resolution_due_at END)"
)


def upgrade() -> None:
    request, unfinished = "service_request", "ix_service_request_unfinished"
    _create(unfinished, request, ["opened_at", "id", "state"], UNFINISHED)
    _create(f"{unfinished}_technician", request, ["technician_id", "opened_at", "id", "state"], UNFINISHED)
    next_target: list[str | sa.TextClause] = [sa.text(NEXT_TARGET), "id"]
    _create("ix_service_request_next_target", request, next_target, f"{UNFINISHED} AND paused_at IS NULL")
    _create(
        "ix_work_allocation_uncovered",
        "work_allocation",
        ["effective_at", "id", "kind", "minutes"],
        "kind IN ('carried', 'ignored', 'overage') AND reversed_at IS NULL",
    )
    failed = "delivered_at IS NULL AND last_error IS NOT NULL"
    _create("ix_outbox_failed", "outbox", ["created_at", "id"], failed)


def _create(name: str, table: str, columns: Sequence[str | sa.TextClause], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
