"""Column types with the same meaning on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pydantic_core import from_json
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Dialect,
    Integer,
    LargeBinary,
    String,
    Text,
    cast,
    extract,
    literal_column,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant: timestamptz on PostgreSQL, whole microseconds since 1970 on SQLite.

    SQLite has no time type and would drop the zone; an integer compares and sorts exactly.
    A naive datetime is refused.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; instants are aware UTC.")
        return value if dialect.name == "postgresql" else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return _as_utc(value) if dialect.name == "postgresql" else _from_microseconds(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """As `process_result_value`, without its call: a search reads a hundred instants."""
        return _as_utc if dialect.name == "postgresql" else _from_microseconds


def _as_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


@lru_cache(maxsize=4096)  # contracts begin and end at the same few instants, and a search reads dozens
def _from_microseconds(value: int | None) -> datetime | None:
    return None if value is None else EPOCH + timedelta(0, 0, value)


def microseconds(instant: ColumnElement[datetime], *, is_sqlite: bool) -> ColumnElement[int]:
    """SQL: an instant as whole microseconds since 1970, for arithmetic."""
    if is_sqlite:
        return type_coerce(instant, BigInteger)
    return cast(extract("epoch", instant) * 1_000_000, BigInteger)


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal number as its text, without an exponent: SQLite would store a number as a float."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else decimal_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


def decimal_text(value: Decimal) -> str:
    """A decimal as text without an exponent and without zeros at its end: 1E+2 is 100, 1.50 is 1.5."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class SharedJson(TypeDecorator[Any]):
    """JSON to read, parsed once for all rows that have the same: nobody may change what it returns.

    The terms of the work on a contract are mostly the same text: parsing each took 6 % of an audit of work.
    """

    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return _parsed(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """As `process_result_value`, without its call."""
        return _parsed


@lru_cache(maxsize=4096)
def _parsed(text: str | None) -> Any:
    return None if text is None else from_json(text)


def shared_json(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """SQL: a column of JSON, whose value may be the same object in several rows and must not be changed."""
    return type_coerce(cast(column, Text), SharedJson)


# PostgreSQL sorts text by the locale; ids, keys and numbers must sort the same everywhere.
Id = String(32).with_variant(String(32, collation="C"), "postgresql")
Key = String(255).with_variant(String(255, collation="C"), "postgresql")


Hash = LargeBinary
"""A SHA-256, 32 bytes."""


def text_constant(value: str) -> ColumnElement[str]:
    """A constant of this project as part of a statement's text; never anything that was entered.

    A bound value is converted and sent at each call; and where it decides on a partial index, as the state of
    a hold does, SQLite even prepares the statement again for each value bound.
    """
    return literal_column(f"'{value}'", Id)


def number_constant(value: int) -> ColumnElement[int]:
    """A whole number as part of a statement's text, see `text_constant`."""
    return literal_column(str(value), Integer)
