"""The primary is killed while several clients log service requests: nothing that was acknowledged is lost.

Two servers with synchronous replication, and a desk that names both in its address. Source: operations.md.
"""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest
from structlog.testing import capture_logs

from tests.conftest import lacking
from tests.support.api import ApiClient, ApiClients
from tests.support.postgres import PostgresMissing
from tests.support.postgres_nodes import Node, primary_and_standby
from tests.support.sample_desk import SampleDesk
from workflows.store import tables as t
from workflows.store.database import migrate

WRITERS = 6
BEFORE, AFTER = 30, 30
"""How many acknowledged requests there are at least before the primary is killed, and after the fail-over."""
SECONDS_TO_GO_ON = 120
SECONDS_BETWEEN_TRIES = 0.1


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    """A primary and its synchronous standby."""
    with ExitStack() as stack:
        try:
            pair = stack.enter_context(primary_and_standby())
        except PostgresMissing as error:
            lacking(str(error))
        yield pair


class Writer:
    """A client that logs one service request after another, each under its own key until it is answered."""

    def __init__(self, number: int, caller: ApiClient, sample: SampleDesk) -> None:
        self.number = number
        self.acknowledged: dict[str, str] = {}
        self.failed = 0
        self.unexpected: list[str] = []
        self._caller = caller
        self._body = {"subject": "It does not start", "customer": sample.ann, "item": sample.laptop}

    def write_until(self, stop: Event) -> None:
        while not stop.is_set():
            key = f"writer {self.number}, request {len(self.acknowledged)}"
            answer = self._caller.post("/service-requests", self._body, Idempotency_Key=key)
            if answer.status_code == 201:
                self.acknowledged[key] = answer.get_json()["id"]
            elif answer.status_code == 503:
                self.failed += 1
                stop.wait(SECONDS_BETWEEN_TRIES)
            else:
                self.unexpected.append(f"{key}: {answer.status_code} {answer.text}")
                return


def wait_for(writers: list[Writer], number: int) -> None:
    """Until so many requests are acknowledged."""
    give_up_at = time.monotonic() + SECONDS_TO_GO_ON
    while sum(len(writer.acknowledged) for writer in writers) < number:
        problems = [line for writer in writers for line in writer.unexpected]
        assert not problems
        assert time.monotonic() < give_up_at, "the desk does not go on"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_killed_primary_loses_no_acknowledged_write(nodes: tuple[Node, Node]) -> None:
    primary, standby = nodes
    primary.execute("CREATE DATABASE desk")
    url = f"postgresql://postgres@{primary.address},{standby.address}/desk?target_session_attrs=read-write"
    migrate(url)
    sample = SampleDesk(url)
    callers, stop = ApiClients(sample), Event()
    writers = [Writer(number, callers.technician, sample) for number in range(WRITERS)]
    with capture_logs() as logs, ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(writer.write_until, stop) for writer in writers]
        try:
            wait_for(writers, BEFORE)
            primary.end(signal.SIGKILL)
            before = sum(len(writer.acknowledged) for writer in writers)
            assert standby.execute("SELECT pg_promote()") is True
            wait_for(writers, before + AFTER)
        finally:
            stop.set()
        for one in writing:
            one.result()
    assert [line for writer in writers for line in writer.unexpected] == []
    failed = sum(writer.failed for writer in writers)
    assert failed > 0, "the primary was killed under load"
    assert len(logs) == failed
    assert {line["event"] for line in logs} <= {
        "the database cannot be reached",
        "the outcome of a commit is unknown",
    }
    stored = {row.id for row in sample.rows(t.service_request)}
    acknowledged = {key: one for writer in writers for key, one in writer.acknowledged.items()}
    assert set(acknowledged.values()) - stored == set(), "acknowledged and lost"
    assert len(set(acknowledged.values())) == len(acknowledged)
    # a call that failed and was never sent again may have been saved: one a writer, at the end
    assert len(stored - set(acknowledged.values())) <= WRITERS
    sample.close()
