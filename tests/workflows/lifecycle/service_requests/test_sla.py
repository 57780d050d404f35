"""Single cases of service level targets through the use cases; random ones are in `test_sla_histories`."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.builders import RULES
from tests.support.office import MONDAY, Office
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
from workflows.service_requests.queries import history_of, read_service_request
from workflows.service_requests.use_cases import (
    add_note,
    change_service_request,
    fire_trigger,
    search_or_assign,
)
from workflows.views.service_requests import ServiceRequestView

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def seen(office: Office, request: str) -> ServiceRequestView:
    return office.see(read_service_request, request)


def covered(office: Office, sla: str | None = "gold", **given: Any) -> str:
    """A request covered by a new subscription; gold, normal: 4 hours to respond and 24 to resolve."""
    office.sell("subscription", sla=sla)
    return office.log(**given)


def test_the_response_that_was_missed_stays_missed_after_a_hold(office: Office) -> None:
    request = covered(office)
    office.clock.move(hours=5)
    office.fire(request, "start")
    office.fire(request, "hold", reason="customer")
    office.clock.move(days=30)
    office.fire(request, "resume")
    view = seen(office, request)
    assert (view.response_due_at, view.response_state) == (MONDAY + 4 * HOUR, "missed")
    assert view.resolution_due_at == office.clock.now() + 19 * HOUR
    assert view.resolution_minutes_left == 19 * 60


def test_a_hold_before_the_start_ends_in_a_start(office: Office) -> None:
    request = covered(office)
    office.fire(request, "hold", reason="scheduled")
    resumed_at = office.clock.move(hours=100)
    assert office.fire(request, "resume") == "in_progress"
    view = seen(office, request)
    assert (view.started_at, view.responded_at) == (resumed_at, resumed_at)
    assert view.technician == office.technician.id
    assert view.response_state == "met"


@pytest.mark.parametrize("by", ["technician", "customer"])
def test_a_reopening_of_what_never_started_is_a_start(office: Office, by: str) -> None:
    request = covered(office)
    office.fire(request, "resolve", note="Done")
    resolved_at, reopened_at = office.clock.now(), office.clock.move(hours=1)
    ann = office.person("customer", "Ann", customer=office.ann)
    actor = office.technician if by == "technician" else ann
    office.do_as(actor, fire_trigger, request, FireTrigger(trigger="reopen"))
    view = seen(office, request)
    assert (view.started_at, view.responded_at) == (reopened_at, resolved_at)
    assert view.technician == (office.technician.id if by == "technician" else None)


# ------------------------------------------------------------------ the response


def note(office: Office, request: str, actor: Actor, *, public: bool = True) -> None:
    office.do_as(actor, add_note, request, AddNote(body="We are looking at it.", public=public))


def test_the_first_public_answer_by_staff_is_the_response(office: Office) -> None:
    request = covered(office)
    ann = office.person("customer", "Ann", customer=office.ann)
    note(office, request, ann)
    note(office, request, office.technician, public=False)
    office.work(request, 10)
    assert seen(office, request).responded_at is None
    answered_at = office.clock.move(hours=1)
    version = office.request(request).version
    note(office, request, office.finance)
    assert office.request(request).version == version + 1
    office.clock.move(hours=5)
    note(office, request, office.technician)
    office.fire(request, "start")
    view = seen(office, request)
    assert (view.responded_at, view.response_state) == (answered_at, "met")


def test_an_answer_on_hold_is_compared_by_the_time_that_was_left(office: Office) -> None:
    request = covered(office)
    office.clock.move(hours=1)
    office.fire(request, "hold", reason="supplier")
    answered_at = office.clock.move(days=9)
    note(office, request, office.technician)
    view = seen(office, request)
    assert (view.response_due_at, view.response_state) == (answered_at + 3 * HOUR, "met")
    assert (view.resolution_state, view.resolution_minutes_left) == ("stopped", 23 * 60)


def test_an_answer_before_there_is_a_contract_is_in_time(office: Office) -> None:
    request = office.log()
    assert office.request(request).state == "pending_no_contract"
    note(office, request, office.technician)
    office.clock.move(days=2)
    office.sell("subscription", sla="gold")
    view = seen(office, request)
    assert (view.responded_at, view.response_state) == (MONDAY, "met")
    assert view.resolution_due_at == office.clock.now() + 24 * HOUR


def test_an_answer_to_a_cancelled_request_is_no_response(office: Office) -> None:
    request = covered(office)
    office.fire(request, "cancel", reason="Not needed")
    note(office, request, office.technician)
    view = seen(office, request)
    assert (view.responded_at, view.response_state, view.resolution_state) == (None, "cancelled", "cancelled")
    assert view.response_minutes_left is None


# ------------------------------------------------------------------ time that does not count


def test_the_time_from_resolution_to_reopening_does_not_count(office: Office) -> None:
    request = covered(office)
    office.clock.move(hours=3)
    office.fire(request, "resolve", note="Done")
    assert seen(office, request).paused_at == office.clock.now()
    reopened_at = office.clock.move(days=10)
    office.fire(request, "reopen")
    view = seen(office, request)
    assert view.state == "in_progress"
    assert (view.resolution_due_at, view.resolution_state) == (reopened_at + 21 * HOUR, "open")


def test_a_resolution_that_was_missed_stays_missed_after_a_reopening(office: Office) -> None:
    request = covered(office)
    office.clock.move(hours=30)
    office.fire(request, "resolve", note="Done")
    office.clock.move(hours=30)
    office.fire(request, "reopen")
    office.fire(request, "resolve", note="Done again")
    view = seen(office, request)
    assert (view.resolution_due_at, view.resolution_state) == (MONDAY + DAY, "missed")


def test_waiting_after_a_late_reopening_does_not_count(office: Office) -> None:
    contract = office.sell("subscription", sla="gold")
    request = office.log()
    office.clock.move(hours=3)
    office.fire(request, "resolve", note="Done")
    office.clock.move(days=40)
    office.do(cancel_contract, contract, CancelContract(reason="Left"))
    assert office.fire(request, "reopen") == "pending_no_contract"
    view = seen(office, request)
    assert (view.response_state, view.resolution_due_at) == ("met", None)
    covered_at = office.clock.move(days=3)
    office.sell("subscription", sla="gold")
    view = seen(office, request)
    assert view.state == "open"
    assert view.resolution_due_at == covered_at + 21 * HOUR


# ------------------------------------------------------------------ other levels, priorities and hours


def assign(office: Office, request: str, contract: str) -> None:
    command = SearchCoverage(contract=contract, reason="Better")
    office.do_as(office.supervisor, search_or_assign, request, command)


def test_another_calendar_keeps_used_hours_and_forgets_the_hold(office: Office) -> None:
    """Standard, normal: 8 and 40 hours by the week. Gold: 4 and 24 around the clock."""
    request = covered(office, "standard")
    office.clock.move(hours=2)
    office.fire(request, "hold", reason="customer")
    resumed_at = office.clock.move(days=1)
    office.fire(request, "resume")
    gold = office.sell("subscription", sla="gold")
    assign(office, request, gold)
    view = seen(office, request)
    assert (view.sla, view.resolution_due_at) == ("gold", resumed_at + 22 * HOUR)
    assert view.response_state == "met"


def test_a_milder_priority_and_level_leave_what_was_missed(office: Office) -> None:
    request = covered(office, priority="critical")
    office.clock.move(hours=1)
    command = ChangeServiceRequest(priority="low")
    office.do_as(office.technician, change_service_request, request, command)
    view = seen(office, request)
    assert (view.response_due_at, view.response_state) == (MONDAY + HOUR / 4, "missed")
    assert view.resolution_due_at == MONDAY + 48 * HOUR


def test_a_priority_counts_while_contracts_are_off(office: Office) -> None:
    request = covered(office)
    office.do(change_settings, {"contracts": False})
    command = ChangeServiceRequest(priority="critical")
    office.do_as(office.technician, change_service_request, request, command)
    assert seen(office, request).resolution_due_at == MONDAY + 4 * HOUR
    office.do(activate_billing, ActivateBilling())


def test_a_holiday_moves_open_targets_and_keeps_used_hours(office: Office) -> None:
    request = covered(office, "standard")
    office.clock.move(hours=6)
    office.do(change_settings, {"work_calendar": {"holidays": ["2026-03-02", "2026-03-03"]}})
    view = seen(office, request)
    assert view.response_due_at == MONDAY + 2 * DAY + 2 * HOUR
    assert view.response_minutes_left == 120
    office.do(change_settings, {"work_calendar": {"holidays": []}})
    # this Monday's hours count again from now on
    assert seen(office, request).response_due_at == MONDAY + 8 * HOUR


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


def test_a_level_published_anew_moves_open_targets(office: Office) -> None:
    first = covered(office, "standard")
    office.clock.move(hours=2)
    held = office.log()
    office.fire(held, "hold", reason="customer")
    standard = ("always", 600, 1200)
    office.publish_rules(slas=slas(standard=standard, gold=("always", 60, 120)))
    assert seen(office, first).response_due_at == MONDAY + 10 * HOUR
    view = seen(office, held)
    assert (view.response_due_at, view.response_state) == (MONDAY + 12 * HOUR, "stopped")
    assert view.response_minutes_left == 600


def test_a_level_that_is_removed_has_no_targets_until_it_is_back(office: Office) -> None:
    kinds = {}
    for path in (RULES / "contract_types").glob("*.json"):
        kind = json.loads(path.read_text())
        if kind["defaults"].get("sla"):
            kind["defaults"]["sla"] = "gold"
        kinds[f"contract_types__{path.stem}"] = json.dumps(kind)
    request = covered(office, "standard")
    office.clock.move(hours=2)
    office.publish_rules(slas=slas(gold=("always", 60, 120)), **kinds)
    view = seen(office, request)
    assert (view.sla, view.response_due_at, view.resolution_due_at) == (None, None, None)
    office.clock.move(hours=2)
    office.publish_rules()
    view = seen(office, request)
    # two hours have counted; those without a level have not
    assert (view.sla, view.response_minutes_left) == ("standard", 6 * 60)
    assert view.response_due_at == MONDAY + DAY + 2 * HOUR


def test_a_contract_that_a_rule_enables_brings_its_level(office: Office) -> None:
    contract = office.sell("subscription", sla="gold")
    request = office.log()
    rule = json.loads((RULES / "coverage.json").read_text())
    rule["rules"][-1]["actions"][0]["params"] = {"type": "per_request", "enable": True, "sla": "standard"}
    office.publish_rules(coverage=json.dumps({**rule, "examples": []}))
    office.do(cancel_contract, contract, CancelContract(reason="Left"))
    view = seen(office, request)
    assert (view.state, view.sla) == ("open", "standard")
    assert view.response_due_at == MONDAY + 8 * HOUR


def test_no_statement_is_added_to_the_logging_of_a_covered_request(office: Office) -> None:
    """The clock of a new request is written with its row: a contract with a level costs no statement more."""
    counts = []
    for sla in (None, "gold"):
        customer = office.customer(f"With {sla}")
        office.sell("subscription", to=("customer", customer), sla=sla)
        counts.append(_statements(office, customer))
    assert counts[0] == counts[1]


def _statements(office: Office, customer: str) -> int:
    sent: list[str] = []
    engine = office.desk.database.engine

    def note_statement(*given: Any) -> None:
        sent.append(given[2])

    event.listen(engine, "before_cursor_execute", note_statement)
    try:
        office.log(customer=customer, item=None)
    finally:
        event.remove(engine, "before_cursor_execute", note_statement)
    return len(sent)


# ------------------------------------------------------------------ late jobs


@pytest.mark.parametrize("by", ["job", "read", "answer", "start", "priority"])
def test_the_clock_runs_since_the_contract_began_however_late_a_job_is(office: Office, by: str) -> None:
    began_at = MONDAY + 3 * DAY
    office.sell("subscription", sla="gold", starts_at=began_at)
    request = office.log()
    assert office.request(request).state == "pending_no_contract"
    office.clock.at = began_at + 5 * HOUR
    if by == "job":
        run_job(office.desk, "settle_contracts")
    elif by == "answer":
        note(office, request, office.technician)
    elif by == "start":
        office.fire(request, "start")
    elif by == "priority":
        command = ChangeServiceRequest(priority="low")
        office.do_as(office.technician, change_service_request, request, command)
    view = seen(office, request)
    cover = office.see(history_of, request)[1]
    assert (cover.trigger, cover.at) == ("cover", began_at)
    assert (view.paused_at, view.response_state) == (None, "missed")
    assert view.response_due_at == began_at + 4 * HOUR
    assert view.resolution_due_at == began_at + (48 if by == "priority" else 24) * HOUR


def test_a_request_that_waits_since_later_opens_then(office: Office) -> None:
    """It is moved to the contract's customer hours after the contract began, and before any job runs."""
    office.set(time_expired_contract="ignore")
    began_at = MONDAY + HOUR
    bob = office.customer("Bob")
    office.sell("subscription", sla="gold", starts_at=began_at, to=("customer", bob))
    request = office.log(item=None)
    moved_at = office.clock.move(hours=7)
    command = ChangeServiceRequest(customer=bob)
    office.do_as(office.technician, change_service_request, request, command)
    cover = office.see(history_of, request)[1]
    assert (cover.trigger, cover.at) == ("cover", moved_at)
    assert seen(office, request).resolution_due_at == moved_at + 24 * HOUR
