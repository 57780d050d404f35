"""Accounting periods: the list of months, and one with its history and its adjustments."""

from functools import partial

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import TextAreaField

from engine.periods import last_day_of_month, local_date
from web.languages import Texts, gettext, lazy_text, mark
from web.pages.context import actor, desk, zone
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.layout.listing import all_rows, counted_page, csv_response, wants_csv
from web.pages.wording.audit import event_action
from web.pages.wording.posting_accounts import posting_account
from workflows.accounting_periods.checklist import POINTS
from workflows.accounting_periods.queries import (
    list_adjustments,
    list_periods,
    read_checklist,
    read_period,
)
from workflows.accounting_periods.use_cases import ACCOUNTANTS, close_period, reopen_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.core.actors import DESK, OFFICE

CSV_HEADER = ["period", "state", "starts_on", "closed_at", "closed_by", "reason", "adjustments"]
ADJUSTMENTS_CSV_HEADER = [
    "belongs_at", "effective_at", "recorded_at", "kind", "why", "actor", "contract", "service_request",
    "owner", "account", "unit", "amount",
]  # fmt: skip
ACTIONS = {
    "close": (close_period, mark("%(month)s is closed.")),
    "reopen": (reopen_period, mark("%(month)s is open again.")),
}

CHECKLIST: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    "unapproved_entries": ("work_approval.entries", {}, DESK),
    "to_invoice": ("to_invoice.items", {}, OFFICE),
    "drafts": ("invoices.invoices", {"view": "draft"}, OFFICE),
    "bank_entries": ("bank_entries.entries", {}, ACCOUNTANTS),
    "failed_jobs": ("jobs.jobs", {}, ("administrator",)),
    "failed_messages": ("outbox.outbox", {}, ("administrator",)),
    "revenue": ("accounts.deferred_revenue", {}, ACCOUNTANTS),
}
"""The points of the checklist: where they are done, and which roles can open that page."""

pages = Blueprint("accounting_periods", __name__, url_prefix="/accounting-periods")


class PeriodForm(KeyedForm):
    reason = TextAreaField(lazy_text("Reason"), description=lazy_text("Stored in the history of the period."))


@pages.get("")
def periods() -> str | Response:
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_periods(tx, **at))
            table = [
                [
                    one.period,
                    one.state,
                    local_date(one.starts_at, zone()).isoformat(),
                    one.closed_at.isoformat() if one.closed_at else None,
                    one.closed_by,
                    one.reason,
                    one.adjustments,
                ]
                for one in rows
            ]
            return csv_response("accounting-periods", CSV_HEADER, table)
        at = {name: value for name, value in counted_page().items() if name != "counted"}
        page = list_periods(tx, **at)
    return render_template("administration/accounting_periods/index.html", page=page)


@pages.get("/<month>")
def show(month: str) -> str | Response:
    if wants_csv():
        return _adjustments_csv(month)
    return _page(month, PeriodForm(formdata=None))


@pages.post("/<month>/<action>")
def change(month: str, action: str) -> tuple[str, int] | Response:
    """Close or reopen the month; if it is refused, show it with the typed reason."""
    if action not in ACTIONS:
        raise NotFound
    form = PeriodForm()
    use_case, done = ACTIONS[action]
    command = form.command(ChangePeriod, {"reason": form.reason.data}) if form.validate_on_submit() else None
    if (
        command is None
        or attempt_once(form, partial(use_case, month=month, command=command), command) is None
    ):
        return _page(month, form), 422
    flash(gettext(done, month=month), "success")
    return redirect(url_for("accounting_periods.show", month=month))


def _page(month: str, form: PeriodForm) -> str:
    with desk().read(actor()) as tx:
        period = read_period(tx, month)
        adjustments = list_adjustments(tx, month, **counted_page())
        checklist = read_checklist(tx, month) if period.state == "open" else None
    last_day = last_day_of_month(local_date(period.starts_at, zone()))
    return render_template(
        "administration/accounting_periods/show.html",
        period=period,
        page=adjustments,
        form=form,
        checklist=checklist,
        points=CHECKLIST,
        point_labels=Texts(POINTS),
        last_day=last_day,
        period_action=lambda action: event_action("accounting_period", action),
        posting_account=posting_account,
    )


def _adjustments_csv(month: str) -> Response:
    with desk().read(actor()) as tx:
        rows = all_rows(lambda **at: list_adjustments(tx, month, **at))
        table = [
            [
                one.belongs_at.isoformat() if one.belongs_at else None,
                one.effective_at.isoformat(),
                one.recorded_at.isoformat(),
                one.kind,
                one.why,
                one.actor,
                one.contract_number,
                one.service_request_number,
                posting.owner,
                posting.account,
                posting.unit,
                posting.amount,
            ]
            for one in rows
            for posting in one.postings
        ]
    return csv_response(f"adjustments-{month}", ADJUSTMENTS_CSV_HEADER, table)
