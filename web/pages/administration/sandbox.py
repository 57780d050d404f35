"""The sandbox clock, which an administrator can set."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.errors import DeskError
from web.languages import gettext, lazy_text, mark, ngettext
from web.pages.context import actor, desk, now
from web.pages.forms.base import DeskForm
from web.pages.forms.fields import InstantField
from workflows.core.errors import NotAllowed, NotFound, OutcomeUnknown
from workflows.jobs.sandbox_clock import read_clock, set_clock

STEPS = {
    "hour": (mark("+1 hour"), timedelta(hours=1)),
    "day": (mark("+1 day"), timedelta(days=1)),
    "week": (mark("+1 week"), timedelta(days=7)),
    "month": (mark("+30 days"), timedelta(days=30)),
}

pages = Blueprint("sandbox", __name__, url_prefix="/sandbox")


class ClockForm(DeskForm):
    now = InstantField(lazy_text("New time"))


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
            form.add_error("/now", gettext("This field is required."))
        elif step is None and wanted == form.now.given:
            flash(gettext("Nothing was changed."), "success")
            return redirect(url_for("sandbox.clock"))
        else:
            try:
                done = set_clock(desk(), actor(), wanted)
            except (NotFound, NotAllowed, OutcomeUnknown):
                raise
            except DeskError as error:
                form.add_error("/now", str(error))
            else:
                due = gettext("Nothing was due in between.")
                if done.ran:
                    due = ngettext(
                        "%(num)s due task was processed.", "%(num)s due tasks were processed.", done.ran
                    )
                flash(f"{gettext('The clock has been set.')} {due}", "success")
                return redirect(url_for("sandbox.clock"))
    page = render_template("administration/sandbox_clock.html", form=form, steps=STEPS)
    return page, 422 if form.has_errors else 200
