"""The unique keys that a table declares."""

from sqlalchemy import Table, UniqueConstraint


def unique_keys(table: Table) -> tuple[tuple[str, ...], ...]:
    """The columns of each primary and unique key, the primary one first."""
    unique = [one.columns.keys() for one in table.constraints if isinstance(one, UniqueConstraint)]
    unique += [one.columns.keys() for one in table.indexes if one.unique]
    return (tuple(table.primary_key.columns.keys()), *sorted(map(tuple, unique)))
