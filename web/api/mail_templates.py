"""API routes of mail templates."""

from web.api.queries import Query
from web.api.routing import RouteGroup
from workflows.commands.mail_templates import ChangeMailTemplate
from workflows.core.transaction import Transaction
from workflows.languages.texts import SOURCE, Language
from workflows.notifications import template_editing
from workflows.views import Page
from workflows.views.mail_templates import MailPreview, MailTemplateView

mail_templates = RouteGroup("Mail templates")


class InLanguage(Query):
    """Of which language the text is; each language of mail has its own."""

    language: Language = SOURCE


@mail_templates.get("/mail-templates")
def list_mail_templates(tx: Transaction, query: InLanguage) -> Page[MailTemplateView]:
    """List the texts of all mail in a language with their placeholders. For administrators."""
    return Page(template_editing.list_mail_templates(tx, query.language), None)


@mail_templates.get("/mail-templates/{template}")
def read_mail_template(tx: Transaction, template: str, query: InLanguage) -> MailTemplateView:
    """Return one template in a language."""
    return template_editing.read_mail_template(tx, template, query.language)


@mail_templates.patch("/mail-templates/{template}")
def change_mail_template(
    tx: Transaction,
    template: str,
    query: InLanguage,
    command: ChangeMailTemplate,
    expected_version: int | None,
) -> MailTemplateView:
    """Change the subject or the body of a template; {names} in braces stand for values."""
    template_editing.change_mail_template(
        tx, template, command, query.language, expected_version=expected_version
    )
    return template_editing.read_mail_template(tx, template, query.language)


@mail_templates.post("/mail-templates/{template}/reset")
def reset_mail_template(tx: Transaction, template: str, query: InLanguage) -> MailTemplateView:
    """Return to the shipped text of a language."""
    template_editing.reset_mail_template(tx, template, query.language)
    return template_editing.read_mail_template(tx, template, query.language)


@mail_templates.post("/mail-templates/{template}/preview", conflicts=False)
def preview_mail_template(
    tx: Transaction, template: str, query: InLanguage, command: ChangeMailTemplate
) -> MailPreview:
    """Return a mail with sample values: the text in force with the changes that are sent. Saves nothing."""
    return template_editing.preview_mail_template(tx, template, command, query.language)


@mail_templates.post("/mail-templates/{template}/test")
def test_mail_template(tx: Transaction, template: str, query: InLanguage) -> MailPreview:
    """Send the text in force with sample values to your own address."""
    return template_editing.send_test_mail(tx, template, query.language)
