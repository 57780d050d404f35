"""From the state a service request is in to the one an export tells: which moves, and which are inferred.

An export tells states, not moves, and skips some: new, then resolved. What lies between is added, marked as
inferred, so that the history has only moves that the state machine knows. Source: product.md sections 9, 14.
"""

from typing import NamedTuple

from engine.service_requests import REOPENABLE_STATES
from workflows.importing.mapping import Meaning


class Move(NamedTuple):
    """A trigger to fire; `inferred` where the export does not tell it itself."""

    trigger: str
    inferred: bool = False


class NoWay(Exception):
    """No moves lead from the one state to the other."""


def moves_between(state: str, hold_reason: str | None, told: Meaning) -> list[Move]:
    """The moves from `state` to what was told; empty where it is there already.

    A move that the state machine forbids is among them where there is no other: firing it tells so.
    Raises: NoWay where not even a forbidden move would lead there.
    """
    if state == told.state and (state != "on_hold" or hold_reason == told.reason):
        return []
    return WAYS[told.state](state)


def _to_open(state: str) -> list[Move]:
    """Nothing leads back to open: what was resolved is reopened, what was on hold goes on, the rest stays."""
    if state == "pending_no_contract":
        return []
    if state in REOPENABLE_STATES:
        return [Move("reopen")]
    if state == "on_hold":
        return [Move("resume")]
    raise NoWay(f"no move leads from {state} back to open")


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


WAYS = {
    "open": _to_open,
    "in_progress": _to_work,
    "on_hold": _to_hold,
    "resolved": _to_resolved,
    "closed": _to_closed,
    "cancelled": _to_cancelled,
}
