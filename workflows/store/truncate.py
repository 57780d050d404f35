"""Deleting all rows, which the tables' triggers forbid: only for the demonstration desk.

The triggers are disabled and enabled again in one transaction, so that no other transaction ever runs without
them. The table of migrations stays, and the deployment's generation rises, so that running processes load
settings and rules again.
"""

from itertools import chain

from sqlalchemy import Connection, text, update

from workflows.store.billing_triggers import PARTS
from workflows.store.quote_triggers import TABLES as QUOTE_TABLES
from workflows.store.search_index import DOCUMENTS, empty_search_index
from workflows.store.tables import APPEND_ONLY, deployment, metadata

PROTECTED = (*APPEND_ONLY, "invoice", *PARTS, *QUOTE_TABLES)
"""The tables with triggers that refuse to delete rows."""


def empty_tables(connection: Connection) -> None:
    """Delete every record, numbers and rule sets included."""
    triggers = _disable_triggers(connection)
    for table in reversed(metadata.sorted_tables):
        if table is not deployment:
            connection.execute(table.delete())
    if connection.dialect.name == "sqlite":
        for statement in chain.from_iterable(map(empty_search_index, DOCUMENTS)):
            connection.exec_driver_sql(statement)
    generation = deployment.c.generation
    connection.execute(update(deployment).values(generation=generation + 1, rule_set=None, sandbox_now=None))
    _enable_triggers(connection, triggers)


def _disable_triggers(connection: Connection) -> list[str]:
    """Disable the triggers. Returns the statements that create SQLite's again, where they are dropped."""
    if connection.dialect.name != "sqlite":
        for table in PROTECTED:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        connection.execute(text("ALTER SEQUENCE service_request_number RESTART"))
        return []
    triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for trigger in triggers:
        connection.execute(text(f"DROP TRIGGER {trigger.name}"))
    return [trigger.sql for trigger in triggers]


def _enable_triggers(connection: Connection, triggers: list[str]) -> None:
    if connection.dialect.name != "sqlite":
        # no table is altered before the deferred foreign key of the postings has been checked
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        for table in PROTECTED:
            connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
    for statement in triggers:
        connection.exec_driver_sql(statement)
