"""What is said of a change in a closed accounting period."""

from engine.periods import local_date
from web.languages import gettext
from web.pages.context import zone
from web.pages.wording.formats import day_text
from workflows.views.accounting_periods import AdjustmentView


def adjustment_text(one: AdjustmentView) -> str:
    """How a change is recorded: "In a closed period (2026-03): recorded as an adjustment on 1 Apr 2026."."""
    day = day_text(local_date(one.effective_at, zone()))
    return gettext(
        "In a closed period (%(period)s): recorded as an adjustment on %(day)s.", period=one.period, day=day
    )
