"""The order by urgency: what is late first, what nobody can work on last."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.service_requests.queries import list_service_requests
from workflows.store import tables as t

# In the order expected: name, priority, hours to the response target, hours to the resolution target, state.
EXPECTED: list[tuple[str, str, int | None, int | None, str]] = [
    ("critical, overdue", "critical", None, -1, "in_progress"),
    ("high, response overdue", "high", -3, 30, "open"),
    ("high, overdue later", "high", None, -2, "in_progress"),
    ("low, overdue for longest", "low", None, -50, "in_progress"),
    ("normal, due in three hours", "normal", None, 3, "open"),
    ("critical, no target", "critical", None, None, "open"),
    ("normal, due in five hours", "normal", None, 5, "open"),
    ("normal, due in two days", "normal", None, 48, "open"),
    ("normal, no target", "normal", None, None, "open"),
    ("critical, on hold and overdue", "critical", None, -9, "on_hold"),
    ("critical, waiting for a contract", "critical", None, None, "pending_no_contract"),
    ("critical, resolved", "critical", None, -70, "resolved"),
]


def test_the_most_urgent_come_first(sample: SampleDesk) -> None:
    sample.sell("subscription")
    for name, *values in reversed(EXPECTED):
        _store(sample, sample.log(name), *values)
    listed = sample.see(list_service_requests, order="urgency").items
    assert [one.subject for one in listed] == [name for name, *_ in EXPECTED]
    reverse = sample.see(list_service_requests, order="-urgency").items
    assert [one.subject for one in reverse] == [name for name, *_ in reversed(EXPECTED)]


def test_the_older_of_two_equal_requests_comes_first(sample: SampleDesk) -> None:
    sample.sell("subscription")
    first = sample.log("First")
    sample.clock.move(hours=1)
    second = sample.log("Second")
    for one in (first, second):
        _store(sample, one, "normal", None, None, "open")
    listed = sample.see(list_service_requests, order="urgency").items
    assert [one.id for one in listed] == [first, second]


def _store(sample: SampleDesk, request_id: str, *given: Any) -> None:
    priority, response, resolution, state = given
    is_stopped = state in ("on_hold", "pending_no_contract", "resolved")
    values = {
        "priority": priority,
        "state": state,
        "on_hold_reason": "supplier" if state == "on_hold" else None,
        "paused_at": MONDAY if is_stopped else None,
        "response_due_at": None if response is None else MONDAY + timedelta(hours=response),
        "responded_at": MONDAY if response is None else None,
        "resolution_due_at": None if resolution is None else MONDAY + timedelta(hours=resolution),
    }
    with sample.desk.write() as tx:
        tx.connection.execute(
            update(t.service_request).where(t.service_request.c.id == request_id).values(**values)
        )
