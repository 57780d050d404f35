"""The settings' audit trail and the billing checklist as they are shown."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workflows.views.register import ItemView


@dataclass(frozen=True, slots=True)
class SettingChangeView:
    """Who changed which setting when, from what to what."""

    key: str
    old_value: Any
    new_value: Any
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ChecklistStep:
    """One requirement for activating billing; `left` describes what is still to do."""

    id: str
    label: str
    done: bool
    left: str | None


@dataclass(frozen=True, slots=True)
class ChecklistView:
    """The requirements for activating billing, with one page of the items that have no owner."""

    active: bool
    ready: bool
    steps: list[ChecklistStep]
    global_items_count: int
    global_items: list[ItemView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class SwitchingOffView:
    """What switching contracts off concerns: requests that wait, unresolved covered ones, and contracts."""

    waiting: int
    covered: int
    contracts: int


@dataclass(frozen=True, slots=True)
class AssignedView:
    """How many global items got an owner, and how many are left."""

    assigned: int
    left: int
