"""Messages about invoices, payments and quotes: one mail by the event's template, and one for webhooks.

Source: product.md section 12.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from workflows.core.transaction import Transaction
from workflows.languages.texts import Language
from workflows.notifications.events import publish
from workflows.notifications.messages import send
from workflows.notifications.recipients import language_of
from workflows.notifications.templates import Values, mail_text


class Attached(NamedTuple):
    """An invoice or a credit note of which the PDF is attached when the mail is sent."""

    invoice: str
    number: str


def notify(
    tx: Transaction,
    event: str,
    *,
    recipient: str | None,
    about: tuple[str, str],
    values: Values,
    data: Mapping[str, Any],
    attached: Attached | None = None,
    link: str | None = None,
    template: str | None = None,
    party: tuple[str, str] | None = None,
    language: Language | None = None,
) -> None:
    """Write a mail by the template of an event, or by `template`, and the event with its `data` for webhooks.

    Without a recipient the message is only a record. `party` is the kind and the id of whose billing details
    have the language, unless the recipient is a user who has one, or `language` is given. `link` is the id of
    a link that the mail brings.
    Raises: KeyError for a value that the shipped text lacks.
    """
    subject, body = mail_text(tx, template or event, values, language or language_of(tx, recipient, party))
    payload = dict(data)
    if attached is not None:
        payload["document"] = attached._asdict()
    if link is not None:
        payload["link"] = link
    send(tx, event, recipient=recipient or None, subject=subject, body=body, about=about, payload=payload)
    publish(tx, event, data)
