"""The rule set in force, earlier versions, proposals and the rules folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from engine.rulebook import RuleSetRefused
from web.environment import Environment
from web.languages import gettext, lazy_text, mark
from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm, DeskForm, KeyedForm, attempt_once
from web.pages.layout.listing import all_rows, counted_page, csv_response, wants_csv
from web.refused_rules import report_refused_rules
from workflows.core.errors import NoRuleSet
from workflows.core.transaction import Transaction
from workflows.rule_sets.folder import check_rules_folder
from workflows.rule_sets.folder_watch import list_rules_folders
from workflows.rule_sets.proposals import (
    Submitted,
    approve_proposal,
    list_proposals,
    read_proposal,
    reject_proposal,
    submit_rollback,
    submit_rule_set,
)
from workflows.rule_sets.publishing import (
    check_rules,
    check_view,
    difference,
    get_rule_set,
    list_publications,
    rule_set_in_force,
)
from workflows.views.rules import CheckView, RuleSetView

SHOWN_VERSIONS = 20

pages = Blueprint("rules", __name__, url_prefix="/rules")

RESULTS = {
    "unchanged": (mark("Nothing has changed: this rule set is already in force."), "success"),
    "proposed": (mark("Proposed. Another administrator must approve it."), "warning"),
    "published": (mark("The rule set is in force."), "success"),
}
"""The message about a submission, and its category."""


class PublishForm(KeyedForm):
    """`based_on` is the version that was in force when the page was rendered."""

    note = StringField(
        lazy_text("Note"),
        [InputRequired(lazy_text("Describe what changes, and why.")), Length(max=2000)],
        description=lazy_text("What changes, and why. Shown in the history."),
    )
    based_on = HiddenField()


class ApproveForm(ActionForm):
    based_on = HiddenField()


class RejectForm(KeyedForm):
    reason = TextAreaField(lazy_text("Reason"), [InputRequired(lazy_text("Explain what should be changed."))])


@dataclass(frozen=True, slots=True)
class Folder:
    """The current rules folder of this server; `lines` is the diff to the set in force."""

    path: str
    check: CheckView
    lines: list[str]


@pages.get("")
def rules() -> str | Response:
    return _publications_csv() if wants_csv() else _page()


@pages.post("/publish")
def publish() -> tuple[str, int] | Response:
    """Publish the rules folder of this server, or propose it if approval is required."""
    form = PublishForm(prefix="publish_")
    problems: CheckView | None = None
    if form.validate_on_submit():
        files, found = check_rules_folder(_folder())
        if any(problem.severity == "error" for problem in found):
            problems = check_view(found)
        else:
            problems = _submit(
                form, lambda tx: submit_rule_set(tx, files, str(form.note.data), based_on=_base(form))
            )
        if problems is None and not form.has_errors:
            return redirect(url_for("rules.rules"))
    return _page(form, problems), 422


@pages.get("/<version>")
def version(version: str) -> str:
    return _version_page(version, None, None)


@pages.post("/<version>/publish")
def publish_again(version: str) -> tuple[str, int] | Response:
    form = PublishForm(prefix="publish_")
    problems: CheckView | None = None
    if form.validate_on_submit():
        note = str(form.note.data)
        problems = _submit(form, lambda tx: submit_rollback(tx, version, note, based_on=_base(form)))
        if problems is None and not form.has_errors:
            return redirect(url_for("rules.rules"))
    return _version_page(version, form, problems), 422


# ------------------------------------------------------------------ proposals


@pages.get("/proposals/<proposal_id>")
def proposal(proposal_id: str) -> str:
    return _proposal_page(proposal_id)


@pages.post("/proposals/<proposal_id>/approve")
def approve(proposal_id: str) -> tuple[str, int] | Response:
    form = ApproveForm(prefix="approve_")
    problems: CheckView | None = None
    if form.validate_on_submit():
        try:
            if attempt_once(
                form,
                lambda tx: approve_proposal(tx, proposal_id, based_on=form.based_on.data or None),
                reads_first=True,
            ):
                desk().refresh()
                flash(gettext("The rule set is in force."), "success")
                return redirect(url_for("rules.rules"))
        except RuleSetRefused as refused:
            report_refused_rules(refused, interface="page", by=actor().name)
            problems = check_view(list(refused.problems))
    return _proposal_page(proposal_id, form, problems), 422


@pages.post("/proposals/<proposal_id>/reject")
def reject(proposal_id: str) -> tuple[str, int] | Response:
    form = RejectForm(prefix="reject_")
    if form.validate_on_submit():
        reason = str(form.reason.data)
        if attempt_once(form, lambda tx: _reject(tx, proposal_id, reason)):
            flash(gettext("The proposal has been rejected. Its author has been notified."), "warning")
            return redirect(url_for("rules.rules"))
    return _proposal_page(proposal_id, form), 422


# ------------------------------------------------------------------ helpers


def _reject(tx: Transaction, proposal_id: str, reason: str) -> str:
    reject_proposal(tx, proposal_id, reason)
    return proposal_id


def _submit(form: KeyedForm, use_case: Callable[[Transaction], Submitted]) -> CheckView | None:
    """Publish or propose; returns the problems if the rules are invalid, adds other errors to the form."""
    try:
        outcome = attempt_once(form, lambda tx: outcome_of(use_case(tx)), reads_first=True)
    except RuleSetRefused as refused:
        report_refused_rules(refused, interface="page", by=actor().name)
        return check_view(list(refused.problems))
    if outcome is not None:
        desk().refresh()
        flash_result(outcome)
    return None


def flash_result(outcome: str) -> None:
    """Say what became of a submission."""
    text, category = RESULTS[outcome]
    flash(gettext(text), category)


def outcome_of(done: Submitted) -> str:
    """Which of `RESULTS` a submission has."""
    if done.unchanged:
        return "unchanged"
    return "proposed" if done.proposal else "published"


def _base(form: PublishForm) -> str | None:
    return form.based_on.data or None


def _publications_csv() -> Response:
    with desk().read(actor()) as tx:
        rows = [
            (one.version, one.published_at.isoformat(), one.published_by, one.approved_by, one.note)
            for one in all_rows(lambda **at: list_publications(tx, **at))
        ]
    header = ["version", "published_at", "published_by", "approved_by", "note"]
    return csv_response("rule-versions", header, rows)


def _page(form: PublishForm | None = None, problems: CheckView | None = None) -> str:
    with desk().read(actor()) as tx:
        current = _in_force(tx)
        return render_template(
            "rules/index.html",
            current=current,
            check=check_rules(tx, current.files) if current else None,
            publications=list_publications(tx, limit=SHOWN_VERSIONS, **counted_page()),
            proposals=list_proposals(tx, state="open").items,
            watched=list_rules_folders(tx),
            folder=_folder_now(current, problems),
            requires_approval=tx.settings.two_person_publishing,
            form=form or _publish_form(current),
        )


def _version_page(version: str, form: PublishForm | None, problems: CheckView | None) -> str:
    with desk().read(actor()) as tx:
        chosen = get_rule_set(tx, version)
        current = _in_force(tx)
        return render_template(
            "rules/version.html",
            chosen=chosen,
            lines=list(difference(current.files, chosen.files)) if current else [],
            moved_targets=0 if chosen.in_force else check_rules(tx, chosen.files).moved_targets,
            problems=problems,
            requires_approval=tx.settings.two_person_publishing,
            form=form or _publish_form(current),
        )


def _proposal_page(proposal_id: str, tried: DeskForm | None = None, problems: CheckView | None = None) -> str:
    with desk().read(actor()) as tx:
        detail = read_proposal(tx, proposal_id)
    approve_form = ApproveForm(
        formdata=None, prefix="approve_", data={"based_on": detail.diff.from_version or ""}
    )
    reject_form = tried if isinstance(tried, RejectForm) else RejectForm(formdata=None, prefix="reject_")
    return render_template(
        "rules/proposal.html",
        detail=detail,
        approve_form=approve_form,
        reject_form=reject_form,
        failed_form=tried if tried is not None and tried.has_errors else None,
        problems=problems,
    )


def _publish_form(current: RuleSetView | None) -> PublishForm:
    return PublishForm(
        formdata=None, prefix="publish_", data={"based_on": current.version if current else ""}
    )


def _folder_now(current: RuleSetView | None, problems: CheckView | None) -> Folder:
    files, found = check_rules_folder(_folder())
    lines = list(difference(current.files if current else {}, files))
    return Folder(str(_folder()), problems or check_view(found), lines)


def _in_force(tx: Transaction) -> RuleSetView | None:
    try:
        return rule_set_in_force(tx)
    except NoRuleSet:
        return None


def _folder() -> Path:
    environment: Environment = current_app.extensions["coverdesk.environment"]
    return environment.rules_dir
