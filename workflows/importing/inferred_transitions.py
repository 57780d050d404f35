"""The triggers that lead from a service request's state to the state in an export, and which are inferred.

An export has states, not triggers, and skips some: new, then resolved. The triggers in between are added and
marked as inferred, so that the history has only moves of the state machine.
Source: product.md sections 9 and 14.
"""

from typing import NamedTuple

from engine.service_requests import REOPENABLE_STATES
from workflows.importing.mapping import Meaning


class Move(NamedTuple):
    """A trigger to fire; `inferred` if the export skips it."""

    trigger: str
    inferred: bool = False


class NoTransition(Exception):
    """No trigger leads from one state to the other."""


def moves_between(state: str, hold_reason: str | None, target: Meaning) -> list[Move]:
    """The moves from `state` to `target`, in order; empty if the service request is already there.

    The result may include a move that the state machine forbids: firing it then gives the reason.

    Raises:
        NoTransition: no trigger leads to the target, not even a forbidden one.

    Source: product.md sections 9 and 14.
    """
    if state == target.state and (state != "on_hold" or hold_reason == target.reason):
        return []
    return PATHS[target.state](state)


def _to_open(state: str) -> list[Move]:
    """No trigger leads back to open: a resolved request is reopened and a held one resumed instead."""
    if state == "pending_no_contract":
        return []
    if state in REOPENABLE_STATES:
        return [Move("reopen")]
    if state == "on_hold":
        return [Move("resume")]
    raise NoTransition(f"no move leads from {state} back to open")


def _to_work(state: str) -> list[Move]:
    return [Move({"on_hold": "resume", "resolved": "reopen", "closed": "reopen"}.get(state, "start"))]


def _to_hold(state: str) -> list[Move]:
    before = {"on_hold": ["resume"], "resolved": ["reopen"], "closed": ["reopen"]}.get(state, [])
    return [*_inferred(*before), Move("hold")]


def _to_resolved(state: str) -> list[Move]:
    before = {"open": ["start"], "pending_no_contract": ["start"], "closed": ["reopen"]}.get(state, [])
    return [*_inferred(*before), Move("resolve")]


def _to_closed(state: str) -> list[Move]:
    before = {"open": ["start", "resolve"], "in_progress": ["resolve"], "on_hold": ["resolve"]}
    before |= {"pending_no_contract": ["start", "resolve"]}
    return [*_inferred(*before.get(state, [])), Move("close")]


def _to_cancelled(state: str) -> list[Move]:
    before = ["reopen"] if state in REOPENABLE_STATES else []
    return [*_inferred(*before), Move("cancel")]


def _inferred(*triggers: str) -> list[Move]:
    return [Move(trigger, inferred=True) for trigger in triggers]


PATHS = {
    "open": _to_open,
    "in_progress": _to_work,
    "on_hold": _to_hold,
    "resolved": _to_resolved,
    "closed": _to_closed,
    "cancelled": _to_cancelled,
}
