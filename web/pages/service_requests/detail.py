"""The service request page: state, coverage, activity and the allowed transitions."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response
from wtforms import BooleanField, Field, RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired

from engine.service_requests import ENDED_STATES, is_recent_reminder
from web.languages import gettext, lazy_text
from web.pages.context import actor, desk, now, settings
from web.pages.forms.base import ActionForm, DeskForm, Explicit, KeyedForm, attempt_once
from web.pages.forms.effects import EffectPreview
from web.pages.forms.fields import DurationField, MoneyField, select_options
from web.pages.layout.list_links import keep_list
from web.pages.service_requests.coverage_panel import seen_contract
from web.pages.service_requests.forms import (
    ASSIGNERS,
    AssigneeForm,
    WorkForm,
    assign_form,
    assignee_form,
    may_enable,
    may_order,
    take_form,
    work_form,
)
from web.pages.service_requests.list_context import list_context
from web.pages.service_requests.sla import targets
from web.pages.service_requests.timeline import load_timeline
from web.pages.service_requests.timer import ran_too_long, running_since
from web.pages.session.login import local_target
from web.pages.wording.coverage import describe_coverage_status, describe_unlock_condition
from web.pages.wording.labels import HOLD_REASONS, TRIGGERS_DONE
from workflows.billing.sold.sold_once import CLOSED_TO_SALES
from workflows.billing.sold.to_invoice import list_sold_items
from workflows.commands.service_requests import AddNote, ChangeServiceRequest, FireTrigger
from workflows.contracts.queries import list_contracts
from workflows.core.actors import Actor
from workflows.core.transaction import Transaction
from workflows.coverage.explanation import describe_decision
from workflows.disputes.queries import latest_disputes
from workflows.lifecycle.service_requests.access import require_visible
from workflows.service_requests.closing import up_to_date_request
from workflows.service_requests.history import list_merged
from workflows.service_requests.queries import read_service_request
from workflows.service_requests.use_cases import add_note, change_service_request, fire_trigger
from workflows.views import MOST_LIMIT
from workflows.views.contracts import ContractDetail, ContractView
from workflows.views.service_requests import ServiceRequestView
from workflows.work.approval_queries import approvals_of
from workflows.work.merging import MERGERS
from workflows.work.use_cases import WORKERS

pages = Blueprint("service_request", __name__, url_prefix="/requests/<service_request_id>")
keep_list(pages, "service_request_id")


class TransitionForm(KeyedForm):
    """A transition without required fields."""

    note: Field = TextAreaField(lazy_text("Note"))
    reason: Field = TextAreaField(lazy_text("Reason"))


class HoldForm(TransitionForm):
    reason = RadioField(
        lazy_text("Reason"),
        [InputRequired(lazy_text("Select an option."))],
        choices=lambda: select_options(HOLD_REASONS.items()),
    )


class ResolveForm(TransitionForm):
    note = TextAreaField(
        lazy_text("Resolution"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("Visible to the customer."),
    )


class CancelRequestForm(TransitionForm):
    reason = TextAreaField(lazy_text("Reason"), [InputRequired(lazy_text("This field is required."))])


class MergeForm(KeyedForm):
    into = StringField(
        lazy_text("Merge into"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("The number of the request that remains."),
    )
    reason: Field = TextAreaField(
        lazy_text("Reason"), description=lazy_text("Shown in the activity of both requests.")
    )


class AskForm(KeyedForm):
    """What the customer is asked to approve: time, or an amount."""

    minutes = DurationField(lazy_text("Time"), unit="minutes")
    amount = MoneyField(lazy_text("Or an amount"))
    reason = TextAreaField(
        lazy_text("What for"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("The customer reads it."),
    )


class NoteForm(KeyedForm):
    body = TextAreaField(lazy_text("Note"), [InputRequired(lazy_text("This field is required."))])
    public = BooleanField(lazy_text("Visible to the customer"), default=True)


TRANSITION_FORMS: dict[str, type[TransitionForm]] = {
    "hold": HoldForm,
    "resolve": ResolveForm,
    "cancel": CancelRequestForm,
}


@pages.get("")
def show(service_request_id: str) -> str:
    return request_page(service_request_id)


@pages.post("/moves/<trigger>")
def transition(service_request_id: str, trigger: str) -> tuple[str, int] | Response:
    form = transition_form(trigger)
    if form.validate_on_submit():
        values = {"trigger": trigger, "note": form.note.data, "reason": form.reason.data}
        command = form.command(FireTrigger, values)
        if command and attempt_once(form, lambda tx: fire_trigger(tx, service_request_id, command), command):
            flash(f"{TRIGGERS_DONE[trigger]}.", "success")
            return redirect_to_request(service_request_id)
    return request_page(service_request_id, **{trigger: form}), 422


@pages.post("/take")
def take(service_request_id: str) -> tuple[str, int] | Response:
    form = ActionForm()
    if form.validate_on_submit():
        command = form.command(ChangeServiceRequest, {"technician": actor().id})
        if command and attempt_once(
            form, lambda tx: change_service_request(tx, service_request_id, command), command
        ):
            flash(gettext("Assigned to you."), "success")
            wanted = request.form.get("next")
            return redirect(local_target(wanted)) if wanted else redirect_to_request(service_request_id)
    return request_page(service_request_id, taken=form), 422


@pages.post("/assignee")
def assign(service_request_id: str) -> tuple[str, int] | Response:
    """Assign the request to the person whom a supervisor picks."""
    form = AssigneeForm(prefix="assignee_")
    with desk().read(actor()) as tx:
        tx.require(*ASSIGNERS)
        if assignee_form(tx, read_service_request(tx, service_request_id), form) is None:
            form.technician.choices = []
    if form.validate_on_submit():
        command = form.command(ChangeServiceRequest, {"technician": Explicit(form.technician.data or None)})
        if command and attempt_once(
            form, lambda tx: change_service_request(tx, service_request_id, command), command
        ):
            flash(_assigned_message(service_request_id), "success")
            return redirect_to_request(service_request_id)
    return request_page(service_request_id, assignee=form), 422


@pages.post("/notes")
def note(service_request_id: str) -> tuple[str, int] | Response:
    form = NoteForm(prefix="note_")
    if form.validate_on_submit():
        public = bool(form.public.data) or not actor().is_staff
        command = form.command(AddNote, {"body": form.body.data, "public": public})
        written = command and attempt_once(
            form, lambda tx: add_note(tx, service_request_id, command), command
        )
        if written:
            flash(
                Markup('{} <a href="#note-{}">{}</a>').format(
                    gettext("The note has been added."), written, gettext("Show note")
                ),
                "success",
            )
            return redirect_to_request(service_request_id)
    return request_page(service_request_id, note=form), 422


def _assigned_message(service_request_id: str) -> str:
    with desk().read(actor()) as tx:
        name = read_service_request(tx, service_request_id).technician_name
    return gettext("Assigned to %(name)s.", name=name) if name else gettext("The request is now unassigned.")


def redirect_to_request(service_request_id: str, place: str = "") -> Response:
    return redirect(url_for("service_request.show", service_request_id=service_request_id) + place)


def transition_form(trigger: str, formdata: Any = ...) -> TransitionForm:
    """The form of a transition; `formdata=None` returns an empty form."""
    kind = TRANSITION_FORMS.get(trigger, TransitionForm)
    prefix = f"{trigger}_"
    return kind(prefix=prefix) if formdata is ... else kind(formdata=formdata, prefix=prefix)


def _merge_form(found: ServiceRequestView) -> MergeForm | None:
    may = actor().role in MERGERS and found.state not in ENDED_STATES
    return MergeForm(formdata=None, prefix="merge_") if may else None


def ordered_contracts(tx: Transaction, found: ServiceRequestView) -> list[ContractView]:
    """The contracts that were ordered for a waiting request and are not valid yet, without its own."""
    pending = list_contracts(tx, service_request=found.id, state="pending", order="created_at")
    return [one for one in pending.items if "service_request" not in one.holder]


def asks_before(contract: ContractDetail | None) -> bool:
    """Whether the customer is asked before work goes past the contract that covers a request."""
    policy = (contract.overage if contract is not None else None) or settings().overage
    return settings().contracts and policy == "ask"


def _ask_form(found: ServiceRequestView, who: Actor, *, asks_first: bool) -> AskForm | None:
    may = who.role in WORKERS and found.state != "cancelled" and asks_first
    return AskForm(formdata=None, prefix="ask_") if may else None


def request_page(
    service_request_id: str, preview: Any = None, effect: EffectPreview | None = None, **submitted: DeskForm
) -> str:
    """Render the page; submitted forms are shown open with their values."""
    with (
        desk().read(actor()) as seen,
        up_to_date_request(seen, require_visible(seen, service_request_id)) as tx,
    ):
        found = read_service_request(tx, service_request_id)
        timeline = load_timeline(tx, found.id, all_events="activity" in request.args)
        merged = list_merged(tx, found.id)
        sold_items = list_sold_items(tx, service_request=found.id, limit=MOST_LIMIT).items
        contract = seen_contract(tx, found.coverage.contract if found.coverage else None)
        forms: dict[str, DeskForm | None] = {
            name: transition_form(name, formdata=None) for name in found.allowed_triggers
        }
        forms["note"] = NoteForm(formdata=None, prefix="note_")
        forms["work"] = work_form(found, actor())
        asks_first = asks_before(contract)
        approvals = approvals_of(tx, found.id)
        forms["ask"] = _ask_form(found, actor(), asks_first=asks_first)
        forms["merge"] = _merge_form(found)
        forms["take_contract"] = take_form(tx, found)
        ordered = ordered_contracts(tx, found) if may_order(tx.actor, found) else []
        forms["assign"] = assign_form(tx, found)
        forms["assignee"] = assignee_form(tx, found)
        forms |= submitted
        if isinstance(forms["work"], WorkForm):
            forms["work"].work_type.load_options(tx)
        return render_template(
            "service_requests/show.html",
            request_view=found,
            timeline=timeline,
            disputes=latest_disputes(
                tx, "work_entry", [one.work.id for one in timeline.events if one.work is not None]
            ),
            merged=merged,
            approvals=approvals,
            asks_first=asks_first,
            sold_items=sold_items,
            may_sell_once=actor().is_staff and settings().invoicing and found.state not in CLOSED_TO_SALES,
            came_by=next((one.number for one in merged if one.id == service_request_id), None),
            targets=targets(found, now()),
            contract=contract,
            ordered=ordered,
            coverage_status=describe_coverage_status(found, contract),
            unlock_condition=describe_unlock_condition(found, contract),
            explanation=describe_decision(tx, timeline.decision) if timeline.decision else None,
            forms=forms,
            submitted=next((name for name, form in submitted.items() if form.has_errors), None),
            failed_form=next((form for form in submitted.values() if form.has_errors), None),
            reminded_lately=bool(timeline.reminder and is_recent_reminder(timeline.reminder.at, tx.now)),
            may_enable=may_enable(tx, contract, found.id, actor()),
            preview=preview,
            effect=effect,
            running_since=(since := running_since(found.id)),
            forgot_timer=since is not None and ran_too_long(since),
            action_form=ActionForm(formdata=None),
            mine=found.technician == actor().id,
            listed=list_context(tx),
        )
