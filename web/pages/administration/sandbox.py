"""The sandbox clock, which an administrator can set."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.errors import DeskError
from web.pages.context import actor, desk, now
from web.pages.forms.base import DeskForm
from web.pages.forms.fields import InstantField
from workflows.core.errors import NotAllowed, NotFound, OutcomeUnknown
from workflows.jobs.sandbox_clock import read_clock, set_clock

STEPS = {
    "hour": ("+1 hour", timedelta(hours=1)),
    "day": ("+1 day", timedelta(days=1)),
    "week": ("+1 week", timedelta(days=7)),
    "month": ("+30 days", timedelta(days=30)),
}

pages = Blueprint("sandbox", __name__, url_prefix="/sandbox")


class ClockForm(DeskForm):
    now = InstantField("New time")


@pages.route("/clock", methods=["GET", "POST"])
def clock() -> tuple[str, int] | Response:
    with desk().read(actor()) as tx:
        tx.require("administrator")
    read_clock(desk())
    form = ClockForm(data={"now": now()})
    if form.validate_on_submit():
        step = STEPS.get(request.form.get("step", ""))
        wanted = now() + step[1] if step else form.now.data
        if wanted is None:
            form.add_error("/now", "This field is required.")
        elif step is None and wanted == form.now.given:
            flash("Nothing was changed.", "success")
            return redirect(url_for("sandbox.clock"))
        else:
            try:
                done = set_clock(desk(), actor(), wanted)
            except (NotFound, NotAllowed, OutcomeUnknown):
                raise
            except DeskError as error:
                form.add_error("/now", str(error))
            else:
                due = f"{done.ran} due tasks were processed" if done.ran != 1 else "1 due task was processed"
                flash(
                    f"The clock has been set. {due if done.ran else 'Nothing was due in between'}.", "success"
                )
                return redirect(url_for("sandbox.clock"))
    page = render_template("administration/sandbox_clock.html", form=form, steps=STEPS)
    return page, 422 if form.has_errors else 200
