"""Large JSON bodies and searches: an answer of the client's fault, in time proportional to their size."""

from collections.abc import Callable

import pytest

from tests.support.api import ApiClients
from tests.support.builders import DeskFixture
from tests.support.growth import require_linear

SIZE = 200_000

BODIES: dict[str, Callable[[int], str]] = {
    "many fields, the last one twice": lambda n: (
        "{" + ",".join(f'"k{number}":1' for number in range(n // 12)) + ',"k0":1}'
    ),
    "the last two fields are one": lambda n: (
        "{" + ",".join(f'"k{number}":1' for number in range(n // 12)) + ',"z":1,"z":1}'
    ),
    "unknown fields": lambda n: "{" + ",".join(f'"k{number}":1' for number in range(n // 12)) + "}",
    "deep lists": lambda n: '{"name":' + "[" * n,
    "deep objects": lambda n: '{"a":' * (n // 5),
    "a long number": lambda n: '{"name":' + "1" * n + "}",
    "a long fraction": lambda n: '{"name":0.' + "1" * n + "}",
    "a long text": lambda n: '{"code":"X","name":"' + "x" * n + '"}',
    "a long list": lambda n: '{"code":"X","name":[' + "1," * (n // 2) + "1]}",
    "escapes": lambda n: '{"code":"X","name":"' + "\\ud83d\\ude00" * (n // 12) + '"}',
    "an open text": lambda n: '{"name":"' + "x" * n,
    "blanks": lambda n: " " * n,
}
SEARCHES = ("x", "%", "_", "*", '"', "(", " a", "é")


@pytest.fixture
def callers(sqlite_database_url: str) -> ApiClients:
    new_desk = DeskFixture(sqlite_database_url)
    new_desk.publish_rules()
    return ApiClients(new_desk)


@pytest.mark.parametrize("shape", BODIES)
def test_bodies(callers: ApiClients, shape: str) -> None:
    def post(body: str) -> None:
        answer = callers.administrator.call("POST", "/org-units", raw=body.encode())
        assert answer.status_code in (400, 422)

    require_linear(post, BODIES[shape], SIZE)
    callers.fixture.close()


@pytest.mark.parametrize("piece", SEARCHES)
def test_searches(callers: ApiClients, piece: str) -> None:
    for number in range(20):
        callers.fixture.customer(f"Ann{number}")

    def search(text: str) -> None:
        answer = callers.administrator.client.get(
            "/api/v1/customers",
            query_string={"q": text},
            headers={"Authorization": f"Bearer {callers.administrator.token}"},
        )
        assert answer.status_code in (200, 422)

    require_linear(search, lambda size: piece * size, 3000)
    callers.fixture.close()
