"""Single cases of service level targets through the use cases; random ones are in `test_sla_histories`."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.builders import RULES
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.administration.activation import activate_billing
from workflows.administration.settings import change_settings
from workflows.commands.administration import ActivateBilling
from workflows.commands.contracts import CancelContract
from workflows.commands.service_requests import (
    AddNote,
    ChangeServiceRequest,
    FireTrigger,
    SearchCoverage,
)
from workflows.contracts.use_cases import cancel_contract
from workflows.core.actors import Actor
from workflows.jobs.definitions import run_job
from workflows.service_requests.history import history_of
from workflows.service_requests.queries import read_service_request
from workflows.service_requests.use_cases import (
    add_note,
    change_service_request,
    fire_trigger,
    search_or_assign,
)
from workflows.views.service_requests import ServiceRequestView

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def seen(sample: SampleDesk, request: str) -> ServiceRequestView:
    return sample.see(read_service_request, request)


def covered(sample: SampleDesk, sla: str | None = "gold", **given: Any) -> str:
    """A request covered by a new subscription; gold, normal: 4 hours to respond and 24 to resolve."""
    sample.sell("subscription", sla=sla)
    return sample.log(**given)


def test_the_response_that_was_missed_stays_missed_after_a_hold(sample: SampleDesk) -> None:
    request = covered(sample)
    sample.clock.move(hours=5)
    sample.fire(request, "start")
    sample.fire(request, "hold", reason="customer")
    sample.clock.move(days=30)
    sample.fire(request, "resume")
    view = seen(sample, request)
    assert (view.response_due_at, view.response_state) == (MONDAY + 4 * HOUR, "missed")
    assert view.resolution_due_at == sample.clock.now() + 19 * HOUR
    assert view.resolution_minutes_left == 19 * 60


def test_a_hold_before_the_start_ends_in_a_start(sample: SampleDesk) -> None:
    request = covered(sample)
    sample.fire(request, "hold", reason="scheduled")
    resumed_at = sample.clock.move(hours=100)
    assert sample.fire(request, "resume") == "in_progress"
    view = seen(sample, request)
    assert (view.started_at, view.responded_at) == (resumed_at, resumed_at)
    assert view.technician == sample.technician.id
    assert view.response_state == "met"


@pytest.mark.parametrize("by", ["technician", "customer"])
def test_a_reopening_of_what_never_started_is_a_start(sample: SampleDesk, by: str) -> None:
    request = covered(sample)
    sample.fire(request, "resolve", note="Done")
    resolved_at, reopened_at = sample.clock.now(), sample.clock.move(hours=1)
    ann = sample.person("customer", "Ann", customer=sample.ann)
    actor = sample.technician if by == "technician" else ann
    sample.do_as(actor, fire_trigger, request, FireTrigger(trigger="reopen"))
    view = seen(sample, request)
    assert (view.started_at, view.responded_at) == (reopened_at, resolved_at)
    assert view.technician == (sample.technician.id if by == "technician" else None)


# ------------------------------------------------------------------ the response


def note(sample: SampleDesk, request: str, actor: Actor, *, public: bool = True) -> None:
    sample.do_as(actor, add_note, request, AddNote(body="We are looking at it.", public=public))


def test_the_first_public_answer_by_staff_is_the_response(sample: SampleDesk) -> None:
    request = covered(sample)
    ann = sample.person("customer", "Ann", customer=sample.ann)
    note(sample, request, ann)
    note(sample, request, sample.technician, public=False)
    sample.work(request, 10)
    assert seen(sample, request).responded_at is None
    answered_at = sample.clock.move(hours=1)
    version = sample.request(request).version
    note(sample, request, sample.finance)
    assert sample.request(request).version == version + 1
    sample.clock.move(hours=5)
    note(sample, request, sample.technician)
    sample.fire(request, "start")
    view = seen(sample, request)
    assert (view.responded_at, view.response_state) == (answered_at, "met")


def test_an_answer_on_hold_is_compared_by_the_time_that_was_left(sample: SampleDesk) -> None:
    request = covered(sample)
    sample.clock.move(hours=1)
    sample.fire(request, "hold", reason="supplier")
    answered_at = sample.clock.move(days=9)
    note(sample, request, sample.technician)
    view = seen(sample, request)
    assert (view.response_due_at, view.response_state) == (answered_at + 3 * HOUR, "met")
    assert (view.resolution_state, view.resolution_minutes_left) == ("stopped", 23 * 60)


def test_an_answer_before_there_is_a_contract_is_in_time(sample: SampleDesk) -> None:
    request = sample.log()
    assert sample.request(request).state == "pending_no_contract"
    note(sample, request, sample.technician)
    sample.clock.move(days=2)
    sample.sell("subscription", sla="gold")
    view = seen(sample, request)
    assert (view.responded_at, view.response_state) == (MONDAY, "met")
    assert view.resolution_due_at == sample.clock.now() + 24 * HOUR


def test_an_answer_to_a_cancelled_request_is_no_response(sample: SampleDesk) -> None:
    request = covered(sample)
    sample.fire(request, "cancel", reason="Not needed")
    note(sample, request, sample.technician)
    view = seen(sample, request)
    assert (view.responded_at, view.response_state, view.resolution_state) == (None, "cancelled", "cancelled")
    assert view.response_minutes_left is None


# ------------------------------------------------------------------ time that does not count


def test_the_time_from_resolution_to_reopening_does_not_count(sample: SampleDesk) -> None:
    request = covered(sample)
    sample.clock.move(hours=3)
    sample.fire(request, "resolve", note="Done")
    assert seen(sample, request).paused_at == sample.clock.now()
    reopened_at = sample.clock.move(days=10)
    sample.fire(request, "reopen")
    view = seen(sample, request)
    assert view.state == "in_progress"
    assert (view.resolution_due_at, view.resolution_state) == (reopened_at + 21 * HOUR, "open")


def test_a_resolution_that_was_missed_stays_missed_after_a_reopening(sample: SampleDesk) -> None:
    request = covered(sample)
    sample.clock.move(hours=30)
    sample.fire(request, "resolve", note="Done")
    sample.clock.move(hours=30)
    sample.fire(request, "reopen")
    sample.fire(request, "resolve", note="Done again")
    view = seen(sample, request)
    assert (view.resolution_due_at, view.resolution_state) == (MONDAY + DAY, "missed")


def test_waiting_after_a_late_reopening_does_not_count(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", sla="gold")
    request = sample.log()
    sample.clock.move(hours=3)
    sample.fire(request, "resolve", note="Done")
    sample.clock.move(days=40)
    sample.do(cancel_contract, contract, CancelContract(reason="Left"))
    assert sample.fire(request, "reopen") == "pending_no_contract"
    view = seen(sample, request)
    assert (view.response_state, view.resolution_due_at) == ("met", None)
    covered_at = sample.clock.move(days=3)
    sample.sell("subscription", sla="gold")
    view = seen(sample, request)
    assert view.state == "open"
    assert view.resolution_due_at == covered_at + 21 * HOUR


# ------------------------------------------------------------------ other levels, priorities and hours


def assign(sample: SampleDesk, request: str, contract: str) -> None:
    command = SearchCoverage(contract=contract, reason="Better")
    sample.do_as(sample.supervisor, search_or_assign, request, command)


def test_another_calendar_keeps_used_hours_and_forgets_the_hold(sample: SampleDesk) -> None:
    """Standard, normal: 8 and 40 hours by the week. Gold: 4 and 24 around the clock."""
    request = covered(sample, "standard")
    sample.clock.move(hours=2)
    sample.fire(request, "hold", reason="customer")
    resumed_at = sample.clock.move(days=1)
    sample.fire(request, "resume")
    gold = sample.sell("subscription", sla="gold")
    assign(sample, request, gold)
    view = seen(sample, request)
    assert (view.sla, view.resolution_due_at) == ("gold", resumed_at + 22 * HOUR)
    assert view.response_state == "met"


def test_a_milder_priority_and_level_leave_what_was_missed(sample: SampleDesk) -> None:
    request = covered(sample, priority="critical")
    sample.clock.move(hours=1)
    command = ChangeServiceRequest(priority="low")
    sample.do_as(sample.technician, change_service_request, request, command)
    view = seen(sample, request)
    assert (view.response_due_at, view.response_state) == (MONDAY + HOUR / 4, "missed")
    assert view.resolution_due_at == MONDAY + 48 * HOUR


def test_a_priority_counts_while_contracts_are_off(sample: SampleDesk) -> None:
    request = covered(sample)
    sample.do(change_settings, {"contracts": False})
    command = ChangeServiceRequest(priority="critical")
    sample.do_as(sample.technician, change_service_request, request, command)
    assert seen(sample, request).resolution_due_at == MONDAY + 4 * HOUR
    sample.do(activate_billing, ActivateBilling())


def test_a_holiday_moves_open_targets_and_keeps_used_hours(sample: SampleDesk) -> None:
    request = covered(sample, "standard")
    sample.clock.move(hours=6)
    sample.do(change_settings, {"work_calendar": {"holidays": ["2026-03-02", "2026-03-03"]}})
    view = seen(sample, request)
    assert view.response_due_at == MONDAY + 2 * DAY + 2 * HOUR
    assert view.response_minutes_left == 120
    sample.do(change_settings, {"work_calendar": {"holidays": []}})
    # this Monday's hours count again from now on
    assert seen(sample, request).response_due_at == MONDAY + 8 * HOUR


def slas(**levels: tuple[str, int, int]) -> str:
    """A file of levels: calendar, minutes to respond and minutes to resolve."""
    file = json.loads((RULES / "slas.json").read_text())
    file["slas"] = [
        {
            "id": id,
            "label": id.title(),
            "calendar": calendar,
            "targets": {
                priority: {"response_minutes": response, "resolution_minutes": resolution}
                for priority in ("low", "normal", "high", "critical")
            },
        }
        for id, (calendar, response, resolution) in levels.items()
    ]
    return json.dumps({**file, "examples": []})


def test_a_level_published_anew_moves_open_targets(sample: SampleDesk) -> None:
    first = covered(sample, "standard")
    sample.clock.move(hours=2)
    held = sample.log()
    sample.fire(held, "hold", reason="customer")
    standard = ("always", 600, 1200)
    sample.publish_rules(slas=slas(standard=standard, gold=("always", 60, 120)))
    assert seen(sample, first).response_due_at == MONDAY + 10 * HOUR
    view = seen(sample, held)
    assert (view.response_due_at, view.response_state) == (MONDAY + 12 * HOUR, "stopped")
    assert view.response_minutes_left == 600


def test_a_level_that_is_removed_has_no_targets_until_it_is_back(sample: SampleDesk) -> None:
    kinds = {}
    for path in (RULES / "contract_types").glob("*.json"):
        kind = json.loads(path.read_text())
        if kind["defaults"].get("sla"):
            kind["defaults"]["sla"] = "gold"
        kinds[f"contract_types__{path.stem}"] = json.dumps(kind)
    request = covered(sample, "standard")
    sample.clock.move(hours=2)
    sample.publish_rules(slas=slas(gold=("always", 60, 120)), **kinds)
    view = seen(sample, request)
    assert (view.sla, view.response_due_at, view.resolution_due_at) == (None, None, None)
    sample.clock.move(hours=2)
    sample.publish_rules()
    view = seen(sample, request)
    # two hours have counted; those without a level have not
    assert (view.sla, view.response_minutes_left) == ("standard", 6 * 60)
    assert view.response_due_at == MONDAY + DAY + 2 * HOUR


def test_a_contract_that_a_rule_enables_brings_its_level(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", sla="gold")
    request = sample.log()
    rule = json.loads((RULES / "coverage.json").read_text())
    rule["rules"][-1]["actions"][0]["params"] = {"type": "per_request", "enable": True, "sla": "standard"}
    sample.publish_rules(coverage=json.dumps({**rule, "examples": []}))
    sample.do(cancel_contract, contract, CancelContract(reason="Left"))
    view = seen(sample, request)
    assert (view.state, view.sla) == ("open", "standard")
    assert view.response_due_at == MONDAY + 8 * HOUR


def test_no_statement_is_added_to_the_logging_of_a_covered_request(sample: SampleDesk) -> None:
    """The clock of a new request is written with its row: a contract with a level costs no statement more."""
    counts = []
    for sla in (None, "gold"):
        customer = sample.customer(f"With {sla}")
        sample.sell("subscription", to=("customer", customer), sla=sla)
        counts.append(_statements(sample, customer))
    assert counts[0] == counts[1]


def _statements(sample: SampleDesk, customer: str) -> int:
    sent: list[str] = []
    engine = sample.desk.database.engine

    def note_statement(*given: Any) -> None:
        sent.append(given[2])

    event.listen(engine, "before_cursor_execute", note_statement)
    try:
        sample.log(customer=customer, item=None)
    finally:
        event.remove(engine, "before_cursor_execute", note_statement)
    return len(sent)


# ------------------------------------------------------------------ late jobs


@pytest.mark.parametrize("by", ["job", "read", "answer", "start", "priority"])
def test_the_clock_runs_since_the_contract_began_however_late_a_job_is(sample: SampleDesk, by: str) -> None:
    began_at = MONDAY + 3 * DAY
    sample.sell("subscription", sla="gold", starts_at=began_at)
    request = sample.log()
    assert sample.request(request).state == "pending_no_contract"
    sample.clock.at = began_at + 5 * HOUR
    if by == "job":
        run_job(sample.desk, "settle_contracts")
    elif by == "answer":
        note(sample, request, sample.technician)
    elif by == "start":
        sample.fire(request, "start")
    elif by == "priority":
        command = ChangeServiceRequest(priority="low")
        sample.do_as(sample.technician, change_service_request, request, command)
    view = seen(sample, request)
    cover = sample.see(history_of, request)[1]
    assert (cover.trigger, cover.at) == ("cover", began_at)
    assert (view.paused_at, view.response_state) == (None, "missed")
    assert view.response_due_at == began_at + 4 * HOUR
    assert view.resolution_due_at == began_at + (48 if by == "priority" else 24) * HOUR


def test_a_request_that_waits_since_later_opens_then(sample: SampleDesk) -> None:
    """It is moved to the contract's customer hours after the contract began, and before any job runs."""
    sample.set(time_expired_contract="ignore")
    began_at = MONDAY + HOUR
    bob = sample.customer("Bob")
    sample.sell("subscription", sla="gold", starts_at=began_at, to=("customer", bob))
    request = sample.log(item=None)
    moved_at = sample.clock.move(hours=7)
    command = ChangeServiceRequest(customer=bob)
    sample.do_as(sample.technician, change_service_request, request, command)
    cover = sample.see(history_of, request)[1]
    assert (cover.trigger, cover.at) == ("cover", moved_at)
    assert seen(sample, request).resolution_due_at == moved_at + 24 * HOUR
