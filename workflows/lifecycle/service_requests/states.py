"""The states of a service request and all possible transitions between them.

One state machine serves all requests; it is fired on a small record, so nothing is set up per request.
The only module that imports transitions. Source: product.md section 9.
"""

from dataclasses import dataclass
from functools import cache

from transitions import Machine, MachineError

from engine.service_requests import (
    NOT_ENDED_STATES,
    REOPENABLE_STATES,
    STATES,
    TRIGGERS,
    UNFINISHED_STATES,
    State,
)
from workflows.core.actors import Role
from workflows.core.errors import StateForbids
from workflows.languages.texts import gettext, mark
from workflows.languages.words import word, words

STATE_LABELS = {
    "pending_no_contract": mark("waiting for a contract"),
    "in_progress": mark("in progress"),
    "on_hold": mark("on hold"),
}
"""The labels of states whose code is not readable."""

TRANSITIONS: tuple[tuple[str, tuple[State, ...], State], ...] = (
    ("cover", ("pending_no_contract",), "open"),
    ("start", ("open",), "in_progress"),
    ("hold", ("open", "in_progress"), "on_hold"),
    ("resume", ("on_hold",), "in_progress"),
    ("resolve", ("open", "in_progress", "on_hold"), "resolved"),
    ("close", ("resolved",), "closed"),
    ("reopen", REOPENABLE_STATES, "in_progress"),
    ("reopen_uncovered", REOPENABLE_STATES, "pending_no_contract"),
    ("cancel", UNFINISHED_STATES, "cancelled"),
    ("merge", NOT_ENDED_STATES, "cancelled"),
    ("split", ("cancelled",), "open"),
    ("split_uncovered", ("cancelled",), "pending_no_contract"),
)
"""(trigger, from, to). `reopen_uncovered` is a reopening after the window that finds no contract.

A merged request is cancelled, with a link to the other one; only a split brings it back.
"""

CUSTOMER_TRIGGERS = ("reopen",)
"""Customers can only reopen; finance cannot fire any trigger."""

TRIGGERS_OF_ROLE: dict[Role, tuple[str, ...]] = {"customer": CUSTOMER_TRIGGERS, "finance": ()}


@dataclass(slots=True)
class Fired:
    """The model of the state machine: only a state."""

    state: str


def _build() -> Machine:
    machine = Machine(
        model=None,
        states=list(STATES),
        initial=None,
        auto_transitions=False,
        queued=False,
        send_event=False,
    )
    for trigger, sources, target in TRANSITIONS:
        unknown = {*sources, target} - set(STATES)
        if unknown:
            raise ValueError(f"The transition {trigger} names unknown states {unknown}.")
        machine.add_transition(trigger, list(sources), target)
    return machine


MACHINE = _build()


def fire(state: str, trigger: str) -> str:
    """The state that `trigger` leads to from `state`.

    Raises: StateForbids, with the allowed triggers, if there is no such transition.
    Source: product.md section 9.
    """
    target = _target(state, trigger)
    if target is None:
        raise forbidden(state, trigger)
    return target


@cache
def _target(state: str, trigger: str) -> str | None:
    """Where a trigger leads; None if there is no such transition.

    The machine has no conditions, so it is asked once for each pair.
    """
    fired = Fired(state)
    event = MACHINE.events.get(trigger)
    try:
        moved = event is not None and event.trigger(fired)
    except MachineError:
        moved = False
    return fired.state if moved else None


def allowed_triggers(state: str, role: Role) -> list[str]:
    """The triggers that `role` may fire in `state`, in the order of the table, without internal ones."""
    own = TRIGGERS_OF_ROLE.get(role, TRIGGERS)
    return [trigger for trigger, sources, _ in TRANSITIONS if state in sources and trigger in own]


def forbidden(state: str, trigger: str, role: Role = "system") -> StateForbids:
    """The error for a trigger that is not possible, with the state and the allowed triggers."""
    allowed = allowed_triggers(state, role)
    if allowed:
        remedy = gettext("Allowed now: %(allowed)s.", allowed=words(allowed))
    elif any(state in sources for one, sources, _ in TRANSITIONS if one in TRIGGERS):
        remedy = gettext("The role %(role)s cannot change this state.", role=word(role))
    else:
        remedy = gettext("This state cannot be changed any more.")
    if state == "pending_no_contract":
        remedy += " " + gettext("It opens automatically as soon as a contract covers it.")
    return StateForbids(
        gettext(
            "The trigger %(trigger)s is not possible: the service request is %(state)s.",
            trigger=word(trigger),
            state=gettext(STATE_LABELS.get(state, state)),
        ),
        remedy=remedy,
        state=state,
        trigger=trigger,
        allowed_triggers=allowed,
    )
