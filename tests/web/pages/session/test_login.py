"""Signing in and out, and the account page."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.support.builders import Kit
from tests.support.front import Front
from tests.support.pages import Browser
from workflows.users.accounts import ChangeUser, NewUser, change_user, create_user
from workflows.users.authentication import authenticate_token

PASSWORD = "correct horse battery"
EMAIL = "sue@staff.example"


def new_user(kit: Kit) -> str:
    return kit.do(create_user, NewUser(email=EMAIL, name="Sue", role="supervisor", password=PASSWORD))


def sign_in(browser: Browser, path: str = "/login", **values: str) -> str:
    page = browser.send(browser.open(path), "/login", **{"email": EMAIL, "password": PASSWORD, **values})
    return page.path


def test_signing_in_opens_the_requested_page(front: Front) -> None:
    new_user(front.office)
    assert sign_in(front.nobody, "/contracts") == "/contracts"
    assert front.nobody.open("/login").path == "/"


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
def test_signing_in_never_redirects_to_other_sites(front: Front, wanted: str) -> None:
    new_user(front.office)
    page = front.nobody.open("/login")
    form = page.form("/login")
    sent = {**form.values, "email": EMAIL, "password": PASSWORD, "next": wanted}
    answer = front.nobody.client.post("/login", data=sent)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/"


def test_a_wrong_password_does_not_reveal_whether_the_user_exists(front: Front) -> None:
    new_user(front.office)
    page = front.nobody.send(front.nobody.open("/login"), "/login", email=EMAIL, password="wrong")
    assert page.status == 401
    assert page.form("/login").values["email"] == EMAIL
    assert "is incorrect" in page
    other = front.nobody.send(page, "/login", email="nobody@staff.example", password="wrong")
    assert other.text.replace("nobody@", "sue@") == page.text


def test_too_many_failed_logins_are_slowed_down_with_retry_after(front: Front) -> None:
    new_user(front.office)
    page = front.nobody.open("/login")
    for _ in range(7):
        page = front.nobody.send(page, "/login", email=EMAIL, password="wrong")
        if page.status == 429:
            front.office.clock.move(seconds=int(page.answer.headers["Retry-After"]))
            page = front.nobody.send(page, "/login", email=EMAIL, password="wrong")
        assert page.status == 401
    page = front.nobody.send(page, "/login", email=EMAIL, password=PASSWORD)
    assert page.status == 429
    assert "Too many failed attempts. Try again in 4 seconds." in page
    assert page.answer.headers["Retry-After"] == "4"
    assert page.form("/login").values["email"] == EMAIL


def test_a_browser_that_was_logged_in_before_is_not_slowed_down(front: Front) -> None:
    new_user(front.office)
    known, stranger = front.browser(None), front.browser(None)
    sign_in(known)
    known.send(known.open("/"), "/logout")
    page = stranger.open("/login")
    for _ in range(6):
        page = stranger.send(page, "/login", email=EMAIL, password="wrong")
    assert page.status == 429
    assert sign_in(known) == "/"


def test_the_cookies_are_http_only(front: Front) -> None:
    new_user(front.office)
    page = front.nobody.open("/login")
    form = page.form("/login")
    answer = front.nobody.client.post("/login", data={**form.values, "email": EMAIL, "password": PASSWORD})
    cookies = answer.headers.getlist("Set-Cookie")
    assert sorted(cookie.split("=")[0] for cookie in cookies) == ["coverdesk_device", "session"]
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


def test_signing_out_ends_every_session(front: Front) -> None:
    new_user(front.office)
    here, elsewhere = front.browser(None), front.browser(None)
    sign_in(here)
    sign_in(elsewhere)
    page = here.send(here.open("/"), "/logout")
    assert "You have been signed out on all your devices." in page
    for browser in (here, elsewhere):
        assert browser.open("/contracts").path == "/login"


def test_a_cookie_from_before_the_sessions_were_stored_is_signed_out(front: Front) -> None:
    sue = new_user(front.office)
    with front.nobody.client.session_transaction() as session:
        session["_user_id"] = f"0:{sue}"
    assert front.nobody.open("/contracts").path == "/login"


def test_a_disabled_user_is_signed_out_immediately(front: Front) -> None:
    sue = new_user(front.office)
    sign_in(front.nobody)
    front.office.do(change_user, sue, ChangeUser(disabled=True))
    assert front.nobody.open("/contracts").path == "/login"


def test_a_new_password_ends_the_other_sessions(front: Front) -> None:
    new_user(front.office)
    here, elsewhere = front.browser(None), front.browser(None)
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


def test_a_token_is_shown_once_and_works_for_the_api(front: Front) -> None:
    page = front.technician.open("/account")
    empty = front.technician.send(page, "/tokens", name="")
    assert empty.status == 422
    made = front.technician.send(empty, "/tokens", name="nightly export", expires_days="30")
    text = made.html.split('token">')[1].split("<")[0]
    assert authenticate_token(front.office.desk, text).id == front.office.technician.id
    again = front.technician.open("/account")
    assert text not in again.html
    assert "nightly export" in again
    revoked = front.technician.send(again, "/revoke")
    assert "revoked" in revoked


def test_theme_and_shortcuts_are_saved_in_the_browser(front: Front) -> None:
    page = front.technician.open("/account")
    assert "data-shortcuts" in page.html
    saved = front.technician.send(page, "/preferences", theme="dark", shortcuts=None)
    assert '<html lang="en" data-theme="dark">' in saved.html
    assert "data-shortcuts" not in saved.html
    assert '<kbd aria-hidden="true">/</kbd>' not in saved.html


def test_users_are_added_changed_and_disabled(front: Front) -> None:
    page = front.administrator.open("/users/new")
    wrong = front.administrator.send(
        page, email="tom@staff.example", name="Tom", role="technician", password="short"
    )
    assert wrong.status == 422
    assert wrong.form().values["email"] == "tom@staff.example"
    assert "Enter at least 12 characters." in wrong
    done = front.administrator.send(wrong, password=PASSWORD)
    assert "tom@staff.example can now sign in" in done
    [tom] = [
        one for one in done.html.split('href="') if one.startswith("/users/") and "Tom" in one.split("<")[0]
    ]
    edit = front.administrator.open(tom.split('"')[0])
    saved = front.administrator.send(edit, disabled="y")
    assert "Saved." in saved
    assert "Disabled" in saved
    assert "No owner" not in front.administrator.send(front.administrator.open("/users/new"), email="x").text


@pytest.mark.parametrize(("ahead", "path"), [(10, "/contracts"), (11, "/login")])
def test_a_session_from_the_future_has_ended_unless_machines_only_differ(
    front: Front, ahead: int, path: str
) -> None:
    """Signed by another machine, whose clock is a little ahead; or before the system's clock was set back."""
    new_user(front.office)
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with time_machine.travel(now + timedelta(seconds=ahead), tick=False):
        sign_in(front.nobody)
    with time_machine.travel(now, tick=False):
        assert front.nobody.open("/contracts").path == path
        if ahead > 10:
            assert sign_in(front.nobody, "/contracts") == "/contracts"


def test_a_session_ends_after_its_days(front: Front) -> None:
    new_user(front.office)
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    lifetime = front.app.permanent_session_lifetime
    with time_machine.travel(now, tick=False):
        sign_in(front.nobody)
    with time_machine.travel(now + lifetime, tick=False):
        assert front.nobody.open("/contracts").path == "/contracts"
    with time_machine.travel(now + lifetime + timedelta(seconds=1), tick=False):
        assert front.nobody.open("/contracts").path.startswith("/login")
