"""Many callers at once, on a server of four worker processes: as if one had called after the other.

Real processes and connections, on SQLite and on PostgreSQL. After each crowd the audit plans all work again:
what is posted is what follows from the entries, in whatever order they arrived.
"""

import http.client
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Lock
from typing import Any

import pytest

from tests.support.api import token_of
from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk
from tests.support.served import Server
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

WORKERS = 4
WRITERS = 12
ACKNOWLEDGED = 40
"""How many entries are acknowledged before the server is killed."""
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Call:
    """A call of the API with a body, and the key under which it may be repeated."""

    path: str
    body: dict[str, Any]
    key: str | None = None


class Crowd:
    """A served desk and the token of one who may do everything."""

    def __init__(self, sample: SampleDesk, url: str, folder: Path) -> None:
        self.sample = sample
        self._token = token_of(sample, sample.administrator)
        self._settings = {
            "COVERDESK_DATABASE_URL": url,
            "COVERDESK_RULES_DIR": str(RULES),
            "COVERDESK_SECRET_KEY": "a key for tests alone",
            "COVERDESK_CONNECTIONS_PER_CLIENT": "0",
        }
        self._folder = folder
        self.server = self._served()

    def _served(self) -> Server:
        return Server(self._settings, self._folder, "--workers", str(WORKERS))

    def post(self, call: Call) -> tuple[int, dict[str, Any]]:
        """Send one call on a connection of its own. Raises: OSError, HTTPException."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        if call.key is not None:
            headers["Idempotency-Key"] = call.key
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            connection.request("POST", f"/api/v1{call.path}", json.dumps(call.body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def at_once(self, calls: Sequence[Call]) -> list[tuple[int, dict[str, Any]]]:
        """Send all calls at the same moment. Returns their statuses and bodies in order."""
        together = Barrier(len(calls))

        def send(call: Call) -> tuple[int, dict[str, Any]]:
            together.wait(60)
            return self.post(call)

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(send, calls))

    def kill(self) -> None:
        """End the server and its workers by SIGKILL."""
        master = self.server.process.pid
        for pid in [*_children(master), master]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.process.wait(30)

    def start_again(self) -> None:
        """Serve the desk again, on another port."""
        self.server = self._served()


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in listed]


@pytest.fixture
def crowd(database_url: str, tmp_path: Path) -> Iterator[Crowd]:
    sample = SampleDesk(database_url)
    # the server has the real clock
    sample.clock.at = datetime.now(UTC) - timedelta(days=2)
    served = Crowd(sample, database_url, tmp_path)
    yield served
    served.server.stop(signal.SIGTERM)
    sample.close()


def now_is(sample: SampleDesk) -> None:
    """Let the desk read as of the real time, which the server has."""
    sample.clock.at = datetime.now(UTC)


def assert_clean(sample: SampleDesk) -> None:
    now_is(sample)
    view = sample.see(audit_desk)
    assert view.differences == []


def statuses(answers: Sequence[tuple[int, Any]]) -> Counter[int]:
    return Counter(status for status, _ in answers)


def work(request_id: str, minutes: int, key: str | None = None, **given: str) -> Call:
    """A call that logs work: done an hour ago, unless an instant is given."""
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    body = {"minutes": minutes, "worked_at": an_hour_ago, **given}
    return Call(f"/service-requests/{request_id}/work", body, key)


# ------------------------------------------------------------------ crowds


def test_fifty_requests_on_ten_incidents_cover_exactly_ten(crowd: Crowd) -> None:
    sample = crowd.sample
    pack = sample.sell("incident_pack", incidents=10)
    logged = crowd.at_once(
        [
            Call("/service-requests", {"subject": f"Call {number}", "customer": sample.ann})
            for number in range(50)
        ]
    )
    assert statuses(logged) == {201: 50}
    covered = [row for row in sample.rows(t.service_request) if row.contract_id == pack]
    assert len(covered) == 10
    [grant] = sample.grants(pack)
    assert (grant.available, grant.held) == (0, 10)
    assert_clean(sample)


def test_forty_entries_on_one_block_draw_exactly_what_there_is(crowd: Crowd) -> None:
    sample = crowd.sample
    block = sample.sell("support_hours", minutes=900)
    requests = [sample.log(f"Request {number}") for number in range(8)]
    worked = crowd.at_once([work(requests[number % 8], 30) for number in range(40)])
    assert statuses(worked) == {201: 40}
    [grant] = sample.grants(block)
    assert (grant.available, grant.consumed) == (0, 900)
    drawn = Counter[str]()
    for row in sample.rows(t.work_allocation):
        if row.reversed_at is None:
            drawn[row.kind] += row.minutes
    assert drawn == {"grant": 900, "carried": 300}
    assert_clean(sample)


def test_a_double_click_is_one_entry(crowd: Crowd) -> None:
    sample = crowd.sample
    sample.sell("support_hours", minutes=600)
    request_id = sample.log()
    click = work(request_id, 25, key="one click")
    answers = crowd.at_once([click] * 8)
    # those that came while the first was processed get 409, and a repetition has the first answer
    assert set(statuses(answers)) <= {201, 409}
    assert crowd.post(click)[1]["id"] in {body.get("id") for _, body in answers}
    assert len({body["id"] for status, body in answers if status == 201}) == 1
    assert len(sample.rows(t.work_entry)) == 1
    assert_clean(sample)


def test_late_entries_top_ups_and_a_cancellation_end_as_one_after_the_other(crowd: Crowd) -> None:
    sample = crowd.sample
    first = sample.sell("support_hours", minutes=300)
    second = sample.sell("support_hours", minutes=300)
    requests = [sample.log(f"Request {number}") for number in range(6)]
    began = sample.clock.at

    def late(number: int) -> Call:
        worked_at = (began + timedelta(minutes=7 * number)).isoformat()
        return work(requests[number % 6], 20, worked_at=worked_at)

    calls = [late(number) for number in range(1, 25)]
    calls += [
        Call(f"/contracts/{first}/top-up", {"minutes": 60}),
        Call(f"/contracts/{second}/top-up", {"minutes": 45, "effective_at": began.isoformat()}),
        Call(f"/contracts/{first}/cancel", {"reason": "Moved to another provider"}),
        Call(f"/contracts/{second}/adjust", {"minutes": -30, "reason": "Sold too much"}),
    ]
    answers = crowd.at_once(calls)
    assert statuses(answers[:24]) == {201: 24}
    # a top-up after the cancellation is refused; nothing else is
    assert statuses(answers[24:]) in ({200: 4}, {200: 3, 409: 1})
    entries = [row for row in sample.rows(t.work_entry) if row.deleted_at is None]
    allocated = Counter[str]()
    for row in sample.rows(t.work_allocation):
        if row.reversed_at is None:
            allocated[row.work_entry_id] += row.minutes
    assert allocated == {row.id: row.chargeable_minutes for row in entries}
    assert_clean(sample)


def test_a_kill_under_twelve_writers_loses_no_acknowledged_entry(crowd: Crowd) -> None:
    sample = crowd.sample
    sample.sell("support_hours", minutes=5_000)
    requests = [sample.log(f"Request {number}") for number in range(WRITERS)]
    acknowledged: dict[str, str] = {}
    tried: list[Call] = []
    lock, enough = Lock(), Barrier(2)

    def write(number: int) -> None:
        count = 0
        while True:
            call = work(requests[number], 5, key=f"writer {number}, entry {count}")
            with lock:
                tried.append(call)
            try:
                status, body = crowd.post(call)
            except (OSError, http.client.HTTPException):
                return
            assert status == 201, body
            with lock:
                acknowledged[str(call.key)] = body["id"]
                reached = len(acknowledged) == ACKNOWLEDGED
            if reached:
                enough.wait(60)
            count += 1

    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write, number) for number in range(WRITERS)]
        enough.wait(120)
        crowd.kill()
        for one in writing:
            one.result()

    crowd.start_again()
    stored = {row.id for row in sample.rows(t.work_entry)}
    assert set(acknowledged.values()) <= stored
    assert_clean(sample)
    # a call that got no answer is sent again under its key: done now, or done already, but once
    again = {str(call.key): crowd.post(call) for call in tried}
    assert {status for status, _ in again.values()} == {201}
    for key, entry_id in acknowledged.items():
        assert again[key][1]["id"] == entry_id
    assert len(sample.rows(t.work_entry)) == len(tried)
    assert_clean(sample)
