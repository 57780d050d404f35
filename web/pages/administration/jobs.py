"""The background jobs: description, last run and a button to run each one now."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from web.languages import gettext, mark
from web.pages.context import desk, require_role
from web.pages.forms.base import ActionForm
from web.pages.layout.listing import csv_response, wants_csv
from web.pages.wording.formats import counted_text
from workflows.jobs.definitions import JOBS, run_job
from workflows.operations.health import JobHealth, read_health

JOB_LABELS = {
    "settle_contracts": (
        mark("Activate due contracts"),
        mark("Activates contracts and grants whose start has been reached."),
    ),
    "expire_contracts": (
        mark("Expire contracts"),
        mark("Expires contracts and grants whose end has been reached."),
    ),
    "auto_close": (
        mark("Close resolved requests"),
        mark("Closes them after the number of days in the settings."),
    ),
    "open_waiting": (
        mark("Open waiting requests"),
        mark("Opens waiting requests that a contract now covers."),
    ),
    "sla_alerts": (
        mark("Warn of service level targets"),
        mark("Records warnings and breaches at the instant they are due, and queues their mail."),
    ),
    "unpaid_requests": (
        mark("Unpaid requests"),
        mark("Warns of requests that wait for a payment, and cancels them, after the hours of the settings."),
    ),
    "auto_top_ups": (
        mark("Top up contracts"),
        mark("Warns of contracts that are low, or tops them up, as their terms say."),
    ),
    "contract_alerts": (
        mark("Alert to contracts"),
        mark("Warns before contracts end, and of thresholds of use that the settings have added."),
    ),
    "exhaustion_alerts": (
        mark("Project exhaustion"),
        mark("Warns of contracts that are likely to be used up soon at their recent pace."),
    ),
    "bill_overage": (
        mark("Bill time"),
        mark("Writes the drafts of time beyond the contracts once its month is over."),
    ),
    "draft_renewals": (
        mark("Renew ahead"),
        mark(
            "Renews contracts ahead of their end, by the number of days in the settings, and writes the"
            " drafts."
        ),
    ),
    "draft_sold_items": (
        mark("Draft what was sold"),
        mark("Writes the drafts of what was sold, on the day after."),
    ),
    "invoice_reminders": (
        mark("Remind of invoices"),
        mark(
            "Reminds of invoices before they are due, when they are overdue, and by dunning levels with fees."
        ),
    ),
    "recurring_sales": (
        mark("Recurring sales"),
        mark("Writes the drafts of recurring sales for the periods that have begun."),
    ),
    "lapse_quotes": (
        mark("Lapse quotes"),
        mark("Records that nobody decided about a quote by its last day."),
    ),
    "send_password_links": (
        mark("Send password links"),
        mark("Queues a mail with a link for each known address that asked for one."),
    ),
    "deliver_outbox": (mark("Deliver mail"), mark("Sends queued messages and retries failed ones.")),
    "deliver_webhooks": (
        mark("Deliver webhooks"),
        mark("Sends queued events to webhooks and retries failed ones."),
    ),
    "pick_up_rules": (
        mark("Check the rules folder"),
        mark("Publishes changes to the folder, or refuses them if there are errors."),
    ),
    "take_up_replays": (mark("Resume replays"), mark("Resumes replays that were interrupted.")),
    "take_checkpoint": (
        mark("Take a ledger checkpoint"),
        mark("Stores a root over all ledger chains once a day, for audits against it."),
    ),
    "clean_up": (
        mark("Clean up"),
        mark("Deletes old idempotency keys, ended sessions, used links and replays."),
    ),
    "remove_old_records": (
        mark("Remove old records"),
        mark("Removes what is older than the settings of retention say."),
    ),
}

CSV_HEADER = ["job", "label", "every_seconds", "last_run_at", "last_count", "failed_at", "last_error"]

pages = Blueprint("jobs", __name__, url_prefix="/jobs")


@dataclass(frozen=True, slots=True)
class JobRow:
    name: str
    label: str
    description: str
    every_seconds: int
    health: JobHealth | None


@pages.get("")
def jobs() -> str | Response:
    require_role("administrator")
    health_by_job = {one.job: one for one in read_health(desk()).jobs}
    rows = [
        JobRow(name, *_label_and_description(name), job.every_seconds, health_by_job.get(name))
        for name, job in JOBS.items()
    ]
    if wants_csv():
        return csv_response("jobs", CSV_HEADER, [_csv_row(one) for one in rows])
    return render_template("administration/jobs.html", rows=rows, action_form=ActionForm(formdata=None))


@pages.post("/<name>/run")
def run(name: str) -> Response:
    require_role("administrator")
    if name not in JOBS:
        abort(404)
    if ActionForm().validate_on_submit():
        count = run_job(desk(), name)
        label = _label_and_description(name)[0]
        if count:
            flash(gettext("%(job)s: %(number)s processed.", job=label, number=counted_text(count)), "success")
        else:
            flash(gettext("%(job)s: nothing was due.", job=label), "success")
    return redirect(url_for("jobs.jobs"))


def _csv_row(row: JobRow) -> list[Any]:
    found = row.health
    if found is None:
        return [row.name, row.label, row.every_seconds, *[None] * 4]
    ran, failed = (at.isoformat() if at is not None else None for at in (found.last_run_at, found.failed_at))
    return [row.name, row.label, row.every_seconds, ran, found.last_count, failed, found.last_error]


def job_label(name: str) -> str:
    """What a job is called on pages."""
    return _label_and_description(name)[0]


def _label_and_description(name: str) -> tuple[str, str]:
    if name not in JOB_LABELS:
        return name.replace("_", " ").capitalize(), ""
    label, description = JOB_LABELS[name]
    return gettext(label), gettext(description)
