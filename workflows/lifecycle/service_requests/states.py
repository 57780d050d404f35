"""The life of a service request: its states, and the only moves there are.

One machine serves all requests: it is fired on a small record, so nothing is set up per request.
The only importer of transitions. Source: product.md section 9.
"""

from dataclasses import dataclass

from transitions import Machine, MachineError

from engine.service_requests import REOPENABLE_STATES, STATES, TRIGGERS, UNFINISHED_STATES, State
from workflows.core.actors import Role
from workflows.core.errors import StateForbids

STATES_IN_WORDS = {
    "pending_no_contract": "waiting for a contract",
    "in_progress": "in progress",
    "on_hold": "on hold",
}
"""Where a state's code is not the word for it."""

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
)
"""(trigger, from, to). `reopen_uncovered` is how a reopening past the window ends without a contract."""

CUSTOMER_TRIGGERS = ("reopen",)
"""Customers reopen what is theirs to see; the rest is the desk's, and finance has no part in it."""

TRIGGERS_OF_ROLE: dict[Role, tuple[str, ...]] = {"customer": CUSTOMER_TRIGGERS, "finance": ()}


@dataclass(slots=True)
class Fired:
    """What the machine moves: nothing but a state."""

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

    Raises: StateForbids, which says what is allowed, when there is no such move.
    """
    fired = Fired(state)
    event = MACHINE.events.get(trigger)
    try:
        moved = event is not None and event.trigger(fired)
    except MachineError:
        moved = False
    if not moved:
        raise forbidden(state, trigger)
    return fired.state


def allowed_triggers(state: str, role: Role) -> list[str]:
    """What `role` may fire from `state`, in the order of the table; never the system's own moves."""
    own = TRIGGERS_OF_ROLE.get(role, TRIGGERS)
    return [trigger for trigger, sources, _ in TRANSITIONS if state in sources and trigger in own]


def forbidden(state: str, trigger: str, role: Role = "system") -> StateForbids:
    """The refusal of a move, naming the state and what would be allowed."""
    allowed = allowed_triggers(state, role)
    if allowed:
        remedy = f"Allowed now: {', '.join(allowed)}."
    elif any(state in sources for _, sources, _ in TRANSITIONS):
        remedy = f"The role {role} has no move from here."
    else:
        remedy = "No further move is possible."
    if state == "pending_no_contract":
        remedy += " It opens by itself as soon as a contract covers it."
    return StateForbids(
        f"A service request that is {STATES_IN_WORDS.get(state, state)} cannot take the trigger {trigger}.",
        remedy=remedy,
        state=state,
        trigger=trigger,
        allowed_triggers=allowed,
    )
