"""Every state with every trigger and role of product.md section 9, and what each move needs and writes."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from engine.service_requests import STATES
from tests.support.office import MONDAY, Office
from workflows.commands.contracts import Exclusions
from workflows.commands.service_requests import FireTrigger
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, StateForbids, VersionChanged
from workflows.lifecycle.service_requests.states import MACHINE, allowed_triggers, fire
from workflows.lifecycle.service_requests.transitions import move_request
from workflows.service_requests.queries import history_of, read_service_request
from workflows.service_requests.use_cases import fire_trigger
from workflows.store import tables as t

TRIGGERS = ("start", "hold", "resume", "resolve", "close", "reopen", "cancel")
TABLE = {
    ("open", "start"): "in_progress",
    ("open", "hold"): "on_hold",
    ("in_progress", "hold"): "on_hold",
    ("on_hold", "resume"): "in_progress",
    ("open", "resolve"): "resolved",
    ("in_progress", "resolve"): "resolved",
    ("on_hold", "resolve"): "resolved",
    ("resolved", "close"): "closed",
    ("resolved", "reopen"): "in_progress",
    ("closed", "reopen"): "in_progress",
    ("open", "cancel"): "cancelled",
    ("pending_no_contract", "cancel"): "cancelled",
    ("in_progress", "cancel"): "cancelled",
    ("on_hold", "cancel"): "cancelled",
}
"""(state, trigger) → state: all moves that people have."""
PATHS: dict[str, tuple[str, ...]] = {
    "open": (),
    "pending_no_contract": (),
    "in_progress": ("start",),
    "on_hold": ("start", "hold"),
    "resolved": ("resolve",),
    "closed": ("resolve", "close"),
    "cancelled": ("cancel",),
}
WORDS = {
    "hold": {"reason": "customer"},
    "resolve": {"note": "Replaced the cable."},
    "cancel": {"reason": "Solved itself."},
}
CUSTOMERS_OWN = {"reopen"}


@pytest.fixture
def database_url(sqlite_database_url: str) -> str:
    """SQLite alone: nothing here depends on the database."""
    return sqlite_database_url


def request_in(office: Office, state: str) -> str:
    """A service request of Ann's in a state, covered unless it waits: her contract leaves training out."""
    if not office.rows(t.contract, type="subscription"):
        office.sell("subscription", exclusions=Exclusions(work_types=["training"]))
    request = office.log(work_type="training" if state == "pending_no_contract" else None)
    for trigger in PATHS[state]:
        office.fire(request, trigger, **WORDS.get(trigger, {}))
    assert office.request(request).state == state
    return request


def command(trigger: str, **words: str) -> FireTrigger:
    return FireTrigger.model_validate({"trigger": trigger, **WORDS.get(trigger, {}), **words})


def everything(office: Office) -> list[list[Any]]:
    tables = (t.service_request, t.service_request_history, t.ledger_transaction, t.contract, t.outbox)
    return [sorted(office.rows(table), key=str) for table in tables]


REFUSALS = (
    ("open", "technician", "resume", "that is open cannot take the trigger resume. Allowed now: start, hold"),
    ("pending_no_contract", "technician", "start", "that is waiting for a contract cannot take the trigger"),
    ("pending_no_contract", "technician", "start", "Allowed now: cancel. It opens by itself as soon as"),
    ("in_progress", "finance", "resume", "that is in progress cannot"),
    ("on_hold", "finance", "start", "The role finance has no move from here."),
    ("open", "finance", "start", "The role finance may not start a service request. Ask the desk."),
    ("cancelled", "supervisor", "reopen", "No further move is possible."),
)


@pytest.mark.parametrize(("state", "role", "trigger", "words"), REFUSALS)
def test_a_refusal_says_in_words_what_is_allowed(
    office: Office, state: str, role: str, trigger: str, words: str
) -> None:
    request = request_in(office, state)
    with pytest.raises((StateForbids, NotAllowed)) as refused:
        office.do_as(getattr(office, role), fire_trigger, request, command(trigger))
    assert words in str(refused.value)
    assert isinstance(refused.value.values["allowed_triggers"], list)


@pytest.mark.parametrize("state", STATES)
def test_every_trigger_in_every_state_for_staff(office: Office, state: str) -> None:
    moves = {trigger: TABLE.get((state, trigger)) for trigger in TRIGGERS}
    for trigger, target in moves.items():
        request = request_in(office, state)
        allowed = [one for one in moves if moves[one] is not None]
        view = office.see(read_service_request, request)
        assert sorted(view.allowed_triggers) == sorted(allowed)
        if target is not None:
            office.do_as(office.technician, fire_trigger, request, command(trigger))
            assert office.request(request).state == target
            continue
        before = everything(office)
        with pytest.raises(StateForbids) as refusal:
            office.do_as(office.technician, fire_trigger, request, command(trigger))
        assert sorted(refusal.value.values["allowed_triggers"]) == sorted(allowed)  # type: ignore[call-overload]
        assert refusal.value.values["state"] == state
        assert everything(office) == before


@pytest.mark.parametrize("role", ["administrator", "supervisor", "technician"])
def test_the_same_moves_for_all_who_work_on_requests(office: Office, role: str) -> None:
    actor = getattr(office, role)
    for (state, trigger), target in TABLE.items():
        request = request_in(office, state)
        office.do_as(actor, fire_trigger, request, command(trigger))
        assert office.request(request).state == target


@pytest.mark.parametrize("state", STATES)
def test_every_trigger_in_every_state_for_a_customer(office: Office, state: str) -> None:
    ann = office.person("customer", "Ann", customer=office.ann)
    for trigger in TRIGGERS:
        request = request_in(office, state)
        target = TABLE.get((state, trigger))
        if target is None:
            with pytest.raises(StateForbids):
                office.do_as(ann, fire_trigger, request, command(trigger))
        elif trigger not in CUSTOMERS_OWN:
            with pytest.raises(NotAllowed):
                office.do_as(ann, fire_trigger, request, command(trigger))
        else:
            assert trigger in office.see_as(ann, read_service_request, request).allowed_triggers
            office.do_as(ann, fire_trigger, request, command(trigger))
            assert office.request(request).state == target
            continue
        assert trigger not in office.see_as(ann, read_service_request, request).allowed_triggers
        assert office.request(request).state == state


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_another_customers_request_is_not_there(office: Office, trigger: str) -> None:
    bob = office.person("customer", "Bob", customer=office.customer("Bob", office.site))
    for state in STATES:
        request = request_in(office, state)
        with pytest.raises(NotFound):
            office.do_as(bob, fire_trigger, request, command(trigger))


@pytest.mark.parametrize("trigger", ["cover", "log", "reopen_uncovered", "to_closed", "", "__class__"])
def test_the_systems_moves_and_unknown_ones_are_no_command(trigger: str) -> None:
    with pytest.raises(ValidationError):
        FireTrigger.model_validate({"trigger": trigger})


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("trigger", ["cover", "reopen_uncovered", "to_open", "to_closed", "nothing"])
def test_the_machine_has_no_other_moves(state: str, trigger: str) -> None:
    has = {
        ("pending_no_contract", "cover"): "open",
        ("resolved", "reopen_uncovered"): "pending_no_contract",
        ("closed", "reopen_uncovered"): "pending_no_contract",
    }
    if (state, trigger) in has:
        assert fire(state, trigger) == has[state, trigger]
    else:
        with pytest.raises(StateForbids):
            fire(state, trigger)
    assert trigger not in allowed_triggers(state, "administrator")


def test_the_machine_has_the_declared_states_and_triggers() -> None:
    assert set(MACHINE.states) == set(STATES)
    assert set(MACHINE.events) == {*TRIGGERS, "cover", "reopen_uncovered"}


# What a move needs


@pytest.mark.parametrize("reason", [None, "", "  ", "lunch"])
def test_a_hold_needs_one_of_its_reasons(office: Office, reason: str | None) -> None:
    request = request_in(office, "in_progress")
    with pytest.raises(InvalidInput) as refusal:
        office.do_as(office.technician, fire_trigger, request, FireTrigger(trigger="hold", reason=reason))
    assert refusal.value.values["pointer"] == "/reason"
    for allowed in ("customer", "supplier", "scheduled"):
        assert office.fire(request, "hold", reason=allowed) == "on_hold"
        assert office.request(request).on_hold_reason == allowed
        office.fire(request, "resume")
        assert office.request(request).on_hold_reason is None


@pytest.mark.parametrize("words", [None, "", " \n"])
def test_a_resolution_needs_its_note_and_a_cancellation_its_reason(office: Office, words: str | None) -> None:
    request = request_in(office, "in_progress")
    for trigger, field in (("resolve", "note"), ("cancel", "reason")):
        wanted = FireTrigger.model_validate({"trigger": trigger, field: words})
        with pytest.raises(InvalidInput) as refusal:
            office.do_as(office.technician, fire_trigger, request, wanted)
        assert refusal.value.values["pointer"] == f"/{field}"
    assert office.request(request).state == "in_progress"


def test_note_and_reason_are_kept_for_every_trigger(office: Office) -> None:
    request = request_in(office, "open")
    path = ("start", "hold", "resume", "resolve", "close", "reopen", "cancel")
    for trigger in path:
        reason = "customer" if trigger == "hold" else f"why {trigger}"
        office.fire(request, trigger, note=f"note on {trigger}", reason=reason)
    lines = office.see(history_of, request)
    assert [(line.trigger, line.note) for line in lines] == [
        ("log", None),
        *((trigger, f"note on {trigger}") for trigger in path),
    ]
    assert lines[-1].reason == "why cancel"


def test_a_command_for_a_version_that_has_passed_is_refused(office: Office) -> None:
    request = request_in(office, "open")
    version = office.request(request).version
    start = command("start")
    with pytest.raises(VersionChanged):
        office.do_as(office.technician, fire_trigger, request, start, expected_version=version - 1)
    office.do_as(office.technician, fire_trigger, request, start, expected_version=version)
    with pytest.raises(VersionChanged):
        office.do_as(office.technician, fire_trigger, request, command("hold"), expected_version=version)


# What a move writes


def test_the_history_has_every_move_the_logging_first_with_who_and_when(office: Office) -> None:
    request = office.log()
    office.clock.move(minutes=5)
    office.sell("subscription")
    for trigger in ("start", "hold", "resume", "resolve", "close", "reopen"):
        office.clock.move(minutes=5)
        office.fire(request, trigger, **WORDS.get(trigger, {}))
    lines = office.see(history_of, request)
    assert [(line.trigger, line.from_state, line.to_state) for line in lines] == [
        ("log", None, "pending_no_contract"),
        ("cover", "pending_no_contract", "open"),
        ("start", "open", "in_progress"),
        ("hold", "in_progress", "on_hold"),
        ("resume", "on_hold", "in_progress"),
        ("resolve", "in_progress", "resolved"),
        ("close", "resolved", "closed"),
        ("reopen", "closed", "in_progress"),
    ]
    assert all(one.to_state == two.from_state for one, two in pairwise(lines))
    assert [line.at for line in lines] == [MONDAY + timedelta(minutes=5 * step) for step in range(8)]
    assert {line.actor for line in lines[2:]} == {"the technician"}


def test_a_move_that_the_machine_refuses_writes_nothing(office: Office) -> None:
    request = request_in(office, "open")
    before = everything(office)
    with pytest.raises(StateForbids), office.desk.write() as tx:
        move_request(tx, office.request(request), "close")
    assert everything(office) == before


def test_waiting_is_locked_and_finished_takes_no_work(office: Office) -> None:
    for state in STATES:
        request = request_in(office, state)
        if state in ("open", "in_progress", "on_hold", "resolved"):
            assert office.work(request, 5) == [("covered", 5)]
            continue
        with pytest.raises(StateForbids) as refusal:
            office.work(request, 5)
        assert refusal.value.values["state"] == state
        assert office.entries(request) == []
