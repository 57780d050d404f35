"""The rule editor: files, what the checker says as one types, the changes, a try on history, publishing.

One address takes every step, by a form post that answers the page anew, or by the page's script, which
asks for JSON: the same step, the same words, as pieces of the page. Source: product.md sections 6 and 14.
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
from web.pages.context import actor, desk, now, only, zone
from web.pages.forms.base import DeskForm
from web.pages.forms.fields import DayField, offer
from web.pages.layout.security import A_YEAR, policy_with_styles
from web.pages.rules.draft import (
    MOST_BYTES,
    Draft,
    brought_up_to_date,
    choices_to_begin_with,
    opinion_of,
    read_draft,
    set_in_force,
    with_file_in_force,
    with_new_file,
    without_file,
)
from web.pages.wording.replay import ReplayTold, describe_replay
from web.refused_rules import report_refused_rules
from workflows.core.errors import NotAllowed, NotFound, OutcomeUnknown
from workflows.core.transaction import Transaction
from workflows.replay.rule_set_choices import files_of_choice
from workflows.replay.use_cases import read_replay, start_replay
from workflows.rule_sets.proposals import submit_rule_set
from workflows.rule_sets.publishing import LONGEST_NOTE, RulesChanged

pages = Blueprint("rule_editor", __name__, url_prefix="/rules/edit")


class EditorForm(DeskForm):
    """What stands around the files. `based_on` is the version that they were edited from."""

    places = {  # noqa: RUF012
        "/from": "from_on",
        "/to": "to_on",
        "/name": "add_name",
        "/like": "add_like",
    }

    based_on = HiddenField()
    replay = HiddenField()
    add_name = StringField("Name of the new file", description="Small letters, digits and _: gold_hours")
    add_like = SelectField("Begin with", validate_choice=False)
    from_on = DayField("From")
    to_on = DayField("To", description="This day counts, too.")
    note = StringField(
        "Note", [Length(max=LONGEST_NOTE)], description="What changes, and why. It stands in the history."
    )


@dataclass
class Work:
    """A draft while a step is taken; `opened` is the file to show, `location` where to go when it is done."""

    draft: Draft
    form: EditorForm
    opened: str = ""
    location: str = ""


@pages.get("")
def edit() -> Answer:
    """The editor with the set in force, or with the files of `?from=`: a version, a proposal or a replay."""
    only("administrator")
    chosen = request.args.get("from", "")
    with desk().read(actor()) as tx:
        current = set_in_force(tx)
        files = files_of_choice(tx, chosen) if chosen else current.files if current else {}
    based_on = current.version if current else ""
    first, last = _last_month()
    form = EditorForm(
        formdata=None, prefix="editor_", data={"based_on": based_on, "from_on": first, "to_on": last}
    )
    work = Work(Draft(dict(files), based_on), form, request.args.get("file", ""))
    is_in_force = current is not None and files == current.files
    return _page(work, begun_from="" if is_in_force else chosen)


@pages.post("")
def take_step() -> Answer:
    """Take a step with the posted draft. `step` is one of STEPS; a path may follow, after a colon."""
    only("administrator")
    request.max_content_length = request.max_form_memory_size = MOST_BYTES
    form = EditorForm(prefix="editor_")
    with desk().read(actor()) as tx:
        work = Work(read_draft(tx), form)
    step, _, path = request.form.get("step", "check").partition(":")
    if form.validate_on_submit():
        STEPS.get(step, _check)(work, path)
    wants_json = request.accept_mimetypes.best == "application/json"
    if wants_json:
        return _pieces(work, changed=step in CHANGING)
    return redirect(work.location) if work.location else _page(work)


@pages.get("/in-force")
def in_force() -> dict[str, str]:
    """The version in force: asked again and again, so that no editor goes on with an old one unknowing."""
    only("administrator")
    rule_set = desk().config.rule_set
    return {"version": rule_set.version if rule_set is not None else ""}


@pages.get("/schemas")
def schemas() -> Response:
    """The schemas of the rule files, for completion."""
    answer = Response(_schemas()[0], mimetype="application/json")
    answer.headers["Cache-Control"] = A_YEAR.replace("public", "private")
    return answer


# ------------------------------------------------------------------ steps


def _check(work: Work, path: str) -> None:
    """Nothing but looking at it."""


def _add(work: Work, path: str) -> None:
    form = work.form
    try:
        work.draft, work.opened = with_new_file(
            work.draft, str(form.add_name.data or ""), str(form.add_like.data)
        )
    except DeskError as error:
        form.refuse(str(error.values.get("pointer", "")), str(error))
    else:
        form.add_name.process(None)


def _remove(work: Work, path: str) -> None:
    work.draft = without_file(work.draft, path)


def _put_back(work: Work, path: str) -> None:
    with desk().read(actor()) as tx:
        work.draft, work.opened = with_file_in_force(tx, work.draft, path), path


def _bring_up_to_date(work: Work, path: str) -> None:
    with desk().read(actor()) as tx:
        work.draft = brought_up_to_date(tx, work.draft)
    work.form.based_on.data = work.draft.based_on


def _replay(work: Work, path: str) -> None:
    """Start a replay of the draft over a span of days."""
    form = work.form
    for field in (form.from_on, form.to_on):
        if field.data is None and not field.errors:
            form.refuse(f"/{field.short_name}", "Name the day.")
    if form.is_wrong:
        return
    span = first_instant_of(form.from_on.data, zone()), contract_end(form.to_on.data, zone())
    try:
        form.replay.data = start_replay(desk(), actor(), work.draft.files, *span)[0]
    except RuleSetRefused:
        form.refuse("", "There are errors: mend them first, then try it on history.")
    except (NotFound, NotAllowed, OutcomeUnknown):
        raise
    except DeskError as error:
        form.refuse(str(error.values.get("pointer", "")), str(error))


def _publish(work: Work, path: str) -> None:
    """Put the draft in force, or propose it where publishing takes two."""
    form, draft = work.form, work.draft
    note = str(form.note.data or "")
    if not note.strip():
        form.refuse("/note", "Say what changes, and why.")
        return
    rule_set = desk().config.rule_set
    if rule_set is not None and rule_set.files == draft.files:
        form.refuse("", "Nothing is changed: these very rules are in force.")
        return
    try:
        done = desk().perform(
            actor(), lambda tx: submit_rule_set(tx, draft.files, note, based_on=draft.based_on or None)
        )
    except RuleSetRefused as refused:
        report_refused_rules(refused, interface="page", by=actor().name)
        form.refuse("", "There are errors: the set in force stays until they are mended.")
    except RulesChanged:
        form.refuse("", "Another rule set took force meanwhile: look at what it changed, and go on from it.")
    except (NotFound, NotAllowed, OutcomeUnknown):
        raise
    except DeskError as error:
        form.refuse(str(error.values.get("pointer", "")), str(error))
    else:
        desk().refresh()
        if done.proposal:
            flash("Proposed: another administrator approves it.", "wait")
            work.location = url_for("rules.proposal", proposal_id=done.proposal)
        else:
            flash("The rule set is in force.", "good")
            work.location = url_for("rules.rules")


STEPS: Mapping[str, Callable[[Work, str], None]] = {
    "check": _check,
    "add": _add,
    "remove": _remove,
    "put-back": _put_back,
    "up-to-date": _bring_up_to_date,
    "replay": _replay,
    "publish": _publish,
}
CHANGING = frozenset({"add", "remove", "put-back", "up-to-date"})
"""Steps after which the draft is another one."""


# ------------------------------------------------------------------ answers


def _page(work: Work, begun_from: str = "") -> Answer:
    with desk().read(actor()) as tx:
        opinion = opinion_of(tx, work.draft)
        told = _told(tx, work)
        by_two = tx.settings.two_person_publishing
    nonce = secrets.token_urlsafe(16)
    work.form.add_like.choices = offer(choices_to_begin_with(work.draft.files))
    answer = make_response(
        render(
            "rules/edit.html",
            work=work,
            form=work.form,
            opinion=opinion,
            told=told,
            by_two=by_two,
            begun_from=begun_from,
            nonce=nonce,
            schemas_version=_schemas()[1],
        ),
        422 if work.form.is_wrong else 200,
    )
    answer.headers["Content-Security-Policy"] = policy_with_styles(nonce)
    return answer


def _pieces(work: Work, *, changed: bool) -> Answer:
    """The parts of the page that a step has changed, for its script to put in place."""
    if work.location:
        return make_response({"location": work.location})
    with desk().read(actor()) as tx:
        opinion = opinion_of(tx, work.draft)
        told = _told(tx, work)
    form = work.form
    body: dict[str, object] = {
        "ok": opinion.check.ok,
        "problems": opinion.check.problems,
        "in_force": opinion.current.version if opinion.current else "",
        "based_on": work.draft.based_on,
        "changed": [one.path for one in opinion.files if one.change == "changed"],
        "csrf": generate_csrf(),
        "token_is_old": bool(form.csrf_token.errors),
        "pieces": {
            **{name: _piece(name, opinion) for name in ("files", "problems", "changes")},
            "newer": _piece("newer", opinion, work.draft.told),
            "wrongs": _piece("wrongs", form),
        },
    }
    if told is not None:
        body["replay"] = render("rules/replay_summary.html", told=told)
        body["replay_id"] = told.replay.id
    if changed and not form.is_wrong:
        body |= {"files": work.draft.files, "opened": work.opened}
        body["choices"] = choices_to_begin_with(work.draft.files)
    return make_response(body, 422 if form.is_wrong else 200)


def _piece(name: str, *of: object) -> str:
    """One macro of the page."""
    return render("rules/edit_piece.html", name=name, of=of)


def _told(tx: Transaction, work: Work) -> ReplayTold | None:
    """The replay that was started from this page, if there is one."""
    replay_id = str(work.form.replay.data or "")
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
    """The schemas as one JSON text, and a name for it."""
    texts = {name.removesuffix(".schema.json"): json.loads(text) for name, text in schema_texts().items()}
    text = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    return text, hashlib.sha256(text.encode()).hexdigest()[:12]
