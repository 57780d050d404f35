"""Late jobs change no result: after downtime, everything is as if each job had run on time."""

from datetime import timedelta

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.jobs.definitions import JOBS, run_job
from workflows.lifecycle.contracts.settlement import sync_contract_state
from workflows.reports.audit import audit_desk
from workflows.store import tables as t
from workflows.work.use_cases import delete_work

DAY = timedelta(days=1)


def run_all(sample: SampleDesk) -> None:
    for name in JOBS:
        if name != "deliver_outbox":
            run_job(sample.desk, name)


def test_a_late_close_does_not_reactivate_a_contract_that_has_ended_since(sample: SampleDesk) -> None:
    """The close was due on day 7, the pack ended with day 8, the scheduler was down until day 10."""
    pack = sample.sell("incident_pack", incidents=2, ends_on=(MONDAY + 7 * DAY).date())
    request = sample.log()
    sample.fire(request, "resolve", note="done")
    sample.clock.move(days=10)
    for _ in range(3):
        run_all(sample)
        assert (sample.contract(pack).state, sample.contract(pack).next_due_at) == ("expired", None)
    assert sample.request(request).closed_at == MONDAY + 7 * DAY
    [grant] = sample.grants(pack)
    assert (grant.available, grant.held, grant.consumed, grant.expired) == (0, 0, 1, 1)
    assert sample.see(audit_desk).ok


@pytest.mark.parametrize("in_time", [True, False])
def test_a_contract_draws_only_what_was_carried_before_it_became_valid(
    sample: SampleDesk, in_time: bool
) -> None:
    sample.sell("support_hours", minutes=10)
    request = sample.log()
    sample.work(request, 15)
    following = sample.sell("support_hours", minutes=100, starts_at=MONDAY + DAY)
    sample.clock.at = MONDAY + DAY
    if in_time:
        run_all(sample)
    sample.clock.at = MONDAY + 2 * DAY
    sample.work(request, 20)
    run_all(sample)
    assert [grant.available for grant in sample.grants(following)] == [95]
    assert sample.carried(f"customer:{sample.ann}") == 20


def test_a_contract_draws_from_a_late_entry_only_what_was_carried_before_its_start(
    sample: SampleDesk,
) -> None:
    sample.sell("support_hours", minutes=10)
    request = sample.log()
    sample.work(request, 10)
    sample.clock.at = MONDAY + DAY
    following = sample.sell("support_hours", minutes=100, starts_at=MONDAY + DAY)
    sample.clock.at = MONDAY + 2 * DAY
    sample.work(request, 20)
    sample.work(request, 5, at=MONDAY + DAY / 2)
    assert [grant.available for grant in sample.grants(following)] == [95]
    assert sample.carried(f"customer:{sample.ann}") == 20


def test_deleting_an_entry_returns_its_carried_time_from_the_contract_that_drew_it(
    sample: SampleDesk,
) -> None:
    sample.sell("support_hours", minutes=10)
    request = sample.log()
    sample.work(request, 10)
    sample.clock.at = MONDAY + DAY
    following = sample.sell("support_hours", minutes=100)
    sample.clock.at = MONDAY + 2 * DAY
    sample.work(request, 20)
    sample.work(request, 5, at=MONDAY + DAY / 2)
    taken = next(entry for entry in sample.entries(request) if entry.worked_minutes == 5)
    sample.do_as(sample.technician, delete_work, taken.id)
    assert [grant.available for grant in sample.grants(following)] == [100]
    assert sample.carried(f"customer:{sample.ann}") == 20
    assert sample.see(audit_desk).ok


@pytest.mark.parametrize("job", ["expire_contracts", None])
def test_a_late_expiry_is_in_the_audit_trail_as_of_the_contracts_end(
    sample: SampleDesk, job: str | None
) -> None:
    contract = sample.sell("support_hours", minutes=10, ends_on=MONDAY.date())
    end = sample.contract(contract).expires_at
    sample.clock.at = MONDAY + 10 * DAY
    if job is None:
        sample.do(sync_contract_state, contract)
    else:
        run_job(sample.desk, job)
    [event] = sample.rows(t.audit_event, subject_id=contract, action="expired")
    assert (event.at, event.recorded_at, event.details) == (end, sample.clock.at, None)
