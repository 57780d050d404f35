"""The settings' audit trail and the billing checklist as they are shown."""

from datetime import datetime
from typing import Any

from workflows.views.base import View, view
from workflows.views.register import ItemView
from workflows.views.sla import MovedTargets


@view
class SettingChangeView(View):
    """Who changed which setting when, from what to what."""

    key: str
    old_value: Any
    new_value: Any
    changed_by: str
    changed_at: datetime


@view
class SettingsPreview(View):
    """What saving settings would do: the names of the settings that change, and the targets that move."""

    changed: list[str]
    moved_targets: MovedTargets


@view
class ChecklistStep(View):
    """One requirement for activating billing.

    `label` states it where it is met, and asks for it where it is not; `left` describes what is still to do.
    Billing is not activated while one that is `required` is not done.
    """

    id: str
    label: str
    done: bool
    left: str | None
    required: bool


@view
class ChecklistView(View):
    """The requirements for activating billing, with one page of the items that have no owner."""

    active: bool
    ready: bool
    steps: list[ChecklistStep]
    global_items_count: int
    global_items: list[ItemView]
    next_cursor: str | None


@view
class SwitchingOffView(View):
    """What switching contracts off concerns: requests that wait, unresolved covered ones, and contracts."""

    waiting: int
    covered: int
    contracts: int


@view
class AssignedView(View):
    """How many global items got an owner, and how many are left."""

    assigned: int
    left: int


@view
class ZoneCount(View):
    """How many contracts have their days in a time zone."""

    time_zone: str
    contracts: int


@view
class TimeZoneChangeView(View):
    """What would move, and what would stay, if the provider's time zone changed.

    `unchanged_contracts` have not ended and keep their days; `moved_targets` counts the unfinished
    service requests whose due times were computed by the business hours. The month of the reports would
    begin at `new_month_starts_at` instead of `month_starts_at`.
    """

    from_time_zone: str
    to_time_zone: str
    unchanged_contracts: list[ZoneCount]
    moved_targets: int
    month_starts_at: datetime
    new_month_starts_at: datetime

    @property
    def concerns_records(self) -> bool:
        """Whether there is any record whose days or times somebody might expect to move."""
        return bool(self.unchanged_contracts) or self.moved_targets > 0


@view
class LogoView(View):
    """The logo that was stored: its media type and its size in bytes."""

    media_type: str
    size: int
