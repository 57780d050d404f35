"""What administrators do with mail templates: read, change, preview, test and reset them.

There is one text for each language in which mail is sent. The audit trail has each version with its whole
text.
"""

from typing import Any

from sqlalchemy import Row, select

from workflows.commands.mail_templates import ChangeMailTemplate
from workflows.core.config_version import bump_generation, config_in_force
from workflows.core.errors import NotFound, VersionChanged, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import SOURCE, Language, gettext, in_language
from workflows.notifications.mail_template import MailTemplate
from workflows.notifications.messages import send
from workflows.notifications.template_text import MailText, fault_of, fill
from workflows.notifications.templates import TEMPLATES, samples_of, shipped_text
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views.mail_templates import MailPreview, MailTemplateView, PlaceholderView

TEST_EVENT = "mail_template_test"
template = t.mail_template


def list_mail_templates(tx: Transaction, code: Language = SOURCE) -> list[MailTemplateView]:
    """All templates: those of requests, of contracts, of rules, then the others. Raises: NotAllowed."""
    tx.require("administrator")
    stored = {row.key: row for row in tx.connection.execute(select(template).filter_by(language=code))}
    return [_view(key, code, stored.get(key)) for key in TEMPLATES]


def read_mail_template(tx: Transaction, key: str, code: Language = SOURCE) -> MailTemplateView:
    """One template in a language. Raises: NotAllowed; NotFound."""
    _shipped(tx, key)
    return _view(key, code, _stored(tx, key, code))


def change_mail_template(
    tx: Transaction,
    key: str,
    command: ChangeMailTemplate,
    code: Language = SOURCE,
    *,
    expected_version: int | None = None,
) -> str:
    """Change a template; returns its key. Mail in this language that is written from now on has the new text.

    Raises: NotAllowed; NotFound; VersionChanged; InvalidInput for an unknown placeholder, one that is
    missing, a brace alone, or a subject that could become another header.
    """
    shipped = _shipped(tx, key)
    config_in_force(tx, to_change=True)
    row = _stored(tx, key, code)
    if expected_version is not None and expected_version != (row.version if row is not None else 0):
        raise VersionChanged(
            gettext("The template has been changed since it was read."), remedy=gettext("Read it again.")
        )
    before = _text(key, code, row)
    after = _checked(shipped, before, command)
    if after != before:
        own = after if after != _shipped_text(key, code) else MailText(None, None)
        _store(tx, key, code, row, own)
        details = {"subject": after.subject, "body": after.body, "language": code}
        tx.audit("mail_template", key, "mail template changed", **details)
    return key


def reset_mail_template(tx: Transaction, key: str, code: Language = SOURCE) -> str:
    """Return to the shipped text; returns the key. Raises: NotAllowed; NotFound."""
    _shipped(tx, key)
    config_in_force(tx, to_change=True)
    row = _stored(tx, key, code)
    if row is not None and row.subject is not None:
        _store(tx, key, code, row, MailText(None, None))
        tx.audit("mail_template", key, "mail template reset", language=code)
    return key


def preview_mail_template(
    tx: Transaction, key: str, command: ChangeMailTemplate, code: Language = SOURCE
) -> MailPreview:
    """A mail with sample values, of the text in force with these changes. Raises: as a change."""
    shipped = _shipped(tx, key)
    text = _checked(shipped, _text(key, code, _stored(tx, key, code)), command)
    with in_language(code):
        return MailPreview(*fill(*text, samples_of(key)))


def send_test_mail(tx: Transaction, key: str, code: Language = SOURCE) -> MailPreview:
    """Send the mail of the preview to the actor's own address, by the outbox; returns it.

    Raises: NotAllowed; NotFound, also for an actor without an address.
    """
    preview = preview_mail_template(tx, key, ChangeMailTemplate(), code)
    own = select(t.user_account.c.email).where(t.user_account.c.id == tx.actor.id)
    address = tx.connection.execute(own).scalar()
    if address is None:
        raise NotFound(gettext("You have no email address here."))
    about = ("mail_template", key)
    send(tx, TEST_EVENT, recipient=address, subject=preview.subject, body=preview.body, about=about)
    tx.audit("mail_template", key, "mail template tested", address=address, language=code)
    return MailPreview(preview.subject, preview.body, address)


def _shipped(tx: Transaction, key: str) -> MailTemplate:
    tx.require("administrator")
    if key not in TEMPLATES:
        raise NotFound(gettext("There is no such mail template."))
    return TEMPLATES[key]


def _shipped_text(key: str, code: Language) -> MailText:
    with in_language(code):
        return shipped_text(key)


def _stored(tx: Transaction, key: str, code: Language) -> Row[Any] | None:
    found = select(template).where(template.c.key == key, template.c.language == code)
    return tx.connection.execute(found).one_or_none()


def _text(key: str, code: Language, row: Row[Any] | None) -> MailText:
    """The text as an administrator wrote it, else the shipped one."""
    if row is None or row.subject is None:
        return _shipped_text(key, code)
    return MailText(row.subject, row.body)


def _checked(shipped: MailTemplate, text: MailText, command: ChangeMailTemplate) -> MailText:
    changed = MailText(command.subject or text.subject, command.body or text.body)
    for name in ("subject", "body"):
        fault = fault_of(shipped, name, getattr(changed, name))
        if fault is not None:
            raise invalid(f"/{name}", fault)
    return changed


def _store(tx: Transaction, key: str, code: Language, row: Row[Any] | None, text: MailText) -> None:
    values = {**text._asdict(), "changed_at": tx.now, "changed_by": tx.actor.name}
    if row is None:
        tx.add(template, id=new_id(), key=key, language=code, version=1, **values)
    else:
        tx.change(template, row.id, version=row.version + 1, **values)
    bump_generation(tx)


def _view(key: str, code: Language, row: Row[Any] | None) -> MailTemplateView:
    shipped = TEMPLATES[key]
    text = _text(key, code, row)
    with in_language(code):
        samples = samples_of(key)
    is_changed = row is not None and row.subject is not None
    faults = [fault_of(shipped, name, getattr(text, name)) for name in ("subject", "body")]
    return MailTemplateView(
        id=key,
        language=code,
        title=gettext(shipped.title),
        to=gettext(shipped.to),
        subject=text.subject,
        body=text.body,
        is_changed=is_changed,
        changed_at=row.changed_at if row is not None else None,
        changed_by=row.changed_by if row is not None else None,
        fault=next((fault for fault in faults if fault is not None), None),
        placeholders=[
            PlaceholderView(name, sample, name in shipped.required) for name, sample in samples.items()
        ],
        version=row.version if row is not None else 0,
    )
