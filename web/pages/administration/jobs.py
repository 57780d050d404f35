"""The background jobs: what each does, when it last ran, and running one now."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from web.pages.context import desk, require_role
from web.pages.forms.base import ActionForm
from workflows.jobs.definitions import JOBS, run_job
from workflows.operations.health import JobHealth, read_health

JOB_LABELS = {
    "settle_contracts": ("Activate due contracts", "Contracts and grants whose start has come take effect."),
    "expire_contracts": ("Expire contracts", "Contracts and grants whose end has come are closed."),
    "auto_close": ("Close resolved requests", "After the days that the settings say."),
    "open_waiting": ("Open waiting requests", "Those that a contract covers by now, where that was missed."),
    "deliver_outbox": ("Deliver mail", "What is told to people goes out; failures are tried again."),
    "pick_up_rules": ("Look at the rules folder", "An edit of it is checked and takes force, or is refused."),
    "take_up_replays": ("Go on with replays", "Those that a process left unfinished."),
    "clean_up": ("Clean up", "Old idempotency keys, failed logins and replays are forgotten."),
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
        flash(f"{_label_and_description(name)[0]}: {count or 'nothing'} was due.", "success")
    return redirect(url_for("jobs.jobs"))


def _label_and_description(name: str) -> tuple[str, str]:
    texts: Any = JOB_LABELS.get(name, (name.replace("_", " ").capitalize(), ""))
    label, description = texts
    return str(label), str(description)
