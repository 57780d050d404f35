"""A change of the provider's time zone is saved only after its effect has been shown."""

from typing import Any

from web.pages.context import actor, desk, settings
from web.pages.forms.base import DeskForm
from workflows.administration.time_zone_change import preview_time_zone_change
from workflows.core.settings import is_time_zone
from workflows.views.administration import TimeZoneChangeView


def unconfirmed_change(form: DeskForm, wanted: Any) -> TimeZoneChangeView | None:
    """The change to show before the form is saved; None if there is none, or it has been shown.

    The form's next submission confirms it, unless another time zone is typed. A desk without contracts and
    service requests has nothing to confirm.
    """
    if not wanted or wanted == settings().time_zone or not is_time_zone(wanted):
        return None
    confirmed = form["confirmed_zone"]
    if confirmed.data == wanted:
        return None
    with desk().read(actor()) as tx:
        change = preview_time_zone_change(tx, wanted)
    if not change.concerns_records:
        return None
    confirmed.data = wanted
    return change
