"""Service levels met and missed, by level, customer and month."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.core.errors import NotAllowed
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.sla_targets import (
    resolution_state,
    response_state,
    sql_resolution_state,
    sql_response_state,
)
from workflows.reports.service_levels import SUMS, open_service_levels
from workflows.store import tables as t

HOUR = timedelta(hours=1)


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """A desk in Berlin whose contract has the service level of the shipped rules."""
    sample.set(time_zone="Europe/Berlin")
    sample.sell("subscription", sla="standard", ends_on="2027-01-31")
    return sample


def rows(tx: Transaction, by: str, /, **filters: Any) -> list[Any]:
    with open_service_levels(tx, **filters) as report:
        return report.list_by(by).rows(order="-response_met")


def counts(one: Any) -> tuple[int, ...]:
    return tuple(getattr(one, name) for name in SUMS)


def numbers(tx: Transaction, counted: str | None = None, /, **filters: Any) -> list[tuple[Any, ...]]:
    with open_service_levels(tx, **filters) as report:
        found = report.requests(counted).rows(order="opened_at")
        return [(one.number, one.response, one.resolution) for one in found]


def test_targets_are_counted_as_they_are_now(sample: SampleDesk) -> None:
    met = sample.log()
    late = sample.log()
    cancelled = sample.log()
    sample.fire(met, "resolve", note="Done")
    sample.fire(cancelled, "cancel", reason="Not needed")
    [one] = sample.see(rows, "level")
    assert (one.level, one.party, one.month) == ("standard", None, None)
    assert counts(one) == (1, 0, 1, 1, 0, 1)
    sample.clock.at = MONDAY + timedelta(days=60)
    sample.fire(late, "resolve", note="Done")
    sample.log()
    assert counts(sample.see(rows, "level")[0]) == (1, 1, 1, 1, 1, 1)
    by_month = {one.month: counts(one) for one in sample.see(rows, "customer_and_month")}
    assert by_month == {"2026-03": (1, 1, 0, 1, 1, 0), "2026-05": (0, 0, 1, 0, 0, 1)}
    [customer] = sample.see(rows, "customer", from_="2026-03", to="2026-03")
    assert (customer.party, customer.party_name) == ({"customer": sample.ann}, "Ann")


def test_each_figure_has_the_requests_behind_it(sample: SampleDesk) -> None:
    met = sample.log()
    sample.log()
    sample.fire(met, "resolve", note="Done")
    number = sample.request(met).number
    assert sample.see(numbers, "response_met", level="standard") == [(number, "met", "met")]
    assert len(sample.see(numbers)) == len(sample.see(numbers, party=f"customer:{sample.ann}")) == 2
    assert sample.see(numbers, level="-") == sample.see(numbers, "resolution_missed") == []


def test_a_merged_request_is_counted_once(sample: SampleDesk) -> None:
    first, second = sample.log(), sample.log()
    with sample.desk.write() as tx:
        tx.change(t.service_request, second, merged_into_id=first, state="cancelled")
    assert [one for one, *_ in sample.see(numbers)] == [sample.request(first).number]


def test_states_are_those_of_the_engine(sample: SampleDesk) -> None:
    """At, just before and just after each instant, in SQL as in Python."""
    request, now = sample.log(), sample.clock.now()
    instants = (None, *(now + timedelta(microseconds=one) for one in (-1, 0, 1)))
    r = t.service_request
    for due_at, done_at, paused_at in product(instants, repeat=3):
        for state in ("in_progress", "cancelled"):
            with sample.desk.write() as tx:
                values = {"response_due_at": due_at, "responded_at": done_at, "paused_at": paused_at}
                values |= {"resolution_due_at": due_at, "resolved_at": done_at}
                tx.change(r, request, **values, state=state)
                found = tx.connection.execute(
                    select(
                        r, sql_response_state(now).label("one"), sql_resolution_state(now).label("other")
                    ).where(r.c.id == request)
                ).one()
            assert found.one == response_state(found, now), (due_at, done_at, paused_at, state)
            assert found.other == resolution_state(found, now), (due_at, done_at, paused_at, state)


def test_only_the_office_reads_it(sample: SampleDesk) -> None:
    with pytest.raises(NotAllowed):
        sample.see_as(sample.technician, numbers)
