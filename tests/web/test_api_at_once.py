"""Fifty calls at once over real connections on PostgreSQL: none is refused, each is counted once."""

import http.client
import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.support.api import app_of, token_of
from tests.support.sample_desk import SampleDesk
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

CALLS = 50
ROUNDS = 10
INCIDENTS = 20


@pytest.fixture
def sample(postgres_database_url: str) -> Iterator[SampleDesk]:
    """A desk on PostgreSQL with as many connections as it has callers."""
    desk = SampleDesk(postgres_database_url)
    yield desk
    desk.close()


class Client:
    """A client with a connection for each call."""

    def __init__(self, address: str, token: str) -> None:
        self._host = urlsplit(address).netloc
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post_at_once(self, path: str, bodies: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
        """Send the calls at the same moment. Returns their statuses and bodies."""
        together = Barrier(len(bodies))

        def post(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            connection = http.client.HTTPConnection(self._host, timeout=60)
            connection.connect()
            together.wait(60)
            connection.request("POST", f"/api/v1{path}", json.dumps(body), self._headers)
            answer = connection.getresponse()
            read = answer.status, json.loads(answer.read())
            connection.close()
            return read

        with ThreadPoolExecutor(len(bodies)) as pool:
            return list(pool.map(post, bodies))


@pytest.fixture
def client(sample: SampleDesk, serve: Callable[["WSGIApplication"], str]) -> Client:
    """A technician's client."""
    return Client(serve(app_of(sample)), token_of(sample, sample.technician))


def test_fifty_requests_logged_at_once_on_one_pack_are_all_taken(sample: SampleDesk, client: Client) -> None:
    for round_number in range(ROUNDS):
        customer = sample.customer(f"Customer {round_number}")
        bodies = [{"subject": f"Call {number}", "customer": customer} for number in range(CALLS)]
        pack = sample.sell("incident_pack", to=("customer", customer), incidents=INCIDENTS)
        answers = client.post_at_once("/service-requests", bodies)
        assert [body for status, body in answers if status != 201] == []
        assert sorted(body["subject"] for _, body in answers) == sorted(body["subject"] for body in bodies)
        outcomes = Counter(body["coverage"]["outcome"] for _, body in answers)
        assert outcomes == {"covered": INCIDENTS, "created": CALLS - INCIDENTS}
        [grant] = sample.grants(pack)
        assert (grant.available, grant.held) == (0, INCIDENTS)
        assert len(sample.rows(t.service_request, customer_id=customer)) == CALLS
    assert sample.see(audit_desk).ok


def test_fifty_requests_closed_at_once_settle_their_pack(sample: SampleDesk, client: Client) -> None:
    pack = sample.sell("incident_pack", incidents=CALLS)
    requests = [sample.log(item=None) for _ in range(CALLS)]
    for request in requests:
        sample.fire(request, "resolve", note="Done")
    together = Barrier(CALLS)

    def close(request: str) -> int:
        together.wait(60)
        [(status, _)] = client.post_at_once(
            f"/service-requests/{request}/transitions", [{"trigger": "close"}]
        )
        return status

    with ThreadPoolExecutor(CALLS) as pool:
        assert list(pool.map(close, requests)) == [200] * CALLS
    [grant] = sample.grants(pack)
    assert (grant.available, grant.held, grant.consumed) == (0, 0, CALLS)
    assert sample.see(audit_desk).ok
