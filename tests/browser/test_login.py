"""From an invitation to signing out, as a person does it."""

from typing import TYPE_CHECKING

import pytest

from tests.support.web_clients import WebClients
from workflows.users.accounts import NewUser, create_user
from workflows.users.password_links import show_link

if TYPE_CHECKING:
    from tests.support.browser import Pages

pytestmark = pytest.mark.browser
EMAIL, PASSWORD = "sue@staff.example", "four unrelated words here"


def test_an_invited_user_signs_in_ends_a_session_and_signs_out(
    web: WebClients, address: str, pages: "Pages"
) -> None:
    sample = web.sample
    sue = sample.do(create_user, NewUser(email=EMAIL, name="Sue", role="technician", invite=False))
    page = pages.open(base_url=address, viewport={"width": 375, "height": 740})
    page.goto(sample.do(show_link, sue, address).url)
    page.get_by_label("New password", exact=True).fill("password1234")
    page.get_by_label("Repeat new password").fill("password1234")
    page.get_by_role("button", name="Set the password").click()
    page.get_by_role("alert").get_by_text("commonly used or easy to guess").wait_for()
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("Repeat new password").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    page.get_by_text("Your password has been set.").wait_for()
    other = pages.open(base_url=address)
    for one in (page, other):
        one.goto("/login")
        one.get_by_label("Email").fill(EMAIL)
        one.get_by_label("Password").fill(PASSWORD)
        one.get_by_role("button", name="Sign in").click()
        one.get_by_role("link", name="Coverdesk").wait_for()
    page.goto("/account/sessions")
    row = page.get_by_role("row").filter(has_text="Chrome").filter(has_not_text="this session")
    row.get_by_role("button", name="End session").click()
    page.get_by_text("The session has ended.").wait_for()
    other.goto("/requests")
    other.get_by_role("heading", name="Sign in").wait_for()
    page.get_by_role("button", name="Sign out on all devices").click()
    page.get_by_text("You have been signed out on all your devices.").wait_for()
    page.goto("/requests")
    page.get_by_role("heading", name="Sign in").wait_for()
