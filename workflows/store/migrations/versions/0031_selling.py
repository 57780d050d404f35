"""The price list, where the price of a contract came from, and quotes."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import ExactDecimal, Id, Instant, Json, Key
from workflows.store.quote_triggers import sent_quotes_guard
from workflows.store.triggers import append_only, no_replacement

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

SOURCES = "'given', 'price_list', 'contract_type', 'rule', 'renewal', 'quote'"
TO_LAPSE = "sent_at IS NOT NULL AND superseded_at IS NULL AND lapse_recorded_at IS NULL"
APPEND_ONLY = (
    ("quote_decision", (("version_id",), ("accepted_quote_id",))),
    ("quote_contract", (("line_id",), ("contract_id",))),
    ("quote_invoice", (("quote_id",), ("invoice_id",))),
)
"""The new append-only tables, with the columns of their keys."""


def upgrade() -> None:
    _products()
    _prices()
    # as text: SQLite can add a constraint to a table only together with its column
    op.execute(
        "ALTER TABLE contract ADD COLUMN price_source VARCHAR(14) "
        f"CONSTRAINT ck_contract_price_source CHECK (price_source IN ({SOURCES}))"
    )
    key = 'VARCHAR(32) COLLATE "C"' if op.get_bind().dialect.name == "postgresql" else "VARCHAR(32)"
    op.execute(
        f"ALTER TABLE contract ADD COLUMN product_price_id {key} "
        "CONSTRAINT fk_contract_product_price_id REFERENCES product_price (id)"
    )
    op.add_column("contract", sa.Column("list_price_minor", sa.BigInteger(), nullable=True))
    op.add_column("contract", sa.Column("discount_percent", sa.String(16), nullable=True))
    _quotes()
    _versions()
    _lines()
    _links()
    _decisions()
    _results()
    dialect = op.get_bind().dialect.name
    for table, keys in APPEND_ONLY:
        for statement in append_only(dialect, table):
            op.execute(statement)
        if dialect == "sqlite":
            op.execute(no_replacement(table, keys))
    for statement in sent_quotes_guard(dialect):
        op.execute(sa.text(statement.replace(":", "\\:")))


def _products() -> None:
    op.create_table(
        "product",
        sa.Column("id", Id, nullable=False),
        sa.Column("code", Key, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(14), nullable=False),
        sa.Column("contract_type", Key, nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("unit", Key, nullable=False),
        sa.Column("tax_rate", Key, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('contract_type', 'top_up', 'one_off', 'part', 'travel', 'expense')",
            name=op.f("ck_product_kind"),
        ),
        sa.CheckConstraint(
            "(contract_type IS NOT NULL) = (kind IN ('contract_type', 'top_up'))",
            name=op.f("ck_product_of_contract_type"),
        ),
        sa.CheckConstraint(
            "quantity IS NULL OR (quantity > 0 AND contract_type IS NOT NULL)",
            name=op.f("ck_product_quantity"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("code", name=op.f("uq_product_code")),
    )
    for name, columns, given in (("any_quantity", [], "IS NULL"), ("quantity", ["quantity"], "IS NOT NULL")):
        where = sa.text(f"contract_type IS NOT NULL AND quantity {given}")
        op.create_index(
            f"uq_product_{name}",
            "product",
            ["kind", "contract_type", *columns],
            unique=True,
            sqlite_where=where,
            postgresql_where=where,
        )


def _prices() -> None:
    op.create_table(
        "product_price",
        sa.Column("id", Id, nullable=False),
        sa.Column("product_id", Id, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_product_price_amount")),
        sa.CheckConstraint("until_on IS NULL OR until_on > first_on", name=op.f("ck_product_price_days")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_product_price_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_price")),
        sa.UniqueConstraint(
            "product_id", "currency", "first_on", name=op.f("uq_product_price_product_id_currency_first_on")
        ),
    )


def _quotes() -> None:
    op.create_table(
        "quote",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", Key, nullable=False),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("org_unit_id", Id, nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("(customer_id IS NULL) <> (org_unit_id IS NULL)", name=op.f("ck_quote_party")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_quote_customer_id")),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name=op.f("fk_quote_org_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote")),
        sa.UniqueConstraint("number", name=op.f("uq_quote_number")),
    )
    for column in ("customer_id", "org_unit_id", "created_at"):
        op.create_index(f"ix_quote_{column}", "quote", [column, "id"])


def _versions() -> None:
    op.create_table(
        "quote_version",
        sa.Column("id", Id, nullable=False),
        sa.Column("quote_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("sent_by", sa.Text(), nullable=True),
        sa.Column("sent_by_id", Id, nullable=True),
        sa.Column("sent_to", sa.Text(), nullable=True),
        sa.Column("lapses_at", Instant(), nullable=True),
        sa.Column("superseded_at", Instant(), nullable=True),
        sa.Column("lapse_recorded_at", Instant(), nullable=True),
        sa.CheckConstraint("total_minor = net_minor + tax_minor", name=op.f("ck_quote_version_total")),
        sa.CheckConstraint("(sent_at IS NULL) = (lapses_at IS NULL)", name=op.f("ck_quote_version_sent")),
        sa.ForeignKeyConstraint(["quote_id"], ["quote.id"], name=op.f("fk_quote_version_quote_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote_version")),
        sa.UniqueConstraint("quote_id", "number", name=op.f("uq_quote_version_quote_id_number")),
    )
    where = sa.text(TO_LAPSE)
    op.create_index(
        "ix_quote_version_lapses_at",
        "quote_version",
        ["lapses_at", "id"],
        sqlite_where=where,
        postgresql_where=where,
    )


def _lines() -> None:
    op.create_table(
        "quote_line",
        sa.Column("id", Id, nullable=False),
        sa.Column("version_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("product_id", Id, nullable=True),
        sa.Column("contract_terms", Json, nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", ExactDecimal(), nullable=False),
        sa.Column("unit", Key, nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_percent", ExactDecimal(), nullable=True),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_name", Key, nullable=False),
        sa.Column("tax_category", sa.String(2), nullable=False),
        sa.Column("tax_percent", ExactDecimal(), nullable=False),
        sa.Column("tax_reason", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('contract', 'item')", name=op.f("ck_quote_line_kind")),
        sa.CheckConstraint(
            "tax_category IN ('S', 'Z', 'E', 'AE', 'K', 'G', 'O')", name=op.f("ck_quote_line_tax_category")
        ),
        sa.CheckConstraint(
            "(contract_terms IS NOT NULL) = (kind = 'contract')", name=op.f("ck_quote_line_contract")
        ),
        sa.ForeignKeyConstraint(["version_id"], ["quote_version.id"], name=op.f("fk_quote_line_version_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_quote_line_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote_line")),
        sa.UniqueConstraint("version_id", "position", name=op.f("uq_quote_line_version_id_position")),
    )


def _links() -> None:
    op.create_table(
        "quote_link",
        sa.Column("id", Id, nullable=False),
        sa.Column("version_id", Id, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["version_id"], ["quote_version.id"], name=op.f("fk_quote_link_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_quote_link_token_hash")),
    )
    op.create_index("ix_quote_link_version_id", "quote_link", ["version_id"])


def _decisions() -> None:
    op.create_table(
        "quote_decision",
        sa.Column("version_id", Id, nullable=False),
        sa.Column("quote_id", Id, nullable=False),
        sa.Column("decision", sa.String(8), nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("way", sa.String(8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("user_id", Id, nullable=True),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("accepted_quote_id", Id, nullable=True),
        sa.CheckConstraint("decision IN ('accepted', 'declined')", name=op.f("ck_quote_decision_decision")),
        sa.CheckConstraint(
            "(decision = 'accepted') = (accepted_quote_id IS NOT NULL)",
            name=op.f("ck_quote_decision_accepted"),
        ),
        sa.CheckConstraint("way IN ('portal', 'link', 'staff')", name=op.f("ck_quote_decision_way")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["quote_version.id"], name=op.f("fk_quote_decision_version_id")
        ),
        sa.ForeignKeyConstraint(["quote_id"], ["quote.id"], name=op.f("fk_quote_decision_quote_id")),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_quote_decision")),
        sa.UniqueConstraint("accepted_quote_id", name=op.f("uq_quote_decision_accepted_quote_id")),
    )


def _results() -> None:
    """What an acceptance made: one contract for each line of one, and the draft of an invoice."""
    for name, source, made in (
        ("quote_contract", ("line_id", "quote_line"), ("contract_id", "contract")),
        ("quote_invoice", ("quote_id", "quote"), ("invoice_id", "invoice")),
    ):
        op.create_table(
            name,
            sa.Column(source[0], Id, nullable=False),
            sa.Column(made[0], Id, nullable=False),
            sa.ForeignKeyConstraint([source[0]], [f"{source[1]}.id"], name=op.f(f"fk_{name}_{source[0]}")),
            sa.ForeignKeyConstraint([made[0]], [f"{made[1]}.id"], name=op.f(f"fk_{name}_{made[0]}")),
            sa.PrimaryKeyConstraint(source[0], name=op.f(f"pk_{name}")),
            sa.UniqueConstraint(made[0], name=op.f(f"uq_{name}_{made[0]}")),
        )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
