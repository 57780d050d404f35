"""The time zone and holiday data in use, and the open targets that it would move."""

from flask import Blueprint, render_template

from web.pages.context import actor, desk, require_role
from workflows.core.actors import OFFICE
from workflows.lifecycle.service_requests.sla_data import read_calendar_data

pages = Blueprint("calendar_data", __name__, url_prefix="/calendar-data")


@pages.get("")
def show() -> str:
    require_role(*OFFICE)
    with desk().read(actor()) as tx:
        found = read_calendar_data(tx)
    return render_template("administration/calendar_data.html", found=found)
