"""The sandbox clock: a desk whose time an administrator sets."""

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
    "hour": ("An hour on", timedelta(hours=1)),
    "day": ("A day on", timedelta(days=1)),
    "week": ("A week on", timedelta(days=7)),
    "month": ("30 days on", timedelta(days=30)),
}

pages = Blueprint("sandbox", __name__, url_prefix="/sandbox")


class ClockForm(DeskForm):
    now = InstantField("The clock is to show")


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
            form.refuse("/now", "Fill this in.")
        else:
            try:
                done = set_clock(desk(), actor(), wanted)
            except (NotFound, NotAllowed, OutcomeUnknown):
                raise
            except DeskError as error:
                form.refuse("/now", str(error))
            else:
                flash(f"The clock is set; {done.ran or 'nothing'} was due in between.", "good")
                return redirect(url_for("sandbox.clock"))
    page = render_template("administration/sandbox_clock.html", form=form, steps=STEPS)
    return page, 422 if form.is_wrong else 200
