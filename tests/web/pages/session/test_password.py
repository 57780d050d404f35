"""A forgotten password, an invitation, and the page that sets a password by a link."""

from typing import Any

import pytest

from tests.support.builders import DeskFixture
from tests.support.web_clients import WebClients
from workflows.jobs.definitions import run_job
from workflows.store import tables as t
from workflows.users.accounts import ChangeUser, NewUser, change_user, create_user
from workflows.users.password_links import show_link

PASSWORD, NEW_PASSWORD = "correct horse battery", "another long password"
EMAIL = "sue@staff.example"


@pytest.fixture(autouse=True)
def mail_server(web: WebClients) -> None:
    """The desk has a mail server, which no test here reaches."""
    web.sample.desk.smtp_url = "smtp://127.0.0.1:1"


@pytest.fixture
def sue(web: WebClients) -> str:
    return new_user(web.sample)


def new_user(new_desk: DeskFixture, **fields: Any) -> str:
    values = {"email": EMAIL, "name": "Sue", "role": "supervisor", "password": PASSWORD, **fields}
    return new_desk.do(create_user, NewUser.model_validate(values))


def link_of(web: WebClients, user_id: str) -> str:
    return web.sample.do(show_link, user_id, "").url.removeprefix("http://127.0.0.1:8000")


def links_sent(web: WebClients) -> list[Any]:
    return web.sample.rows(t.outbox, event="password_link")


def test_the_answer_is_the_same_for_known_and_unknown_addresses(web: WebClients, sue: str) -> None:
    form = web.nobody.send(web.nobody.open("/login"), "/login", email="x", password="x")
    assert 'href="/password/forgotten"' in form.html
    pages = [
        web.nobody.send(web.nobody.open("/password/forgotten"), "/password/forgotten", email=email)
        for email in (EMAIL, "not@staff.example")
    ]
    assert [page.status for page in pages] == [200, 200]
    assert pages[0].text == pages[1].text.replace("not@staff", "sue@staff")
    assert "If there is an account" in pages[0]
    run_job(web.sample.desk, "send_password_links")
    assert [row.recipient for row in links_sent(web)] == [EMAIL]


@pytest.mark.parametrize("email", ["", "nonsense", "a@b", "a b@c.example", "x" * 300])
def test_what_is_no_address_is_refused_at_the_field(web: WebClients, email: str) -> None:
    page = web.nobody.send(web.nobody.open("/password/forgotten"), "/password/forgotten", email=email)
    assert page.status == 422
    assert web.sample.rows(t.password_request) == []


@pytest.mark.parametrize("email", ["x" * 300 + "@staff.example", "nul\0@staff.example", "ü@bücher.example"])
def test_odd_addresses_are_never_an_error_of_the_server(web: WebClients, email: str) -> None:
    page = web.nobody.send(web.nobody.open("/password/forgotten"), "/password/forgotten", email=email)
    assert page.status in (200, 422)
    run_job(web.sample.desk, "send_password_links")
    assert links_sent(web) == []


def test_asking_too_often_is_slowed_down(web: WebClients) -> None:
    page = web.nobody.open("/password/forgotten")
    for number in range(5):
        web.nobody.send(page, "/password/forgotten", email=f"user{number}@staff.example")
    slowed = web.nobody.send(page, "/password/forgotten", email=EMAIL)
    assert slowed.status == 429
    assert slowed.answer.headers["Retry-After"] == "1"
    assert slowed.form("/password/forgotten").values["email"] == EMAIL


def test_a_link_sets_the_password_once(web: WebClients, sue: str) -> None:
    link = link_of(web, sue)
    assert web.nobody.open(link).status == 200
    page = web.nobody.open(link)  # opening it changes nothing: mail programs open links as well
    assert page.status == 200
    assert page.answer.headers["Referrer-Policy"] == "no-referrer"
    assert page.answer.headers["Cache-Control"] == "no-store"
    wrong = web.nobody.send(page, "/password/new", new_password="short", again="other")
    assert wrong.status == 422
    assert "The passwords do not match." in wrong
    weak = web.nobody.send(wrong, "/password/new", new_password="password1234", again="password1234")
    assert weak.status == 422
    assert "commonly used or easy to guess" in weak
    done = web.nobody.send(weak, "/password/new", new_password=NEW_PASSWORD, again=NEW_PASSWORD)
    assert done.path == "/login"
    assert "Your password has been set." in done
    again = web.nobody.open(link)
    assert again.status == 410
    assert "This link is no longer valid" in again
    repeated = web.nobody.send(weak, "/password/new", new_password=PASSWORD, again=PASSWORD)
    assert repeated.status == 410
    inside = web.nobody.send(done, "/login", email=EMAIL, password=NEW_PASSWORD)
    assert inside.path == "/"


def test_the_browser_that_set_the_password_is_known(web: WebClients, sue: str) -> None:
    stranger = web.browser(None)
    page = stranger.open("/login")
    for _ in range(6):
        page = stranger.send(page, "/login", email=EMAIL, password="wrong")
    assert page.status == 429
    form = web.nobody.open(link_of(web, sue))
    done = web.nobody.send(form, "/password/new", new_password=NEW_PASSWORD, again=NEW_PASSWORD)
    assert web.nobody.send(done, "/login", email=EMAIL, password=NEW_PASSWORD).path == "/"


@pytest.mark.parametrize("link", ["", "?link=", "?link=x", "?link=%00", "?link=%ff&link=y"])
def test_an_unknown_link_is_not_valid(web: WebClients, link: str) -> None:
    page = web.nobody.open(f"/password/new{link}")
    assert page.status == 410
    assert "Ask for a new link" in page


def test_without_a_mail_server_the_page_says_whom_to_ask(web: WebClients) -> None:
    web.sample.desk.smtp_url = None
    page = web.nobody.open("/password/forgotten")
    assert "ask an administrator" in page
    assert not page.has_form("/password/forgotten")


def test_a_user_without_a_password_is_invited(web: WebClients) -> None:
    web.sample.desk.smtp_url = None
    page = web.administrator.open("/users/new")
    done = web.administrator.send(page, email=EMAIL, name=EMAIL, role="technician", password="")
    assert "Open the user to show a link to choose a password." in done
    [row] = web.sample.rows(t.user_account, email=EMAIL)
    user = web.administrator.open(f"/users/{row.id}")
    assert "has no password yet" in user
    shown = web.administrator.send(user, "/password-link/show")
    link = shown.html.split('token">')[1].split("<")[0]
    assert link.startswith("http://localhost/password/new?link=")
    assert link not in web.administrator.open(f"/users/{row.id}").html
    form = web.nobody.open(link.removeprefix("http://localhost"))
    assert "Choose a password" in form
    assert f"For {EMAIL}." in form
    web.nobody.send(form, "/password/new", new_password=NEW_PASSWORD, again=NEW_PASSWORD)
    assert "has no password yet" not in web.administrator.open(f"/users/{row.id}")


def test_a_link_is_sent_from_the_users_page(web: WebClients, sue: str) -> None:
    page = web.administrator.send(web.administrator.open(f"/users/{sue}"), "/password-link")
    assert "The link will be sent within seconds." in page
    assert [row.recipient for row in links_sent(web)] == [EMAIL]
    web.sample.do(change_user, sue, ChangeUser(disabled=True))
    refused = web.administrator.send(page, "/password-link")
    assert "is disabled. Enable the user first." in refused
