"""Coverage search: which contract covers a service request, end to end on a real database."""

from datetime import timedelta

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import CancelContract
from workflows.contracts.use_cases import cancel_contract, enable_contract
from workflows.service_requests.queries import read_service_request
from workflows.store import tables as t


def test_the_items_contract_comes_before_the_customers_and_the_org_units(sample: SampleDesk) -> None:
    unit = sample.sell("subscription", to=("org_unit", sample.parent))
    assert sample.request(sample.log()).contract_id == unit
    own = sample.sell("subscription")
    assert sample.request(sample.log()).contract_id == own
    item = sample.sell("subscription", to=("item", sample.laptop))
    covered = sample.request(sample.log())
    assert (covered.contract_id, covered.state, covered.outcome) == (item, "open", "covered")


def test_the_nearer_org_unit_comes_before_the_first_to_end(sample: SampleDesk) -> None:
    sample.sell("subscription", to=("org_unit", sample.parent), ends_on=(MONDAY + timedelta(days=5)).date())
    near = sample.sell("subscription", to=("org_unit", sample.site))
    assert sample.request(sample.log()).contract_id == near


def test_the_contract_that_ends_first_pays_and_one_without_end_comes_last(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    late = sample.sell("subscription", ends_on=(MONDAY + timedelta(days=90)).date())
    soon = sample.sell("subscription", ends_on=(MONDAY + timedelta(days=30)).date())
    assert sample.request(sample.log()).contract_id == soon
    sample.do(cancel_contract, soon, CancelContract())
    assert sample.request(sample.log()).contract_id == late


def test_if_nothing_is_found_one_contract_is_created_and_enabling_it_opens_the_request(
    sample: SampleDesk,
) -> None:
    request = sample.log()
    waiting = sample.request(request)
    assert (waiting.state, waiting.outcome, waiting.contract_id) == ("pending_no_contract", "created", None)
    made = sample.rows(t.contract, holder_id=request)
    assert [(one.type, one.state, one.made_by_rule) for one in made] == [("per_request", "pending", True)]
    sample.do(enable_contract, made[0].id)
    covered = sample.request(request)
    assert (covered.state, covered.contract_id) == ("open", made[0].id)
    outcomes = [one.outcome for one in sample.rows(t.coverage_decision, service_request_id=request)]
    assert outcomes == ["created", "covered"]
    assert [one.subject_id for one in sample.rows(t.outbox, event="no_contract")] == [request]


def test_requests_wait_for_a_pending_contract_and_open_when_it_is_enabled(sample: SampleDesk) -> None:
    pending = sample.sell("subscription", enable=False)
    requests = [sample.log(), sample.log()]
    assert {sample.request(one).outcome for one in requests} == {"waiting"}
    sample.do(enable_contract, pending)
    assert {(sample.request(one).state, sample.request(one).contract_id) for one in requests} == {
        ("open", pending)
    }


def test_the_future_balance_of_an_awaited_contract_is_shown(sample: SampleDesk) -> None:
    starts_on = (sample.clock.now() + timedelta(days=10)).date()
    sample.sell("time_limited_subscription", starts_on=starts_on, ends_on=starts_on, minutes=600)
    with sample.desk.read() as tx:
        coverage = read_service_request(tx, sample.log()).coverage
    assert coverage is not None
    assert (coverage.outcome, coverage.minutes_left) == ("waiting", 600)


def test_coverage_by_an_items_contract_cancels_the_unused_created_one(sample: SampleDesk) -> None:
    request = sample.log()
    item = sample.sell("subscription", to=("item", sample.laptop))
    assert sample.request(request).contract_id == item
    assert [one.state for one in sample.rows(t.contract, holder_id=request)] == ["cancelled"]


def test_without_validation_it_opens_uncovered(sample: SampleDesk) -> None:
    sample.set(contract_validation=False)
    logged = sample.request(sample.log())
    assert (logged.state, logged.outcome, logged.contract_id) == ("open", "uncovered", None)


def test_with_contracts_off_nothing_is_searched(sample: SampleDesk) -> None:
    sample.set(contracts=False)
    logged = sample.request(sample.log())
    assert (logged.state, logged.outcome, logged.decision_id) == ("open", None, None)


def test_a_contract_covers_until_the_last_instant_of_its_last_day(sample: SampleDesk) -> None:
    sample.set(time_zone="Europe/Berlin")
    sample.sell("subscription", ends_on=MONDAY.date())
    end = MONDAY.replace(hour=23)  # midnight in Berlin
    sample.clock.at = end - timedelta(microseconds=1)
    assert sample.request(sample.log()).outcome == "covered"
    sample.clock.at = end
    assert sample.request(sample.log()).outcome == "created"


def test_a_contract_starts_on_time_without_any_job(sample: SampleDesk) -> None:
    start = MONDAY + timedelta(days=1)
    contract = sample.sell("subscription", starts_at=start)
    assert sample.contract(contract).state == "pending"
    sample.clock.at = start
    assert sample.request(sample.log()).contract_id == contract


def test_a_cancellation_causes_a_new_search_and_does_not_change_the_state(sample: SampleDesk) -> None:
    first = sample.sell("subscription", to=("item", sample.laptop))
    request = sample.log()
    sample.fire(request, "start")
    second = sample.sell("subscription")
    sample.do(cancel_contract, first, CancelContract(reason="sold by mistake"))
    moved = sample.request(request)
    assert (moved.contract_id, moved.state) == (second, "in_progress")


def test_every_candidate_is_stored_with_the_reason_that_ruled_it_out(sample: SampleDesk) -> None:
    sample.sell(
        "subscription",
        to=("item", sample.laptop),
        starts_at=MONDAY - timedelta(days=60),
        ends_on=(MONDAY - timedelta(days=3)).date(),
    )
    taken = sample.sell("subscription")
    sample.sell("subscription", to=("org_unit", sample.site))
    request = sample.log()
    [decision] = sample.rows(t.coverage_decision, service_request_id=request)
    ruled_out = {one["contract"]: (one["ruled_out"] or {}).get("code") for one in decision.candidates}
    assert decision.contract_id == taken
    assert ruled_out[taken] is None
    assert sorted(code for code in ruled_out.values() if code) == ["came_after", "expired"]
