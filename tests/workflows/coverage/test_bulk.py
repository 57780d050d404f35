"""Bulk coverage searches: previewed first, applied where they change something."""

from sqlalchemy import update

from tests.support.office import Office
from workflows.coverage.bulk import apply_bulk, preview_bulk
from workflows.store import tables as t


def test_requests_opened_before_contracts_are_covered_if_a_valid_contract_is_found(office: Office) -> None:
    office.set(contracts=False)
    covered, uncovered = office.log(), office.log(customer=office.customer("Bo"), item=None)
    with office.desk.write() as tx:
        tx.connection.execute(update(t.service_request).values(before_contracts=True))
    office.set(contracts=True)
    hours = office.sell("support_hours", minutes=60)
    lines = {
        line.service_request: (line.outcome, line.applies)
        for line in office.see(preview_bulk, "before_contracts")
    }
    assert lines == {covered: ("covered", True), uncovered: ("created", False)}
    assert office.rows(t.coverage_decision) == []
    result = office.do(apply_bulk, "before_contracts")
    assert (result.searched, result.changed) == (2, 1)
    assert (office.request(covered).contract_id, office.request(covered).state) == (hours, "open")
    assert (office.request(uncovered).decision_id, office.request(uncovered).state) == (None, "open")


def test_waiting_requests_are_offered_when_validation_is_switched_off(office: Office) -> None:
    request = office.log()
    office.set(contract_validation=False)
    assert office.request(request).state == "pending_no_contract"
    [line] = office.see(preview_bulk, "waiting")
    assert (line.outcome, line.applies) == ("uncovered", True)
    office.do(apply_bulk, "waiting", [request])
    assert (office.request(request).state, office.request(request).outcome) == ("open", "uncovered")
