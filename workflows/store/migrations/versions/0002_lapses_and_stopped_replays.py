"""When contracts had ended before they were in force again, and replays that were stopped."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant, Json

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATES = "state IN ('running', 'done', 'failed', 'cancelled')"


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
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_rule_replay_state"), "rule_replay", type_="check")
        op.create_check_constraint(op.f("ck_rule_replay_state"), "rule_replay", STATES)
    else:
        _make_replays_anew()


def _make_replays_anew() -> None:
    """SQLite changes no check in place. Replays are trials, kept for a month: they can be run again."""
    op.execute("DELETE FROM rule_replay_difference")
    op.drop_table("rule_replay")
    op.create_table(
        "rule_replay",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("files", Json, nullable=False),
        sa.Column("from_at", Instant(), nullable=False),
        sa.Column("to_at", Instant(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("runner", Id, nullable=True),
        sa.Column("beat_at", Instant(), nullable=False),
        sa.Column("decisions_done", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("decisions", sa.BigInteger(), nullable=True),
        sa.Column("summary", Json, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(STATES, name=op.f("ck_rule_replay_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_replay")),
    )
    op.create_index(op.f("ix_rule_replay_asked_at"), "rule_replay", ["asked_at"], unique=False)


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
