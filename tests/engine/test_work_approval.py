"""The states of work entries, and which of them only a supervisor may change."""

import pytest

from engine.work_approval import WorkEntryState, first_state, is_protected


def test_an_entry_is_approved_at_once_unless_it_needs_approval() -> None:
    assert first_state(needs_approval=True) == "submitted"
    assert first_state(needs_approval=False) == "approved"


@pytest.mark.parametrize(
    ("state", "needs_approval", "was_decided", "expected"),
    [
        ("approved", True, True, True),
        ("approved", True, False, True),
        ("approved", False, True, True),
        ("approved", False, False, False),
        ("submitted", True, False, False),
        ("rejected", True, True, False),
    ],
)
def test_only_an_approved_entry_is_protected(
    state: WorkEntryState, needs_approval: bool, was_decided: bool, expected: bool
) -> None:
    assert is_protected(state, needs_approval=needs_approval, was_decided=was_decided) is expected
