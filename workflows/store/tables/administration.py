"""The deployment: its generation, settings, users and tokens."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from engine.roles import USER_ROLES
from workflows.store.column_types import Id, Instant, Json, Key
from workflows.store.tables.base import metadata, one_of

deployment = Table(
    "deployment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("sandbox_now", Instant),
    Column("rule_set", String(64)),
    CheckConstraint("id = 1", name="single"),
)
"""One row. `generation` rises with each change of settings or rules, so that processes load them again."""

setting = Table("setting", metadata, Column("key", Key, primary_key=True), Column("value", Json))

setting_change = Table(
    "setting_change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Key, nullable=False),
    Column("old_value", Json),
    Column("new_value", Json),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", Instant, nullable=False, index=True),
)

user_account = Table(
    "user_account",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", Key, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("password_hash", Text),
    Column("customer_id", Id, ForeignKey("customer.id")),
    Column("language", String(8)),
    Column("time_zone", String(64)),
    Column("session_epoch", Integer, nullable=False, server_default=text("0")),
    Column("disabled_at", Instant),
    Column("created_at", Instant, nullable=False),
    one_of("role", *USER_ROLES),
    CheckConstraint("(role = 'customer') = (customer_id IS NOT NULL)", name="customer_link"),
)

user_role_change = Table(
    "user_role_change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("user_account.id"), nullable=False),
    Column("old_role", String(20), nullable=False),
    Column("changed_at", Instant, nullable=False),
    one_of("old_role", *USER_ROLES),
    Index("ix_user_role_change_user_id", "user_id", "changed_at"),
)
"""Work is charged by the role that its technician had when it was done."""

api_token = Table(
    "api_token",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("user_account.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
)
