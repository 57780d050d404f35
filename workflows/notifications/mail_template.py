"""What a mail template is; the texts are in `templates` and `billing_texts`."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """A text as shipped: when it is sent and `to` whom, and its placeholders, each with a sample value.

    A text that an administrator writes must have the placeholders that are `required`.
    """

    title: str
    to: str
    subject: str
    body: str
    samples: Mapping[str, str]
    required: frozenset[str] = frozenset()
