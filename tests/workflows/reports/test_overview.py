"""The counts of the overview page, and the outbox as an administrator sees it."""

from datetime import timedelta

import pytest

from tests.support.office import Office
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, StateForbids
from workflows.notifications.outbox import list_outbox, send_again
from workflows.reports.overview import list_uncovered, read_overview
from workflows.store import tables as t


@pytest.fixture
def office(office: Office) -> Office:
    """The office of a provider in Berlin."""
    office.set(time_zone="Europe/Berlin")
    return office


def test_the_counts_match_the_lists(office: Office) -> None:
    office.sell("support_hours", minutes=30)
    covered = office.log()
    office.work(covered, 90)
    bob = office.customer("Bob")
    waiting = office.log(customer=bob, item=None)
    seen = office.see_as(office.technician, read_overview)
    assert (seen.unfinished, seen.waiting, seen.unassigned) == (2, 1, 2)
    assert seen.waiting_since == office.request(waiting).opened_at
    assert seen.uncovered_minutes == {"carried": 60}
    office.fire(covered, "start")
    assert office.see_as(office.technician, read_overview).mine == 1


def test_uncovered_time_is_listed(office: Office) -> None:
    office.sell("support_hours", minutes=30)
    request = office.log()
    office.work(request, 90)
    [one] = office.see(list_uncovered).items
    assert (one.kind, one.minutes, one.customer_name) == ("carried", 60, "Ann")
    assert one.service_request == request
    later = office.clock.now() + timedelta(days=1)
    assert office.see(list_uncovered, from_at=later).items == []
    assert office.see(list_uncovered, kind="overage").items == []
    with pytest.raises(InvalidInput):
        office.see(list_uncovered, kind="lost")
    with pytest.raises(NotAllowed):
        office.see_as(office.person("customer", customer=office.ann), list_uncovered)


def test_contracts_ending_soon_include_the_last_day(office: Office) -> None:
    office.sell("subscription", starts_on="2026-01-01", ends_on="2026-03-31")
    office.sell("subscription", starts_on="2026-01-01", ends_on="2026-04-30")
    assert office.see(read_overview).ending == 1


def test_customers_have_no_overview(office: Office) -> None:
    ann = office.person("customer", "Ann", customer=office.ann)
    with pytest.raises(NotAllowed):
        office.see_as(ann, read_overview)
    with pytest.raises(NotAllowed):
        office.see_as(ann, list_outbox)


def test_a_failed_message_is_listed_and_sent_again(office: Office) -> None:
    office.log()
    [message] = office.see(list_outbox, state="waiting").items
    assert "is waiting for a contract" in message.subject
    with office.desk.write() as tx:
        tx.change(t.outbox, message.id, attempts=12, next_attempt_at=None, last_error="refused")
    assert [one.id for one in office.see(list_outbox, state="failed").items] == [message.id]
    assert [one.id for one in office.see(list_outbox, state="given_up", q="ANN@").items] == [message.id]
    assert office.see(read_overview).undelivered == 1
    office.do(send_again, message.id)
    [again] = office.see(list_outbox, state="waiting").items
    assert (again.attempts, again.next_attempt_at) == (0, office.clock.now())


def test_a_delivered_message_is_not_sent_again(office: Office) -> None:
    office.log()
    [message] = office.see(list_outbox).items
    with office.desk.write() as tx:
        tx.change(t.outbox, message.id, delivered_at=tx.now, next_attempt_at=None)
    with pytest.raises(StateForbids):
        office.do(send_again, message.id)
    with pytest.raises(NotFound):
        office.do(send_again, "nothing")
    assert office.see(list_outbox, state="waiting").items == []
