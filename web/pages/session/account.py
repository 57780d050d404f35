"""The user's own account: password, API tokens and display preferences."""

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask_login import current_user, login_user
from werkzeug.wrappers import Response
from wtforms import BooleanField, IntegerField, PasswordField, RadioField, SelectField, StringField
from wtforms.validators import EqualTo, InputRequired, NumberRange, Optional

from web.languages import gettext, language, lazy_text
from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm, DeskForm, KeyedForm, attempt, attempt_once, succeeds
from web.pages.forms.fields import select_options
from web.pages.session.login import Visitor
from web.pages.session.preferences import appearance, shortcuts_are_on, store_preferences
from web.pages.session.visits import visit
from workflows.core.secret_texts import new_secret
from workflows.core.transaction import Transaction
from workflows.languages.texts import NAMES, known_language, use_language
from workflows.users.accounts import change_own_language, change_own_password, change_own_time_zone
from workflows.users.tokens import NewOwnToken, create_own_token, list_tokens, revoke_token
from workflows.views.users import CreatedToken

REQUIRED = lazy_text("This field is required.")

pages = Blueprint("account", __name__, url_prefix="/account")


class PasswordForm(DeskForm):
    old_password = PasswordField(lazy_text("Current password"), [InputRequired(REQUIRED)])
    new_password = PasswordField(
        lazy_text("New password"),
        [InputRequired(REQUIRED)],
        description=lazy_text("At least 12 characters; a sentence works well."),
    )
    again = PasswordField(
        lazy_text("Repeat new password"),
        [EqualTo("new_password", lazy_text("The passwords do not match."))],
    )
    revoke_tokens = BooleanField(lazy_text("Also revoke all my API tokens"))


class PreferencesForm(DeskForm):
    language = SelectField(
        lazy_text("Language"),
        choices=lambda: select_options([("", gettext("As the browser asks for it")), *NAMES.items()]),
        default="",
    )
    time_zone = StringField(
        lazy_text("Time zone"),
        description=lazy_text(
            "For example Europe/Berlin. Times are shown in it when you point at them. Leave it empty for the "
            "provider's, in which days are counted and forms are filled in."
        ),
    )
    theme = RadioField(
        lazy_text("Appearance"),
        choices=lambda: select_options(
            [("", gettext("System default")), ("light", gettext("Light")), ("dark", gettext("Dark"))]
        ),
        default="",
    )
    shortcuts = BooleanField(
        lazy_text("Single-key shortcuts"),
        description=lazy_text("Switch them off if you use dictation or press keys by accident."),
    )


class TokenForm(KeyedForm):
    name = StringField(
        lazy_text("Name"), [InputRequired(REQUIRED)], description=lazy_text("For example: nightly export.")
    )
    expires_days = IntegerField(
        lazy_text("Expires after (days)"),
        [Optional(), NumberRange(1, 3650, lazy_text("Enter 1 to 3650 days."))],
    )


@pages.get("")
def account() -> str:
    return _page()


@pages.post("/password")
def password() -> tuple[str, int] | Response:
    form = PasswordForm()
    if form.validate_on_submit():
        old, new, secret = str(form.old_password.data), str(form.new_password.data), new_secret()
        here, tokens = visit(), bool(form.revoke_tokens.data)

        def change(tx: Transaction) -> None:
            change_own_password(tx, old, new, secret=secret, visit=here, revoke_tokens=tokens)

        if succeeds(form, change):
            login_user(Visitor(actor(), secret))
            flash(gettext("Your password has been changed. Your other sessions have ended."), "success")
            return redirect(url_for("account.account"))
    return _page(password_form=form), 422


@pages.post("/preferences")
def preferences() -> tuple[str, int] | Response:
    form = PreferencesForm()
    if not form.validate_on_submit():
        return _page(preferences_form=form), 422
    chosen = known_language(form.language.data)
    own_zone = (form.time_zone.data or "").strip().replace(" ", "_") or None

    def change(tx: Transaction) -> None:
        change_own_language(tx, chosen)
        change_own_time_zone(tx, own_zone)

    if not succeeds(form, change):
        return _page(preferences_form=form), 422
    use_language(chosen or language())
    flash(gettext("Your preferences have been saved."), "success")
    answer = make_response(redirect(url_for("account.account")))
    return store_preferences(answer, theme=form.theme.data or "", shortcuts=bool(form.shortcuts.data))


@pages.post("/tokens")
def create_token() -> tuple[str, int] | str:
    form = TokenForm()
    if form.validate_on_submit():
        command = form.command(NewOwnToken, {"name": form.name.data, "expires_days": form.expires_days.data})
        created: list[CreatedToken] = []
        token_id = command and attempt_once(form, lambda tx: _create(tx, command, created), command)
        if token_id:
            # Shown in the response itself: the token is not stored anywhere, not even in the session.
            new_token = next((one for one in created if one.id == token_id), None)
            if new_token is None:
                flash(gettext("The token was created already. Revoke it if you have not seen it."), "warning")
            return _page(new_token=new_token)
    return _page(token_form=form), 422


def _create(tx: Transaction, command: NewOwnToken, created: list[CreatedToken]) -> str:
    """Create a token and add it to `created`; returns its id, which may be stored as the text may not."""
    created.append(create_own_token(tx, command))
    return created[-1].id


@pages.post("/tokens/<token_id>/revoke")
def revoke(token_id: str) -> Response:
    form = ActionForm()
    if form.validate_on_submit():
        attempt(form, lambda tx: revoke_token(tx, token_id))
        flash(gettext("The token has been revoked."), "success")
    return redirect(url_for("account.account"))


def _page(**changed: Any) -> str:
    chosen = {
        "language": current_user.own_language or "",
        "time_zone": current_user.time_zone or "",
        "theme": appearance(),
        "shortcuts": shortcuts_are_on(),
    }
    forms = {
        "password_form": PasswordForm(formdata=None),
        "preferences_form": PreferencesForm(formdata=None, data=chosen),
        "token_form": TokenForm(formdata=None),
        "new_token": None,
    }
    with desk().read(actor()) as tx:
        tokens = list_tokens(tx, str(actor().id))
    return render_template(
        "session/account.html", tokens=tokens, action_form=ActionForm(formdata=None), **{**forms, **changed}
    )
