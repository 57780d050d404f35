"""Importing closures from a calendar file into a calendar of the rules."""

from functools import partial

from flask import Blueprint, redirect, render_template, request, url_for
from flask_wtf.file import FileField
from werkzeug.wrappers import Response
from wtforms import SelectField, TextAreaField
from wtforms.validators import InputRequired

from engine.rulebook import RuleSetRefused
from web.languages import lazy_text
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import FileOrTextForm, attempt_once
from web.pages.forms.fields import select_options
from web.pages.rules.draft import MAX_BYTES
from web.pages.rules.versions import flash_result, outcome_of
from web.refused_rules import report_refused_rules
from workflows.core.transaction import Transaction
from workflows.languages.shipped_rules import rule_file_text
from workflows.rule_sets.closures import import_closures

pages = Blueprint("rule_closures", __name__, url_prefix="/rules/closures")


class ClosuresForm(FileOrTextForm):
    calendar = SelectField(lazy_text("Calendar"), [InputRequired(lazy_text("Select a calendar."))])
    upload = FileField(
        lazy_text("Calendar file"), description=lazy_text("An iCalendar file (.ics) of at most 1 MiB.")
    )
    file = TextAreaField(lazy_text("Or paste the content of the file"))


@pages.route("", methods=["GET", "POST"])
def closures() -> tuple[str, int] | Response:
    """Replace the closures of a calendar, and publish the rules or propose them."""
    require_role("administrator")
    # an uploaded file that is too large is an error of its field; pasted text is limited as in other forms
    if request.mimetype == "multipart/form-data":
        request.max_content_length = MAX_BYTES
    form = ClosuresForm()
    with desk().read(actor()) as tx:
        tx.require("administrator")
        form.calendar.choices = select_options(
            (one.id, rule_file_text(one.label)) for one in tx.rules.calendars.values()
        )
    if form.validate_on_submit():
        try:
            done = attempt_once(form, partial(_import, str(form.calendar.data), form.text), reads_first=True)
        except RuleSetRefused as refused:
            report_refused_rules(refused, interface="page", by=actor().name)
            form.add_error("", str(refused))
            done = None
        if done is not None:
            desk().refresh()
            flash_result(done)
            return redirect(url_for("rules.rules"))
    return render_template("rules/closures.html", form=form), 422 if form.has_errors else 200


def _import(calendar: str, text: str, tx: Transaction) -> str:
    return outcome_of(import_closures(tx, calendar, text))
