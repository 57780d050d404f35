"""Bulk coverage searches: previewed first, applied where they change something."""

from sqlalchemy import update

from tests.support.sample_desk import SampleDesk
from workflows.coverage.bulk import apply_bulk, preview_bulk
from workflows.store import tables as t


def test_requests_opened_before_contracts_are_covered_if_a_valid_contract_is_found(
    sample: SampleDesk,
) -> None:
    sample.set(contracts=False)
    covered, uncovered = sample.log(), sample.log(customer=sample.customer("Bo"), item=None)
    with sample.desk.write() as tx:
        tx.connection.execute(update(t.service_request).values(before_contracts=True))
    sample.set(contracts=True)
    hours = sample.sell("support_hours", minutes=60)
    lines = {
        line.service_request: (line.outcome, line.applies)
        for line in sample.see(preview_bulk, "before_contracts")
    }
    assert lines == {covered: ("covered", True), uncovered: ("created", False)}
    assert sample.rows(t.coverage_decision) == []
    result = sample.do(apply_bulk, "before_contracts")
    assert (result.searched, result.changed) == (2, 1)
    assert (sample.request(covered).contract_id, sample.request(covered).state) == (hours, "open")
    assert (sample.request(uncovered).decision_id, sample.request(uncovered).state) == (None, "open")


def test_waiting_requests_are_offered_when_validation_is_switched_off(sample: SampleDesk) -> None:
    request = sample.log()
    sample.set(contract_validation=False)
    assert sample.request(request).state == "pending_no_contract"
    [line] = sample.see(preview_bulk, "waiting")
    assert (line.outcome, line.applies) == ("uncovered", True)
    sample.do(apply_bulk, "waiting", [request])
    assert (sample.request(request).state, sample.request(request).outcome) == ("open", "uncovered")
