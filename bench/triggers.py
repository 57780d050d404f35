"""A trigger of the state machine: `fire` against one machine per record."""

from collections.abc import Iterator
from typing import Any

from transitions import Machine

from bench.databases import Databases
from bench.options import Options
from bench.rounds import Result, alternate
from engine.service_requests import STATES
from workflows.lifecycle.service_requests.states import TRANSITIONS, fire

FIRED = 600
LIFE = (("open", "start"), ("in_progress", "hold"), ("on_hold", "resume"), ("in_progress", "resolve"))
GOAL = 8.0


class Ticket:
    """A record with a machine of its own, as in the examples of transitions."""

    def __init__(self, state: str) -> None:
        self.machine = Machine(
            model=self,
            states=list(STATES),
            transitions=[[trigger, list(sources), target] for trigger, sources, target in TRANSITIONS],
            initial=state,
            auto_transitions=False,
        )


def measure(_: Databases, options: Options) -> Iterator[Result]:
    """Measure one trigger per record, since a record is read, changed once and written."""
    created = {state: Ticket(state) for state, _ in LIFE}

    def product() -> None:
        for number in range(FIRED):
            state, trigger = LIFE[number % len(LIFE)]
            fire(state, trigger)

    def machine_per_object() -> None:
        for number in range(FIRED):
            state, trigger = LIFE[number % len(LIFE)]
            ticket: Any = Ticket(state)
            ticket.trigger(trigger)

    def machine_reused() -> None:
        for number in range(FIRED):
            state, trigger = LIFE[number % len(LIFE)]
            ticket: Any = created[state]
            ticket.trigger(trigger)
            ticket.state = state

    rounds = alternate([product, machine_per_object, machine_reused], options.rounds, warm_up=2)
    yield rounds.result(
        "a state-machine trigger",
        "a Machine per object",
        (">=", GOAL),
        unit="times faster",
        note=f"{rounds.median_seconds(0) / FIRED * 1e6:.0f} µs",
    )
    yield rounds.result(
        "a state-machine trigger",
        "the same with machines created before",
        None,
        baseline=2,
        unit="times faster",
    )
