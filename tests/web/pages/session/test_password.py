"""A forgotten password, an invitation, and the page that sets a password by a link."""

from typing import Any

import pytest

from tests.support.builders import Kit
from tests.support.front import Front
from workflows.jobs.definitions import run_job
from workflows.store import tables as t
from workflows.users.accounts import ChangeUser, NewUser, change_user, create_user
from workflows.users.password_links import show_link

PASSWORD, NEW_PASSWORD = "correct horse battery", "another long password"
EMAIL = "sue@staff.example"


@pytest.fixture(autouse=True)
def mail_server(front: Front) -> None:
    """The desk has a mail server, which no test here reaches."""
    front.office.desk.smtp_url = "smtp://127.0.0.1:1"


@pytest.fixture
def sue(front: Front) -> str:
    return new_user(front.office)


def new_user(kit: Kit, **fields: Any) -> str:
    values = {"email": EMAIL, "name": "Sue", "role": "supervisor", "password": PASSWORD, **fields}
    return kit.do(create_user, NewUser.model_validate(values))


def link_of(front: Front, user_id: str) -> str:
    return front.office.do(show_link, user_id, "").url.removeprefix("http://127.0.0.1:8000")


def links_sent(front: Front) -> list[Any]:
    return front.office.rows(t.outbox, event="password_link")


def test_the_answer_is_the_same_for_known_and_unknown_addresses(front: Front, sue: str) -> None:
    form = front.nobody.send(front.nobody.open("/login"), "/login", email="x", password="x")
    assert 'href="/password/forgotten"' in form.html
    pages = [
        front.nobody.send(front.nobody.open("/password/forgotten"), "/password/forgotten", email=email)
        for email in (EMAIL, "not@staff.example")
    ]
    assert [page.status for page in pages] == [200, 200]
    assert pages[0].text == pages[1].text.replace("not@staff", "sue@staff")
    assert "If there is an account" in pages[0]
    run_job(front.office.desk, "send_password_links")
    assert [row.recipient for row in links_sent(front)] == [EMAIL]


@pytest.mark.parametrize("email", ["", "nonsense", "a@b", "a b@c.example", "x" * 300])
def test_what_is_no_address_is_refused_at_the_field(front: Front, email: str) -> None:
    page = front.nobody.send(front.nobody.open("/password/forgotten"), "/password/forgotten", email=email)
    assert page.status == 422
    assert front.office.rows(t.password_request) == []


@pytest.mark.parametrize("email", ["x" * 300 + "@staff.example", "nul\0@staff.example", "ü@bücher.example"])
def test_odd_addresses_are_never_an_error_of_the_server(front: Front, email: str) -> None:
    page = front.nobody.send(front.nobody.open("/password/forgotten"), "/password/forgotten", email=email)
    assert page.status in (200, 422)
    run_job(front.office.desk, "send_password_links")
    assert links_sent(front) == []


def test_asking_too_often_is_slowed_down(front: Front) -> None:
    page = front.nobody.open("/password/forgotten")
    for number in range(5):
        front.nobody.send(page, "/password/forgotten", email=f"user{number}@staff.example")
    slowed = front.nobody.send(page, "/password/forgotten", email=EMAIL)
    assert slowed.status == 429
    assert slowed.answer.headers["Retry-After"] == "1"
    assert slowed.form("/password/forgotten").values["email"] == EMAIL


def test_a_link_sets_the_password_once(front: Front, sue: str) -> None:
    link = link_of(front, sue)
    assert front.nobody.open(link).status == 200
    page = front.nobody.open(link)  # opening it changes nothing: mail programs open links as well
    assert page.status == 200
    assert page.answer.headers["Referrer-Policy"] == "no-referrer"
    assert page.answer.headers["Cache-Control"] == "no-store"
    wrong = front.nobody.send(page, "/password/new", new_password="short", again="other")
    assert wrong.status == 422
    assert "The passwords do not match." in wrong
    weak = front.nobody.send(wrong, "/password/new", new_password="password1234", again="password1234")
    assert weak.status == 422
    assert "commonly used or easy to guess" in weak
    done = front.nobody.send(weak, "/password/new", new_password=NEW_PASSWORD, again=NEW_PASSWORD)
    assert done.path == "/login"
    assert "Your password has been set." in done
    again = front.nobody.open(link)
    assert again.status == 410
    assert "This link is no longer valid" in again
    repeated = front.nobody.send(weak, "/password/new", new_password=PASSWORD, again=PASSWORD)
    assert repeated.status == 410
    inside = front.nobody.send(done, "/login", email=EMAIL, password=NEW_PASSWORD)
    assert inside.path == "/"


def test_the_browser_that_set_the_password_is_known(front: Front, sue: str) -> None:
    stranger = front.browser(None)
    page = stranger.open("/login")
    for _ in range(6):
        page = stranger.send(page, "/login", email=EMAIL, password="wrong")
    assert page.status == 429
    form = front.nobody.open(link_of(front, sue))
    done = front.nobody.send(form, "/password/new", new_password=NEW_PASSWORD, again=NEW_PASSWORD)
    assert front.nobody.send(done, "/login", email=EMAIL, password=NEW_PASSWORD).path == "/"


@pytest.mark.parametrize("link", ["", "?link=", "?link=x", "?link=%00", "?link=%ff&link=y"])
def test_an_unknown_link_is_not_valid(front: Front, link: str) -> None:
    page = front.nobody.open(f"/password/new{link}")
    assert page.status == 410
    assert "Ask for a new link" in page


def test_without_a_mail_server_the_page_says_whom_to_ask(front: Front) -> None:
    front.office.desk.smtp_url = None
    page = front.nobody.open("/password/forgotten")
    assert "ask an administrator" in page
    assert not page.has_form("/password/forgotten")


def test_a_user_without_a_password_is_invited(front: Front) -> None:
    front.office.desk.smtp_url = None
    page = front.administrator.open("/users/new")
    done = front.administrator.send(page, email=EMAIL, name="Sue", role="technician", password="")
    assert "Open the user to show a link to choose a password." in done
    [row] = front.office.rows(t.user_account, email=EMAIL)
    user = front.administrator.open(f"/users/{row.id}")
    assert "has no password yet" in user
    shown = front.administrator.send(user, "/password-link/show")
    link = shown.html.split('token">')[1].split("<")[0]
    assert link.startswith("http://localhost/password/new?link=")
    assert link not in front.administrator.open(f"/users/{row.id}").html
    form = front.nobody.open(link.removeprefix("http://localhost"))
    assert "Choose a password" in form
    front.nobody.send(form, "/password/new", new_password=NEW_PASSWORD, again=NEW_PASSWORD)
    assert "has no password yet" not in front.administrator.open(f"/users/{row.id}")


def test_a_link_is_sent_from_the_users_page(front: Front, sue: str) -> None:
    page = front.administrator.send(front.administrator.open(f"/users/{sue}"), "/password-link")
    assert "The link will be sent within seconds." in page
    assert [row.recipient for row in links_sent(front)] == [EMAIL]
    front.office.do(change_user, sue, ChangeUser(disabled=True))
    refused = front.administrator.send(page, "/password-link")
    assert "is disabled. Enable the user first." in refused
