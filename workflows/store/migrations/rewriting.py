"""How steps change a check of a table on SQLite: it is written anew, and its rows are copied."""

import re

import sqlalchemy as sa
from alembic import op


def rewrite_table(table: str, old: str, new: str) -> None:
    """Write a table of SQLite anew from its own definition, with `old` in it replaced by `new`.

    `migrate` has switched foreign keys off: other tables refer to this one by its name.
    Raises: RuntimeError if the definition has no `old`.
    """
    connection = op.get_bind()
    stored = sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL")
    made = connection.execute(stored, {"table": table}).all()
    columns = ", ".join(row.name for row in connection.execute(sa.text(f"PRAGMA table_info({table})")))
    definition = next(row.sql for row in made if row.type == "table")
    changed = definition.replace(old, new)
    if changed == definition:
        raise RuntimeError(f"The table {table} is not as the steps before have made it.")
    # a table that has been renamed has its name in quotes
    changed = re.sub(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {table}_new", changed)
    op.execute(sa.text(changed.replace(":", "\\:")))
    op.execute(f"INSERT INTO {table}_new ({columns}) SELECT {columns} FROM {table}")  # noqa: S608 -- no names of users
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE {table}_new RENAME TO {table}")
    for row in made:
        if row.type != "table":
            op.execute(sa.text(row.sql.replace(":", "\\:")))
