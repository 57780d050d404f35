"""Requests that wait for a payment: warned, then cancelled, at their instants, once, also after a stop."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from tests.workflows.notifications.webhooks.test_events import data, listen
from workflows.administration.settings import change_settings
from workflows.contracts.use_cases import enable_contract
from workflows.jobs.definitions import run_job
from workflows.jobs.sandbox_clock import set_clock
from workflows.store import tables as t

HOUR, PRICE = timedelta(hours=1), {"amount_minor": 12_000}


@pytest.fixture
def desk(sample: SampleDesk) -> SampleDesk:
    sample.set(payment_required=True, unpaid_request_warning_hours=24, unpaid_request_cancel_hours=72)
    return sample


def waiting(desk: SampleDesk) -> tuple[str, str]:
    """A contract that awaits its payment, and a request that waits for it."""
    contract = desk.sell("subscription", price=PRICE)
    return contract, desk.log()


def mails(desk: SampleDesk) -> list[tuple[str, Any]]:
    events = ("request_unpaid", "service_request_cancelled")
    return [(row.event, row.created_at) for row in desk.rows(t.outbox) if row.event in events]


def test_a_warning_and_then_the_cancellation_each_at_its_instant(desk: SampleDesk) -> None:
    listen(desk, "service_request.unpaid")
    contract, request = waiting(desk)
    desk.clock.at = MONDAY + 24 * HOUR - timedelta(seconds=1)
    assert run_job(desk.desk, "unpaid_requests") == 0
    desk.clock.at = MONDAY + 25 * HOUR
    assert [run_job(desk.desk, "unpaid_requests") for _ in range(2)] == [1, 0]
    number = desk.request(request).number
    cancel_at = "2026-03-05T09:00:00Z"
    assert data(desk) == [
        {"service_request": request, "number": number, "contract": contract, "cancel_at": cancel_at}
    ]
    desk.clock.at = MONDAY + 100 * HOUR
    assert [run_job(desk.desk, "unpaid_requests") for _ in range(2)] == [1, 0]
    row = desk.request(request)
    assert (row.state, row.closed_at) == ("cancelled", MONDAY + 72 * HOUR)
    last = desk.rows(t.service_request_history, service_request_id=request, trigger="cancel")[-1]
    assert (last.trigger, last.reason, last.at) == ("cancel", "unpaid", MONDAY + 72 * HOUR)
    assert mails(desk) == [
        ("request_unpaid", MONDAY + 24 * HOUR),
        ("service_request_cancelled", MONDAY + 72 * HOUR),
    ]


def test_after_a_stop_of_a_week_both_come_in_order(desk: SampleDesk) -> None:
    first = waiting(desk)[1]
    desk.clock.move(hours=12)
    second = desk.log()
    desk.clock.move(days=7)
    assert run_job(desk.desk, "unpaid_requests") == 4
    moved = [(row.subject_id, row.created_at - MONDAY) for row in desk.rows(t.outbox) if row.recipient]
    sent = [one for one in moved if one[1] > 12 * HOUR]
    assert sent == [(first, 24 * HOUR), (second, 36 * HOUR), (first, 72 * HOUR), (second, 84 * HOUR)]


def test_the_sandbox_clock_stops_at_each_instant(desk: SampleDesk) -> None:
    desk.desk.sandbox = True
    request = waiting(desk)[1]
    set_clock(desk.desk, desk.administrator, MONDAY + timedelta(days=10))
    assert desk.request(request).closed_at == MONDAY + 72 * HOUR
    assert [at for _, at in mails(desk)] == [MONDAY + 24 * HOUR, MONDAY + 72 * HOUR]


def test_what_was_paid_or_waits_for_something_else_is_left_alone(desk: SampleDesk) -> None:
    contract, paid = waiting(desk)
    desk.do_as(desk.finance, enable_contract, contract)
    other = desk.log(customer=desk.customer("Bob"), item=None)
    desk.clock.move(days=7)
    assert run_job(desk.desk, "unpaid_requests") == 0
    assert [desk.request(one).state for one in (paid, other)] == ["open", "pending_no_contract"]


def test_hours_count_from_when_the_setting_was_changed(sample: SampleDesk) -> None:
    sample.set(payment_required=True)
    request = waiting(sample)[1]
    sample.clock.move(days=30)
    sample.do(change_settings, {"unpaid_request_cancel_hours": 72})
    sample.clock.move(hours=71)
    assert run_job(sample.desk, "unpaid_requests") == 0
    sample.clock.move(hours=1)
    assert run_job(sample.desk, "unpaid_requests") == 1
    assert sample.request(request).state == "cancelled"
