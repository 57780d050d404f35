"""The accounting of the demonstration: finance closes a month, and changes something in it afterwards."""

from datetime import timedelta

from engine.accounting_periods import month_of
from workflows.accounting_periods.use_cases import close_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.contracts import Adjust
from workflows.contracts.use_cases import adjust
from workflows.demo.timeline import Timeline

CLOSED_AFTER_DAYS = 7


def plan_month_end(timeline: Timeline) -> None:
    """Plan the closing of the last month that ended a week ago or earlier, and a back-dated credit."""
    begins = timeline.today().replace(day=1)
    if timeline.today().day <= CLOSED_AFTER_DAYS + 1:
        begins = (begins - timedelta(days=1)).replace(day=1)
    month, days_ago = month_of(begins - timedelta(days=1)), (timeline.today() - begins).days
    why = ChangePeriod(reason="Month end")
    timeline.plan(
        timeline.at(days_ago - CLOSED_AFTER_DAYS, 10),
        "finance",
        lambda tx: close_period(tx, month, why),
        is_exclusive=True,
    )
    credit = Adjust(
        minutes=30, reason="Credit for a visit that was cancelled", effective_at=timeline.at(days_ago + 3, 12)
    )
    timeline.plan(
        timeline.at(days_ago - CLOSED_AFTER_DAYS, 15),
        "finance",
        lambda tx: adjust(tx, timeline.ids["lind"], credit),
    )
