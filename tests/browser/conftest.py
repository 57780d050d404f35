"""Fixtures for tests in a real browser. Errors reported by the browser fail the test."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.builders import DeskFixture
from tests.support.web_clients import WebClients
from workflows.users.accounts import NewUser, create_user

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.browser import Pages

PASSWORD = "correct horse battery"
Open = Callable[..., "Page"]


@pytest.fixture
def address(web: WebClients, serve: Callable[..., str]) -> str:
    """The base URL of the test server."""
    return serve(web.app)


@pytest.fixture
def enter(web: WebClients, address: str, pages: "Pages") -> Open:
    """Returns a function that opens a browser page logged in with a role."""

    def start(role: str = "technician", **options: Any) -> "Page":
        options.setdefault("viewport", {"width": 1280, "height": 800})
        page = pages.open(base_url=address, **options)
        log_in(page, login_of(web.sample, web, role))
        return page

    return start


def login_of(new_desk: DeskFixture, web: WebClients, role: str) -> str:
    """Create a user with the role and return its email; the customer is Ann."""
    email = "ann@example.com" if role == "customer" else f"{role}@staff.example"
    name = "Ann" if role == "customer" else role.capitalize()
    command = NewUser.model_validate({"email": email, "name": name, "role": role, "password": PASSWORD})
    new_desk.do(create_user, command)
    return email


def log_in(page: "Page", email: str) -> None:
    page.goto("/login")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Coverdesk").wait_for()
