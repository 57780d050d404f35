"""The accounting of the demonstration: finance closes and exports a month, and changes something later."""

from datetime import timedelta
from functools import partial

from engine.accounting_periods import month_of
from workflows.accounting_exports.queries import read_pending
from workflows.accounting_exports.use_cases import export_journals
from workflows.accounting_periods.use_cases import close_period
from workflows.commands.accounting_exports import NewAccountingExport
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.contracts import Adjust
from workflows.commands.margins import NewCostRate
from workflows.contracts.use_cases import adjust
from workflows.core.transaction import Transaction
from workflows.demo.timeline import Timeline
from workflows.margins.cost_rates import add_cost_rate

CLOSED_AFTER_DAYS = 7
COST_RATES = ((61, "technician", 4_200), (61, "supervisor", 5_600), (20, "technician", 4_500))
"""How many days ago which role began to cost how many cents an hour."""


def plan_month_end(timeline: Timeline) -> None:
    """Plan the closing of the last month that ended a week ago or earlier, and a back-dated credit."""
    begins = timeline.today().replace(day=1)
    if timeline.today().day <= CLOSED_AFTER_DAYS + 1:
        begins = (begins - timedelta(days=1)).replace(day=1)
    month, days_ago = month_of(begins - timedelta(days=1)), (timeline.today() - begins).days
    why = ChangePeriod(reason="Month end")
    for days_before, role, per_hour in COST_RATES:
        rate = NewCostRate.model_validate(
            {
                "role": role,
                "per_hour": {"amount_minor": per_hour},
                "from_on": timeline.today() - timedelta(days=days_before),
            }
        )
        timeline.plan(timeline.at(days_before, 9), "finance", partial(add_cost_rate, command=rate))
    timeline.plan(
        timeline.at(days_ago - CLOSED_AFTER_DAYS, 10),
        "finance",
        lambda tx: close_period(tx, month, why),
        is_exclusive=True,
    )
    last_day = begins - timedelta(days=1)
    timeline.plan(
        timeline.at(days_ago - CLOSED_AFTER_DAYS, 11),
        "finance",
        lambda tx: _export(tx, NewAccountingExport(format="datev", to_on=last_day)),
    )
    credit = Adjust(
        minutes=30, reason="Credit for a visit that was cancelled", effective_at=timeline.at(days_ago + 3, 12)
    )
    timeline.plan(
        timeline.at(days_ago - CLOSED_AFTER_DAYS, 15),
        "finance",
        lambda tx: adjust(tx, timeline.ids["lind"], credit),
    )


def _export(tx: Transaction, command: NewAccountingExport) -> None:
    """Export a month, if anything was invoiced in it."""
    if read_pending(tx, command).months:
        export_journals(tx, command)
