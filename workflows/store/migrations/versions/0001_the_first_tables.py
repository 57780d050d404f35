"""The first tables, with the triggers that guard them."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant, Json, Key
from workflows.store.triggers import protections

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "setting_change",
    "rule_set",
    "rule_publication",
    "lot",
    "ledger_transaction",
    "ledger_posting",
    "service_request_history",
    "coverage_decision",
    "audit_event",
)


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", Id, nullable=False),
        sa.Column("subject_kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", Key, nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("details", Json, nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(
        "ix_audit_event_subject", "audit_event", ["subject_kind", "subject_id", "at"], unique=False
    )
    op.create_table(
        "carried_balance",
        sa.Column("holder", Key, nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("minutes >= 0", name=op.f("ck_carried_balance_minutes")),
        sa.PrimaryKeyConstraint("holder", name=op.f("pk_carried_balance")),
    )
    op.create_table(
        "contract",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", Key, nullable=False),
        sa.Column("type", Key, nullable=False),
        sa.Column("draws", sa.String(length=10), nullable=False),
        sa.Column("holder_kind", sa.String(length=16), nullable=False),
        sa.Column("holder_id", Id, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("next_due_at", Instant(), nullable=True),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("enabled_at", Instant(), nullable=True),
        sa.Column("payment_due", sa.Boolean(), nullable=False),
        sa.Column("paid_at", Instant(), nullable=True),
        sa.Column("activated_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("cancelled_at", Instant(), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("monthly_minutes", sa.BigInteger(), nullable=True),
        sa.Column("overage_rate_minor", sa.BigInteger(), nullable=True),
        sa.Column("time_expired", sa.String(length=10), nullable=True),
        sa.Column("sla", Key, nullable=True),
        sa.Column("exclusions", Json, nullable=True),
        sa.Column("renewal_of_id", Id, nullable=True),
        sa.Column("offered_for_id", Id, nullable=True),
        sa.Column("made_by_rule", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("draws IN ('nothing', 'minutes', 'incidents')", name=op.f("ck_contract_draws")),
        sa.CheckConstraint(
            "holder_kind IN ('service_request', 'item', 'customer', 'org_unit')",
            name=op.f("ck_contract_holder_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'active', 'expired', 'exhausted', 'cancelled')",
            name=op.f("ck_contract_state"),
        ),
        sa.CheckConstraint(
            "time_expired IN ('rollover', 'ignore', 'bill')", name=op.f("ck_contract_time_expired")
        ),
        sa.CheckConstraint("expires_at IS NULL OR expires_at > starts_at", name=op.f("ck_contract_period")),
        sa.CheckConstraint("price_minor IS NULL OR price_minor >= 0", name=op.f("ck_contract_price")),
        sa.ForeignKeyConstraint(["renewal_of_id"], ["contract.id"], name=op.f("fk_contract_renewal_of_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract")),
        sa.UniqueConstraint("number", name=op.f("uq_contract_number")),
        sa.UniqueConstraint("renewal_of_id", name=op.f("uq_contract_renewal_of_id")),
    )
    op.create_index("ix_contract_created_at", "contract", ["created_at", "id"], unique=False)
    op.create_index("ix_contract_expires_at", "contract", ["expires_at", "id"], unique=False)
    op.create_index("ix_contract_holder", "contract", ["holder_kind", "holder_id", "state"], unique=False)
    op.create_index("ix_contract_next_due_at", "contract", ["next_due_at", "id"], unique=False)
    op.create_index(op.f("ix_contract_offered_for_id"), "contract", ["offered_for_id"], unique=False)
    op.create_table(
        "counter",
        sa.Column("series", Key, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_counter")),
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("sandbox_now", Instant(), nullable=True),
        sa.Column("rule_set", sa.String(length=64), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_deployment_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("key", Key, nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("kept_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(op.f("ix_idempotency_key_kept_at"), "idempotency_key", ["kept_at"], unique=False)
    op.create_table(
        "imported_record",
        sa.Column("source", Key, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("external_key", Key, nullable=False),
        sa.Column("record_id", Id, nullable=False),
        sa.Column("imported_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("source", "kind", "external_key", name=op.f("pk_imported_record")),
    )
    op.create_table(
        "job_slot",
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("slot", Key, nullable=False),
        sa.Column("claimed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("job", "slot", name=op.f("pk_job_slot")),
    )
    op.create_index(op.f("ix_job_slot_claimed_at"), "job_slot", ["claimed_at"], unique=False)
    op.create_table(
        "job_status",
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("last_run_at", Instant(), nullable=True),
        sa.Column("last_due_at", Instant(), nullable=True),
        sa.Column("last_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("failed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_job_status")),
    )
    op.create_table(
        "login_failure",
        sa.Column("id", Id, nullable=False),
        sa.Column("login", Key, nullable=False),
        sa.Column("failed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_failure")),
    )
    op.create_index("ix_login_failure_login_failed_at", "login_failure", ["login", "failed_at"], unique=False)
    op.create_table(
        "org_unit",
        sa.Column("id", Id, nullable=False),
        sa.Column("code", Key, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_id", Id, nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["org_unit.id"], name=op.f("fk_org_unit_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_org_unit")),
        sa.UniqueConstraint("code", name=op.f("uq_org_unit_code")),
    )
    op.create_index(op.f("ix_org_unit_parent_id"), "org_unit", ["parent_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", Id, nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("subject_kind", sa.String(length=20), nullable=True),
        sa.Column("subject_id", Key, nullable=True),
        sa.Column("dedupe_key", Key, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("next_attempt_at", Instant(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("delivered_at", Instant(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_outbox_dedupe_key")),
    )
    op.create_index("ix_outbox_next_attempt_at", "outbox", ["next_attempt_at", "id"], unique=False)
    op.create_index("ix_outbox_subject", "outbox", ["subject_kind", "subject_id"], unique=False)
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
        sa.CheckConstraint("state IN ('running', 'done', 'failed')", name=op.f("ck_rule_replay_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_replay")),
    )
    op.create_index(op.f("ix_rule_replay_asked_at"), "rule_replay", ["asked_at"], unique=False)
    op.create_table(
        "rule_set",
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("files", Json, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_rule_set")),
    )
    op.create_table(
        "rules_folder",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=True),
        sa.Column("content_seen_at", Instant(), nullable=True),
        sa.Column("refused", sa.String(length=64), nullable=True),
        sa.Column("problems", Json, nullable=False),
        sa.Column("checked_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_folder")),
    )
    op.create_table(
        "setting",
        sa.Column("key", Key, nullable=False),
        sa.Column("value", Json, nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_setting")),
    )
    op.create_table(
        "setting_change",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", Key, nullable=False),
        sa.Column("old_value", Json, nullable=True),
        sa.Column("new_value", Json, nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setting_change")),
    )
    op.create_index(op.f("ix_setting_change_changed_at"), "setting_change", ["changed_at"], unique=False)
    op.create_table(
        "customer",
        sa.Column("id", Id, nullable=False),
        sa.Column("email", Key, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("org_unit_id", Id, nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name=op.f("fk_customer_org_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("email", name=op.f("uq_customer_email")),
    )
    op.create_index(op.f("ix_customer_org_unit_id"), "customer", ["org_unit_id"], unique=False)
    op.create_table(
        "lot",
        sa.Column("id", Id, nullable=False),
        sa.Column("contract_id", Id, nullable=False),
        sa.Column("unit", sa.String(length=10), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('sold', 'top_up', 'allocation', 'adjustment')", name=op.f("ck_lot_kind")
        ),
        sa.CheckConstraint("unit IN ('minutes', 'incidents')", name=op.f("ck_lot_unit")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_lot_quantity")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_lot_contract_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot")),
    )
    op.create_index(op.f("ix_lot_contract_id"), "lot", ["contract_id"], unique=False)
    op.create_table(
        "org_unit_line",
        sa.Column("org_unit_id", Id, nullable=False),
        sa.Column("ancestor_id", Id, nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ancestor_id"], ["org_unit.id"], name=op.f("fk_org_unit_line_ancestor_id")),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name=op.f("fk_org_unit_line_org_unit_id")),
        sa.PrimaryKeyConstraint("org_unit_id", "ancestor_id", name=op.f("pk_org_unit_line")),
    )
    op.create_index(
        "ix_org_unit_line_ancestor_id", "org_unit_line", ["ancestor_id", "org_unit_id"], unique=False
    )
    op.create_table(
        "rule_publication",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("published_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["rule_set.version"], name=op.f("fk_rule_publication_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_publication")),
    )
    op.create_index(
        "ix_rule_publication_published_at", "rule_publication", ["published_at", "id"], unique=False
    )
    op.create_table(
        "rule_replay_difference",
        sa.Column("replay_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("difference", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["replay_id"],
            ["rule_replay.id"],
            name=op.f("fk_rule_replay_difference_replay_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("replay_id", "position", name=op.f("pk_rule_replay_difference")),
    )
    op.create_table(
        "customer_org_unit",
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("org_unit_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_customer_org_unit_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_unit_id"], ["org_unit.id"], name=op.f("fk_customer_org_unit_org_unit_id")
        ),
        sa.PrimaryKeyConstraint("customer_id", "org_unit_id", name=op.f("pk_customer_org_unit")),
        sa.UniqueConstraint(
            "customer_id", "position", name=op.f("uq_customer_org_unit_customer_id_position")
        ),
    )
    op.create_index("ix_customer_org_unit_org_unit_id", "customer_org_unit", ["org_unit_id"], unique=False)
    op.create_table(
        "item",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", Key, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("item_type", Key, nullable=False),
        sa.Column("owner_customer_id", Id, nullable=True),
        sa.Column("owner_org_unit_id", Id, nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "owner_customer_id IS NULL OR owner_org_unit_id IS NULL", name=op.f("ck_item_one_owner")
        ),
        sa.ForeignKeyConstraint(
            ["owner_customer_id"], ["customer.id"], name=op.f("fk_item_owner_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["owner_org_unit_id"], ["org_unit.id"], name=op.f("fk_item_owner_org_unit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("number", name=op.f("uq_item_number")),
    )
    op.create_index(op.f("ix_item_owner_customer_id"), "item", ["owner_customer_id"], unique=False)
    op.create_index(op.f("ix_item_owner_org_unit_id"), "item", ["owner_org_unit_id"], unique=False)
    op.create_table(
        "lot_balance",
        sa.Column("lot_id", Id, nullable=False),
        sa.Column("contract_id", Id, nullable=False),
        sa.Column("unit", sa.String(length=10), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("consumed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("expired", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("opens_at", Instant(), nullable=False),
        sa.Column("closes_at", Instant(), nullable=True),
        sa.Column("swept", sa.Boolean(), nullable=False),
        sa.CheckConstraint("available >= 0", name=op.f("ck_lot_balance_available")),
        sa.CheckConstraint("consumed >= 0", name=op.f("ck_lot_balance_consumed")),
        sa.CheckConstraint("expired >= 0", name=op.f("ck_lot_balance_expired")),
        sa.CheckConstraint("held >= 0", name=op.f("ck_lot_balance_held")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_lot_balance_contract_id")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_lot_balance_lot_id")),
        sa.PrimaryKeyConstraint("lot_id", name=op.f("pk_lot_balance")),
    )
    op.create_index("ix_lot_balance_contract_id", "lot_balance", ["contract_id", "unit"], unique=False)
    op.create_index("ix_lot_balance_due", "lot_balance", ["swept", "closes_at", "lot_id"], unique=False)
    op.create_table(
        "user_account",
        sa.Column("id", Id, nullable=False),
        sa.Column("email", Key, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("session_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "(role = 'customer') = (customer_id IS NOT NULL)", name=op.f("ck_user_account_customer_link")
        ),
        sa.CheckConstraint(
            "role IN ('administrator', 'finance', 'supervisor', 'technician', 'customer')",
            name=op.f("ck_user_account_role"),
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_user_account_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("email", name=op.f("uq_user_account_email")),
    )
    op.create_table(
        "api_token",
        sa.Column("id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_api_token_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_table(
        "rule_proposal",
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("files", Json, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("based_on", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", Id, nullable=True),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name=op.f("ck_rule_proposal_decided")),
        sa.CheckConstraint("state IN ('open', 'approved', 'rejected')", name=op.f("ck_rule_proposal_state")),
        sa.ForeignKeyConstraint(
            ["proposed_by_id"], ["user_account.id"], name=op.f("fk_rule_proposal_proposed_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_proposal")),
    )
    op.create_index("ix_rule_proposal_proposed_at", "rule_proposal", ["proposed_at", "id"], unique=False)
    op.create_index(
        "uq_rule_proposal_open",
        "rule_proposal",
        ["version"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "service_request",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", Key, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("item_id", Id, nullable=True),
        sa.Column("org_unit_id", Id, nullable=True),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("work_type", Key, nullable=True),
        sa.Column("channel", Key, nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("on_hold_reason", sa.String(length=20), nullable=True),
        sa.Column("technician_id", Id, nullable=True),
        sa.Column("decision_id", Id, nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("contract_id", Id, nullable=True),
        sa.Column("before_contracts", sa.Boolean(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("responded_at", Instant(), nullable=True),
        sa.Column("resolved_at", Instant(), nullable=True),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("auto_close_at", Instant(), nullable=True),
        sa.Column("sla", Key, nullable=True),
        sa.Column("sla_clock_at", Instant(), nullable=True),
        sa.Column("response_due_at", Instant(), nullable=True),
        sa.Column("resolution_due_at", Instant(), nullable=True),
        sa.Column("paused_at", Instant(), nullable=True),
        sa.Column("worked_minutes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("chargeable_minutes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'on_hold') = (on_hold_reason IS NOT NULL)", name=op.f("ck_service_request_on_hold")
        ),
        sa.CheckConstraint(
            "priority IN ('low', 'normal', 'high', 'critical')", name=op.f("ck_service_request_priority")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'pending_no_contract', 'in_progress', 'on_hold', 'resolved', 'closed', 'cancelled')",
            name=op.f("ck_service_request_state"),
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_service_request_contract_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_service_request_customer_id")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_service_request_item_id")),
        sa.ForeignKeyConstraint(
            ["org_unit_id"], ["org_unit.id"], name=op.f("fk_service_request_org_unit_id")
        ),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["user_account.id"], name=op.f("fk_service_request_technician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_request")),
        sa.UniqueConstraint("number", name=op.f("uq_service_request_number")),
    )
    op.create_index(
        "ix_service_request_auto_close_at", "service_request", ["auto_close_at", "id"], unique=False
    )
    op.create_index(
        "ix_service_request_contract_id", "service_request", ["contract_id", "state"], unique=False
    )
    op.create_index(
        "ix_service_request_customer_id", "service_request", ["customer_id", "opened_at", "id"], unique=False
    )
    op.create_index("ix_service_request_item_id", "service_request", ["item_id"], unique=False)
    op.create_index("ix_service_request_opened_at", "service_request", ["opened_at", "id"], unique=False)
    op.create_index("ix_service_request_org_unit_id", "service_request", ["org_unit_id"], unique=False)
    op.create_index("ix_service_request_queue", "service_request", ["state", "opened_at", "id"], unique=False)
    op.create_index(
        "ix_service_request_technician_id", "service_request", ["technician_id", "state"], unique=False
    )
    op.create_table(
        "coverage_decision",
        sa.Column("id", Id, nullable=False),
        sa.Column("service_request_id", Id, nullable=True),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("rule_set", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("rule", Key, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("contract_id", Id, nullable=True),
        sa.Column("facts", Json, nullable=False),
        sa.Column("candidates", Json, nullable=False),
        sa.Column("params", Json, nullable=False),
        sa.Column("cause", Key, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('covered', 'waiting', 'created', 'offered', 'refused', 'uncovered')",
            name=op.f("ck_coverage_decision_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_coverage_decision_contract_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_request_id"],
            ["service_request.id"],
            name=op.f("fk_coverage_decision_service_request_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverage_decision")),
    )
    op.create_index(
        "ix_coverage_decision_decided_at", "coverage_decision", ["decided_at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_coverage_decision_service_request_id"),
        "coverage_decision",
        ["service_request_id"],
        unique=False,
    )
    op.create_table(
        "ledger_transaction",
        sa.Column("id", Key, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("effective_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("cause", Key, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("idempotency_key", Key, nullable=True),
        sa.Column("reverses_id", Key, nullable=True),
        sa.Column("contract_id", Id, nullable=True),
        sa.Column("service_request_id", Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_ledger_transaction_contract_id")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["ledger_transaction.id"], name=op.f("fk_ledger_transaction_reverses_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_request_id"],
            ["service_request.id"],
            name=op.f("fk_ledger_transaction_service_request_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transaction")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_ledger_transaction_idempotency_key")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_ledger_transaction_reverses_id")),
    )
    op.create_index(
        "ix_ledger_transaction_contract", "ledger_transaction", ["contract_id", "effective_at"], unique=False
    )
    op.create_index(
        "ix_ledger_transaction_recorded_at", "ledger_transaction", ["recorded_at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_ledger_transaction_service_request_id"),
        "ledger_transaction",
        ["service_request_id"],
        unique=False,
    )
    op.create_table(
        "service_request_history",
        sa.Column("id", Id, nullable=False),
        sa.Column("service_request_id", Id, nullable=False),
        sa.Column("trigger", sa.String(length=20), nullable=False),
        sa.Column("from_state", sa.String(length=20), nullable=True),
        sa.Column("to_state", sa.String(length=20), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("inferred", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_request_id"],
            ["service_request.id"],
            name=op.f("fk_service_request_history_service_request_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_request_history")),
    )
    op.create_index(
        "ix_service_request_history_request",
        "service_request_history",
        ["service_request_id", "at", "id"],
        unique=False,
    )
    op.create_table(
        "service_request_note",
        sa.Column("id", Id, nullable=False),
        sa.Column("service_request_id", Id, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("written_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_request_id"],
            ["service_request.id"],
            name=op.f("fk_service_request_note_service_request_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_request_note")),
    )
    op.create_index(
        "ix_service_request_note_request",
        "service_request_note",
        ["service_request_id", "written_at"],
        unique=False,
    )
    op.create_table(
        "work_entry",
        sa.Column("id", Id, nullable=False),
        sa.Column("service_request_id", Id, nullable=False),
        sa.Column("technician_id", Id, nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("worked_minutes", sa.BigInteger(), nullable=False),
        sa.Column("chargeable_minutes", sa.BigInteger(), nullable=False),
        sa.Column("charge_why", sa.Text(), nullable=True),
        sa.Column("billable", sa.Boolean(), nullable=False),
        sa.Column("work_type", Key, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("ended_at IS NULL OR ended_at > started_at", name=op.f("ck_work_entry_span")),
        sa.CheckConstraint(
            "worked_minutes >= 0 AND chargeable_minutes >= 0", name=op.f("ck_work_entry_minutes")
        ),
        sa.ForeignKeyConstraint(
            ["service_request_id"], ["service_request.id"], name=op.f("fk_work_entry_service_request_id")
        ),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["user_account.id"], name=op.f("fk_work_entry_technician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_entry")),
    )
    op.create_index("ix_work_entry_request", "work_entry", ["service_request_id", "started_at"], unique=False)
    op.create_index(
        "ix_work_entry_technician_id", "work_entry", ["technician_id", "started_at"], unique=False
    )
    op.create_table(
        "incident_hold",
        sa.Column("id", Id, nullable=False),
        sa.Column("service_request_id", Id, nullable=False),
        sa.Column("contract_id", Id, nullable=False),
        sa.Column("lot_id", Id, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("held_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("transaction_id", Key, nullable=False),
        sa.CheckConstraint("state IN ('held', 'settled', 'released')", name=op.f("ck_incident_hold_state")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_incident_hold_contract_id")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_incident_hold_lot_id")),
        sa.ForeignKeyConstraint(
            ["service_request_id"], ["service_request.id"], name=op.f("fk_incident_hold_service_request_id")
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transaction.id"], name=op.f("fk_incident_hold_transaction_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_hold")),
    )
    op.create_index("ix_incident_hold_contract_id", "incident_hold", ["contract_id", "state"], unique=False)
    op.create_index(
        "uq_incident_hold_current",
        "incident_hold",
        ["service_request_id", "contract_id"],
        unique=True,
        sqlite_where=sa.text("state = 'held'"),
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_table(
        "ledger_posting",
        sa.Column("transaction_id", Key, nullable=False),
        sa.Column("leg", sa.Integer(), nullable=False),
        sa.Column("owner", Key, nullable=False),
        sa.Column("account", sa.String(length=16), nullable=False),
        sa.Column("unit", sa.String(length=10), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", Instant(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_posting_amount")),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transaction.id"],
            name=op.f("fk_ledger_posting_transaction_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("transaction_id", "leg", name=op.f("pk_ledger_posting")),
    )
    op.create_index(
        "ix_ledger_posting_owner", "ledger_posting", ["owner", "account", "effective_at"], unique=False
    )
    op.create_table(
        "work_allocation",
        sa.Column("id", Id, nullable=False),
        sa.Column("work_entry_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("contract_id", Id, nullable=True),
        sa.Column("lot_id", Id, nullable=True),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", Instant(), nullable=False),
        sa.Column("transaction_id", Key, nullable=True),
        sa.Column("reversed_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('grant', 'covered', 'carried', 'ignored', 'overage')",
            name=op.f("ck_work_allocation_kind"),
        ),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_work_allocation_minutes")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_work_allocation_contract_id")
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_work_allocation_lot_id")),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transaction.id"], name=op.f("fk_work_allocation_transaction_id")
        ),
        sa.ForeignKeyConstraint(
            ["work_entry_id"], ["work_entry.id"], name=op.f("fk_work_allocation_work_entry_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_allocation")),
    )
    op.create_index(
        "ix_work_allocation_contract_id", "work_allocation", ["contract_id", "effective_at"], unique=False
    )
    op.create_index(
        op.f("ix_work_allocation_work_entry_id"), "work_allocation", ["work_entry_id"], unique=False
    )
    for statement in protections(op.get_bind().dialect.name, APPEND_ONLY):
        op.execute(statement)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE service_request_number START 1001")


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
