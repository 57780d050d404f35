"""Links in mails: their secret is made when a mail is sent, so it is stored nowhere but as a hash.

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
QUOTE_EVENT = "quote_sent"
APPROVAL_EVENT = "approval_asked"
REMINDER_EVENT = "request_reminded"
"""Its link has no secret: it leads to the page of a service request, after signing in."""
PLACEHOLDER = "[link: only in the mail that is sent]"
LIFETIMES = {"invitation": timedelta(days=7), "reset": timedelta(hours=1)}
DEFAULT_BASE_URL = "http://127.0.0.1:8000"
LINK_PATH = "/password/new?link="
QUOTE_PATH = "/quote?link="
APPROVAL_PATH = "/approval?link="
REQUEST_PATH = "/requests/"

link = t.password_link


@dataclass(frozen=True, slots=True)
class LinkSecret:
    """The secret of a link, and until when it can be used (aware UTC)."""

    text: str
    expires_at: datetime


class LinkGone(Exception):
    """The link of a mail is no longer needed; the text says why."""


def make_link_secret(tx: Transaction, link_id: str) -> LinkSecret:
    """Make a secret for a link, or for a copy of it if it has one already. Raises: LinkGone."""
    row = tx.connection.execute(select(link).where(link.c.id == link_id).with_for_update()).one_or_none()
    if row is None:
        raise LinkGone("The link is no longer needed: the password has been set in the meantime.")
    secret = LinkSecret(new_secret(), tx.real_now + LIFETIMES[row.purpose])
    values = {"token_hash": secret_hash(secret.text), "expires_at": secret.expires_at}
    if row.token_hash is None:
        tx.change(link, link_id, **values)
    else:
        tx.add(link, **{**row._asdict(), "id": new_id(), **values})
    return secret


def make_quote_secret(tx: Transaction, link_id: str) -> str:
    """Make a secret for the link of a quote, or for a copy of it if it has one already.

    Raises: LinkGone if a later version was sent, or the link has expired.
    """
    quote_link, version = t.quote_link, t.quote_version
    row = tx.connection.execute(
        select(quote_link, version.c.superseded_at)
        .join(version, version.c.id == quote_link.c.version_id)
        .where(quote_link.c.id == link_id)
        .with_for_update(of=quote_link)
    ).one()
    if row.superseded_at is not None or row.expires_at <= tx.now:
        raise LinkGone("The link is no longer needed: a later version was sent, or the quote has lapsed.")
    secret = new_secret()
    if row.token_hash is None:
        tx.change(quote_link, link_id, token_hash=secret_hash(secret))
    else:
        values = {name: value for name, value in row._asdict().items() if name in quote_link.c}
        tx.add(quote_link, **{**values, "id": new_id(), "token_hash": secret_hash(secret)})
    return secret


def make_approval_secret(tx: Transaction, link_id: str) -> str:
    """Make a secret for the link of an approval, or for a copy of it if it has one already.

    Raises: LinkGone if it was answered, or has lapsed.
    """
    approval_link, answer = t.approval_link, t.approval_answer
    row = tx.connection.execute(
        select(approval_link).where(approval_link.c.id == link_id).with_for_update()
    ).one()
    given = select(answer.c.answer).where(answer.c.approval_id == row.approval_id)
    if row.expires_at <= tx.now or tx.connection.execute(given).first() is not None:
        raise LinkGone("The link is no longer needed: it was answered, or has lapsed.")
    secret = new_secret()
    if row.token_hash is None:
        tx.change(approval_link, link_id, token_hash=secret_hash(secret))
    else:
        tx.add(approval_link, **{**row._asdict(), "id": new_id(), "token_hash": secret_hash(secret)})
    return secret


def link_url(base_url: str | None, secret: LinkSecret) -> str:
    """The address of the page that sets the password."""
    return _url(base_url, LINK_PATH, secret.text)


def text_to_send(desk: Desk, event: str, body: str, link_id: str | None) -> str:
    """The text of a mail, with a link in place of the placeholder. Raises: LinkGone."""
    if link_id is None or event not in (EVENT, QUOTE_EVENT, APPROVAL_EVENT, REMINDER_EVENT):
        return body
    if event == REMINDER_EVENT:
        return body.replace(PLACEHOLDER, _url(desk.base_url, REQUEST_PATH, link_id))
    if event == QUOTE_EVENT:
        made = desk.perform(
            SYSTEM, lambda tx: make_quote_secret(tx, link_id), job="deliver_outbox", repeatable=True
        )
        return body.replace(PLACEHOLDER, _url(desk.base_url, QUOTE_PATH, made))
    if event == APPROVAL_EVENT:
        made = desk.perform(
            SYSTEM, lambda tx: make_approval_secret(tx, link_id), job="deliver_outbox", repeatable=True
        )
        return body.replace(PLACEHOLDER, _url(desk.base_url, APPROVAL_PATH, made))
    secret = desk.perform(
        SYSTEM, lambda tx: make_link_secret(tx, link_id), job="deliver_outbox", repeatable=True
    )
    return body.replace(PLACEHOLDER, link_url(desk.base_url, secret))


def _url(base_url: str | None, path: str, end: str) -> str:
    return f"{(base_url or DEFAULT_BASE_URL).rstrip('/')}{path}{end}"
