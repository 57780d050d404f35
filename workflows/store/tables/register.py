"""Org units and their tree, customers, items."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from workflows.store.column_types import Id, Instant, Key
from workflows.store.tables.base import metadata

org_unit = Table(
    "org_unit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", Key, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("parent_id", Id, ForeignKey("org_unit.id"), index=True),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", Instant, nullable=False),
    Column("search_words", Text, nullable=False, server_default=text("' '")),
)

org_unit_line = Table(
    "org_unit_line",
    metadata,
    Column("org_unit_id", Id, ForeignKey("org_unit.id"), nullable=False),
    Column("ancestor_id", Id, ForeignKey("org_unit.id"), nullable=False),
    Column("steps", Integer, nullable=False),
    PrimaryKeyConstraint("org_unit_id", "ancestor_id"),
    Index("ix_org_unit_line_ancestor_id", "ancestor_id", "org_unit_id"),
)
"""The closure of the tree: each org unit with itself (0 steps) and every ancestor."""

customer = Table(
    "customer",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", Key, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("org_unit_id", Id, ForeignKey("org_unit.id"), index=True),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", Instant, nullable=False),
    Column("search_words", Text, nullable=False, server_default=text("' '")),
    Column("erased_at", Instant),
)

customer_org_unit = Table(
    "customer_org_unit",
    metadata,
    Column("customer_id", Id, ForeignKey("customer.id"), nullable=False),
    Column("org_unit_id", Id, ForeignKey("org_unit.id"), nullable=False),
    Column("position", Integer, nullable=False),
    PrimaryKeyConstraint("customer_id", "org_unit_id"),
    UniqueConstraint("customer_id", "position"),
    Index("ix_customer_org_unit_org_unit_id", "org_unit_id"),
)
"""Every org unit of a customer; position 0 is the primary one."""

item = Table(
    "item",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", Key, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("item_type", Key, nullable=False),
    Column("owner_customer_id", Id, ForeignKey("customer.id"), index=True),
    Column("owner_org_unit_id", Id, ForeignKey("org_unit.id"), index=True),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", Instant, nullable=False),
    Column("search_words", Text, nullable=False, server_default=text("' '")),
    CheckConstraint("owner_customer_id IS NULL OR owner_org_unit_id IS NULL", name="one_owner"),
)
