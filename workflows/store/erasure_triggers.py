"""Triggers by which a customer's personal values can be replaced where rows are otherwise never changed.

An UPDATE of a protected row is let through only

- while an erasure is under way: it has begun in the same transaction, and its proof is not written yet. A
  deferred foreign key refuses a transaction that does not write it;
- if no column changes but the personal ones, listed here;
- and each of these only to nothing or to the fixed replacements. Of JSON, the text is not compared.

No service request is logged for an erased customer: logging reads the customer before it writes, and another
transaction may erase them in between. Other records lock the customer's row (`core/erased`).

Everything else is refused as before. The columns that must stay are those that the table has when a trigger
is made: a step that adds one to such a table makes it again (`make_erasable`).
"""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from workflows.store.billing_triggers import FROZEN, ISSUED_TEXT, postgresql_invoice_function, postgresql_part
from workflows.store.quote_triggers import FROZEN as FROZEN_QUOTE
from workflows.store.quote_triggers import SENT_TEXT, postgresql_quote_line, postgresql_quote_version

ERASED = "Erased"
"""Stands for a text; with the number of the erasure, for a name."""
ERASED_DOMAIN = "erased.invalid"
"""The domain of addresses that stand for those of erased customers. RFC 2606: there is no such domain."""

ERASABLE: Mapping[str, tuple[str, ...]] = {
    "contract_grant": ("reason", "created_by"),
    "ledger_transaction": ("actor", "why"),
    "service_request_history": ("actor", "note", "reason"),
    "coverage_decision": ("actor", "reason"),
    "audit_event": ("details", "actor", "subject_id"),
    "contract_amendment": ("reason", "created_by"),
    "payment": ("reference", "recorded_by"),
    "payment_reversal": ("reason", "reversed_by"),
    "payment_allocation": ("reason", "recorded_by"),
    "quote_decision": ("name", "recorded_by", "recipient", "address", "comment"),
    "invoice_reminder": ("recipient",),
    "approval": ("reason", "recipient", "asked_by"),
    "approval_answer": ("comment", "name", "recorded_by", "recipient", "address"),
    "approval_use": ("recorded_by",),
    "statement_acceptance": ("accepted_by",),
}
"""The personal columns of append-only tables."""
INVOICE = (
    "order_number", "buyer_reference", "note", "terms", "buyer", "reason", "issued_by", "delivered_by",
    "voided_by", "void_reason", "created_by", "dunning_pause_reason",
)  # fmt: skip
"""Those of an issued invoice."""
INVOICE_PARTS: Mapping[str, tuple[str, ...]] = {
    "invoice_line": ("description",),
    "invoice_discount": ("reason",),
}
QUOTE_VERSION = ("subject", "note", "created_by", "sent_by", "sent_to")
"""Those of a version of a quote that was sent."""
QUOTE_LINE = ("description",)
JSON_COLUMNS = frozenset({("audit_event", "details"), ("invoice", "buyer")})

ALL_ERASABLE: Mapping[str, tuple[str, ...]] = {
    **ERASABLE,
    "invoice": INVOICE,
    **INVOICE_PARTS,
    "quote_version": QUOTE_VERSION,
    "quote_line": QUOTE_LINE,
}
"""The columns of all protected tables that an erasure may replace. A test compares them with the registry."""

LOGGED_TEXT = "no service request is logged for an erased customer"

_BEGUN = "(SELECT max(number) FROM erasure_begun)"
_UNDER_WAY = f"{_BEGUN} > (SELECT coalesce(max(number), 0) FROM erasure)"


def name_of_erased(number: int) -> str:
    """What stands for the name of an erased customer: "Erased 7"."""
    return f"{ERASED} {number}"


def address_of_erased(number: int) -> str:
    """What stands for their mail address; nothing can be sent there."""
    return f"erased-{number}@{ERASED_DOMAIN}"


def is_address_of_erased(address: str | None) -> bool:
    """Whether an address stands for one that was erased: no mail is sent there."""
    return address is not None and address.lower().endswith(f"@{ERASED_DOMAIN}")


def make_erasable(connection: Connection) -> Iterator[str]:
    """The DDL statements that put these triggers in place of those that refuse every change."""
    if connection.dialect.name == "sqlite":
        yield from _sqlite(connection)
        yield (
            "CREATE TRIGGER service_request_not_erased BEFORE INSERT ON service_request "
            "WHEN (SELECT erased_at FROM customer WHERE id = NEW.customer_id) IS NOT NULL "
            f"BEGIN SELECT RAISE(ABORT, '{LOGGED_TEXT}'); END"
        )
        return
    yield from _postgresql()
    # the row is shared until the end; whoever waits for it sees what was committed meanwhile
    yield (
        "CREATE FUNCTION coverdesk_not_erased() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "DECLARE at timestamptz; BEGIN "
        "SELECT erased_at INTO at FROM customer WHERE id = NEW.customer_id FOR KEY SHARE; "
        f"IF at IS NOT NULL THEN RAISE EXCEPTION '{LOGGED_TEXT}' USING ERRCODE = 'serialization_failure'; "
        "END IF; RETURN NEW; END $$"
    )
    yield (
        "CREATE TRIGGER service_request_not_erased BEFORE INSERT ON service_request "
        "FOR EACH ROW EXECUTE FUNCTION coverdesk_not_erased()"
    )


def append_only_but_erased(connection: Connection, table: str) -> Iterator[str]:
    """The DDL statements for an append-only table to which a step has added columns, which must stay too.

    None on PostgreSQL, whose function compares all columns that the row has.
    """
    if connection.dialect.name == "sqlite":
        erases = _sqlite_erases(connection, table, ERASABLE[table])
        yield f"DROP TRIGGER {table}_no_update"
        yield (
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN NOT ({erases}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _sqlite(connection: Connection) -> Iterator[str]:
    def erases(table: str) -> str:
        return _sqlite_erases(connection, table, ALL_ERASABLE[table])

    for table in ERASABLE:
        yield from append_only_but_erased(connection, table)
    abort = f"BEGIN SELECT RAISE(ABORT, '{ISSUED_TEXT}'); END"
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in FROZEN)
    back = "NEW.state <> OLD.state AND NOT (OLD.state = 'issued' AND NEW.state = 'void')"
    yield "DROP TRIGGER invoice_issued"
    yield (
        f"CREATE TRIGGER invoice_issued BEFORE UPDATE ON invoice WHEN OLD.state <> 'draft' "
        f"AND ({changed} OR {back}) AND NOT ({erases('invoice')}) {abort}"
    )
    for table in INVOICE_PARTS:
        for row in ("OLD", "NEW"):
            yield f"DROP TRIGGER {table}_update_{row.lower()}"
            yield (
                f"CREATE TRIGGER {table}_update_{row.lower()} BEFORE UPDATE ON {table} "
                f"WHEN (SELECT state FROM invoice WHERE id = {row}.invoice_id) <> 'draft' "
                f"AND NOT ({erases(table)}) {abort}"
            )
    abort = f"BEGIN SELECT RAISE(ABORT, '{SENT_TEXT}'); END"
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in FROZEN_QUOTE)
    yield "DROP TRIGGER quote_version_sent"
    yield (
        "CREATE TRIGGER quote_version_sent BEFORE UPDATE ON quote_version WHEN OLD.sent_at IS NOT NULL "
        f"AND ({changed}) AND NOT ({erases('quote_version')}) {abort}"
    )
    for row in ("OLD", "NEW"):
        yield f"DROP TRIGGER quote_line_update_{row.lower()}"
        yield (
            f"CREATE TRIGGER quote_line_update_{row.lower()} BEFORE UPDATE ON quote_line "
            f"WHEN (SELECT sent_at FROM quote_version WHERE id = {row}.version_id) IS NOT NULL "
            f"AND NOT ({erases('quote_line')}) {abort}"
        )


def _sqlite_erases(connection: Connection, table: str, personal: tuple[str, ...]) -> str:
    """SQL: the change of a row is one of an erasure that is under way."""
    found = connection.exec_driver_sql(f"PRAGMA table_info({table})").all()
    # in one order, whichever step added a column
    stay = ("rowid", *sorted(row.name for row in found if row.name not in personal))
    same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in stay)
    fixed = f"('', '{ERASED}', '{ERASED} ' || {_BEGUN}, 'erased-' || {_BEGUN} || '@{ERASED_DOMAIN}')"
    replaced = " AND ".join(
        f"(NEW.{name} IS NULL OR json_valid(NEW.{name}))"
        if (table, name) in JSON_COLUMNS
        else f"(NEW.{name} IS OLD.{name} OR NEW.{name} IS NULL OR NEW.{name} IN {fixed})"
        for name in personal
    )
    # the number is null while there was no erasure, and then so is the comparison
    return f"coalesce({_UNDER_WAY}, 0) AND {same} AND {replaced}"


def _postgresql() -> Iterator[str]:
    yield (
        "CREATE FUNCTION coverdesk_erases(before jsonb, after jsonb, personal text[]) RETURNS boolean "
        "LANGUAGE plpgsql AS $$ DECLARE begun bigint; BEGIN "
        "SELECT max(number) INTO begun FROM erasure_begun; "
        "IF begun IS NULL OR begun <= (SELECT coalesce(max(number), 0) FROM erasure) THEN RETURN false; "
        "END IF; IF before - personal <> after - personal THEN RETURN false; END IF; "
        "RETURN NOT EXISTS (SELECT 1 FROM unnest(personal) AS named(name) "
        "WHERE after -> name IS DISTINCT FROM before -> name "
        "AND jsonb_typeof(after -> name) NOT IN ('null', 'object', 'array') "
        f"AND after ->> name NOT IN ('', '{ERASED}', '{ERASED} ' || begun, "
        f"'erased-' || begun || '@{ERASED_DOMAIN}')); END $$"
    )
    yield (
        "CREATE FUNCTION coverdesk_append_only_but_erased() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'UPDATE' AND coverdesk_erases(to_jsonb(OLD), to_jsonb(NEW), TG_ARGV) "
        "THEN RETURN NEW; END IF; "
        "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table, personal in ERASABLE.items():
        yield f"DROP TRIGGER {table}_append_only ON {table}"
        yield (
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION coverdesk_append_only_but_erased({_quoted(personal)})"
        )
    erases = "coverdesk_erases(to_jsonb(OLD), to_jsonb(NEW), ARRAY[{}])"
    by_argument = (
        "IF TG_OP = 'UPDATE' AND TG_NARGS > 0 AND coverdesk_erases(to_jsonb(OLD), to_jsonb(NEW), TG_ARGV) "
        "THEN RETURN NEW; END IF; "
    )
    yield _replaced(postgresql_invoice_function(FROZEN, unless=erases.format(_quoted(INVOICE))))
    yield _replaced(postgresql_part(first=by_argument))
    for table, personal in INVOICE_PARTS.items():
        yield f"DROP TRIGGER {table}_issued ON {table}"
        yield (
            f"CREATE TRIGGER {table}_issued BEFORE INSERT OR UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION coverdesk_invoice_part({_quoted(personal)})"
        )
    yield _replaced(postgresql_quote_version(unless=erases.format(_quoted(QUOTE_VERSION))))
    yield _replaced(postgresql_quote_line(first=by_argument))
    yield "DROP TRIGGER quote_line_sent ON quote_line"
    yield (
        "CREATE TRIGGER quote_line_sent BEFORE INSERT OR UPDATE OR DELETE ON quote_line "
        f"FOR EACH ROW EXECUTE FUNCTION coverdesk_quote_line({_quoted(QUOTE_LINE)})"
    )


def _replaced(statement: str) -> str:
    return statement.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)
