"""Mail templates: the list, and one with its editor, preview, test mail and history, in each language."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired

from web.languages import gettext, language, lazy_text, mark
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import ActionForm, KeyedForm, attempt, attempt_once, succeeds_once
from web.pages.layout.listing import csv_response, wants_csv
from workflows.commands.mail_templates import ChangeMailTemplate
from workflows.languages.texts import NAMES, Language, known_language
from workflows.notifications.template_editing import (
    change_mail_template,
    list_mail_templates,
    preview_mail_template,
    read_mail_template,
    reset_mail_template,
    send_test_mail,
)
from workflows.operations.audit_trail import list_audit_events

REQUIRED = mark("This field is required.")
RECENT_EVENTS = 20
CSV_HEADER = ["id", "language", "title", "to", "subject", "body", "is_changed", "changed_by"]

pages = Blueprint("mail_templates", __name__, url_prefix="/mail-templates")


class MailTemplateForm(KeyedForm):
    subject = StringField(lazy_text("Subject"), [InputRequired(lazy_text(REQUIRED))])
    body = TextAreaField(lazy_text("Text"), [InputRequired(lazy_text(REQUIRED))])


@pages.get("")
def templates() -> str | Response:
    code = _chosen_language()
    with desk().read(actor()) as tx:
        listed = list_mail_templates(tx, code)
    if wants_csv():
        rows = [
            [one.id, one.language, one.title, one.to, one.subject, one.body, one.is_changed, one.changed_by]
            for one in listed
        ]
        return csv_response("mail-templates", CSV_HEADER, rows)
    return render_template(
        "administration/mail_templates/index.html", templates=listed, code=code, languages=NAMES
    )


@pages.route("/<key>", methods=["GET", "POST"])
def edit(key: str) -> tuple[str, int] | Response:
    """Edit a template; the button *Preview* shows the typed text with sample values and saves nothing."""
    code = _chosen_language()
    with desk().read(actor()) as tx:
        template = read_mail_template(tx, key, code)
    form = MailTemplateForm(data={"subject": template.subject, "body": template.body})
    preview = None
    if form.is_submitted():
        command = form.checked_command(
            ChangeMailTemplate, {"subject": form.subject.data, "body": form.body.data}
        )
        if command and request.form.get("step") == "preview":
            preview = attempt(form, lambda tx: preview_mail_template(tx, key, command, code))
        elif command and attempt_once(form, lambda tx: change_mail_template(tx, key, command, code), command):
            flash(gettext("Saved. Mail that is written from now on has this text."), "success")
            return redirect(_page(key, code))
    with desk().read(actor()) as tx:
        if preview is None and not form.has_errors and not template.fault:
            preview = preview_mail_template(tx, key, ChangeMailTemplate(), code)
        events = list_audit_events(tx, subject_kind="mail_template", subject_id=key, limit=RECENT_EVENTS)
    return render_template(
        "administration/mail_templates/edit.html",
        template=template,
        form=form,
        preview=preview,
        events=events.items,
        sends_mail=desk().smtp_url is not None,
        action_form=ActionForm(formdata=None),
        code=code,
        languages=NAMES,
    ), 422 if form.has_errors else 200


@pages.post("/<key>/reset")
def reset(key: str) -> Response:
    require_role("administrator")
    form, code = ActionForm(), _chosen_language()
    if form.validate_on_submit() and succeeds_once(form, lambda tx: reset_mail_template(tx, key, code)):
        flash(gettext("The shipped text is in force again."), "success")
    return redirect(_page(key, code))


@pages.post("/<key>/test")
def test(key: str) -> Response:
    require_role("administrator")
    form, code = ActionForm(), _chosen_language()
    if form.validate_on_submit() and succeeds_once(form, lambda tx: send_test_mail(tx, key, code)):
        flash(gettext("A test mail to your own address was queued."), "success")
    for message in form.form_errors:
        flash(message, "error")
    return redirect(_page(key, code))


def _chosen_language() -> Language:
    """The language of the texts that are shown: the chosen one, else that of the reader."""
    return known_language(request.values.get("language")) or language()


def _page(key: str, code: Language) -> str:
    return url_for("mail_templates.edit", key=key, language=code)
