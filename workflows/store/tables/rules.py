"""Rule sets: published, proposed, seen in a folder, replayed over history."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from workflows.store.column_types import Id, Instant, Json
from workflows.store.tables.base import metadata, one_of

rule_set = Table(
    "rule_set",
    metadata,
    Column("version", String(64), primary_key=True),
    Column("files", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
)

rule_publication = Table(
    "rule_publication",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", String(64), ForeignKey("rule_set.version"), nullable=False),
    Column("note", Text, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("approved_by", Text),
    Column("published_at", Instant, nullable=False),
    Column("in_force_since", Instant),
    Index("ix_rule_publication_published_at", "published_at", "id"),
)
"""`published_at` is in real time, `in_force_since` in the desk's own; None where it is the same."""

rule_proposal = Table(
    "rule_proposal",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", String(64), nullable=False),
    Column("files", Json, nullable=False),
    Column("note", Text, nullable=False),
    Column("based_on", String(64)),
    Column("state", String(10), nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_by_id", Id, ForeignKey("user_account.id")),
    Column("proposed_at", Instant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
    Column("reason", Text),
    one_of("state", "open", "approved", "rejected"),
    CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
    Index("ix_rule_proposal_proposed_at", "proposed_at", "id"),
    Index(
        "uq_rule_proposal_open",
        "version",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)
"""`based_on` is the version that was in force when it was proposed."""

rules_folder = Table(
    "rules_folder",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("host", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("content", String(64)),
    Column("content_seen_at", Instant),
    Column("refused", String(64)),
    Column("base", Json),
    Column("proposed", Json),
    Column("problems", Json, nullable=False),
    Column("checked_at", Instant, nullable=False),
)
"""A rules folder of one machine as last seen: the version of its `content`, and the last one `refused`.

`base` has the files whose edits the rule set in force has taken over; `proposed` those of an edit that was
proposed since, as `{"proposal": id, "files": {path: text}}`.
"""

rule_replay = Table(
    "rule_replay",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", String(64), nullable=False),
    Column("files", Json, nullable=False),
    Column("from_at", Instant, nullable=False),
    Column("to_at", Instant, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False, index=True),
    Column("state", String(10), nullable=False),
    Column("runner", Id),
    Column("beat_at", Instant, nullable=False),
    Column("decisions_done", BigInteger, nullable=False, server_default=text("0")),
    Column("decisions", BigInteger),
    Column("summary", Json),
    Column("error", Text),
    one_of("state", "running", "done", "failed", "cancelled"),
)
"""A replay of rules over history. `beat_at` is the runner's last heartbeat, in real time."""

rule_replay_difference = Table(
    "rule_replay_difference",
    metadata,
    Column("replay_id", Id, ForeignKey("rule_replay.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("difference", Json, nullable=False),
    PrimaryKeyConstraint("replay_id", "position"),
)
