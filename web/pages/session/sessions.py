"""The user's own login sessions: where they are signed in, and what happened to the account lately."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import BooleanField

from web.languages import gettext, lazy_text
from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm, KeyedForm, succeeds_once
from web.pages.session.login import end_own_sessions
from workflows.operations.audit_trail import list_audit_events
from workflows.users.sessions import end_session, list_sessions

RECENT_EVENTS = 20

pages = Blueprint("sessions", __name__, url_prefix="/account/sessions")


class SignOutForm(KeyedForm):
    tokens = BooleanField(lazy_text("Also revoke all API tokens"))


@pages.get("")
def sessions() -> str:
    user_id = str(actor().id)
    with desk().read(actor()) as tx:
        found = list_sessions(tx, user_id)
        events = list_audit_events(tx, subject_kind="user", subject_id=user_id, limit=RECENT_EVENTS)
    return render_template(
        "session/sessions.html",
        sessions=found,
        current=current_user.session_id,
        events=events.items,
        form=SignOutForm(formdata=None),
        action_form=ActionForm(formdata=None),
    )


@pages.post("/<session_id>/end")
def end(session_id: str) -> Response:
    form = ActionForm()
    if form.validate_on_submit() and succeeds_once(form, lambda tx: end_session(tx, session_id)):
        flash(gettext("The session has ended."), "success")
    return redirect(url_for("sessions.sessions"))


@pages.post("/end-all")
def end_all() -> Response:
    form = SignOutForm()
    if not form.validate_on_submit():
        flash(gettext("This page expired. Please try again."), "error")
        return redirect(url_for("sessions.sessions"))
    end_own_sessions(tokens=bool(form.tokens.data))
    return redirect(url_for("login.login"))
