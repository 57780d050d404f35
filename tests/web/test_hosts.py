"""Only the desk's own host names are answered, on every path."""

import pytest

from tests.support.api import ENVIRONMENT, app_of
from tests.support.builders import DeskFixture
from web.environment import Environment
from web.hosts import own_hosts

PATHS = ("/", "/login", "/healthz", "/readyz", "/metrics", "/api/v1/org-units", "/static/css/base.css")


def environment(**changes: str) -> Environment:
    return ENVIRONMENT.model_copy(update=changes)


@pytest.mark.parametrize(
    ("settings", "header", "answered"),
    [
        ({"base_url": "https://desk.example.com"}, "desk.example.com", True),
        ({"base_url": "https://desk.example.com:8443/"}, "DESK.example.com.:8443", True),
        ({"base_url": "https://desk.example.com"}, "localhost", True),
        ({"base_url": "https://desk.example.com"}, "127.0.0.1:8000", True),
        ({"base_url": "https://desk.example.com"}, "[::1]:8000", True),
        ({"base_url": "https://desk.example.com"}, "10.0.0.5", False),
        ({"base_url": "https://desk.example.com"}, "other.example.com", False),
        ({"base_url": "https://desk.example.com"}, "desk.example.com.other.example", False),
        ({"base_url": "https://desk.example.com"}, "other.example.com/desk.example.com", False),
        ({"base_url": "https://desk.example.com"}, "desk.example.com, other.example.com", False),
        ({"base_url": "https://desk.example.com"}, "user@desk.example.com", False),
        ({"base_url": "https://desk.example.com"}, "", False),
        (
            {"base_url": "https://desk.example.com", "allowed_hosts": "desk.internal, 10.0.0.5"},
            "10.0.0.5:80",
            True,
        ),
        ({"base_url": "https://desk.example.com", "allowed_hosts": "desk.internal"}, "desk.internal", True),
        ({"base_url": "http://[2001:db8::7]:8000"}, "[2001:DB8::7]:8000", True),
        ({}, "192.0.2.7:8000", True),
        ({}, "[2001:db8::7]", True),
        ({}, "localhost:8000", True),
        ({}, "other.example.com", False),
        ({"allowed_hosts": "desk"}, "desk:8000", True),
    ],
)
def test_names(settings: dict[str, str], header: str, *, answered: bool) -> None:
    assert own_hosts(environment(**settings))(header) is answered


def test_another_name_is_refused_on_every_path(new_desk: DeskFixture) -> None:
    client = app_of(new_desk, environment(base_url="https://desk.example.com")).test_client()
    for path in PATHS:
        refused = client.get(path, headers={"Host": "other.example.com"})
        assert refused.status_code == 421, path
        assert "Set-Cookie" not in refused.headers
        is_page = path in ("/", "/login") or path.startswith("/static")
        assert refused.content_type == (
            "text/plain; charset=utf-8" if is_page else "application/problem+json"
        )
        assert "other.example.com" not in refused.text
        assert client.get(path, headers={"Host": "desk.example.com"}).status_code != 421, path


def test_a_forwarded_name_counts_only_behind_a_trusted_proxy(new_desk: DeskFixture) -> None:
    claimed = {"Host": "127.0.0.1:8000", "X-Forwarded-Host": "other.example.com"}
    base = {"base_url": "https://desk.example.com"}
    assert (
        app_of(new_desk, environment(**base)).test_client().get("/healthz", headers=claimed).status_code
        == 200
    )
    behind = ENVIRONMENT.model_copy(update={**base, "trusted_proxies": 1})
    assert app_of(new_desk, behind).test_client().get("/healthz", headers=claimed).status_code == 421
