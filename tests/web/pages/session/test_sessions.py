"""The pages of sessions and of the audit trail: the user's own, and those of an administrator."""

from tests.support.builders import DeskFixture
from tests.support.pages import Browser
from tests.support.web_clients import WebClients
from workflows.users.accounts import NewUser, create_user
from workflows.users.authentication import NotAuthenticated, authenticate_token
from workflows.users.tokens import NewToken, create_token

PASSWORD = "correct horse battery"
EMAIL = "sue@staff.example"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.0 Mobile/15E148 Safari/604.1"
)


def new_user(new_desk: DeskFixture) -> str:
    return new_desk.do(create_user, NewUser(email=EMAIL, name="Sue", role="supervisor", password=PASSWORD))


def signed_in(web: WebClients, user_agent: str) -> Browser:
    browser = web.browser(None)
    browser.client.environ_base["HTTP_USER_AGENT"] = user_agent
    page = browser.send(browser.open("/login"), "/login", email=EMAIL, password=PASSWORD)
    assert page.path == "/"
    return browser


def test_users_see_and_end_their_own_sessions(web: WebClients) -> None:
    new_user(web.sample)
    desk, phone = signed_in(web, FIREFOX), signed_in(web, IPHONE)
    page = desk.open("/account/sessions")
    assert "Firefox on Windows this session" in page
    assert "Safari on iPhone" in page
    assert "127.0.0.1" in page
    actions = [form.action for form in page.forms if form.action.endswith("/end")]
    assert len(actions) == 2
    # the last one used is first, and both were used at the same instant: the newest is that of the phone
    done = desk.send(page, actions[0].removeprefix("/account/sessions"))
    assert "The session has ended." in done
    assert "Safari on iPhone" not in done.text.split("Recent activity")[0]
    assert phone.open("/").path == "/login"
    assert desk.open("/").path == "/"
    assert "Session ended" in done.text


def test_signing_out_everywhere_revokes_tokens_on_request(web: WebClients) -> None:
    new_user(web.sample)
    token = web.sample.do(create_token, NewToken(email=EMAIL)).text
    desk, phone = signed_in(web, FIREFOX), signed_in(web, IPHONE)
    page = desk.send(desk.open("/account/sessions"), "/end-all", tokens="y")
    assert "You have been signed out on all your devices. Your API tokens have been revoked." in page
    assert phone.open("/").path == "/login"
    try:
        authenticate_token(web.sample.desk, token)
    except NotAuthenticated:
        return
    raise AssertionError("the token still works")


def test_the_session_of_another_user_is_not_found(web: WebClients) -> None:
    new_user(web.sample)
    signed_in(web, FIREFOX)
    page = web.administrator.open("/account/sessions")
    [own] = [form.action for form in page.forms if form.action.endswith("/end")]
    answer = web.technician.client.get("/account/sessions")
    assert answer.status_code == 200
    form = web.technician.open("/account/sessions").form("/end")
    refused = web.technician.client.post(own, data=form.values)
    assert refused.status_code == 404
    assert web.administrator.open("/account/sessions").path == "/account/sessions"


def test_an_administrator_ends_the_sessions_of_a_user(web: WebClients) -> None:
    sue = new_user(web.sample)
    token = web.sample.do(create_token, NewToken(email=EMAIL)).text
    desk, phone = signed_in(web, FIREFOX), signed_in(web, IPHONE)
    page = web.administrator.open(f"/users/{sue}")
    assert "Safari on iPhone" in page
    assert "Signed in now by Sue" in page
    one = web.administrator.send(page, "/end")
    assert "The session has ended." in one
    assert sorted([desk.open("/").path, phone.open("/").path]) == ["/", "/login"]
    done = web.administrator.send(one, "/sign-out")
    assert "Signed out everywhere." in done
    assert "Not signed in anywhere." in done
    assert desk.open("/").path == "/login"
    assert authenticate_token(web.sample.desk, token).id == sue
    revoked = web.administrator.send(done, "/sign-out", tokens="y")
    assert "1 API token revoked" in revoked


def test_the_audit_trail_shows_logins_and_changes(web: WebClients) -> None:
    sue = new_user(web.sample)
    assert web.records
    signed_in(web, FIREFOX)
    web.nobody.send(web.nobody.open("/login"), "/login", email=EMAIL, password="wrong")
    web.nobody.send(web.nobody.open("/login"), "/login", email="x@nowhere.example", password="wrong")
    everything = web.administrator.open("/audit")
    for text in ("Signed in", "Sign-in failed", "Unknown user", "x@nowhere.example", "Contract", "Created"):
        assert text in everything
    logins = web.administrator.open("/audit?view=logins")
    assert f'href="/users/{sue}">Sue</a>' in logins.html
    assert 'href="/contracts/' not in logins.html.split("<main")[1]
    assert "Firefox on Windows" in logins
    found = web.administrator.open("/audit?q=failed")
    assert "Sign-in failed" in found
    assert "Signed in" not in found.text.split("Search")[-1]
    table = web.administrator.client.get("/audit?view=logins&format=csv").get_data(as_text=True)
    assert "Sign-in failed" in table
    assert "No matching events" in web.administrator.open("/audit?q=nothing-like-this")
