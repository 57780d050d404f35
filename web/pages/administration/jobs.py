"""The background jobs: description, last run and a button to run each one now."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from web.pages.context import desk, require_role
from web.pages.forms.base import ActionForm
from workflows.jobs.definitions import JOBS, run_job
from workflows.operations.health import JobHealth, read_health

JOB_LABELS = {
    "settle_contracts": (
        "Activate due contracts",
        "Activates contracts and grants whose start has been reached.",
    ),
    "expire_contracts": ("Expire contracts", "Expires contracts and grants whose end has been reached."),
    "auto_close": ("Close resolved requests", "Closes them after the number of days in the settings."),
    "open_waiting": ("Open waiting requests", "Opens waiting requests that a contract now covers."),
    "sla_alerts": (
        "Warn of service level targets",
        "Records warnings and breaches at the instant they are due, and queues their mail.",
    ),
    "unpaid_requests": (
        "Unpaid requests",
        "Warns of requests that wait for a payment, and cancels them, after the hours of the settings.",
    ),
    "auto_top_ups": (
        "Top up contracts",
        "Warns of contracts that are low, or tops them up, as their terms say.",
    ),
    "contract_alerts": (
        "Alert to contracts",
        "Warns before contracts end, and of thresholds of use that the settings have added.",
    ),
    "exhaustion_alerts": (
        "Project exhaustion",
        "Warns of contracts that are likely to be used up soon at their recent pace.",
    ),
    "bill_overage": ("Bill time", "Writes the drafts of time beyond the contracts once its month is over."),
    "draft_renewals": (
        "Renew ahead",
        "Renews contracts so many days before their end and writes the drafts, by the setting.",
    ),
    "draft_sold_items": ("Draft what was sold", "Writes the drafts of what was sold, on the day after."),
    "invoice_reminders": (
        "Remind of invoices",
        "Reminds of invoices before they are due, when they are overdue, and by dunning levels with fees.",
    ),
    "lapse_quotes": ("Lapse quotes", "Records that nobody decided about a quote until its last day."),
    "send_password_links": (
        "Answer forgotten passwords",
        "Queues a mail with a link for each known address that asked for one.",
    ),
    "deliver_outbox": ("Deliver mail", "Sends queued messages and retries failed ones."),
    "deliver_webhooks": ("Deliver webhooks", "Sends queued events to webhooks and retries failed ones."),
    "pick_up_rules": (
        "Check the rules folder",
        "Publishes changes to the folder, or refuses them if there are errors.",
    ),
    "take_up_replays": ("Resume replays", "Resumes replays that were interrupted."),
    "take_checkpoint": (
        "Take a ledger checkpoint",
        "Stores a root over all ledger chains once a day, for audits against it.",
    ),
    "clean_up": ("Clean up", "Deletes old idempotency keys, ended sessions, used links and replays."),
}

pages = Blueprint("jobs", __name__, url_prefix="/jobs")


@dataclass(frozen=True, slots=True)
class JobRow:
    name: str
    label: str
    description: str
    every_seconds: int
    health: JobHealth | None


@pages.get("")
def jobs() -> str:
    require_role("administrator")
    health_by_job = {one.job: one for one in read_health(desk()).jobs}
    rows = [
        JobRow(name, *_label_and_description(name), job.every_seconds, health_by_job.get(name))
        for name, job in JOBS.items()
    ]
    return render_template("administration/jobs.html", rows=rows, action_form=ActionForm(formdata=None))


@pages.post("/<name>/run")
def run(name: str) -> Response:
    require_role("administrator")
    if name not in JOBS:
        abort(404)
    if ActionForm().validate_on_submit():
        count = run_job(desk(), name)
        result = f"{count} processed" if count else "nothing was due"
        flash(f"{_label_and_description(name)[0]}: {result}.", "success")
    return redirect(url_for("jobs.jobs"))


def _label_and_description(name: str) -> tuple[str, str]:
    texts: Any = JOB_LABELS.get(name, (name.replace("_", " ").capitalize(), ""))
    label, description = texts
    return str(label), str(description)
