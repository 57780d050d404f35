"""A trigger of the state machine: `fire` beside a machine for each record."""

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
    """A record as transitions' own examples have it: with a machine of its own."""

    def __init__(self, state: str) -> None:
        self.machine = Machine(
            model=self,
            states=list(STATES),
            transitions=[[trigger, list(sources), target] for trigger, sources, target in TRANSITIONS],
            initial=state,
            auto_transitions=False,
        )


def measure(_: Databases, options: Options) -> Iterator[Result]:
    """A record is read from the database, fired once and written: so its machine is made for one trigger."""
    kept = {state: Ticket(state) for state, _ in LIFE}

    def product() -> None:
        for number in range(FIRED):
            state, trigger = LIFE[number % len(LIFE)]
            fire(state, trigger)

    def machine_each() -> None:
        for number in range(FIRED):
            state, trigger = LIFE[number % len(LIFE)]
            ticket: Any = Ticket(state)
            ticket.trigger(trigger)

    def machine_kept() -> None:
        for number in range(FIRED):
            state, trigger = LIFE[number % len(LIFE)]
            ticket: Any = kept[state]
            ticket.trigger(trigger)
            ticket.state = state

    rounds = alternate([product, machine_each, machine_kept], options.rounds, warm_up=2)
    yield rounds.result(
        "a state-machine trigger",
        "a Machine per object",
        (">=", GOAL),
        unit="times faster",
        note=f"{rounds.median_seconds(0) / FIRED * 1e6:.0f} µs",
    )
    yield rounds.result(
        "a state-machine trigger", "the same, machine made before", None, baseline=2, unit="times faster"
    )
