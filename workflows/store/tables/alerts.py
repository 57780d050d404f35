"""Alerts: what people were warned of, each once."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, text

from engine.contract_alerts import CONTRACT_ALERT_KINDS
from engine.sla_alerts import SLA_ALERT_KINDS, SLA_TARGETS
from workflows.store.column_types import Id, Instant
from workflows.store.tables.base import metadata, one_of

ONE_UNTIL_CLEARED = "cleared_at IS NULL AND kind IN ('threshold', 'exhaustion')"
ONE_FOR_EACH_END = "kind = 'expiring'"

alert = Table(
    "alert",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("service_request_id", Id, ForeignKey("service_request.id")),
    Column("target", String(10)),
    Column("contract_id", Id, ForeignKey("contract.id")),
    Column("level", Integer),
    Column("grants_opened", Integer),
    Column("at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("recorded_at", Instant, nullable=False),
    Column("cleared_at", Instant),
    one_of("kind", *SLA_ALERT_KINDS, *CONTRACT_ALERT_KINDS),
    one_of("target", *SLA_TARGETS),
    CheckConstraint("(service_request_id IS NULL) != (contract_id IS NULL)", name="subject"),
    CheckConstraint("(target IS NULL) = (service_request_id IS NULL)", name="target_of_request"),
    CheckConstraint("(level IS NULL) = (contract_id IS NULL)", name="level_of_contract"),
    Index("ix_alert_at", "at", "id"),
    Index("uq_alert_service_request_id", "service_request_id", "target", "kind", "at", unique=True),
    Index("ix_alert_contract_id", "contract_id", "at", "id"),
    Index(
        "uq_alert_until_cleared",
        "contract_id",
        "kind",
        "level",
        unique=True,
        sqlite_where=text(ONE_UNTIL_CLEARED),
        postgresql_where=text(ONE_UNTIL_CLEARED),
    ),
    Index(
        "uq_alert_each_end",
        "contract_id",
        "level",
        "due_at",
        unique=True,
        sqlite_where=text(ONE_FOR_EACH_END),
        postgresql_where=text(ONE_FOR_EACH_END),
    ),
)
"""`at` is when it became true, `recorded_at` when the desk found that.

`due_at` is the instant that it warns of: a target's, the end of a contract, or the projected exhaustion.
`level` is a threshold in percent, or a number of days ahead. `grants_opened` are the contract's grants that
had opened by then: with a later one, such as a top-up, the alert can be cleared, and given again.
"""
