"""Time worked on a service request: where it goes before it is saved, and correcting it afterwards."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.errors import DeskError
from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm, attempt, attempt_once
from web.pages.service_requests import timer
from web.pages.service_requests.detail import back, request_page
from web.pages.service_requests.forms import WorkForm
from web.pages.wording.draw_down import split_words
from web.pages.wording.formats import minutes_text
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.core.actors import DESK
from workflows.service_requests.queries import read_service_request
from workflows.views.service_requests import WorkEntryView, WorkPreview
from workflows.work.queries import preview_view, read_work
from workflows.work.use_cases import change_work, delete_work, log_work, preview_work

pages = Blueprint("request_work", __name__, url_prefix="/requests/<service_request_id>/work")


@pages.post("")
def log(service_request_id: str) -> tuple[str, int] | str | Response:
    form = WorkForm(prefix="work_")
    if form.validate_on_submit():
        command = form.command(WorkGiven, form.values())
        if command and request.form.get("step") == "preview":
            return request_page(
                service_request_id, preview=_preview(form, service_request_id, command), work=form
            )
        if command:
            saved = attempt_once(form, lambda tx: log_work(tx, service_request_id, command), command)
            if saved:
                timer.forget(service_request_id)
                flash(_saved(saved), "good")
                return back(service_request_id, "#end")
    return request_page(service_request_id, work=form), 422


@pages.post("/preview")
def preview(service_request_id: str) -> str:
    """Where the time would go, as one types: a part of the page."""
    form = WorkForm(prefix="work_")
    told: WorkPreview | None = None
    if form.validate_on_submit() and (form.minutes.data or form.started_at.data):
        command = form.command(WorkGiven, form.values())
        told = _preview(form, service_request_id, command) if command else None
    return render_template("service_requests/work_preview.html", preview=told, form=form)


@pages.post("/timer/<act>")
def switch(service_request_id: str, act: str) -> Response:
    """Start the time, or forget it; stopping is the form itself, which has it filled in."""
    with desk().read(actor()) as tx:
        read_service_request(tx, service_request_id)
    if ActionForm().validate_on_submit():
        if act == "start":
            timer.start(service_request_id)
        else:
            timer.forget(service_request_id)
    return back(service_request_id, "#log-time")


@pages.route("/<entry_id>", methods=["GET", "POST"])
def edit(service_request_id: str, entry_id: str) -> tuple[str, int] | Response:
    with desk().read(actor()) as tx:
        tx.require(*DESK)
        entry = read_work(tx, entry_id)
        found = read_service_request(tx, entry.service_request)
        form = WorkForm(data=_as_typed(entry))
        form.work_type.look_up(tx)
    if form.validate_on_submit():
        command = form.command(ChangeWork, _changes(form))
        if command and attempt(form, lambda tx: change_work(tx, entry_id, command)):
            flash("Corrected: what it drew is taken back, and the corrected time is drawn anew.", "good")
            return back(found.id, "#end")
    page = render_template(
        "service_requests/work_edit.html",
        form=form,
        entry=entry,
        request_view=found,
        action_form=ActionForm(formdata=None),
    )
    return page, 422 if form.is_wrong else 200


@pages.post("/<entry_id>/delete")
def delete(service_request_id: str, entry_id: str) -> Response:
    form = ActionForm()
    if form.validate_on_submit():
        desk().perform(actor(), lambda tx: delete_work(tx, entry_id))
        flash("The entry is taken back, and so is what it drew.", "good")
        return back(service_request_id, "#end")
    return redirect(url_for("request_work.edit", service_request_id=service_request_id, entry_id=entry_id))


def _preview(form: WorkForm, service_request_id: str, command: WorkGiven) -> WorkPreview | None:
    try:
        with desk().read(actor()) as tx:
            return preview_view(tx, preview_work(tx, service_request_id, command))
    except DeskError as error:
        form.refuse(str(error.values.get("pointer", "")), str(error))
        return None


def _saved(entry_id: str) -> str:
    with desk().read(actor()) as tx:
        entry = read_work(tx, entry_id)
    return f"{minutes_text(entry.worked_minutes)} logged: {split_words(entry.allocations)}."


def _as_typed(entry: WorkEntryView) -> dict[str, Any]:
    told: dict[str, Any] = {"work_type": entry.work_type, "note": entry.note, "billable": entry.billable}
    if entry.ended_at is not None:
        return {**told, "started_at": entry.started_at, "ended_at": entry.ended_at}
    return {**told, "minutes": entry.worked_minutes, "worked_at": entry.started_at}


def _changes(form: WorkForm) -> dict[str, Any]:
    """The whole entry as it is to be."""
    return {name: value for name, value in form.values().items() if value is not None}
