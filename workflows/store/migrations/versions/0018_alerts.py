"""Alerts, when each service request has its next one, and the highest threshold that a contract has crossed.

A request that is open now has the breach of its next target as its next alert; the warnings before that
target are computed the next time its clock changes.
"""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

NEXT_TARGET = (
    "CASE WHEN responded_at IS NULL AND (resolution_due_at IS NULL OR response_due_at < resolution_due_at) "
    "THEN response_due_at ELSE resolution_due_at END"
)
UNFINISHED = "state NOT IN ('resolved', 'closed', 'cancelled')"


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("service_request_id", Id, nullable=True),
        sa.Column("target", sa.String(10), nullable=True),
        sa.Column("contract_id", Id, nullable=True),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("grants_opened", sa.Integer(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("cleared_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('sla_warning', 'sla_breach', 'threshold', 'expiring', 'exhaustion')",
            name=op.f("ck_alert_kind"),
        ),
        sa.CheckConstraint("target IN ('response', 'resolution')", name=op.f("ck_alert_target")),
        sa.CheckConstraint(
            "(service_request_id IS NULL) != (contract_id IS NULL)", name=op.f("ck_alert_subject")
        ),
        sa.CheckConstraint(
            "(target IS NULL) = (service_request_id IS NULL)", name=op.f("ck_alert_target_of_request")
        ),
        sa.CheckConstraint(
            "(level IS NULL) = (contract_id IS NULL)", name=op.f("ck_alert_level_of_contract")
        ),
        sa.ForeignKeyConstraint(
            ["service_request_id"], ["service_request.id"], name=op.f("fk_alert_service_request_id")
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_alert_contract_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    _index("ix_alert_at", "alert", ["at", "id"])
    _index("ix_alert_contract_id", "alert", ["contract_id", "at", "id"])
    request = ["service_request_id", "target", "kind", "at"]
    _index("uq_alert_service_request_id", "alert", request, unique=True)
    until_cleared = "cleared_at IS NULL AND kind IN ('threshold', 'exhaustion')"
    _index("uq_alert_until_cleared", "alert", ["contract_id", "kind", "level"], until_cleared, unique=True)
    each_end = ["contract_id", "level", "due_at"]
    _index("uq_alert_each_end", "alert", each_end, "kind = 'expiring'", unique=True)
    op.add_column("contract", sa.Column("alerted_percent", sa.Integer(), nullable=True))
    op.add_column("service_request", sa.Column("sla_alert_at", Instant(), nullable=True))
    op.execute(
        f"UPDATE service_request SET sla_alert_at = {NEXT_TARGET} WHERE paused_at IS NULL AND {UNFINISHED}"
    )
    _index(
        "ix_service_request_sla_alert_at",
        "service_request",
        ["sla_alert_at", "id"],
        "sla_alert_at IS NOT NULL",
    )


def _index(
    name: str, table: str, columns: list[str], where: str | None = None, *, unique: bool = False
) -> None:
    condition = sa.text(where) if where is not None else None
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
