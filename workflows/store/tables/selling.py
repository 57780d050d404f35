"""The price list: products, and their prices by currency and day."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from engine.price_list import PRODUCT_KINDS
from workflows.store.column_types import Id, Instant, Key
from workflows.store.tables.base import metadata, one_of

ANY_QUANTITY = "contract_type IS NOT NULL AND quantity IS NULL"
ONE_QUANTITY = "contract_type IS NOT NULL AND quantity IS NOT NULL"

product = Table(
    "product",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", Key, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("kind", String(14), nullable=False),
    Column("contract_type", Key),
    Column("quantity", BigInteger),
    Column("unit", Key, nullable=False),
    Column("tax_rate", Key),
    Column("offered", Boolean, nullable=False, server_default=false()),
    Column("created_at", Instant, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    one_of("kind", *PRODUCT_KINDS),
    CheckConstraint(
        "(contract_type IS NOT NULL) = (kind IN ('contract_type', 'top_up'))", name="of_contract_type"
    ),
    CheckConstraint("quantity IS NULL OR (quantity > 0 AND contract_type IS NOT NULL)", name="quantity"),
    Index(
        "uq_product_any_quantity",
        "kind",
        "contract_type",
        unique=True,
        sqlite_where=text(ANY_QUANTITY),
        postgresql_where=text(ANY_QUANTITY),
    ),
    Index(
        "uq_product_quantity",
        "kind",
        "contract_type",
        "quantity",
        unique=True,
        sqlite_where=text(ONE_QUANTITY),
        postgresql_where=text(ONE_QUANTITY),
    ),
)
"""What can be sold. One about a contract type has the price of `quantity` of what that type draws, or of any.

`quantity` is in whole minutes, incidents or minor units of money; NULL: whatever is sold. `tax_rate` is the
name of a rate of the settings; NULL: the first of them. `offered`: customers may buy it in the portal.
"""

product_price = Table(
    "product_price",
    metadata,
    Column("id", Id, primary_key=True),
    Column("product_id", Id, ForeignKey("product.id"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("first_on", Date, nullable=False),
    Column("until_on", Date),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    CheckConstraint("amount_minor >= 0", name="amount"),
    CheckConstraint("until_on IS NULL OR until_on > first_on", name="days"),
    UniqueConstraint("product_id", "currency", "first_on"),
)
"""A price of a product, valid on the days [first_on, until_on) in the provider's time zone.

Prices of one product and currency do not overlap: the product's row is locked while one is added or changed.
"""
