"""What an hour of work costs, from a day on."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, String, Table, Text

from workflows.store.column_types import Id, Instant
from workflows.store.tables.base import metadata

cost_rate = Table(
    "cost_rate",
    metadata,
    Column("id", Id, primary_key=True),
    Column("technician_id", Id, ForeignKey("user_account.id")),
    Column("role", String(20)),
    Column("per_hour_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("from_on", Date, nullable=False),
    Column("reason", Text),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", Text, nullable=False),
    CheckConstraint("(technician_id IS NULL) <> (role IS NULL)", name="whose"),
    CheckConstraint("per_hour_minor > 0", name="per_hour"),
    Index("ix_cost_rate_from_on", "from_on", "id"),
)
"""Of one technician, or of all with a role who have none of their own; the last one from a day holds."""
