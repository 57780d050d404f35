"""User management, for administrators."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, EmailField, PasswordField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired

from web.languages import Texts, gettext, lazy_text, mark
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import (
    ActionForm,
    DeskForm,
    Explicit,
    KeyedForm,
    attempt,
    attempt_once,
    succeeds,
    succeeds_once,
)
from web.pages.forms.fields import select_options
from web.pages.layout.list_links import keep_list
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.session.sessions import RECENT_EVENTS, SignOutForm
from web.pages.wording.labels import ROLES
from workflows.core.transaction import Transaction
from workflows.languages.texts import NAMES
from workflows.operations.audit_trail import list_audit_events
from workflows.users.accounts import ChangeUser, NewUser, change_user, create_user, get_user, list_users
from workflows.users.password_links import send_link, show_link
from workflows.users.sessions import end_session, list_sessions, sign_out_user
from workflows.users.tokens import list_tokens, revoke_token
from workflows.views.users import UserView

ROLE_DESCRIPTIONS = Texts(
    {
        "technician": mark("Logs and works on service requests; sees coverage and balances, but no prices."),
        "supervisor": mark("Technician rights, plus all contracts: create, enable, reassign."),
        "finance": mark("Contracts, invoices, accounting periods and exports; alone records payments."),
        "administrator": mark("Everything except recording payments: settings, rules, users."),
        "customer": mark(
            "Own requests and contracts. A customer with this email must exist in the directory."
        ),
    }
)

pages = Blueprint("users", __name__, url_prefix="/users")
keep_list(pages, "user_id")


def role_choices() -> list[tuple[str, str]]:
    """The roles that a user can have."""
    return [(role, ROLES[role]) for role in ROLE_DESCRIPTIONS]


def language_choices() -> list[tuple[str, str]]:
    """The languages of the pages, each by its own name; first what applies to a user who has chosen none."""
    return [("", gettext("As the browser asks for it")), *NAMES.items()]


ZONE_HELP = lazy_text("For example Europe/Berlin; empty for the provider's.")


class NewUserForm(KeyedForm):
    name = StringField(lazy_text("Name"))
    email = EmailField(
        lazy_text("Email"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("Used to sign in."),
    )
    role = RadioField(
        lazy_text("Role"),
        [InputRequired(lazy_text("Select an option."))],
        choices=lambda: select_options(role_choices()),
    )
    language = SelectField(
        lazy_text("Language"), choices=lambda: select_options(language_choices()), default=""
    )
    time_zone = StringField(lazy_text("Time zone"), description=ZONE_HELP)
    password = PasswordField(
        lazy_text("Initial password"),
        description=lazy_text(
            "At least 12 characters. Leave it empty to send an invitation by mail instead."
        ),
    )


class UserForm(DeskForm):
    name = StringField(lazy_text("Name"), [InputRequired(lazy_text("This field is required."))])
    role = RadioField(lazy_text("Role"), choices=lambda: select_options(role_choices()))
    language = SelectField(
        lazy_text("Language"), choices=lambda: select_options(language_choices()), default=""
    )
    time_zone = StringField(lazy_text("Time zone"), description=ZONE_HELP)
    password = PasswordField(
        lazy_text("New password"), description=lazy_text("Leave empty to keep the current password.")
    )
    revoke_tokens = BooleanField(
        lazy_text("Revoke all API tokens"),
        description=lazy_text("Programs that use the user's tokens stop working."),
    )
    disabled = BooleanField(
        lazy_text("Disabled"),
        description=lazy_text("Cannot sign in, and API tokens stop working. Records are not deleted."),
    )


@pages.get("")
def users() -> str | Response:
    filters: dict[str, Any] = query_filters("q", "role", "order")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_users(tx, **filters, **at))
            table = [(one.name, one.email, one.role, one.disabled_at is None, one.created_at) for one in rows]
            return csv_response("users", ["name", "email", "role", "enabled", "created_at"], table)
        page = list_users(tx, **filters, **counted_page())
    return render_template(
        "administration/users/index.html", page=page, filters=filters, roles=role_choices()
    )


@pages.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | Response:
    require_role("administrator")
    form = NewUserForm()
    if form.is_submitted():
        values = {name: form[name].data for name in ("name", "email", "role", "language", "password")}
        values["time_zone"] = (form.time_zone.data or "").strip() or None
        command = form.checked_command(NewUser, values)
        if command and attempt_once(form, lambda tx: create_user(tx, command), command):
            flash(_created_text(command), "success")
            return redirect(url_for("users.users"))
    return render_template(
        "administration/users/new.html", form=form, role_descriptions=ROLE_DESCRIPTIONS
    ), 422 if form.has_errors else 200


@pages.route("/<user_id>", methods=["GET", "POST"])
def edit(user_id: str) -> tuple[str, int] | Response:
    with desk().read(actor()) as tx:
        user = get_user(tx, user_id)
    form = UserForm(data=_stored(user))
    if form.validate_on_submit():
        command = form.command(ChangeUser, _changes(form, user))
        if command and succeeds(form, lambda tx: change_user(tx, user_id, command)):
            flash(gettext("Saved."), "success")
            return redirect(url_for("users.users"))
    return _page(user_id, form), 422 if form.has_errors else 200


@pages.post("/<user_id>/tokens/<token_id>/revoke")
def revoke(user_id: str, token_id: str) -> Response:
    return _act(user_id, lambda tx: revoke_token(tx, token_id), gettext("The token has been revoked."))


@pages.post("/<user_id>/sessions/<session_id>/end")
def end_user_session(user_id: str, session_id: str) -> Response:
    return _act(user_id, lambda tx: end_session(tx, session_id), gettext("The session has ended."))


@pages.post("/<user_id>/sign-out")
def sign_out(user_id: str) -> Response:
    tokens = bool(SignOutForm().tokens.data)
    done = gettext("Signed out everywhere.")
    return _act(user_id, lambda tx: sign_out_user(tx, user_id, tokens=tokens), done)


@pages.post("/<user_id>/password-link")
def send_password_link(user_id: str) -> Response:
    return _act(user_id, lambda tx: send_link(tx, user_id), gettext("The link will be sent within seconds."))


@pages.post("/<user_id>/password-link/show")
def show_password_link(user_id: str) -> str | Response:
    """Show the link in the response itself: it is not stored anywhere, not even in the session."""
    require_role("administrator")
    form, base_url = ActionForm(), desk().base_url or request.host_url
    if form.validate_on_submit():
        new_link = attempt(form, lambda tx: show_link(tx, user_id, base_url))
        if new_link is not None:
            return _page(user_id, None, new_link=new_link)
    return _back(user_id, form)


def _page(user_id: str, form: UserForm | None, **shown: Any) -> str:
    with desk().read(actor()) as tx:
        user = get_user(tx, user_id)
        tokens, sessions = list_tokens(tx, user_id), list_sessions(tx, user_id)
        events = list_audit_events(tx, subject_kind="user", subject_id=user_id, limit=RECENT_EVENTS)
    return render_template(
        "administration/users/edit.html",
        form=form or UserForm(formdata=None, data=_stored(user)),
        user=user,
        tokens=tokens,
        sessions=sessions,
        events=events.items,
        sends_mail=desk().smtp_url is not None,
        action_form=ActionForm(formdata=None),
        sign_out_form=SignOutForm(formdata=None),
        role_descriptions=ROLE_DESCRIPTIONS,
        **shown,
    )


def _act(user_id: str, use_case: Callable[[Transaction], object], done: str) -> Response:
    """Run a use case for a button of the page, and say what was done or why not."""
    require_role("administrator")
    form = ActionForm()
    if form.validate_on_submit() and succeeds_once(form, use_case):
        flash(done, "success")
    return _back(user_id, form)


def _back(user_id: str, form: DeskForm) -> Response:
    for message in form.form_errors:
        flash(message, "error")
    return redirect(url_for("users.edit", user_id=user_id))


def _stored(user: UserView) -> dict[str, Any]:
    """A user's values as those of the form."""
    return {
        "name": user.name,
        "role": user.role,
        "language": user.language or "",
        "time_zone": user.time_zone or "",
        "disabled": user.disabled_at is not None,
    }


def _created_text(command: NewUser) -> str:
    if command.password:
        return gettext("%(email)s can now sign in.", email=command.email)
    if desk().smtp_url is None:
        return gettext(
            "%(email)s was added. Open the user to show a link to choose a password.", email=command.email
        )
    return gettext("%(email)s was added. An invitation is sent by mail.", email=command.email)


def _changes(form: UserForm, user: UserView) -> dict[str, Any]:
    """Only the changed fields: a changed password or role ends the user's sessions."""
    changes: dict[str, Any] = {}
    if form.name.data != user.name:
        changes["name"] = form.name.data
    if form.role.data != user.role:
        changes["role"] = form.role.data
    if bool(form.disabled.data) != (user.disabled_at is not None):
        changes["disabled"] = bool(form.disabled.data)
    if (form.language.data or None) != user.language:
        changes["language"] = Explicit(form.language.data or None)
    time_zone = (form.time_zone.data or "").strip() or None
    if time_zone != user.time_zone:
        changes["time_zone"] = Explicit(time_zone)
    if form.password.data:
        changes["password"] = form.password.data
    if form.revoke_tokens.data:
        changes["revoke_api_access"] = True
    return changes
