"""Links to set a password: their secret is made when a mail is sent, so it is stored nowhere but as a hash.

The outbox has the mail with a placeholder. Each attempt to deliver it makes a secret of its own, since an
earlier one may have arrived although it seemed to fail. Whoever reads the outbox, a backup or the log cannot
use a link.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.secret_texts import new_secret, secret_hash
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.ids import new_id

EVENT = "password_link"
PLACEHOLDER = "[link: only in the mail that is sent]"
LIFETIMES = {"invitation": timedelta(days=7), "reset": timedelta(hours=1)}
DEFAULT_BASE_URL = "http://127.0.0.1:8000"
LINK_PATH = "/password/new?link="

link = t.password_link


@dataclass(frozen=True, slots=True)
class LinkSecret:
    """The secret of a link, and until when it can be used (aware UTC)."""

    text: str
    expires_at: datetime


class LinkGone(Exception):
    """The link of a mail is no longer needed: the password has been set in the meantime."""


def make_link_secret(tx: Transaction, link_id: str) -> LinkSecret:
    """Make a secret for a link, or for a copy of it if it has one already. Raises: LinkGone."""
    row = tx.connection.execute(select(link).where(link.c.id == link_id).with_for_update()).one_or_none()
    if row is None:
        raise LinkGone
    secret = LinkSecret(new_secret(), tx.real_now + LIFETIMES[row.purpose])
    values = {"token_hash": secret_hash(secret.text), "expires_at": secret.expires_at}
    if row.token_hash is None:
        tx.change(link, link_id, **values)
    else:
        tx.add(link, **{**row._asdict(), "id": new_id(), **values})
    return secret


def link_url(base_url: str | None, secret: LinkSecret) -> str:
    """The address of the page that sets the password."""
    return f"{(base_url or DEFAULT_BASE_URL).rstrip('/')}{LINK_PATH}{secret.text}"


def text_to_send(desk: Desk, event: str, body: str, link_id: str | None) -> str:
    """The text of a mail, with a link in place of the placeholder. Raises: LinkGone."""
    if event != EVENT or link_id is None:
        return body
    secret = desk.perform(
        SYSTEM, lambda tx: make_link_secret(tx, link_id), job="deliver_outbox", repeatable=True
    )
    return body.replace(PLACEHOLDER, link_url(desk.base_url, secret))
