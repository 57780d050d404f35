"""API routes of mail templates."""

from web.api.routing import RouteGroup
from workflows.commands.mail_templates import ChangeMailTemplate
from workflows.core.transaction import Transaction
from workflows.notifications import template_editing
from workflows.views import Page
from workflows.views.mail_templates import MailPreview, MailTemplateView

mail_templates = RouteGroup("Mail templates")


@mail_templates.get("/mail-templates")
def list_mail_templates(tx: Transaction) -> Page[MailTemplateView]:
    """List the texts of all mail with their placeholders. For administrators."""
    return Page(template_editing.list_mail_templates(tx), None)


@mail_templates.get("/mail-templates/{template}")
def read_mail_template(tx: Transaction, template: str) -> MailTemplateView:
    """Return one template."""
    return template_editing.read_mail_template(tx, template)


@mail_templates.patch("/mail-templates/{template}")
def change_mail_template(
    tx: Transaction, template: str, command: ChangeMailTemplate, expected_version: int | None
) -> MailTemplateView:
    """Change the subject or the body of a template; {names} in braces stand for values."""
    template_editing.change_mail_template(tx, template, command, expected_version=expected_version)
    return template_editing.read_mail_template(tx, template)


@mail_templates.post("/mail-templates/{template}/reset")
def reset_mail_template(tx: Transaction, template: str) -> MailTemplateView:
    """Return to the shipped text."""
    return template_editing.read_mail_template(tx, template_editing.reset_mail_template(tx, template))


@mail_templates.post("/mail-templates/{template}/preview", conflicts=False)
def preview_mail_template(tx: Transaction, template: str, command: ChangeMailTemplate) -> MailPreview:
    """Return a mail with sample values: the text in force with the changes that are sent. Saves nothing."""
    return template_editing.preview_mail_template(tx, template, command)


@mail_templates.post("/mail-templates/{template}/test")
def test_mail_template(tx: Transaction, template: str) -> MailPreview:
    """Send the text in force with sample values to your own address."""
    return template_editing.send_test_mail(tx, template)
