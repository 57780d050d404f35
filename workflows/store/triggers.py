"""Triggers by which the database protects the ledger, for both dialects.

- Rows of append-only tables are neither updated, deleted nor replaced.
- No ledger transaction is effective in a closed accounting period.
- A ledger transaction is inserted after its postings, or on PostgreSQL by the same statement: the postings
  must then sum to zero per unit, and no posting can be added to the transaction later.
"""

from collections.abc import Iterable, Iterator

Keys = tuple[tuple[str, ...], ...]
"""The columns of each primary and unique key of a table."""

BALANCE_TEXT = "the postings of a ledger transaction sum to zero per unit"
SEALED_TEXT = "a ledger transaction that has been written takes no further posting"

CLOSED_TEXT = "a ledger transaction would be effective in a closed accounting period"

PERIODS_LOCK = 0x636F766572706572
"""Who writes the ledger on PostgreSQL shares this lock until its end; who closes a period takes it alone."""
BANK_STATEMENTS_LOCK = 0x636F766572626E6B
"""Who writes the entries of a bank statement on PostgreSQL takes this lock until its end."""

_POSTGRESQL_BALANCED = (
    "IF EXISTS (SELECT 1 FROM written w LEFT JOIN ledger_posting p ON p.transaction_id = w.id "
    "GROUP BY w.id, p.unit HAVING coalesce(sum(p.amount), 1) <> 0 OR count(p.leg) < 2) "
    f"THEN RAISE EXCEPTION '{BALANCE_TEXT}' USING ERRCODE = 'check_violation'; END IF; "
    "RETURN NULL; END $$"
)

POSTGRESQL_SEAL = (
    # rows of one statement have the same transaction (xmin) and command (cmin)
    "CREATE OR REPLACE FUNCTION coverdesk_sealed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF EXISTS (SELECT 1 FROM written w JOIN ledger_transaction t ON t.id = w.transaction_id "
    "JOIN ledger_posting p ON p.transaction_id = w.transaction_id AND p.leg = w.leg "
    "WHERE NOT (t.xmin = p.xmin AND t.cmin = p.cmin)) "
    f"THEN RAISE EXCEPTION '{SEALED_TEXT}' USING ERRCODE = 'check_violation'; END IF; "
    "RETURN NULL; END $$"
)


def protections(dialect: str, append_only_tables: Iterable[str]) -> Iterator[str]:
    """The DDL statements that create the triggers, in order. Source: product.md section 8."""
    if dialect == "sqlite":
        yield from _sqlite(append_only_tables)
    else:
        yield from _postgresql(append_only_tables)


def append_only(dialect: str, table: str) -> Iterator[str]:
    """The DDL statements of the triggers by which rows of a table are neither updated nor deleted."""
    if dialect == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    yield (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION coverdesk_append_only()"
    )
    yield (
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION coverdesk_append_only()"
    )


def no_replacement(table: str, keys: Keys) -> str:
    """The DDL statement of the trigger by which SQLite refuses INSERT OR REPLACE.

    REPLACE deletes the rows that have a key of the new one, and fires no trigger for that: a connection would
    have to ask for it (recursive_triggers). A row also has a number, by which it is replaced where the
    statement gives one; where it gives none, NEW.rowid is -1.
    """
    given = ("rowid = NEW.rowid", *(" AND ".join(f"{name} = NEW.{name}" for name in key) for key in keys))
    found = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {one})" for one in given)
    return (
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {found} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: a row has this unique key already'); END"
    )


def closed_periods_guard(dialect: str) -> str:
    """The DDL statement by which the database refuses a transaction that is effective in a closed period.

    On PostgreSQL the lock comes first: the statement after it sees what whoever held it has committed.
    """
    last = "(SELECT max(ends_at) FROM accounting_period)"
    if dialect == "sqlite":
        return (
            "CREATE TRIGGER ledger_transaction_open_period BEFORE INSERT ON ledger_transaction "
            f"WHEN NEW.effective_at < {last} BEGIN SELECT RAISE(ABORT, '{CLOSED_TEXT}'); END"
        )
    return (
        "CREATE OR REPLACE FUNCTION coverdesk_balanced() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"PERFORM pg_advisory_xact_lock_shared({PERIODS_LOCK}); "
        f"IF (SELECT min(effective_at) FROM written) < {last} "
        f"THEN RAISE EXCEPTION '{CLOSED_TEXT}' USING ERRCODE = 'serialization_failure'; END IF; "
        f"{_POSTGRESQL_BALANCED}"
    )


def _sqlite(append_only_tables: Iterable[str]) -> Iterator[str]:
    for table in append_only_tables:
        yield from append_only("sqlite", table)
    yield (
        "CREATE TRIGGER ledger_transaction_balanced BEFORE INSERT ON ledger_transaction "
        "WHEN (SELECT count(*) FROM ledger_posting WHERE transaction_id = NEW.id) < 2 "
        "OR EXISTS (SELECT 1 FROM ledger_posting WHERE transaction_id = NEW.id "
        "GROUP BY unit HAVING sum(amount) <> 0) "
        f"BEGIN SELECT RAISE(ABORT, '{BALANCE_TEXT}'); END"
    )
    yield (
        "CREATE TRIGGER ledger_posting_sealed BEFORE INSERT ON ledger_posting "
        "WHEN EXISTS (SELECT 1 FROM ledger_transaction WHERE id = NEW.transaction_id) "
        f"BEGIN SELECT RAISE(ABORT, '{SEALED_TEXT}'); END"
    )


def _postgresql(append_only_tables: Iterable[str]) -> Iterator[str]:
    yield (
        "CREATE FUNCTION coverdesk_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in append_only_tables:
        yield from append_only("postgresql", table)
    yield (
        "CREATE FUNCTION coverdesk_balanced() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"{_POSTGRESQL_BALANCED}"
    )
    yield (
        "CREATE TRIGGER ledger_transaction_balanced AFTER INSERT ON ledger_transaction "
        "REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION coverdesk_balanced()"
    )
    yield POSTGRESQL_SEAL
    yield (
        "CREATE TRIGGER ledger_posting_sealed AFTER INSERT ON ledger_posting "
        "REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION coverdesk_sealed()"
    )
