"""Emptying a database whose tables refuse it: for the demonstration desk alone.

The triggers that guard the ledger are put aside and back in the same transaction, so that no one else ever
finds them gone. The migrations' own table stays, and the deployment's generation grows, by which processes
that are running see that their settings and rules are old.
"""

from sqlalchemy import Connection, text, update

from workflows.store.tables import APPEND_ONLY, deployment, metadata


def empty_tables(connection: Connection) -> None:
    """Delete every record, numbers and rule sets included."""
    triggers = _put_aside(connection)
    for table in reversed(metadata.sorted_tables):
        if table is not deployment:
            connection.execute(table.delete())
    generation = deployment.c.generation
    connection.execute(update(deployment).values(generation=generation + 1, rule_set=None, sandbox_now=None))
    _put_back(connection, triggers)


def _put_aside(connection: Connection) -> list[str]:
    """Put the triggers aside; answers the statements that make SQLite's again."""
    if connection.dialect.name != "sqlite":
        for table in APPEND_ONLY:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        connection.execute(text("ALTER SEQUENCE service_request_number RESTART"))
        return []
    triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for trigger in triggers:
        connection.execute(text(f"DROP TRIGGER {trigger.name}"))
    return [trigger.sql for trigger in triggers]


def _put_back(connection: Connection, triggers: list[str]) -> None:
    if connection.dialect.name != "sqlite":
        # the deferred foreign key of the postings has yet to be checked, and no table is altered before that
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        for table in APPEND_ONLY:
            connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
    for statement in triggers:
        connection.exec_driver_sql(statement)
