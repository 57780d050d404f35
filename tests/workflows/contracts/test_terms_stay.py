"""Terms and coverage that do not change by a renewal, an adjustment or a change of unrelated fields."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import Adjust, Exclusions, GrantGiven, Renew
from workflows.commands.service_requests import ChangeServiceRequest
from workflows.contracts.use_cases import adjust, renew
from workflows.service_requests.use_cases import change_service_request
from workflows.store import tables as t

DAY = timedelta(days=1)


@pytest.fixture
def database_url(sqlite_database_url: str) -> str:
    """Only on SQLite: nothing here depends on the database."""
    return sqlite_database_url


def test_a_successor_has_the_exclusions_of_its_predecessor(sample: SampleDesk) -> None:
    ended = sample.sell(
        "subscription",
        starts_at=MONDAY - 40 * DAY,
        ends_on=(MONDAY - 10 * DAY).date(),
        exclusions=Exclusions(work_types=["training"]),
    )
    request = sample.log(work_type="training")
    successor = sample.do(renew, ended, Renew())
    assert sample.contract(successor).exclusions == sample.contract(ended).exclusions
    assert (sample.contract(successor).state, sample.request(request).state) == (
        "active",
        "pending_no_contract",
    )


@pytest.mark.parametrize(
    ("first", "last", "renewed_to"),
    [
        (date(2026, 4, 1), date(2026, 4, 30), date(2026, 5, 31)),
        (date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)),
        (date(2026, 4, 15), date(2026, 7, 14), date(2026, 10, 14)),
        (date(2026, 4, 1), date(2027, 3, 31), date(2028, 3, 31)),
        (date(2026, 4, 20), date(2026, 5, 10), date(2026, 5, 31)),
        (date(2026, 4, 1), date(2026, 4, 10), date(2026, 4, 20)),
        (date(2026, 4, 1), date(2026, 4, 1), date(2026, 4, 2)),
    ],
)
def test_a_successor_has_the_length_of_its_predecessor(
    sample: SampleDesk, first: date, last: date, renewed_to: date
) -> None:
    sold = sample.sell("subscription", starts_on=first, ends_on=last)
    successor = sample.contract(sample.do(renew, sold, Renew()))
    assert successor.starts_at == sample.contract(sold).expires_at
    after = datetime.combine(renewed_to + DAY, datetime.min.time(), tzinfo=UTC)
    assert successor.expires_at == after


def test_a_withdrawal_takes_from_the_grant_that_ends_last(sample: SampleDesk) -> None:
    soon = MONDAY + 5 * DAY
    grants = [GrantGiven(minutes=50), GrantGiven(minutes=20, expires_at=soon)]
    hours = sample.sell("support_hours", grants=grants)
    sample.do(adjust, hours, Adjust(minutes=-30, reason="agreed"))
    assert {grant.closes_at: grant.available for grant in sample.grants(hours)} == {None: 20, soon: 20}
    sample.do(adjust, hours, Adjust(minutes=-25, reason="agreed"))
    assert {grant.closes_at: grant.available for grant in sample.grants(hours)} == {None: 0, soon: 15}


def test_an_unchanged_field_does_not_cause_a_new_search(sample: SampleDesk) -> None:
    """A form sends all its fields: a new subject must not remove the request's used-up contract."""
    hours = sample.sell("support_hours", minutes=10)
    request = sample.log(work_type="support")
    sample.work(request, 10)
    row = sample.request(request)
    command = ChangeServiceRequest(
        subject="It still does not start",
        customer=row.customer_id,
        item=row.item_id,
        org_unit=row.org_unit_id,
        priority=row.priority,
        work_type=row.work_type,
    )
    sample.do(change_service_request, request, command)
    changed = sample.request(request)
    assert (changed.subject, changed.contract_id) == ("It still does not start", hours)
    assert len(sample.rows(t.coverage_decision, service_request_id=request)) == 1
    sample.do(change_service_request, request, ChangeServiceRequest(item=None))
    assert len(sample.rows(t.coverage_decision, service_request_id=request)) == 2
