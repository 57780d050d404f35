"""Disputes, and statements that customers have accepted."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant, Json, Key
from workflows.store.triggers import append_only, no_replacement

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

REFERENCES = (
    ("work_entry_id", "work_entry"),
    ("transaction_id", "ledger_transaction"),
    ("invoice_line_id", "invoice_line"),
    ("service_request_id", "service_request"),
    ("contract_id", "contract"),
    ("invoice_id", "invoice"),
    ("customer_id", "customer"),
    ("org_unit_id", "org_unit"),
    ("credit_note_id", "invoice"),
)
SUBJECT = (
    "(kind = 'work_entry' AND work_entry_id IS NOT NULL AND transaction_id IS NULL"
    " AND invoice_line_id IS NULL)"
    " OR (kind = 'statement_line' AND transaction_id IS NOT NULL AND contract_id IS NOT NULL"
    " AND invoice_line_id IS NULL)"
    " OR (kind = 'invoice_line' AND invoice_line_id IS NOT NULL AND invoice_id IS NOT NULL"
    " AND work_entry_id IS NULL AND transaction_id IS NULL)"
)
DECIDED = "(state = 'open') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)"


def upgrade() -> None:
    op.create_table(
        "dispute",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("work_entry_id", Id, nullable=True),
        sa.Column("transaction_id", Key, nullable=True),
        sa.Column("invoice_line_id", Id, nullable=True),
        sa.Column("service_request_id", Id, nullable=True),
        sa.Column("contract_id", Id, nullable=True),
        sa.Column("invoice_id", Id, nullable=True),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("org_unit_id", Id, nullable=True),
        sa.Column("subject", Json, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("decided_at", Instant, nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("changed", Json, nullable=True),
        sa.Column("credit_note_id", Id, nullable=True),
        sa.CheckConstraint(
            "kind IN ('work_entry', 'statement_line', 'invoice_line')", name=op.f("ck_dispute_kind")
        ),
        sa.CheckConstraint("state IN ('open', 'accepted', 'declined')", name=op.f("ck_dispute_state")),
        sa.CheckConstraint(SUBJECT, name=op.f("ck_dispute_subject")),
        sa.CheckConstraint(DECIDED, name=op.f("ck_dispute_decided")),
        sa.CheckConstraint(
            "state <> 'declined' OR decision_reason IS NOT NULL", name=op.f("ck_dispute_declined")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_dispute_{column}"))
            for column, table in REFERENCES
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
    )
    for column in ("work_entry_id", "transaction_id", "invoice_line_id"):
        where = sa.text(f"state = 'open' AND {column} IS NOT NULL")
        op.create_index(
            f"uq_dispute_open_{column}",
            "dispute",
            [column],
            unique=True,
            sqlite_where=where,
            postgresql_where=where,
        )
    for column in ("work_entry_id", "transaction_id", "invoice_line_id", "invoice_id"):
        op.create_index(op.f(f"ix_dispute_{column}"), "dispute", [column])
    op.create_index("ix_dispute_opened_at", "dispute", ["opened_at", "id"])
    op.create_index("ix_dispute_customer_id", "dispute", ["customer_id", "opened_at"])
    _acceptances()


def _acceptances() -> None:
    op.create_table(
        "statement_acceptance",
        sa.Column("id", Id, nullable=False),
        sa.Column("contract_id", Id, nullable=False),
        sa.Column("up_to", Instant, nullable=False),
        sa.Column("unit", sa.String(10), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at", Instant, nullable=False),
        sa.Column("accepted_by", sa.Text(), nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.CheckConstraint(
            "lines > 0 AND up_to <= accepted_at", name=op.f("ck_statement_acceptance_accepted")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_statement_acceptance_contract_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_statement_acceptance_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_acceptance")),
    )
    op.create_index("ix_statement_acceptance_contract_id", "statement_acceptance", ["contract_id", "id"])
    op.create_table(
        "statement_acceptance_head",
        sa.Column("acceptance_id", Id, nullable=False),
        sa.Column("chain_id", Key, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "sequence > 0 AND length(hash) = 32", name=op.f("ck_statement_acceptance_head_head")
        ),
        sa.ForeignKeyConstraint(
            ["acceptance_id"],
            ["statement_acceptance.id"],
            name=op.f("fk_statement_acceptance_head_acceptance_id"),
        ),
        sa.PrimaryKeyConstraint("acceptance_id", "chain_id", name=op.f("pk_statement_acceptance_head")),
    )
    dialect = op.get_bind().dialect.name
    keys = {
        "statement_acceptance": (("id",),),
        "statement_acceptance_head": (("acceptance_id", "chain_id"),),
    }
    for table, unique in keys.items():
        for statement in append_only(dialect, table):
            op.execute(statement)
        if dialect == "sqlite":
            op.execute(no_replacement(table, unique))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
