"""Late jobs change no result: after downtime, everything is as if each job had run on time."""

from datetime import timedelta

import pytest

from tests.support.office import MONDAY, Office
from workflows.jobs.definitions import JOBS, run_job
from workflows.ledger.audit import audit_ledger
from workflows.lifecycle.contracts.settlement import sync_contract_state
from workflows.store import tables as t
from workflows.work.use_cases import delete_work

DAY = timedelta(days=1)


def run_all(office: Office) -> None:
    for name in JOBS:
        if name != "deliver_outbox":
            run_job(office.desk, name)


def test_a_late_close_does_not_reactivate_a_contract_that_has_ended_since(office: Office) -> None:
    """The close was due on day 7, the pack ended with day 8, the scheduler was down until day 10."""
    pack = office.sell("incident_pack", incidents=2, ends_on=(MONDAY + 7 * DAY).date())
    request = office.log()
    office.fire(request, "resolve", note="done")
    office.clock.move(days=10)
    for _ in range(3):
        run_all(office)
        assert (office.contract(pack).state, office.contract(pack).next_due_at) == ("expired", None)
    assert office.request(request).closed_at == MONDAY + 7 * DAY
    [grant] = office.grants(pack)
    assert (grant.available, grant.held, grant.consumed, grant.expired) == (0, 0, 1, 1)
    assert office.see(audit_ledger).ok


@pytest.mark.parametrize("in_time", [True, False])
def test_a_contract_draws_only_what_was_carried_before_it_became_valid(office: Office, in_time: bool) -> None:
    office.sell("support_hours", minutes=10)
    request = office.log()
    office.work(request, 15)
    following = office.sell("support_hours", minutes=100, starts_at=MONDAY + DAY)
    office.clock.at = MONDAY + DAY
    if in_time:
        run_all(office)
    office.clock.at = MONDAY + 2 * DAY
    office.work(request, 20)
    run_all(office)
    assert [grant.available for grant in office.grants(following)] == [95]
    assert office.carried(f"customer:{office.ann}") == 20


def test_a_contract_draws_from_a_late_entry_only_what_was_carried_before_its_start(
    office: Office,
) -> None:
    office.sell("support_hours", minutes=10)
    request = office.log()
    office.work(request, 10)
    office.clock.at = MONDAY + DAY
    following = office.sell("support_hours", minutes=100, starts_at=MONDAY + DAY)
    office.clock.at = MONDAY + 2 * DAY
    office.work(request, 20)
    office.work(request, 5, at=MONDAY + DAY / 2)
    assert [grant.available for grant in office.grants(following)] == [95]
    assert office.carried(f"customer:{office.ann}") == 20


def test_deleting_an_entry_returns_its_carried_time_from_the_contract_that_drew_it(office: Office) -> None:
    office.sell("support_hours", minutes=10)
    request = office.log()
    office.work(request, 10)
    office.clock.at = MONDAY + DAY
    following = office.sell("support_hours", minutes=100)
    office.clock.at = MONDAY + 2 * DAY
    office.work(request, 20)
    office.work(request, 5, at=MONDAY + DAY / 2)
    taken = next(entry for entry in office.entries(request) if entry.worked_minutes == 5)
    office.do_as(office.technician, delete_work, taken.id)
    assert [grant.available for grant in office.grants(following)] == [100]
    assert office.carried(f"customer:{office.ann}") == 20
    assert office.see(audit_ledger).ok


@pytest.mark.parametrize("job", ["expire_contracts", None])
def test_a_late_expiry_is_in_the_audit_trail_as_of_the_contracts_end(office: Office, job: str | None) -> None:
    contract = office.sell("support_hours", minutes=10, ends_on=MONDAY.date())
    end = office.contract(contract).expires_at
    office.clock.at = MONDAY + 10 * DAY
    if job is None:
        office.do(sync_contract_state, contract)
    else:
        run_job(office.desk, job)
    [event] = office.rows(t.audit_event, subject_id=contract, action="expired")
    assert (event.at, event.recorded_at, event.details) == (end, office.clock.at, None)
