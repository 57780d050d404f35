"""Mail templates as administrators see them."""

from datetime import datetime

from workflows.views.base import View, view


@view
class PlaceholderView(View):
    """A name that a template may have in braces, and a value that stands for it in a preview."""

    name: str
    sample: str
    required: bool


@view
class MailTemplateView(View):
    """A template in force; `is_changed` if an administrator wrote it, else it is the shipped one.

    `fault` is why the shipped text is sent instead of a changed one, which an earlier program accepted.
    """

    id: str
    language: str
    title: str
    to: str
    subject: str
    body: str
    is_changed: bool
    changed_at: datetime | None
    changed_by: str | None
    fault: str | None
    placeholders: list[PlaceholderView]
    version: int


@view
class MailPreview(View):
    """A mail as it would be sent, with sample values; `recipient` is set where it is sent."""

    subject: str
    body: str
    recipient: str | None = None
