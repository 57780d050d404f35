"""Triggers by which the database protects issued invoices, for both dialects.

- Of an invoice that is not a draft, only what is open, its delivery and its voiding may change.
- Lines, discounts and taxes are written only while their invoice is a draft.
"""

from collections.abc import Iterator, Sequence

PARTS = ("invoice_line", "invoice_discount", "invoice_tax")
"""The tables whose rows are parts of an invoice."""

FROZEN_AT_FIRST = (
    "id", "kind", "number", "customer_id", "org_unit_id", "currency", "issued_at", "issued_on", "due_on",
    "overdue_at", "order_number", "buyer_reference", "note", "terms", "language", "early_payment_days",
    "early_payment_percent", "net_minor", "tax_minor", "total_minor", "seller", "buyer", "corrects_id",
    "reason", "issued_by", "created_at", "created_by",
)  # fmt: skip
"""The columns of an issued invoice that never change, in the migration that made the table."""
FROZEN = (*FROZEN_AT_FIRST, "e_invoice_profile", "e_invoice_rules")
"""The columns of an issued invoice that never change."""

ISSUED_TEXT = "an issued invoice never changes: correct it by a credit note"
DELETED_TEXT = "an issued invoice is not deleted"

_PARTS_KEYS = {
    "invoice_line": (("id",), ("invoice_id", "position")),
    "invoice_discount": (("invoice_id", "position", "tax_category", "tax_percent"),),
    "invoice_tax": (("invoice_id", "category", "percent"),),
}


def issued_invoices_guard(dialect: str, frozen: Sequence[str] = FROZEN) -> Iterator[str]:
    """The DDL statements of the triggers, in order. Source: product.md section 10."""
    if dialect == "sqlite":
        yield from _sqlite(frozen)
    else:
        yield from _postgresql(frozen)


def frozen_columns_changed(dialect: str) -> Iterator[str]:
    """The DDL statements that make the triggers of an earlier step protect the columns of `FROZEN`."""
    if dialect == "sqlite":
        yield "DROP TRIGGER invoice_issued"
        yield _sqlite_update(FROZEN)
    else:
        yield postgresql_invoice_function(FROZEN).replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


def _sqlite_update(frozen: Sequence[str]) -> str:
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in frozen)
    back = "NEW.state <> OLD.state AND NOT (OLD.state = 'issued' AND NEW.state = 'void')"
    return (
        f"CREATE TRIGGER invoice_issued BEFORE UPDATE ON invoice WHEN OLD.state <> 'draft' "
        f"AND ({changed} OR {back}) BEGIN SELECT RAISE(ABORT, '{ISSUED_TEXT}'); END"
    )


def _sqlite(frozen: Sequence[str]) -> Iterator[str]:
    abort = f"BEGIN SELECT RAISE(ABORT, '{ISSUED_TEXT}'); END"
    yield _sqlite_update(frozen)
    yield (
        "CREATE TRIGGER invoice_no_delete BEFORE DELETE ON invoice WHEN OLD.state <> 'draft' "
        f"BEGIN SELECT RAISE(ABORT, '{DELETED_TEXT}'); END"
    )
    # REPLACE deletes the rows that have a key of the new one, and fires no trigger for that
    yield (
        "CREATE TRIGGER invoice_no_replace BEFORE INSERT ON invoice "
        "WHEN EXISTS (SELECT 1 FROM invoice WHERE state <> 'draft' "
        f"AND (rowid = NEW.rowid OR id = NEW.id OR number = NEW.number)) {abort}"
    )
    for table in PARTS:
        for verb, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            yield (
                f"CREATE TRIGGER {table}_{verb.lower()}_{row.lower()} BEFORE {verb} ON {table} "
                f"WHEN (SELECT state FROM invoice WHERE id = {row}.invoice_id) <> 'draft' {abort}"
            )
        same = " OR ".join(
            " AND ".join(f"old.{name} = NEW.{name}" for name in key) for key in _PARTS_KEYS[table]
        )
        yield (
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} old JOIN invoice ON invoice.id = old.invoice_id "
            f"WHERE invoice.state <> 'draft' "
            f"AND (old.rowid = NEW.rowid OR {same})) {abort}"
        )


def postgresql_invoice_function(frozen: Sequence[str], unless: str = "") -> str:
    """The DDL of PostgreSQL's function for invoices; `unless` says when columns may change."""
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in frozen)
    if unless:
        changed = f"(({changed}) AND NOT {unless})"
    return (
        "CREATE FUNCTION coverdesk_issued_invoice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'DELETE' THEN "
        f"RAISE EXCEPTION '{DELETED_TEXT}' USING ERRCODE = 'restrict_violation'; END IF; "
        f"IF {changed} OR (NEW.state <> OLD.state AND NOT (OLD.state = 'issued' AND NEW.state = 'void')) "
        f"THEN RAISE EXCEPTION '{ISSUED_TEXT}' USING ERRCODE = 'restrict_violation'; END IF; "
        "RETURN NEW; END $$"
    )


def postgresql_part(first: str = "") -> str:
    """The DDL of PostgreSQL's function for parts of invoices; `first` are statements that come first."""
    refuse = f"RAISE EXCEPTION '{ISSUED_TEXT}' USING ERRCODE = 'restrict_violation'"
    # the row is shared until the end, so that an invoice is not issued while a line is written
    return (
        "CREATE FUNCTION coverdesk_invoice_part() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE found text; "
        f"BEGIN {first}IF TG_OP <> 'INSERT' THEN "
        "SELECT state INTO found FROM invoice WHERE id = OLD.invoice_id FOR SHARE; "
        f"IF found <> 'draft' THEN {refuse}; END IF; END IF; "
        "IF TG_OP <> 'DELETE' THEN "
        "SELECT state INTO found FROM invoice WHERE id = NEW.invoice_id FOR SHARE; "
        f"IF found <> 'draft' THEN {refuse}; END IF; RETURN NEW; END IF; RETURN OLD; END $$"
    )


def _postgresql(frozen: Sequence[str]) -> Iterator[str]:
    yield postgresql_invoice_function(frozen)
    yield (
        "CREATE TRIGGER invoice_issued BEFORE UPDATE OR DELETE ON invoice FOR EACH ROW "
        "WHEN (OLD.state <> 'draft') EXECUTE FUNCTION coverdesk_issued_invoice()"
    )
    yield postgresql_part()
    for table in PARTS:
        yield (
            f"CREATE TRIGGER {table}_issued BEFORE INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION coverdesk_invoice_part()"
        )
    for table in ("invoice", *PARTS):
        yield (
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION coverdesk_append_only()"
        )
