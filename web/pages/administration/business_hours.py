"""Other business hours are saved only after the open targets that they move have been shown."""

import json
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from engine.errors import DeskError
from web.pages.context import actor, desk
from web.pages.forms.base import DeskForm
from workflows.administration.settings import preview_settings
from workflows.views.sla import MovedTargets


def unconfirmed_hours(form: DeskForm, wanted: dict[str, Any]) -> MovedTargets | None:
    """The targets to show before the form is saved; None if none moves, or they have been shown.

    The form's next submission confirms it, unless other hours are typed. Hours that would be refused are left
    to saving, which says why.
    """
    if "work_calendar" not in wanted:
        return None
    hours = sha256(json.dumps(wanted["work_calendar"], sort_keys=True).encode()).hexdigest()
    if form["confirmed_hours"].data == hours:
        return None
    try:
        with desk().read(actor()) as tx:
            moved = preview_settings(tx, {"work_calendar": wanted["work_calendar"]}).moved_targets
    except (DeskError, ValidationError):
        return None
    if not moved.count:
        return None
    form["confirmed_hours"].data = hours
    return moved
