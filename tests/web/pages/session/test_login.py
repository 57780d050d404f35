"""Signing in and out, and the account page."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.support.builders import DeskFixture
from tests.support.pages import Browser
from tests.support.web_clients import WebClients
from workflows.users.accounts import ChangeUser, NewUser, change_user, create_user
from workflows.users.authentication import authenticate_token

PASSWORD = "correct horse battery"
EMAIL = "sue@staff.example"


def new_user(new_desk: DeskFixture) -> str:
    return new_desk.do(create_user, NewUser(email=EMAIL, name="Sue", role="supervisor", password=PASSWORD))


def sign_in(browser: Browser, path: str = "/login", **values: str) -> str:
    page = browser.send(browser.open(path), "/login", **{"email": EMAIL, "password": PASSWORD, **values})
    return page.path


def test_signing_in_opens_the_requested_page(web: WebClients) -> None:
    new_user(web.sample)
    assert sign_in(web.nobody, "/contracts") == "/contracts"
    assert web.nobody.open("/login").path == "/"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "/\\elsewhere.example",
        "\\\\elsewhere.example",
        "javascript:alert(1)",
        "/contracts\r\nSet-Cookie: x=1",
        "/no-such-page",
        "contracts",
    ],
)
def test_signing_in_never_redirects_to_other_sites(web: WebClients, wanted: str) -> None:
    new_user(web.sample)
    page = web.nobody.open("/login")
    form = page.form("/login")
    sent = {**form.values, "email": EMAIL, "password": PASSWORD, "next": wanted}
    answer = web.nobody.client.post("/login", data=sent)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/"


def test_a_wrong_password_does_not_reveal_whether_the_user_exists(web: WebClients) -> None:
    new_user(web.sample)
    page = web.nobody.send(web.nobody.open("/login"), "/login", email=EMAIL, password="wrong")
    assert page.status == 401
    assert page.form("/login").values["email"] == EMAIL
    assert "is incorrect" in page
    other = web.nobody.send(page, "/login", email="nobody@staff.example", password="wrong")
    assert other.text.replace("nobody@", "sue@") == page.text


def test_too_many_failed_logins_are_slowed_down_with_retry_after(web: WebClients) -> None:
    new_user(web.sample)
    page = web.nobody.open("/login")
    for _ in range(7):
        page = web.nobody.send(page, "/login", email=EMAIL, password="wrong")
        if page.status == 429:
            web.sample.clock.move(seconds=int(page.answer.headers["Retry-After"]))
            page = web.nobody.send(page, "/login", email=EMAIL, password="wrong")
        assert page.status == 401
    page = web.nobody.send(page, "/login", email=EMAIL, password=PASSWORD)
    assert page.status == 429
    assert "Too many failed attempts. Try again in 4 seconds." in page
    assert page.answer.headers["Retry-After"] == "4"
    assert page.form("/login").values["email"] == EMAIL


def test_a_browser_that_was_logged_in_before_is_not_slowed_down(web: WebClients) -> None:
    new_user(web.sample)
    known, stranger = web.browser(None), web.browser(None)
    sign_in(known)
    known.send(known.open("/"), "/logout")
    page = stranger.open("/login")
    for _ in range(6):
        page = stranger.send(page, "/login", email=EMAIL, password="wrong")
    assert page.status == 429
    assert sign_in(known) == "/"


def test_the_cookies_are_http_only(web: WebClients) -> None:
    new_user(web.sample)
    page = web.nobody.open("/login")
    form = page.form("/login")
    answer = web.nobody.client.post("/login", data={**form.values, "email": EMAIL, "password": PASSWORD})
    cookies = answer.headers.getlist("Set-Cookie")
    assert sorted(cookie.split("=")[0] for cookie in cookies) == ["coverdesk_device", "session"]
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


def test_signing_out_ends_every_session(web: WebClients) -> None:
    new_user(web.sample)
    here, elsewhere = web.browser(None), web.browser(None)
    sign_in(here)
    sign_in(elsewhere)
    page = here.send(here.open("/"), "/logout")
    assert "You have been signed out on all your devices." in page
    for browser in (here, elsewhere):
        assert browser.open("/contracts").path == "/login"


def test_a_cookie_from_before_the_sessions_were_stored_is_signed_out(web: WebClients) -> None:
    sue = new_user(web.sample)
    with web.nobody.client.session_transaction() as session:
        session["_user_id"] = f"0:{sue}"
    assert web.nobody.open("/contracts").path == "/login"


def test_a_disabled_user_is_signed_out_immediately(web: WebClients) -> None:
    sue = new_user(web.sample)
    sign_in(web.nobody)
    web.sample.do(change_user, sue, ChangeUser(disabled=True))
    assert web.nobody.open("/contracts").path == "/login"


def test_a_new_password_ends_the_other_sessions(web: WebClients) -> None:
    new_user(web.sample)
    here, elsewhere = web.browser(None), web.browser(None)
    sign_in(here)
    sign_in(elsewhere)
    page = here.open("/account")
    wrong = here.send(page, "/password", old_password="x", new_password="short", again="other")
    assert wrong.status == 422
    assert "The passwords do not match." in wrong
    done = here.send(
        wrong,
        "/password",
        old_password=PASSWORD,
        new_password="a fine new sentence",
        again="a fine new sentence",
    )
    assert "Your password has been changed." in done
    assert here.open("/account").path == "/account"
    assert elsewhere.open("/account").path == "/login"


def test_a_token_is_shown_once_and_works_for_the_api(web: WebClients) -> None:
    page = web.technician.open("/account")
    empty = web.technician.send(page, "/tokens", name="")
    assert empty.status == 422
    made = web.technician.send(empty, "/tokens", name="nightly export", expires_days="30")
    text = made.html.split('token">')[1].split("<")[0]
    assert authenticate_token(web.sample.desk, text).id == web.sample.technician.id
    again = web.technician.open("/account")
    assert text not in again.html
    assert "nightly export" in again
    revoked = web.technician.send(again, "/revoke")
    assert "revoked" in revoked


def test_theme_and_shortcuts_are_saved_in_the_browser(web: WebClients) -> None:
    page = web.technician.open("/account")
    assert "data-shortcuts" in page.html
    saved = web.technician.send(page, "/preferences", theme="dark", shortcuts=None)
    assert '<html lang="en" data-theme="dark">' in saved.html
    assert "data-shortcuts" not in saved.html
    assert '<kbd aria-hidden="true">/</kbd>' not in saved.html


def test_users_are_added_changed_and_disabled(web: WebClients) -> None:
    page = web.administrator.open("/users/new")
    wrong = web.administrator.send(
        page, email="tom@staff.example", name="Tom", role="technician", password="short"
    )
    assert wrong.status == 422
    assert wrong.form().values["email"] == "tom@staff.example"
    assert "Enter at least 12 characters." in wrong
    done = web.administrator.send(wrong, password=PASSWORD)
    assert "tom@staff.example can now sign in" in done
    [tom] = [
        one for one in done.html.split('href="') if one.startswith("/users/") and "Tom" in one.split("<")[0]
    ]
    edit = web.administrator.open(tom.split('"')[0])
    saved = web.administrator.send(edit, disabled="y")
    assert "Saved." in saved
    assert "Disabled" in saved
    assert "No owner" not in web.administrator.send(web.administrator.open("/users/new"), email="x").text


@pytest.mark.parametrize(("ahead", "path"), [(10, "/contracts"), (11, "/login")])
def test_a_session_from_the_future_has_ended_unless_machines_only_differ(
    web: WebClients, ahead: int, path: str
) -> None:
    """Signed by another machine, whose clock is a little ahead; or before the system's clock was set back."""
    new_user(web.sample)
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with time_machine.travel(now + timedelta(seconds=ahead), tick=False):
        sign_in(web.nobody)
    with time_machine.travel(now, tick=False):
        assert web.nobody.open("/contracts").path == path
        if ahead > 10:
            assert sign_in(web.nobody, "/contracts") == "/contracts"


def test_a_session_ends_after_its_days(web: WebClients) -> None:
    new_user(web.sample)
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    lifetime = web.app.permanent_session_lifetime
    with time_machine.travel(now, tick=False):
        sign_in(web.nobody)
    with time_machine.travel(now + lifetime, tick=False):
        assert web.nobody.open("/contracts").path == "/contracts"
    with time_machine.travel(now + lifetime + timedelta(seconds=1), tick=False):
        assert web.nobody.open("/contracts").path.startswith("/login")
