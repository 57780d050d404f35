"""Every state with every trigger and role of product.md section 9, and what each trigger needs and writes."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from engine.service_requests import STATES
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import Exclusions
from workflows.commands.service_requests import FireTrigger
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, StateForbids, VersionChanged
from workflows.lifecycle.service_requests.states import MACHINE, allowed_triggers, fire
from workflows.lifecycle.service_requests.transitions import move_request
from workflows.service_requests.history import history_of
from workflows.service_requests.queries import read_service_request
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
"""(state, trigger) → state: all transitions that people can cause."""
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
    """Only on SQLite: nothing here depends on the database."""
    return sqlite_database_url


def request_in(sample: SampleDesk, state: str) -> str:
    """A service request of Ann's in a state, covered unless it waits: her contract excludes training."""
    if not sample.rows(t.contract, type="subscription"):
        sample.sell("subscription", exclusions=Exclusions(work_types=["training"]))
    request = sample.log(work_type="training" if state == "pending_no_contract" else None)
    for trigger in PATHS[state]:
        sample.fire(request, trigger, **WORDS.get(trigger, {}))
    assert sample.request(request).state == state
    return request


def command(trigger: str, **words: str) -> FireTrigger:
    return FireTrigger.model_validate({"trigger": trigger, **WORDS.get(trigger, {}), **words})


def everything(sample: SampleDesk) -> list[list[Any]]:
    tables = (t.service_request, t.service_request_history, t.ledger_transaction, t.contract, t.outbox)
    return [sorted(sample.rows(table), key=str) for table in tables]


REFUSALS = (
    ("open", "technician", "resume", "The trigger resume is not possible: the service request is open."),
    ("open", "technician", "resume", "Allowed now: start, hold"),
    ("pending_no_contract", "technician", "start", "the service request is waiting for a contract."),
    ("pending_no_contract", "technician", "start", "Allowed now: cancel. It opens automatically as soon as"),
    ("in_progress", "finance", "resume", "the service request is in progress."),
    ("on_hold", "finance", "start", "The role finance cannot change this state."),
    ("open", "finance", "start", "The role finance may not start a service request. Ask a technician."),
    ("cancelled", "supervisor", "reopen", "This state cannot be changed any more."),
)


@pytest.mark.parametrize(("state", "role", "trigger", "text"), REFUSALS)
def test_a_refusal_names_the_allowed_triggers(
    sample: SampleDesk, state: str, role: str, trigger: str, text: str
) -> None:
    request = request_in(sample, state)
    with pytest.raises((StateForbids, NotAllowed)) as refused:
        sample.do_as(getattr(sample, role), fire_trigger, request, command(trigger))
    assert text in str(refused.value)
    assert isinstance(refused.value.values["allowed_triggers"], list)


@pytest.mark.parametrize("state", STATES)
def test_every_trigger_in_every_state_for_staff(sample: SampleDesk, state: str) -> None:
    moves = {trigger: TABLE.get((state, trigger)) for trigger in TRIGGERS}
    for trigger, target in moves.items():
        request = request_in(sample, state)
        allowed = [one for one in moves if moves[one] is not None]
        view = sample.see(read_service_request, request)
        assert sorted(view.allowed_triggers) == sorted(allowed)
        if target is not None:
            sample.do_as(sample.technician, fire_trigger, request, command(trigger))
            assert sample.request(request).state == target
            continue
        before = everything(sample)
        with pytest.raises(StateForbids) as refusal:
            sample.do_as(sample.technician, fire_trigger, request, command(trigger))
        assert sorted(refusal.value.values["allowed_triggers"]) == sorted(allowed)  # type: ignore[call-overload]
        assert refusal.value.values["state"] == state
        assert everything(sample) == before


@pytest.mark.parametrize("role", ["administrator", "supervisor", "technician"])
def test_all_who_work_on_requests_have_the_same_triggers(sample: SampleDesk, role: str) -> None:
    actor = getattr(sample, role)
    for (state, trigger), target in TABLE.items():
        request = request_in(sample, state)
        sample.do_as(actor, fire_trigger, request, command(trigger))
        assert sample.request(request).state == target


@pytest.mark.parametrize("state", STATES)
def test_every_trigger_in_every_state_for_a_customer(sample: SampleDesk, state: str) -> None:
    ann = sample.person("customer", "Ann", customer=sample.ann)
    for trigger in TRIGGERS:
        request = request_in(sample, state)
        target = TABLE.get((state, trigger))
        if target is None:
            with pytest.raises(StateForbids):
                sample.do_as(ann, fire_trigger, request, command(trigger))
        elif trigger not in CUSTOMERS_OWN:
            with pytest.raises(NotAllowed):
                sample.do_as(ann, fire_trigger, request, command(trigger))
        else:
            assert trigger in sample.see_as(ann, read_service_request, request).allowed_triggers
            sample.do_as(ann, fire_trigger, request, command(trigger))
            assert sample.request(request).state == target
            continue
        assert trigger not in sample.see_as(ann, read_service_request, request).allowed_triggers
        assert sample.request(request).state == state


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_another_customers_request_does_not_exist(sample: SampleDesk, trigger: str) -> None:
    bob = sample.person("customer", "Bob", customer=sample.customer("Bob", sample.site))
    for state in STATES:
        request = request_in(sample, state)
        with pytest.raises(NotFound):
            sample.do_as(bob, fire_trigger, request, command(trigger))


@pytest.mark.parametrize("trigger", ["cover", "log", "reopen_uncovered", "to_closed", "", "__class__"])
def test_internal_and_unknown_triggers_are_refused(trigger: str) -> None:
    with pytest.raises(ValidationError):
        FireTrigger.model_validate({"trigger": trigger})


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("trigger", ["cover", "reopen_uncovered", "to_open", "to_closed", "nothing"])
def test_the_machine_has_no_other_transitions(state: str, trigger: str) -> None:
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
    assert set(MACHINE.events) == {
        *TRIGGERS,
        "cover",
        "reopen_uncovered",
        "merge",
        "split",
        "split_uncovered",
    }


# what a trigger needs


@pytest.mark.parametrize("reason", [None, "", "  ", "lunch"])
def test_a_hold_needs_a_valid_reason(sample: SampleDesk, reason: str | None) -> None:
    request = request_in(sample, "in_progress")
    with pytest.raises(InvalidInput) as refusal:
        sample.do_as(sample.technician, fire_trigger, request, FireTrigger(trigger="hold", reason=reason))
    assert refusal.value.values["pointer"] == "/reason"
    for allowed in ("customer", "supplier", "scheduled"):
        assert sample.fire(request, "hold", reason=allowed) == "on_hold"
        assert sample.request(request).on_hold_reason == allowed
        sample.fire(request, "resume")
        assert sample.request(request).on_hold_reason is None


@pytest.mark.parametrize("words", [None, "", " \n"])
def test_resolving_needs_a_note_and_cancelling_a_reason(sample: SampleDesk, words: str | None) -> None:
    request = request_in(sample, "in_progress")
    for trigger, field in (("resolve", "note"), ("cancel", "reason")):
        wanted = FireTrigger.model_validate({"trigger": trigger, field: words})
        with pytest.raises(InvalidInput) as refusal:
            sample.do_as(sample.technician, fire_trigger, request, wanted)
        assert refusal.value.values["pointer"] == f"/{field}"
    assert sample.request(request).state == "in_progress"


def test_note_and_reason_are_stored_for_every_trigger(sample: SampleDesk) -> None:
    request = request_in(sample, "open")
    path = ("start", "hold", "resume", "resolve", "close", "reopen", "cancel")
    for trigger in path:
        reason = "customer" if trigger == "hold" else f"why {trigger}"
        sample.fire(request, trigger, note=f"note on {trigger}", reason=reason)
    lines = sample.see(history_of, request)
    assert [(line.trigger, line.note) for line in lines] == [
        ("log", None),
        *((trigger, f"note on {trigger}") for trigger in path),
    ]
    assert lines[-1].reason == "why cancel"


def test_a_command_for_an_old_version_is_refused(sample: SampleDesk) -> None:
    request = request_in(sample, "open")
    version = sample.request(request).version
    start = command("start")
    with pytest.raises(VersionChanged):
        sample.do_as(sample.technician, fire_trigger, request, start, expected_version=version - 1)
    sample.do_as(sample.technician, fire_trigger, request, start, expected_version=version)
    with pytest.raises(VersionChanged):
        sample.do_as(sample.technician, fire_trigger, request, command("hold"), expected_version=version)


# what a trigger writes


def test_the_history_has_every_transition_with_who_and_when(sample: SampleDesk) -> None:
    request = sample.log()
    sample.clock.move(minutes=5)
    sample.sell("subscription")
    for trigger in ("start", "hold", "resume", "resolve", "close", "reopen"):
        sample.clock.move(minutes=5)
        sample.fire(request, trigger, **WORDS.get(trigger, {}))
    lines = sample.see(history_of, request)
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


def test_a_refused_trigger_writes_nothing(sample: SampleDesk) -> None:
    request = request_in(sample, "open")
    before = everything(sample)
    with pytest.raises(StateForbids), sample.desk.write() as tx:
        move_request(tx, sample.request(request), "close")
    assert everything(sample) == before


def test_work_is_refused_on_waiting_and_closed_requests(sample: SampleDesk) -> None:
    for state in STATES:
        request = request_in(sample, state)
        if state in ("open", "in_progress", "on_hold", "resolved"):
            assert sample.work(request, 5) == [("covered", 5)]
            continue
        with pytest.raises(StateForbids) as refusal:
            sample.work(request, 5)
        assert refusal.value.values["state"] == state
        assert sample.entries(request) == []
