"""The rule editor: files, problems found while typing, differences, replay and publishing.

Every step is a POST to one URL. It returns the page, or JSON with HTML fragments if the script of the page
asks for it. Source: product.md sections 6 and 14.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from flask import Blueprint, Response, flash, make_response, redirect, request, url_for
from flask import render_template as render
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response as Answer
from wtforms import HiddenField, SelectField, StringField
from wtforms.validators import Length

from engine.errors import DeskError
from engine.periods import contract_end, first_instant_of
from engine.rulebook import RuleSetRefused
from engine.rulebook.schemas import schema_texts
from web.languages import gettext, lazy_text
from web.pages.context import actor, desk, now, require_role, zone
from web.pages.forms.base import KeyedForm, perform_once
from web.pages.forms.fields import DayField, select_options
from web.pages.layout.security import A_YEAR, policy_with_styles
from web.pages.rules.draft import (
    MAX_BYTES,
    Draft,
    add_file,
    current_rule_set,
    merge_published_changes,
    read_draft,
    remove_file,
    revert_file,
    review_draft,
    template_choices,
)
from web.pages.wording.replay import ReplayDescription, describe_replay
from web.refused_rules import report_refused_rules
from workflows.core.errors import NotAllowed, NotFound, OutcomeUnknown, StateForbids
from workflows.core.transaction import Transaction
from workflows.replay.rule_set_choices import files_of_choice
from workflows.replay.use_cases import read_replay, start_replay
from workflows.rule_sets.proposals import submit_rule_set
from workflows.rule_sets.publishing import LONGEST_NOTE, RulesChanged

pages = Blueprint("rule_editor", __name__, url_prefix="/rules/edit")


class EditorForm(KeyedForm):
    """The form around the files. `based_on` is the version that the draft is based on."""

    pointer_fields = {  # noqa: RUF012
        "/from": "from_on",
        "/to": "to_on",
        "/name": "add_name",
        "/like": "add_like",
    }

    based_on = HiddenField()
    replay = HiddenField()
    add_name = StringField(
        lazy_text("Name of the new file"),
        description=lazy_text("Lowercase letters, digits and underscores, for example gold_hours."),
    )
    add_like = SelectField(lazy_text("Copy from"), validate_choice=False)
    from_on = DayField(lazy_text("From"))
    to_on = DayField(lazy_text("To (inclusive)"))
    note = StringField(
        lazy_text("Note"),
        [Length(max=LONGEST_NOTE)],
        description=lazy_text("What changes, and why. Shown in the history."),
    )


@dataclass
class EditorState:
    """A draft during a step; `opened_file` is the file to show, `redirect_to` the URL to go to afterwards."""

    draft: Draft
    form: EditorForm
    opened_file: str = ""
    redirect_to: str = ""


@pages.get("")
def edit() -> Answer:
    """The editor with the set in force, or the files of a version, proposal or replay given by `?from=`."""
    require_role("administrator")
    chosen = request.args.get("from", "")
    with desk().read(actor()) as tx:
        current = current_rule_set(tx)
        files = files_of_choice(tx, chosen) if chosen else current.files if current else {}
    based_on = current.version if current else ""
    first, last = _last_month()
    form = EditorForm(
        formdata=None, prefix="editor_", data={"based_on": based_on, "from_on": first, "to_on": last}
    )
    state = EditorState(Draft(dict(files), based_on), form, request.args.get("file", ""))
    is_in_force = current is not None and files == current.files
    return _page(state, started_from="" if is_in_force else chosen)


@pages.post("")
def take_step() -> Answer:
    """Run a step on the posted draft. `step` is a key of STEPS, optionally followed by a colon and a path."""
    require_role("administrator")
    request.max_content_length = request.max_form_memory_size = MAX_BYTES
    form = EditorForm(prefix="editor_")
    with desk().read(actor()) as tx:
        state = EditorState(read_draft(tx), form)
    step, _, path = request.form.get("step", "check").partition(":")
    if form.validate_on_submit():
        STEPS.get(step, _check)(state, path)
    wants_json = request.accept_mimetypes.best == "application/json"
    if wants_json:
        return _fragments(state, changed=step in CHANGING)
    return redirect(state.redirect_to) if state.redirect_to else _page(state)


@pages.get("/in-force")
def in_force() -> dict[str, str]:
    """The version in force, polled by open editors to detect a newer one."""
    require_role("administrator")
    rule_set = desk().config.rule_set
    return {"version": rule_set.version if rule_set is not None else ""}


@pages.get("/schemas")
def schemas() -> Response:
    """The JSON schemas of the rule files, for completion."""
    answer = Response(_schemas()[0], mimetype="application/json")
    answer.headers["Cache-Control"] = A_YEAR.replace("public", "private")
    return answer


# ------------------------------------------------------------------ steps


def _check(state: EditorState, path: str) -> None:
    """Only check the draft, which every response does."""


def _add(state: EditorState, path: str) -> None:
    form = state.form
    try:
        state.draft, state.opened_file = add_file(
            state.draft, str(form.add_name.data or ""), str(form.add_like.data)
        )
    except DeskError as error:
        form.add_error(str(error.values.get("pointer", "")), str(error))
    else:
        form.add_name.process(None)


def _remove(state: EditorState, path: str) -> None:
    state.draft = remove_file(state.draft, path)


def _revert(state: EditorState, path: str) -> None:
    with desk().read(actor()) as tx:
        state.draft, state.opened_file = revert_file(tx, state.draft, path), path


def _merge(state: EditorState, path: str) -> None:
    with desk().read(actor()) as tx:
        state.draft = merge_published_changes(tx, state.draft)
    state.form.based_on.data = state.draft.based_on


def _replay(state: EditorState, path: str) -> None:
    """Start a replay of the draft over the given days."""
    form = state.form
    for field in (form.from_on, form.to_on):
        if field.data is None and not field.errors:
            form.add_error(f"/{field.short_name}", gettext("Enter a date."))
    if form.has_errors:
        return
    span = first_instant_of(form.from_on.data, zone()), contract_end(form.to_on.data, zone())
    try:
        form.replay.data = start_replay(desk(), actor(), state.draft.files, *span)[0]
    except RuleSetRefused:
        form.add_error("", gettext("Fix the errors before starting a replay."))
    except (NotFound, NotAllowed, OutcomeUnknown):
        raise
    except DeskError as error:
        form.add_error(str(error.values.get("pointer", "")), str(error))


def _publish(state: EditorState, path: str) -> None:
    """Publish the draft, or propose it if approval is required."""
    form, draft = state.form, state.draft
    note = str(form.note.data or "")
    if not note.strip():
        form.add_error("/note", gettext("Describe what changes, and why."))
        return
    try:
        proposal_id = perform_once(form, lambda tx: _submit(tx, draft, note))
    except RuleSetRefused as refused:
        report_refused_rules(refused, interface="page", by=actor().name)
        form.add_error(
            "", gettext("There are errors. The current rule set stays in force until they are fixed.")
        )
    except RulesChanged:
        form.add_error(
            "", gettext("Another rule set has been published since. Review its changes and merge them.")
        )
    except (NotFound, NotAllowed, OutcomeUnknown):
        raise
    except DeskError as error:
        form.add_error(str(error.values.get("pointer", "")), str(error))
    else:
        desk().refresh()
        if proposal_id:
            flash(gettext("Proposed. Another administrator must approve it."), "warning")
            state.redirect_to = url_for("rules.proposal", proposal_id=proposal_id)
        else:
            flash(gettext("The rule set is in force."), "success")
            state.redirect_to = url_for("rules.rules")


def _submit(tx: Transaction, draft: Draft, note: str) -> str:
    """Publish or propose the draft; returns the id of the proposal, else "". Raises: StateForbids."""
    rule_set = tx.config.rule_set
    if rule_set is not None and rule_set.files == draft.files:
        raise StateForbids(gettext("Nothing has changed: this rule set is already in force."))
    return submit_rule_set(tx, draft.files, note, based_on=draft.based_on or None).proposal or ""


STEPS: Mapping[str, Callable[[EditorState, str], None]] = {
    "check": _check,
    "add": _add,
    "remove": _remove,
    "put-back": _revert,
    "up-to-date": _merge,
    "replay": _replay,
    "publish": _publish,
}
CHANGING = frozenset({"add", "remove", "put-back", "up-to-date"})
"""Steps that change the draft."""


# ------------------------------------------------------------------ responses


def _page(state: EditorState, started_from: str = "") -> Answer:
    with desk().read(actor()) as tx:
        review = review_draft(tx, state.draft)
        replay = _replay_description(tx, state)
        requires_approval = tx.settings.two_person_publishing
    nonce = secrets.token_urlsafe(16)
    state.form.add_like.choices = select_options(template_choices(state.draft.files))
    answer = make_response(
        render(
            "rules/edit.html",
            state=state,
            form=state.form,
            review=review,
            description=replay,
            requires_approval=requires_approval,
            started_from=started_from,
            nonce=nonce,
            schemas_version=_schemas()[1],
        ),
        422 if state.form.has_errors else 200,
    )
    answer.headers["Content-Security-Policy"] = policy_with_styles(nonce)
    return answer


def _fragments(state: EditorState, *, changed: bool) -> Answer:
    """The result of a step as JSON, with the changed fragments of the page."""
    if state.redirect_to:
        return make_response({"redirect_to": state.redirect_to})
    with desk().read(actor()) as tx:
        review = review_draft(tx, state.draft)
        replay = _replay_description(tx, state)
    form = state.form
    body: dict[str, object] = {
        "ok": review.check.ok,
        "problems": review.check.problems,
        "in_force": review.current.version if review.current else "",
        "based_on": state.draft.based_on,
        "changed": [one.path for one in review.files if one.change == "changed"],
        "csrf": generate_csrf(),
        "token_is_old": bool(form.csrf_token.errors),
        "fragments": {
            **{name: _fragment(name, review) for name in ("files", "problems", "changes")},
            "published-since": _fragment("published-since", review, state.draft.merge_messages),
            "form-errors": _fragment("form-errors", form),
        },
    }
    if replay is not None:
        body["replay"] = render("rules/replay_summary.html", description=replay)
        body["replay_id"] = replay.replay.id
    if changed and not form.has_errors:
        body |= {"files": state.draft.files, "opened_file": state.opened_file}
        body["choices"] = template_choices(state.draft.files)
    return make_response(body, 422 if form.has_errors else 200)


def _fragment(name: str, *of: object) -> str:
    """Render one fragment of the page."""
    return render("rules/editor_fragment.html", name=name, of=of)


def _replay_description(tx: Transaction, state: EditorState) -> ReplayDescription | None:
    """The replay started from this page, if any."""
    replay_id = str(state.form.replay.data or "")
    if not replay_id:
        return None
    try:
        return describe_replay(tx, read_replay(tx, replay_id))
    except NotFound:
        return None


def _last_month() -> tuple[date, date]:
    last = now().astimezone(zone()).date().replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


@lru_cache(maxsize=1)
def _schemas() -> tuple[str, str]:
    """The schemas as one JSON text, and its content hash."""
    texts = {name.removesuffix(".schema.json"): json.loads(text) for name, text in schema_texts().items()}
    text = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    return text, hashlib.sha256(text.encode()).hexdigest()[:12]
