"""The list of the reports."""

from flask import render_template

from web.languages import gettext, mark
from web.pages.context import actor, require_role
from web.pages.reports import (  # noqa: F401  # add their pages
    due_not_raised,
    endings,
    hours,
    margin,
    service_levels,
    uncovered,
    utilization,
)
from web.pages.reports.blueprint import pages
from workflows.core.actors import OFFICE
from workflows.margins.cost_rates import ACCOUNTANTS

__all__ = ["pages"]

REPORTS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    (
        "reports.hours",
        mark("Hours sold, used and expired"),
        mark("What prepaid contracts came to by customer and month, in hours or in money."),
        {},
    ),
    (
        "reports.uncovered",
        mark("Uncovered time"),
        mark("Time that no contract paid: carried forward, not billed, or to be billed."),
        {},
    ),
    (
        "reports.uncovered",
        mark("Most overage"),
        mark("Whose time past what the contract pays costs most."),
        {"order": "-overage_minor"},
    ),
    (
        "reports.service_levels",
        mark("Service levels met and missed"),
        mark("Responses and resolutions in time or late, by service level, customer and month."),
        {},
    ),
    (
        "reports.utilization",
        mark("Utilization"),
        mark("Worked and chargeable time by technician, contract, customer and month."),
        {},
    ),
    (
        "reports.endings",
        mark("Contracts ending and their renewals"),
        mark("What ends, what runs out at its recent pace, and what renewals are worth, by month ahead."),
        {},
    ),
    (
        "reports.due_not_raised",
        mark("Due but not raised"),
        mark("What should have been invoiced by now and is on no invoice."),
        {},
    ),
)
FOR_ACCOUNTANTS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    (
        "reports.margin",
        mark("Contract margin"),
        mark("Revenue of contracts by month, less what the work on them costs."),
        {},
    ),
)


@pages.get("")
def index() -> str:
    require_role(*OFFICE)
    shown = REPORTS + (FOR_ACCOUNTANTS if actor().role in ACCOUNTANTS else ())
    reports = [(endpoint, gettext(title), gettext(text), filters) for endpoint, title, text, filters in shown]
    return render_template("reports/index.html", reports=reports)
