"""The counts of the overview page, and the outbox as an administrator sees it."""

from datetime import timedelta

import pytest

from tests.support.sample_desk import SampleDesk
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, StateForbids
from workflows.notifications.outbox import list_outbox, send_again
from workflows.reports.overview import list_uncovered, read_overview
from workflows.store import tables as t


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """The sample of a provider in Berlin."""
    sample.set(time_zone="Europe/Berlin")
    return sample


def test_the_counts_match_the_lists(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    covered = sample.log()
    sample.work(covered, 90)
    bob = sample.customer("Bob")
    waiting = sample.log(customer=bob, item=None)
    seen = sample.see_as(sample.technician, read_overview)
    assert (seen.unfinished, seen.waiting, seen.unassigned) == (2, 1, 2)
    assert seen.waiting_since == sample.request(waiting).opened_at
    assert seen.uncovered_minutes == {"carried": 60}
    sample.fire(covered, "start")
    assert sample.see_as(sample.technician, read_overview).mine == 1


def test_uncovered_time_is_listed(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    sample.work(request, 90)
    [one] = sample.see(list_uncovered).items
    assert (one.kind, one.minutes, one.customer_name) == ("carried", 60, "Ann")
    assert one.service_request == request
    later = sample.clock.now() + timedelta(days=1)
    assert sample.see(list_uncovered, from_at=later).items == []
    assert sample.see(list_uncovered, kind="overage").items == []
    with pytest.raises(InvalidInput):
        sample.see(list_uncovered, kind="lost")
    with pytest.raises(NotAllowed):
        sample.see_as(sample.person("customer", customer=sample.ann), list_uncovered)


def test_contracts_ending_soon_include_the_last_day(sample: SampleDesk) -> None:
    sample.sell("subscription", starts_on="2026-01-01", ends_on="2026-03-31")
    sample.sell("subscription", starts_on="2026-01-01", ends_on="2026-04-30")
    assert sample.see(read_overview).ending == 1


def test_customers_have_no_overview(sample: SampleDesk) -> None:
    ann = sample.person("customer", "Ann", customer=sample.ann)
    with pytest.raises(NotAllowed):
        sample.see_as(ann, read_overview)
    with pytest.raises(NotAllowed):
        sample.see_as(ann, list_outbox)


def test_a_failed_message_is_listed_and_sent_again(sample: SampleDesk) -> None:
    sample.log()
    [message] = sample.see(list_outbox, state="waiting").items
    assert "is waiting for a contract" in message.subject
    with sample.desk.write() as tx:
        tx.change(t.outbox, message.id, attempts=12, next_attempt_at=None, last_error="refused")
    assert [one.id for one in sample.see(list_outbox, state="failed").items] == [message.id]
    assert [one.id for one in sample.see(list_outbox, state="given_up", q="ANN@").items] == [message.id]
    assert sample.see(read_overview).undelivered == 1
    sample.do(send_again, message.id)
    [again] = sample.see(list_outbox, state="waiting").items
    assert (again.attempts, again.next_attempt_at) == (0, sample.clock.now())


def test_a_delivered_message_is_not_sent_again(sample: SampleDesk) -> None:
    sample.log()
    [message] = sample.see(list_outbox).items
    with sample.desk.write() as tx:
        tx.change(t.outbox, message.id, delivered_at=tx.now, next_attempt_at=None)
    with pytest.raises(StateForbids):
        sample.do(send_again, message.id)
    with pytest.raises(NotFound):
        sample.do(send_again, "nothing")
    assert sample.see(list_outbox, state="waiting").items == []
