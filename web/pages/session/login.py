"""Signing in and out. The cookie has the secret of a session, which is stored in the database."""

from collections.abc import Container
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Request,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from itsdangerous import URLSafeTimedSerializer
from werkzeug.wrappers import Response
from wtforms import EmailField, HiddenField, PasswordField

from web.languages import gettext, lazy_text
from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm, DeskForm
from web.pages.session.signing import SkewTolerantSigner
from web.pages.session.visits import store_device, visit
from workflows.core.actors import Actor
from workflows.users.authentication import NotAuthenticated, authenticate_login
from workflows.users.login_delays import TooManyAttempts
from workflows.users.sessions import OpenSession, load_session, sign_out

pages = Blueprint("login", __name__)


class Visitor(UserMixin):
    """A logged-in user and the session, for Flask-Login.

    `session` is None right after the login: its details are read with the next page.
    """

    def __init__(self, actor: Actor, secret: str, session: OpenSession | None = None) -> None:
        self.actor = actor
        self.secret = secret
        self.session_id = session.id if session is not None else None
        self.time_zone = session.time_zone if session is not None else None
        self.own_language = session.language if session is not None else None
        self.language = (session.language or session.customer_language) if session is not None else None

    def get_id(self) -> str:
        return self.secret


class PageSessions(SecureCookieSessionInterface):
    """Sessions for pages only: API calls use tokens, and static files are the same for everyone.

    Neither reads or sets the session cookie, so that a cache need not store a static file for each session.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith(("/api/v1/", "/static/")):
            return None
        return super().open_session(app, request)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = SkewTolerantSigner
        return serializer


class LoginForm(DeskForm):
    email = EmailField(lazy_text("Email"))
    password = PasswordField(lazy_text("Password"))
    next = HiddenField()


def register_login(app: Flask, protected: Container[str]) -> None:
    """Set up Flask-Login and redirect users who are not logged in to the login form.

    `protected` contains the names of the blueprints that require login.
    """
    app.config.setdefault("REMEMBER_COOKIE_HTTPONLY", True)
    app.session_interface = PageSessions()
    manager = LoginManager()
    manager.login_view = "login.login"
    manager.login_message = None
    manager.session_protection = None
    manager.user_loader(load_visitor)
    manager.init_app(app)
    app.register_blueprint(pages)

    @app.before_request
    def must_be_logged_in() -> Any:
        if request.blueprint not in protected or current_user.is_authenticated:
            return None
        if not _is_page(request.path):
            return redirect(url_for("login.login"))
        return manager.unauthorized()


def load_visitor(secret: str) -> Visitor | None:
    """The user of a session; None if it has ended."""
    found = load_session(desk(), secret, visit())
    return Visitor(found.actor, secret, found) if found is not None else None


@pages.route("/login", methods=["GET", "POST"])
def login() -> str | tuple[str, int] | tuple[str, int, dict[str, str]] | Response:
    if current_user.is_authenticated:
        return redirect(local_target(request.args.get("next")))
    form = LoginForm(data={"next": request.args.get("next", "")})
    if not form.validate_on_submit():
        return render_template("session/login.html", form=form), 422 if form.has_errors else 200
    try:
        found = authenticate_login(desk(), form.email.data or "", form.password.data or "", visit())
    except TooManyAttempts as error:
        form.add_error("", str(error))
        wait = str(error.values["retry_after_seconds"])
        return render_template("session/login.html", form=form), 429, {"Retry-After": wait}
    except NotAuthenticated as error:
        form.add_error("", str(error))
        return render_template("session/login.html", form=form), 401
    session.clear()
    login_user(Visitor(found.actor, found.session))
    return store_device(redirect(local_target(form.next.data)), found.device)


@pages.post("/logout")
def logout() -> Response:
    if current_user.is_authenticated and ActionForm().validate_on_submit():
        end_own_sessions()
    return redirect(url_for("login.login"))


def end_own_sessions(*, tokens: bool = False) -> None:
    """Sign the user out on every device and, if asked for, revoke every API token."""
    who = actor()
    desk().perform(who, lambda tx: sign_out(tx, tokens=tokens))
    logout_user()
    session.clear()
    said = gettext("You have been signed out on all your devices.")
    if tokens:
        said = gettext("You have been signed out on all your devices. Your API tokens have been revoked.")
    flash(said, "success")


def local_target(wanted: str | None) -> str:
    """The page to open after login: the requested one if it is a page of this application, else home."""
    home: str = url_for("home.home")
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return home
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or any(ord(char) < 32 or char == "\\" for char in wanted):
        return home
    return wanted if _is_page(parts.path) else home


def _is_page(path: str) -> bool:
    """Whether a path can be opened, and not only be sent a form."""
    return bool(current_app.url_map.bind(request.host).test(path, method="GET"))
