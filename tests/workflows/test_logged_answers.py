"""What is answered to a logging, made from what was written, is what reading it shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.office import MONDAY, Office
from workflows.commands import CancelContract, NewServiceRequest
from workflows.contracts import cancel_contract
from workflows.desk import Transaction
from workflows.request_views import read_service_request
from workflows.service_requests import Logged, log_service_request
from workflows.store import tables as t

SOLD: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("subscription", "customer", {}),
    ("subscription", "item", {"ends_on": (MONDAY + timedelta(days=30)).date()}),
    ("support_hours", "org_unit", {"minutes": 600}),
    ("support_hours_by_month", "customer", {"minutes": 240, "ends_on": (MONDAY + timedelta(days=80)).date()}),
    ("time_limited_subscription", "org_unit", {"minutes": 90}),
    ("incident_pack", "customer", {"incidents": 5}),
)


def log_alone(office: Office, **given: Any) -> Logged:
    """Log as the API does: nothing else is written beside it."""
    fields: dict[str, Any] = {"subject": "It does not start", "customer": office.ann, "item": office.laptop}
    command = NewServiceRequest(**fields | given)

    def log(tx: Transaction) -> Logged:
        return log_service_request(tx, command)

    return office.desk.perform(office.technician, log, reads_first=True, alone=True)


@contextmanager
def meanwhile(office: Office, written: str, act: Any) -> Iterator[list[str]]:
    """Have something done by another, once, just before a statement that has the words is sent."""
    sent: list[str] = []
    done: list[bool] = []

    def listen(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        sent.append(statement)
        if written in statement and not done:
            done.append(True)
            act()

    engine = office.desk.database.engine
    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", listen)


@pytest.mark.parametrize(("type_key", "holder", "terms"), SOLD)
def test_the_answer_is_what_is_read_afterwards(
    office: Office, type_key: str, holder: str, terms: dict[str, Any]
) -> None:
    ids = {"customer": office.ann, "item": office.laptop, "org_unit": office.parent}
    office.sell(type_key, to=(holder, ids[holder]), **terms)
    given = {} if holder == "item" else {"item": None, "work_type": "remote", "description": "Since Monday"}
    logged = log_alone(office, **given)
    assert logged.view is not None
    with office.desk.read(office.technician) as tx:
        assert logged.view == read_service_request(tx, str(logged.service_request))
    assert logged.view.coverage is not None
    assert logged.view.coverage.outcome == "covered"


def test_the_last_incident_of_a_pack_is_told_as_it_is(office: Office) -> None:
    office.sell("incident_pack", incidents=1)
    logged = log_alone(office)
    with office.desk.read(office.technician) as tx:
        read = read_service_request(tx, str(logged.service_request))
    assert logged.view in (None, read)
    assert read.coverage is not None
    assert (read.coverage.outcome, read.coverage.incidents_left) == ("covered", 0)


@pytest.fixture
def far_office(postgres_database_url: str) -> Iterator[Office]:
    """A desk on PostgreSQL, to which each statement is a round trip."""
    desk = Office(postgres_database_url)
    yield desk
    desk.close()


@pytest.mark.parametrize(
    ("type_key", "terms", "before"),
    [
        ("subscription", {}, "INSERT INTO service_request"),
        ("incident_pack", {"incidents": 5}, "FROM lot_balance"),
        ("subscription", {}, "FROM customer"),
    ],
)
def test_a_contract_that_is_cancelled_in_between_covers_nothing(
    far_office: Office, type_key: str, terms: dict[str, Any], before: str
) -> None:
    """Between the decision and its writing: the request is decided anew, and nothing is there twice."""
    gone = far_office.sell(type_key, to=("item", far_office.laptop), **terms)
    next_best = far_office.sell("subscription")
    with meanwhile(far_office, before, lambda: far_office.do(cancel_contract, gone, CancelContract())):
        logged = log_alone(far_office)
    assert far_office.request(str(logged.service_request)).contract_id == next_best
    assert len(far_office.rows(t.service_request)) == 1
    decisions = far_office.rows(t.coverage_decision, service_request_id=logged.service_request)
    assert [one.contract_id for one in decisions] == [next_best]
    assert far_office.rows(t.incident_hold) == []


def test_one_statement_writes_a_covered_request(far_office: Office) -> None:
    """The parties, the candidates, and three rows at once: no BEGIN, no lock and no COMMIT beside it."""
    far_office.sell("subscription")
    with meanwhile(far_office, "never", lambda: None) as sent:
        log_alone(far_office)
    assert len(sent) == 3
    assert sent[-1].count("INSERT INTO") == 3


def test_a_pack_is_written_by_three_statements(far_office: Office) -> None:
    """Its lots locked; the request with its postings; their transaction, the hold and the balance."""
    far_office.sell("incident_pack", incidents=5)
    with meanwhile(far_office, "never", lambda: None) as sent:
        log_alone(far_office)
    assert len(sent) == 5
    assert "UPDATE lot_balance" in sent[-1]
