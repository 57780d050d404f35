"""A new rule set is in force on every process within a second, and each decision is made by one set."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.synchronize import Event

import pytest

from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk
from workflows.commands.service_requests import NewServiceRequest
from workflows.core import config as configs
from workflows.core.actors import SYSTEM, Actor
from workflows.core.desk import Desk
from workflows.coverage.verification import verify_decisions
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.proposals import submit_rule_set
from workflows.rule_sets.publishing import rule_set_in_force
from workflows.service_requests.log import log_service_request
from workflows.store import tables as t
from workflows.store.database import Database

SHIPPED = read_rules_folder(RULES)
TECHNICIAN = Actor(None, "a technician", "technician")


@pytest.fixture
def elsewhere(sample: SampleDesk, database_url: str) -> Iterator[Desk]:
    """The desk of another process."""
    other = Desk(Database(database_url, pool_size=5), sample.clock)
    other.refresh()
    yield other
    other.database.dispose()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the process's own timer jump by some seconds."""
    passed = [0.0]
    real = time.monotonic
    monkeypatch.setattr(configs, "monotonic", lambda: real() + passed[0])

    def jump(seconds: float) -> None:
        passed[0] += seconds

    return jump


def renamed(number: int) -> dict[str, str]:
    """The shipped rules with a number before every rule's name."""
    book = json.loads(SHIPPED["coverage.json"])
    for rule in book["rules"]:
        rule["id"] = f"v{number}-{rule['id']}"
    return SHIPPED | {"coverage.json": json.dumps(book | {"examples": []})}


def version_seen(desk: Desk) -> str:
    with desk.read() as tx:
        return tx.rules.version


def test_another_process_asks_again_after_half_a_second(
    sample: SampleDesk, elsewhere: Desk, later: Callable[[float], None]
) -> None:
    new = sample.publish(renamed(1), "")
    later(configs.NEWEST_FOR_SECONDS)
    assert version_seen(elsewhere) == new
    sample.publish(renamed(2), "")
    later(configs.NEWEST_FOR_SECONDS)
    assert elsewhere.perform(SYSTEM, lambda tx: tx.rules.version) == version_seen(sample.desk)


def test_who_waited_for_a_lock_decides_by_the_newest(sqlite_database_url: str) -> None:
    """SQLite's writers wait for each other: one that began while a publication ran decides by its rules."""
    sample = SampleDesk(sqlite_database_url)
    other = Desk(Database(sqlite_database_url, pool_size=2), sample.clock)
    other.configs.newest_for_seconds = 0.2
    other.refresh()
    with ThreadPoolExecutor(1) as pool:
        with sample.desk.write(sample.administrator) as tx:
            new = submit_rule_set(tx, renamed(1), "").version
            waiting = pool.submit(other.perform, SYSTEM, lambda tx: tx.rules.version)
            time.sleep(0.4)
        assert waiting.result(timeout=20) == new
    other.database.dispose()
    sample.close()


def test_of_readings_at_once_the_newest_stays(sample: SampleDesk, elsewhere: Desk) -> None:
    with ThreadPoolExecutor(4) as pool:
        for number in range(6):
            calls = [pool.submit(elsewhere.refresh) for _ in range(4)]
            new = sample.publish(renamed(number), "")
            calls += [pool.submit(elsewhere.refresh) for _ in range(4)]
            for call in calls:
                call.result()
            assert elsewhere.config.rules.version == new


def keep_logging(database_url: str, customer: str, stop: Event) -> None:
    """Log service requests, as another server does, until it is stopped."""
    desk = Desk(Database(database_url, pool_size=2))
    command = NewServiceRequest(subject="It does not start", customer=customer)
    while not stop.is_set():
        desk.perform(TECHNICIAN, lambda tx: log_service_request(tx, command))
        time.sleep(0.002)
    desk.database.dispose()


@pytest.mark.slow
def test_two_processes_follow_within_a_second(sample: SampleDesk, database_url: str) -> None:
    """Each decision carries the version and the rule of one and the same set, the newest but for a second."""
    context = get_context("spawn")
    stop = context.Event()
    loggers = [
        context.Process(target=keep_logging, args=(database_url, sample.ann, stop), daemon=True)
        for _ in range(2)
    ]
    for one in loggers:
        one.start()
    publisher = Desk(Database(database_url, pool_size=2))
    published: list[tuple[datetime, str]] = []
    try:
        _wait_for_decisions(sample, 4)
        for number in range(4):
            with publisher.write(sample.administrator) as tx:
                version = submit_rule_set(tx, renamed(number), "").version
            published.append((datetime.now(UTC), version))
            time.sleep(1.5)
    finally:
        stop.set()
        for one in loggers:
            one.join(30)
    assert [one.exitcode for one in loggers] == [0, 0]
    rows = sorted(sample.rows(t.coverage_decision), key=lambda row: row.decided_at)
    numbers = {version: f"v{number}-" for number, (_, version) in enumerate(published)}
    for row in rows:
        assert row.rule.startswith(numbers.get(row.rule_set, "")), "a rule of another set"
    for at, version in published:
        late = [
            row
            for row in rows
            if 1.0 < (row.decided_at - at).total_seconds() < 1.4 and row.rule_set != version
        ]
        assert not late
    assert {row.rule_set for row in rows} >= set(numbers)
    differences: list[object] = []
    assert verify_decisions(publisher, differences.append).differ == 0, differences[:3]
    publisher.database.dispose()
    assert sample.see(rule_set_in_force).version == published[-1][1]


def _wait_for_decisions(sample: SampleDesk, count: int) -> None:
    for _ in range(600):
        if len(sample.rows(t.coverage_decision)) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("nothing was logged")
