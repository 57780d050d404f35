"""Time worked on a service request: preview, logging, editing and deleting."""

from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from engine.errors import DeskError
from web.languages import gettext
from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm, Explicit, attempt_once, perform_once
from web.pages.layout.list_links import keep_list
from web.pages.service_requests import timer
from web.pages.service_requests.coverage_panel import seen_contract
from web.pages.service_requests.detail import asks_before, redirect_to_request, request_page
from web.pages.service_requests.forms import EditWorkForm, RecalculateForm, WorkForm
from web.pages.service_requests.numbers import request_with
from web.pages.wording.draw_down import allocation_text
from web.pages.wording.formats import minutes_text
from workflows.commands.work import ChangeWork, RecalculateWork, WorkAndResolution, WorkGiven
from workflows.core.actors import DESK
from workflows.core.transaction import Transaction
from workflows.service_requests.queries import read_service_request
from workflows.views.service_requests import WorkEntryView, WorkPreview
from workflows.work.queries import preview_view, read_work, recalculation_view
from workflows.work.recalculation import preview_recalculation, recalculate_work
from workflows.work.use_cases import (
    change_work,
    delete_work,
    log_work,
    log_work_and_resolve,
    preview_change,
    preview_work,
)

pages = Blueprint("request_work", __name__, url_prefix="/requests/<service_request_id>/work")
keep_list(pages, "service_request_id")


@pages.post("")
def log(service_request_id: str) -> tuple[str, int] | str | Response:
    form = WorkForm(prefix="work_")
    if form.validate_on_submit():
        step = request.form.get("step")
        command = _command(form, resolves=step == "resolve")
        if command and step == "preview":
            return request_page(
                service_request_id, preview=_preview(form, service_request_id, command), work=form
            )
        use_case = partial(_save, service_request_id, command) if command and form.says_why() else None
        saved = attempt_once(form, use_case, command) if use_case else None
        if saved:
            timer.forget(service_request_id)
            flash(_saved_message(saved, is_resolved=step == "resolve"), "success")
            return redirect_to_request(service_request_id)
    return request_page(service_request_id, work=form), 422


@pages.post("/preview")
def preview(service_request_id: str) -> str:
    """Preview the allocation of the time while typing, as a fragment."""
    form = WorkForm(prefix="work_")
    values: WorkPreview | None = None
    if form.validate_on_submit() and (form.minutes.data is not None or form.started_at.data):
        command = form.command(WorkGiven, form.values())
        values = _preview(form, service_request_id, command) if command else None
    return render_template("service_requests/work_preview.html", preview=values, form=form)


@pages.post("/timer/<action>")
def switch(service_request_id: str, action: str) -> Response:
    """Start or discard the timer. It stops when the form, filled in by the timer, is saved."""
    with desk().read(actor()) as tx:
        read_service_request(tx, service_request_id)
    if ActionForm().validate_on_submit():
        if action == "start":
            timer.start(service_request_id)
        else:
            timer.forget(service_request_id)
    return redirect_to_request(service_request_id, "#log-time")


@pages.route("/recalculate", methods=["GET", "POST"])
def recalculate(service_request_id: str) -> tuple[str, int] | Response:
    """Preview all work of the request charged by what holds today, and charge it so."""
    form = RecalculateForm()
    with desk().read(actor()) as tx:
        found = read_service_request(tx, service_request_id)
        effect = recalculation_view(tx, preview_recalculation(tx, service_request_id))
    if form.validate_on_submit():
        command = form.command(RecalculateWork, {"reason": form.reason.data})
        if command and attempt_once(
            form, lambda tx: recalculate_work(tx, service_request_id, command), command
        ):
            flash(gettext("Work recalculated by today’s terms."), "success")
            return redirect_to_request(service_request_id)
    page = render_template(
        "service_requests/work_recalculate.html", form=form, request_view=found, effect=effect
    )
    return page, 422 if form.has_errors else 200


@pages.route("/<entry_id>", methods=["GET", "POST"])
def edit(service_request_id: str, entry_id: str) -> tuple[str, int] | Response:
    with desk().read(actor()) as tx:
        tx.require(*DESK)
        entry = read_work(tx, entry_id)
        found = read_service_request(tx, entry.service_request)
        form = EditWorkForm(data=_form_data(entry) | {"number": found.number})
        form.work_type.load_options(tx)
        asks_first = asks_before(seen_contract(tx, found.coverage.contract if found.coverage else None))
    form.worked_at.description = gettext("Defaults to the time that the entry has.")
    effect: WorkPreview | None = None
    if form.validate_on_submit():
        command = form.command(ChangeWork, {**_changes(form, entry), "reason": form.reason.data})
        if command and request.form.get("step") == "preview":
            effect, command = _change_preview(form, entry_id, command), None
        # a repeated submit has the same fields, but changes nothing of the entry any more
        if (
            command
            and form.says_why(entry)
            and attempt_once(form, lambda tx: change_work(tx, entry_id, command))
        ):
            flash(_changed_message(entry), "success")
            return redirect_to_request(command.service_request or found.id)
    page = render_template(
        "service_requests/work_edit.html",
        form=form,
        entry=entry,
        request_view=found,
        action_form=ActionForm(formdata=None),
        asks_first=asks_first,
        preview=effect,
    )
    return page, 422 if form.has_errors else 200


@pages.post("/<entry_id>/preview")
def preview_edit(service_request_id: str, entry_id: str) -> str:
    """Preview the corrected entry while typing, as a fragment."""
    with desk().read(actor()) as tx:
        tx.require(*DESK)
        entry = read_work(tx, entry_id)
    form = EditWorkForm()
    values: WorkPreview | None = None
    if form.validate_on_submit():
        command = form.command(ChangeWork, _changes(form, entry))
        values = _change_preview(form, entry_id, command) if command else None
    return render_template("service_requests/work_preview.html", preview=values, form=form)


@pages.post("/<entry_id>/delete")
def delete(service_request_id: str, entry_id: str) -> Response:
    form = ActionForm()
    if form.validate_on_submit():
        perform_once(form, lambda tx: _delete(tx, entry_id, request.form.get("reason", "").strip()[:2000]))
        flash(gettext("Work entry deleted. Its draw-down was reversed."), "success")
        return redirect_to_request(service_request_id)
    return redirect(url_for("request_work.edit", service_request_id=service_request_id, entry_id=entry_id))


def _delete(tx: Transaction, entry_id: str, reason: str) -> str:
    delete_work(tx, entry_id, reason=reason)
    return entry_id


def _command(form: WorkForm, *, resolves: bool) -> WorkGiven | None:
    """The command of the form: the time alone, or with the resolution of the request."""
    if not resolves:
        return form.command(WorkGiven, form.values())
    resolution = (form.resolution.data or "").strip()
    return form.command(WorkAndResolution, {**form.values(), "resolution": resolution})


def _save(service_request_id: str, command: WorkGiven, tx: Transaction) -> str:
    if isinstance(command, WorkAndResolution):
        return log_work_and_resolve(tx, service_request_id, command)
    return log_work(tx, service_request_id, command)


def _preview(form: WorkForm, service_request_id: str, command: WorkGiven) -> WorkPreview | None:
    try:
        with desk().read(actor()) as tx:
            return preview_view(tx, preview_work(tx, service_request_id, command))
    except DeskError as error:
        form.add_error(str(error.values.get("pointer", "")), str(error))
        return None


def _change_preview(form: WorkForm, entry_id: str, command: ChangeWork) -> WorkPreview | None:
    try:
        with desk().read(actor()) as tx:
            return preview_view(tx, preview_change(tx, entry_id, command))
    except DeskError as error:
        form.add_error(str(error.values.get("pointer", "")), str(error))
        return None


def _saved_message(entry_id: str, *, is_resolved: bool) -> Markup:
    with desk().read(actor()) as tx:
        entry = read_work(tx, entry_id)
    time, allocation = minutes_text(entry.worked_minutes), allocation_text(entry.allocations)
    if is_resolved:
        done = gettext("Resolved. %(time)s logged: %(allocation)s.", time=time, allocation=allocation)
    else:
        done = gettext("%(time)s logged: %(allocation)s.", time=time, allocation=allocation)
    return Markup('{} <a href="#entry-{}">{}</a>').format(done, entry_id, gettext("Show entry"))


def _form_data(entry: WorkEntryView) -> dict[str, Any]:
    names = ("work_type", "note", "billable", "not_billable_reason")
    values: dict[str, Any] = {name: getattr(entry, name) for name in names}
    if entry.ended_at is not None:
        return {**values, "started_at": entry.started_at, "ended_at": entry.ended_at}
    return {**values, "minutes": entry.worked_minutes, "worked_at": entry.started_at}


def _changes(form: EditWorkForm, entry: WorkEntryView) -> dict[str, Any]:
    """The new values of the whole entry; an empty note or work type removes the one there was.

    An unknown number is passed on as it is: the use case names it as an error of its field.
    """
    values = form.values(default_at=entry.started_at)
    for name in ("note", "not_billable_reason"):
        stored = getattr(entry, name)
        if values[name] == (stored or "").replace("\r\n", "\n"):
            values[name] = stored  # a browser sends other line ends than an API client may have
    given = ("note", "work_type", *(() if values["billable"] else ("not_billable_reason",)))
    texts = {name: Explicit(values.pop(name) or None) for name in given}
    values["service_request"] = request_with(form.number.data)
    return {name: value for name, value in values.items() if value is not None} | texts


def _changed_message(before: WorkEntryView) -> str:
    with desk().read(actor()) as tx:
        after = read_work(tx, before.id)
    if after == before:
        return gettext("Nothing was changed.")
    if before.state == "rejected":
        if after.state == "submitted":
            return gettext("Work entry submitted again.")
        return gettext("Work entry approved.")
    if after.service_request != before.service_request:
        with desk().read(actor()) as tx:
            number = read_service_request(tx, after.service_request).number
        allocation = allocation_text(after.allocations)
        return gettext(
            "Work entry moved to %(number)s: %(allocation)s.", number=number, allocation=allocation
        )
    if _drawn(after) == _drawn(before):
        return gettext("Work entry updated. No minutes have moved.")
    return gettext("Work entry updated. The previous draw-down was reversed and the new time drawn.")


def _drawn(entry: WorkEntryView) -> tuple[Any, ...]:
    return entry.started_at, entry.ended_at, entry.chargeable_minutes, entry.allocations
