"""Coverage search: which contract covers a service request, end to end on a real database."""

from datetime import timedelta

from tests.support.office import MONDAY, Office
from workflows.commands.contracts import CancelContract
from workflows.contracts.use_cases import cancel_contract, enable_contract
from workflows.service_requests.queries import read_service_request
from workflows.store import tables as t


def test_the_items_contract_comes_before_the_customers_and_the_org_units(office: Office) -> None:
    unit = office.sell("subscription", to=("org_unit", office.parent))
    assert office.request(office.log()).contract_id == unit
    own = office.sell("subscription")
    assert office.request(office.log()).contract_id == own
    item = office.sell("subscription", to=("item", office.laptop))
    covered = office.request(office.log())
    assert (covered.contract_id, covered.state, covered.outcome) == (item, "open", "covered")


def test_the_nearer_org_unit_comes_before_the_first_to_end(office: Office) -> None:
    office.sell("subscription", to=("org_unit", office.parent), ends_on=(MONDAY + timedelta(days=5)).date())
    near = office.sell("subscription", to=("org_unit", office.site))
    assert office.request(office.log()).contract_id == near


def test_the_contract_that_ends_first_pays_and_one_without_end_comes_last(office: Office) -> None:
    office.sell("support_hours", minutes=600)
    late = office.sell("subscription", ends_on=(MONDAY + timedelta(days=90)).date())
    soon = office.sell("subscription", ends_on=(MONDAY + timedelta(days=30)).date())
    assert office.request(office.log()).contract_id == soon
    office.do(cancel_contract, soon, CancelContract())
    assert office.request(office.log()).contract_id == late


def test_if_nothing_is_found_one_contract_is_created_and_enabling_it_opens_the_request(
    office: Office,
) -> None:
    request = office.log()
    waiting = office.request(request)
    assert (waiting.state, waiting.outcome, waiting.contract_id) == ("pending_no_contract", "created", None)
    made = office.rows(t.contract, holder_id=request)
    assert [(one.type, one.state, one.made_by_rule) for one in made] == [("per_request", "pending", True)]
    office.do(enable_contract, made[0].id)
    covered = office.request(request)
    assert (covered.state, covered.contract_id) == ("open", made[0].id)
    outcomes = [one.outcome for one in office.rows(t.coverage_decision, service_request_id=request)]
    assert outcomes == ["created", "covered"]
    assert [one.subject_id for one in office.rows(t.outbox, event="no_contract")] == [request]


def test_requests_wait_for_a_pending_contract_and_open_when_it_is_enabled(office: Office) -> None:
    pending = office.sell("subscription", enable=False)
    requests = [office.log(), office.log()]
    assert {office.request(one).outcome for one in requests} == {"waiting"}
    office.do(enable_contract, pending)
    assert {(office.request(one).state, office.request(one).contract_id) for one in requests} == {
        ("open", pending)
    }


def test_the_future_balance_of_an_awaited_contract_is_shown(office: Office) -> None:
    starts_on = (office.clock.now() + timedelta(days=10)).date()
    office.sell("time_limited_subscription", starts_on=starts_on, ends_on=starts_on, minutes=600)
    with office.desk.read() as tx:
        coverage = read_service_request(tx, office.log()).coverage
    assert coverage is not None
    assert (coverage.outcome, coverage.minutes_left) == ("waiting", 600)


def test_coverage_by_an_items_contract_cancels_the_unused_created_one(office: Office) -> None:
    request = office.log()
    item = office.sell("subscription", to=("item", office.laptop))
    assert office.request(request).contract_id == item
    assert [one.state for one in office.rows(t.contract, holder_id=request)] == ["cancelled"]


def test_without_validation_it_opens_uncovered(office: Office) -> None:
    office.set(contract_validation=False)
    logged = office.request(office.log())
    assert (logged.state, logged.outcome, logged.contract_id) == ("open", "uncovered", None)


def test_with_contracts_off_nothing_is_searched(office: Office) -> None:
    office.set(contracts=False)
    logged = office.request(office.log())
    assert (logged.state, logged.outcome, logged.decision_id) == ("open", None, None)


def test_a_contract_covers_until_the_last_instant_of_its_last_day(office: Office) -> None:
    office.set(time_zone="Europe/Berlin")
    office.sell("subscription", ends_on=MONDAY.date())
    end = MONDAY.replace(hour=23)  # midnight in Berlin
    office.clock.at = end - timedelta(microseconds=1)
    assert office.request(office.log()).outcome == "covered"
    office.clock.at = end
    assert office.request(office.log()).outcome == "created"


def test_a_contract_starts_on_time_without_any_job(office: Office) -> None:
    start = MONDAY + timedelta(days=1)
    contract = office.sell("subscription", starts_at=start)
    assert office.contract(contract).state == "pending"
    office.clock.at = start
    assert office.request(office.log()).contract_id == contract


def test_a_cancellation_causes_a_new_search_and_does_not_change_the_state(office: Office) -> None:
    first = office.sell("subscription", to=("item", office.laptop))
    request = office.log()
    office.fire(request, "start")
    second = office.sell("subscription")
    office.do(cancel_contract, first, CancelContract(reason="sold by mistake"))
    moved = office.request(request)
    assert (moved.contract_id, moved.state) == (second, "in_progress")


def test_every_candidate_is_stored_with_the_reason_that_ruled_it_out(office: Office) -> None:
    office.sell(
        "subscription",
        to=("item", office.laptop),
        starts_at=MONDAY - timedelta(days=60),
        ends_on=(MONDAY - timedelta(days=3)).date(),
    )
    taken = office.sell("subscription")
    office.sell("subscription", to=("org_unit", office.site))
    request = office.log()
    [decision] = office.rows(t.coverage_decision, service_request_id=request)
    ruled_out = {one["contract"]: (one["ruled_out"] or {}).get("code") for one in decision.candidates}
    assert decision.contract_id == taken
    assert ruled_out[taken] is None
    assert sorted(code for code in ruled_out.values() if code) == ["came_after", "expired"]
