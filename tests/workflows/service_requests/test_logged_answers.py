"""The response to logging a service request is built from what was written and equals a later read."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.builders import RULES
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import CancelContract, TopUp
from workflows.commands.service_requests import NewServiceRequest
from workflows.contracts.use_cases import cancel_contract, top_up
from workflows.core.actors import NOBODY
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.jobs.sandbox_clock import set_clock
from workflows.reports.audit import audit_desk
from workflows.service_requests.log import Logged, log_service_request
from workflows.service_requests.queries import read_service_request
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.users.authentication import become_token_owner
from workflows.users.tokens import NewOwnToken, create_own_token

SOLD: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("subscription", "customer", {}),
    ("subscription", "item", {"ends_on": (MONDAY + timedelta(days=30)).date()}),
    ("support_hours", "org_unit", {"minutes": 600}),
    ("support_hours_by_month", "customer", {"minutes": 240, "ends_on": (MONDAY + timedelta(days=80)).date()}),
    ("time_limited_subscription", "org_unit", {"minutes": 90}),
    ("incident_pack", "customer", {"incidents": 5}),
)


def log_exclusively(sample: SampleDesk, **given: Any) -> Logged:
    """Log as the API does: the transaction writes nothing else."""
    fields: dict[str, Any] = {"subject": "It does not start", "customer": sample.ann, "item": sample.laptop}
    command = NewServiceRequest(**fields | given)

    def log(tx: Transaction) -> Logged:
        return log_service_request(tx, command)

    return sample.desk.perform(sample.technician, log, exclusive=True)


@contextmanager
def meanwhile(sample: SampleDesk, written: str, act: Any) -> Iterator[list[str]]:
    """Let `act` run once, just before a statement that contains `written` is sent."""
    sent: list[str] = []
    done: list[bool] = []

    def listen(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        sent.append(statement)
        if written in statement and not done:
            done.append(True)
            act()

    engine = sample.desk.database.engine
    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", listen)


@pytest.mark.parametrize(("type_key", "holder", "terms"), SOLD)
def test_the_response_equals_a_later_read(
    sample: SampleDesk, type_key: str, holder: str, terms: dict[str, Any]
) -> None:
    ids = {"customer": sample.ann, "item": sample.laptop, "org_unit": sample.parent}
    sample.sell(type_key, to=(holder, ids[holder]), **terms)
    given = {} if holder == "item" else {"item": None, "work_type": "remote", "description": "Since Monday"}
    logged = log_exclusively(sample, **given)
    assert logged.view is not None
    with sample.desk.read(sample.technician) as tx:
        assert logged.view == read_service_request(tx, str(logged.service_request))
    assert logged.view.coverage is not None
    assert logged.view.coverage.outcome == "covered"


def test_the_last_incident_of_a_pack_is_shown_correctly(sample: SampleDesk) -> None:
    sample.sell("incident_pack", incidents=1)
    logged = log_exclusively(sample)
    with sample.desk.read(sample.technician) as tx:
        read = read_service_request(tx, str(logged.service_request))
    assert logged.view in (None, read)
    assert read.coverage is not None
    assert (read.coverage.outcome, read.coverage.incidents_left) == ("covered", 0)


@pytest.fixture
def far_office(postgres_database_url: str) -> Iterator[SampleDesk]:
    """A desk on PostgreSQL, where each statement is a round trip."""
    desk = SampleDesk(postgres_database_url)
    yield desk
    desk.close()


@contextmanager
def colleague_of(sample: SampleDesk) -> Iterator[SampleDesk]:
    """A colleague who uses the same desk from another process, with connections and locks of its own."""
    other = copy(sample)
    url = sample.desk.database.url.render_as_string(hide_password=False)
    other.desk = Desk(Database(url, pool_size=2), sample.clock)
    yield other
    other.desk.database.dispose()


@pytest.fixture
def colleague(sample: SampleDesk) -> Iterator[SampleDesk]:
    with colleague_of(sample) as other:
        yield other


def writing(sample: SampleDesk) -> str:
    """A part of the statement that writes a logged request."""
    return "INSERT INTO rows_" if sample.desk.database.is_sqlite else "INSERT INTO service_request"


@pytest.mark.parametrize("type_key", ["subscription", "incident_pack"])
def test_a_contract_cancelled_in_between_does_not_cover(
    sample: SampleDesk, colleague: SampleDesk, type_key: str
) -> None:
    """Between the decision and its writing: the request is decided again, and nothing is written twice."""
    terms = {"incidents": 5} if type_key == "incident_pack" else {}
    gone = sample.sell(type_key, to=("item", sample.laptop), **terms)
    next_best = sample.sell("subscription")
    with meanwhile(sample, writing(sample), lambda: colleague.do(cancel_contract, gone, CancelContract())):
        logged = log_exclusively(sample)
    assert sample.request(str(logged.service_request)).contract_id == next_best
    assert len(sample.rows(t.service_request)) == 1
    decisions = sample.rows(t.coverage_decision, service_request_id=logged.service_request)
    assert [one.contract_id for one in decisions] == [next_best]
    assert sample.rows(t.incident_hold) == []


def test_an_incident_held_by_another_in_between_is_not_held_twice(sample: SampleDesk) -> None:
    """Of two incidents, one is held by another while the second is being held, which is then the last."""
    pack = sample.sell("incident_pack", incidents=2)
    with colleague_of(sample) as other, meanwhile(sample, writing(sample), other.log):
        logged = log_exclusively(sample)
    assert sample.request(str(logged.service_request)).contract_id == pack
    [grant] = sample.grants(pack)
    assert (grant.available, grant.held) == (0, 2)
    numbers = {row.number for row in sample.rows(t.service_request)}
    assert len(numbers) == 2
    with sample.desk.read() as tx:
        assert audit_desk(tx).ok


def test_a_desks_first_request_has_the_first_number(sample: SampleDesk) -> None:
    sample.sell("subscription")
    views = [log_exclusively(sample).view for _ in range(3)]
    assert [view.number for view in views if view is not None] == ["SR-1001", "SR-1002", "SR-1003"]


def test_one_statement_writes_a_covered_request(far_office: SampleDesk) -> None:
    """The parties, the candidates, and four rows at once, with the mail: no BEGIN, no lock and no COMMIT."""
    far_office.sell("subscription")
    far_office.set(request_receipts=True)
    with meanwhile(far_office, "never", lambda: None) as sent:
        log_exclusively(far_office)
    assert len(sent) == 3
    assert sent[-1].count("INSERT INTO") == 4


def test_one_statement_writes_a_pack_too(sample: SampleDesk) -> None:
    """The parties, the candidates and the write; SQLite needs one more for the number."""
    sample.sell("incident_pack", incidents=5)
    with meanwhile(sample, "never", lambda: None) as sent:
        log_exclusively(sample)
    writes = [statement for statement in sent if "INSERT" in statement]
    assert len(writes) == 1
    assert len(sent) == (4 if sample.desk.database.is_sqlite else 3)


def test_a_request_that_waits_for_a_locked_pack_sees_its_remaining_balance(sample: SampleDesk) -> None:
    """The other transaction has held its incident but not committed yet."""
    pack = sample.sell("incident_pack", incidents=3)
    command = NewServiceRequest(subject="It does not start", customer=sample.ann)
    with colleague_of(sample) as other, ThreadPoolExecutor(1) as pool:
        with other.desk.write(other.technician) as tx:
            log_service_request(tx, command)
            waiting = pool.submit(log_exclusively, sample, item=None)
            with pytest.raises(FutureTimeout):
                waiting.result(timeout=0.3)
        logged = waiting.result(timeout=20)
    with sample.desk.read(sample.technician) as tx:
        read = read_service_request(tx, str(logged.service_request))
    assert logged.view in (None, read)
    assert read.coverage is not None
    assert (read.coverage.contract, read.coverage.incidents_left) == (pack, 1)
    [grant] = sample.grants(pack)
    assert (grant.available, grant.held) == (1, 2)
    with sample.desk.read() as tx:
        assert audit_desk(tx).ok


def test_incidents_of_several_purchases_are_shown_correctly(sample: SampleDesk) -> None:
    """The first purchase has one left, the second two: each response has the sum."""
    pack = sample.sell("incident_pack", incidents=1)
    sample.do(top_up, pack, TopUp(incidents=2))
    left = []
    for _ in range(3):
        logged = log_exclusively(sample)
        with sample.desk.read(sample.technician) as tx:
            read = read_service_request(tx, str(logged.service_request))
        assert logged.view in (None, read)
        assert read.coverage is not None
        left.append((read.coverage.contract, read.coverage.incidents_left))
    assert left == [(pack, 2), (pack, 1), (pack, 0)]


def test_a_call_uses_the_time_that_another_process_has_set(sample: SampleDesk, colleague: SampleDesk) -> None:
    """Authentication reads over the call's own connection: the time it finds there is used by this call."""
    sample.desk.sandbox = colleague.desk.sandbox = True
    sample.sell("subscription")
    made = sample.do_as(sample.technician, create_own_token, NewOwnToken())
    sample.desk.refresh()
    day = sample.clock.now() + timedelta(days=3)
    set_clock(colleague.desk, colleague.administrator, day)
    command = NewServiceRequest(subject="It does not start", customer=sample.ann, item=sample.laptop)

    def call(tx: Transaction) -> Logged:
        become_token_owner(tx, made.text)
        return log_service_request(tx, command)

    logged = sample.desk.perform(NOBODY, call, exclusive=True)
    request = sample.request(str(logged.service_request))
    assert (request.opened_at, request.created_by) == (day, sample.technician.name)


def test_a_request_refused_because_its_contract_was_cancelled_in_between_is_not_logged(
    sample: SampleDesk, colleague: SampleDesk
) -> None:
    """The decision made again under the lock may have another outcome."""
    rules = json.loads((RULES / "coverage.json").read_text())
    covering = [rule for rule in rules["rules"] if rule["actions"][0]["name"] == "cover_with"]
    refusing = {
        "id": "refuse",
        "why": "Only by contract.",
        "conditions": {"all": [{"name": "contract_validation", "operator": "is_true"}]},
        "actions": [{"name": "refuse", "params": {"message": "Please buy a contract first."}}],
    }
    sample.publish_rules(coverage=json.dumps(rules | {"rules": [*covering, refusing], "examples": []}))
    sample.desk.refresh()
    colleague.desk.refresh()
    gone = sample.sell("subscription")
    with meanwhile(sample, writing(sample), lambda: colleague.do(cancel_contract, gone, CancelContract())):
        logged = log_exclusively(sample)
    assert (logged.service_request, logged.refused) == (None, "Please buy a contract first.")
    assert sample.rows(t.service_request) == []
    assert [one.outcome for one in sample.rows(t.coverage_decision)] == ["refused"]
