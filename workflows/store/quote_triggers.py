"""Triggers by which the database protects quotes that were sent, for both dialects.

- Of a version that was sent, only when it was superseded, and that its lapse was recorded, may change.
- Lines are written only while their version is a draft.
"""

from collections.abc import Iterator

FROZEN = (
    "id", "quote_id", "number", "subject", "note", "last_on", "net_minor", "tax_minor", "total_minor",
    "created_at", "created_by", "sent_at", "sent_by", "sent_by_id", "sent_to", "lapses_at",
)  # fmt: skip
"""The columns of a version that never change once it was sent."""
TABLES = ("quote_version", "quote_line")
"""The tables with these triggers."""
SENT_TEXT = "a quote that was sent never changes: write its next version"
_REFUSE = f"RAISE EXCEPTION '{SENT_TEXT}' USING ERRCODE = 'restrict_violation'"


def sent_quotes_guard(dialect: str) -> Iterator[str]:
    """The DDL statements of the triggers, in order."""
    if dialect == "sqlite":
        yield from _sqlite()
    else:
        yield from _postgresql()


def _sqlite() -> Iterator[str]:
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in FROZEN)
    abort = f"BEGIN SELECT RAISE(ABORT, '{SENT_TEXT}'); END"
    yield (
        "CREATE TRIGGER quote_version_sent BEFORE UPDATE ON quote_version WHEN OLD.sent_at IS NOT NULL "
        f"AND ({changed}) {abort}"
    )
    yield (
        "CREATE TRIGGER quote_version_no_delete BEFORE DELETE ON quote_version "
        f"WHEN OLD.sent_at IS NOT NULL {abort}"
    )
    # REPLACE deletes the rows that have a key of the new one, and fires no trigger for that
    yield (
        "CREATE TRIGGER quote_version_no_replace BEFORE INSERT ON quote_version "
        "WHEN EXISTS (SELECT 1 FROM quote_version WHERE sent_at IS NOT NULL AND (rowid = NEW.rowid "
        f"OR id = NEW.id OR (quote_id = NEW.quote_id AND number = NEW.number))) {abort}"
    )
    for verb, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        yield (
            f"CREATE TRIGGER quote_line_{verb.lower()}_{row.lower()} BEFORE {verb} ON quote_line "
            f"WHEN (SELECT sent_at FROM quote_version WHERE id = {row}.version_id) IS NOT NULL {abort}"
        )
    yield (
        "CREATE TRIGGER quote_line_no_replace BEFORE INSERT ON quote_line "
        "WHEN EXISTS (SELECT 1 FROM quote_line old JOIN quote_version v ON v.id = old.version_id "
        "WHERE v.sent_at IS NOT NULL AND (old.rowid = NEW.rowid OR old.id = NEW.id)) "
        f"{abort}"
    )


def postgresql_quote_version(unless: str = "") -> str:
    """The DDL of PostgreSQL's function for versions; `unless` says when columns may change."""
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in FROZEN)
    if unless:
        changed = f"({changed}) AND NOT {unless}"
    return (
        "CREATE FUNCTION coverdesk_sent_quote() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'DELETE' THEN {_REFUSE}; END IF; IF {changed} THEN {_REFUSE}; END IF; RETURN NEW; END $$"
    )


def postgresql_quote_line(first: str = "") -> str:
    """The DDL of PostgreSQL's function for lines of versions; `first` are statements that come first."""
    # the version is shared until the end, so that it is not sent while a line is written
    return (
        "CREATE FUNCTION coverdesk_quote_line() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"DECLARE at timestamptz; BEGIN {first}IF TG_OP <> 'INSERT' THEN "
        "SELECT sent_at INTO at FROM quote_version WHERE id = OLD.version_id FOR SHARE; "
        f"IF at IS NOT NULL THEN {_REFUSE}; END IF; END IF; "
        "IF TG_OP <> 'DELETE' THEN "
        "SELECT sent_at INTO at FROM quote_version WHERE id = NEW.version_id FOR SHARE; "
        f"IF at IS NOT NULL THEN {_REFUSE}; END IF; RETURN NEW; END IF; RETURN OLD; END $$"
    )


def _postgresql() -> Iterator[str]:
    yield postgresql_quote_version()
    yield (
        "CREATE TRIGGER quote_version_sent BEFORE UPDATE OR DELETE ON quote_version FOR EACH ROW "
        "WHEN (OLD.sent_at IS NOT NULL) EXECUTE FUNCTION coverdesk_sent_quote()"
    )
    yield postgresql_quote_line()
    yield (
        "CREATE TRIGGER quote_line_sent BEFORE INSERT OR UPDATE OR DELETE ON quote_line "
        "FOR EACH ROW EXECUTE FUNCTION coverdesk_quote_line()"
    )
    for table in TABLES:
        yield (
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION coverdesk_append_only()"
        )
