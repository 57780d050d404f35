"""Login sessions, devices that were logged in before, delays after failed attempts, and password links.

Of every secret only the SHA-256 is stored. All instants are real time, also in a sandbox.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, PrimaryKeyConstraint, String, Table, Text

from workflows.store.column_types import Id, Instant, Key
from workflows.store.tables.base import metadata, one_of

LINK_PURPOSES = ("invitation", "reset")

login_session = Table(
    "login_session",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("epoch", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
)
"""A login in a browser. It counts only while its `epoch` is that of the user, which every new password, new
role or disabling raises: so a login that is under way at that moment ends too. `last_seen_at` is written
every few minutes at most."""

known_device = Table(
    "known_device",
    metadata,
    Column("token_hash", String(64), nullable=False),
    Column("user_id", Id, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("last_used_at", Instant, nullable=False),
    PrimaryKeyConstraint("token_hash", "user_id"),
)
"""A browser in which a user has logged in before."""

login_delay = Table(
    "login_delay",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("until", Instant, nullable=False),
)
"""Failed attempts of one user from one address or device, and until when the next attempt has to wait. The
key is a hash: people type passwords into the field for the email address."""

password_link = Table(
    "password_link",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("purpose", String(20), nullable=False),
    Column("by_mail", Boolean, nullable=False),
    Column("token_hash", String(64), unique=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    one_of("purpose", *LINK_PURPOSES),
)
"""A link to set a password. Its secret is made when the mail is sent; using the link deletes the row."""

password_request = Table(
    "password_request",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", Key, nullable=False),
    Column("address", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
)
"""Someone has asked for a password link for this email address. A job answers and deletes it, so that asking
takes as long for an unknown address as for a known one."""
