"""The rules in force, the versions before them, and the folder they are written in."""

from collections.abc import Mapping
from pathlib import Path

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from engine.rulebook import RuleSetRefused
from web.environment import Environment
from web.pages.forms import DeskForm, attempt
from web.pages.listing import cursor
from web.pages.shell import actor, desk
from workflows.errors import NoRuleSet
from workflows.rule_sets import (
    check_rules,
    check_view,
    difference,
    get_rule_set,
    list_publications,
    publish_rule_set,
    roll_back_rule_set,
    rule_set_in_force,
)
from workflows.rules_folder import check_rules_folder
from workflows.views.rules import CheckView, RuleSetView

SHOWN_VERSIONS = 20

pages = Blueprint("rules", __name__, url_prefix="/rules")


class PublishForm(DeskForm):
    note = StringField(
        "Note",
        [InputRequired("Say what changes, and why."), Length(max=2000)],
        description="What changes, and why. It stands in the history.",
    )


@pages.get("")
def rules() -> str:
    return _page()


@pages.post("/publish")
def publish() -> tuple[str, int] | Response:
    """Publish what the folder of this server has."""
    form = PublishForm(prefix="publish_")
    problems: CheckView | None = None
    if form.validate_on_submit():
        files, found = check_rules_folder(_folder())
        if any(problem.severity == "error" for problem in found):
            problems = check_view(found)
        else:
            problems = _publish(form, files)
        if problems is None and not form.is_wrong:
            desk().refresh()
            flash("The rule set is in force.", "good")
            return redirect(url_for("rules.rules"))
    return _page(form, problems), 422


@pages.get("/<version>")
def version(version: str) -> str:
    with desk().read(actor()) as tx:
        chosen = get_rule_set(tx, version)
        current = _in_force()
    lines = list(difference(current.files, chosen.files)) if current else []
    form = PublishForm(formdata=None, prefix="publish_")
    return render_template("rules/version.html", chosen=chosen, lines=lines, form=form)


@pages.post("/<version>/publish")
def publish_again(version: str) -> tuple[str, int] | Response:
    form = PublishForm(prefix="publish_")
    with desk().read(actor()) as tx:
        chosen = get_rule_set(tx, version)
    problems: CheckView | None = None
    if form.validate_on_submit():
        note = str(form.note.data)
        try:
            if attempt(form, lambda tx: roll_back_rule_set(tx, version, note)):
                desk().refresh()
                flash("The old rule set is in force again.", "good")
                return redirect(url_for("rules.rules"))
        except RuleSetRefused as refused:
            problems = check_view(list(refused.problems))
    page = render_template("rules/version.html", chosen=chosen, lines=[], form=form, problems=problems)
    return page, 422


def _publish(form: PublishForm, files: Mapping[str, str]) -> CheckView | None:
    note = str(form.note.data)
    try:
        desk().perform(actor(), lambda tx: publish_rule_set(tx, files, note))
    except RuleSetRefused as refused:
        return check_view(list(refused.problems))
    return None


def _page(form: PublishForm | None = None, problems: CheckView | None = None) -> str:
    with desk().read(actor()) as tx:
        publications = list_publications(tx, limit=SHOWN_VERSIONS, cursor=cursor())
        current = _in_force()
        check = check_rules(tx, current.files) if current else None
    folder, found = check_rules_folder(_folder())
    return render_template(
        "rules/index.html",
        current=current,
        check=check,
        publications=publications,
        folder_path=str(_folder()),
        folder_check=problems or check_view(found),
        folder_lines=list(difference(current.files if current else {}, folder)),
        form=form or PublishForm(formdata=None, prefix="publish_"),
    )


def _in_force() -> RuleSetView | None:
    try:
        with desk().read(actor()) as tx:
            return rule_set_in_force(tx)
    except NoRuleSet:
        return None


def _folder() -> Path:
    environment: Environment = current_app.extensions["coverdesk.environment"]
    return environment.rules_dir
