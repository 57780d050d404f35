"""The states of a work entry: approved at once, or by a supervisor.

Source: product.md section 7 (Approval of entries).
"""

from typing import Literal, get_args

WorkEntryState = Literal["submitted", "approved", "rejected"]
WORK_ENTRY_STATES: tuple[WorkEntryState, ...] = get_args(WorkEntryState)


def first_state(*, needs_approval: bool) -> WorkEntryState:
    """The state of an entry that has just been logged, or was rejected and is logged again."""
    return "submitted" if needs_approval else "approved"


def is_protected(state: WorkEntryState, *, needs_approval: bool, was_decided: bool) -> bool:
    """Whether only a supervisor may change an entry, with a reason.

    That is an approved one, unless nobody had to approve it, now or then.
    """
    return state == "approved" and (needs_approval or was_decided)
