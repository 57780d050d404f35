"""On SQLite no row of an append-only table is replaced, as INSERT OR REPLACE did without firing a trigger."""

from alembic import op

from workflows.store.triggers import Keys, no_replacement

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEYS: dict[str, Keys] = {
    "setting_change": (("id",),),
    "rule_set": (("version",),),
    "rule_publication": (("id",),),
    "contract_grant": (("id",),),
    "ledger_transaction": (("id",), ("idempotency_key",), ("reverses_id",)),
    "ledger_posting": (("transaction_id", "leg"),),
    "service_request_history": (("id",),),
    "coverage_decision": (("id",),),
    "audit_event": (("id",),),
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table, keys in KEYS.items():
            op.execute(no_replacement(table, keys))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")
