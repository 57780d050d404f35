"""Setting a password by a link in a mail, and asking for such a link."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import EmailField, HiddenField, PasswordField
from wtforms.validators import EqualTo, InputRequired, Regexp

from engine.errors import DeskError
from web.languages import gettext, lazy_text
from web.pages.context import desk
from web.pages.forms.base import DeskForm, add_desk_error
from web.pages.session.visits import store_device, visit
from workflows.core.actors import NOBODY
from workflows.core.secret_texts import new_secret
from workflows.users.authentication import EMAIL, LONGEST_LOGIN
from workflows.users.login_delays import TooManyAttempts
from workflows.users.password_links import (
    LinkNotValid,
    ask_for_link,
    find_link_owner,
    set_password_by_link,
)

REQUIRED = lazy_text("This field is required.")
PASSWORD_HELP = lazy_text("At least 12 characters; a sentence works well.")

pages = Blueprint("password", __name__, url_prefix="/password")


class ForgottenForm(DeskForm):
    email = EmailField(
        lazy_text("Email"),
        [InputRequired(REQUIRED), Regexp(EMAIL, message=lazy_text("Enter an email address."))],
    )


class NewPasswordForm(DeskForm):
    link = HiddenField()
    new_password = PasswordField(
        lazy_text("New password"), [InputRequired(REQUIRED)], description=PASSWORD_HELP
    )
    again = PasswordField(
        lazy_text("Repeat new password"),
        [EqualTo("new_password", lazy_text("The passwords do not match."))],
    )


@pages.route("/forgotten", methods=["GET", "POST"])
def forgotten() -> Any:
    """The response to an address is the same, whether or not it has an account."""
    form = ForgottenForm()
    if form.validate_on_submit():
        email, address = str(form.email.data).strip()[:LONGEST_LOGIN], visit().address
        try:
            desk().perform(NOBODY, lambda tx: ask_for_link(tx, email, address))
        except TooManyAttempts as error:
            form.add_error("", str(error))
            wait = str(error.values["retry_after_seconds"])
            return _forgotten_page(form), 429, {"Retry-After": wait}
        return render_template("session/password_requested.html", email=email)
    return _forgotten_page(form), 422 if form.has_errors else 200


@pages.route("/new", methods=["GET", "POST"])
def new() -> Response:
    """Opening a link changes nothing: mail programs open links too. Only the form uses it up."""
    form = NewPasswordForm(data={"link": request.args.get("link", "")})
    secret = str(form.link.data or "")
    try:
        with desk().read(NOBODY) as tx:
            owner = find_link_owner(tx, secret)
        if form.validate_on_submit():
            device = visit().device or new_secret()
            here, password = replace(visit(), device=device), str(form.new_password.data)
            try:
                desk().perform(NOBODY, lambda tx: set_password_by_link(tx, secret, password, here))
            except LinkNotValid:
                raise
            except DeskError as error:
                add_desk_error(form, error)
            else:
                flash(gettext("Your password has been set. Sign in with it now."), "success")
                return store_device(redirect(url_for("login.login")), device)
    except LinkNotValid as error:
        return _without_referrer(render_template("session/link_not_valid.html", error=error), 410)
    page = render_template("session/new_password.html", form=form, owner=owner)
    return _without_referrer(page, 422 if form.has_errors else 200)


def _forgotten_page(form: ForgottenForm) -> str:
    return render_template("session/forgotten.html", form=form, sends_mail=desk().smtp_url is not None)


def _without_referrer(page: str, status: int) -> Response:
    """The address of the page has a secret, which must not be sent on."""
    response = make_response(page, status)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
