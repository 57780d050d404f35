"""Work entries that await approval: the list, and approving or rejecting some of them."""

from collections.abc import Callable
from typing import Any, Literal

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import InputRequired

from web.languages import Texts, gettext, lazy_text, mark, mark_in, ngettext
from web.pages.context import actor, desk
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.forms.effects import EffectPreview, effect_response, preview_effect
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.draw_down import allocation_text
from web.pages.wording.formats import minutes_text
from workflows.commands.work import MOST_DECIDED_AT_ONCE, DecideEntries
from workflows.core.actors import SUPERVISORS
from workflows.core.transaction import Transaction
from workflows.languages.texts import in_language
from workflows.views.service_requests import ListedWorkView, WorkEntryView
from workflows.work.approval import approve_work, reject_work
from workflows.work.queries import list_all_work, read_listed_work

STATES = Texts(
    {
        "submitted": mark("To approve"),
        "approved": mark_in("work entries", "Approved"),
        "rejected": mark_in("work entries", "Rejected"),
    }
)
ORDERS = {"submitted": "started_at", "approved": "-started_at", "rejected": "started_at"}
"""The order of each list unless another is chosen: what was approved is looked up, the rest is worked off."""
CSV_HEADER = [
    "started_at",
    "service_request",
    "subject",
    "customer",
    "technician",
    "state",
    "worked",
    "chargeable",
    "taken_from",
    "note",
    "decided_by",
    "decision_reason",
    "billable",
    "not_billable_reason",
]
Decision = Literal["approve", "reject"]
USE_CASES = {"approve": approve_work, "reject": reject_work}

pages = Blueprint("work_approval", __name__, url_prefix="/work-approval")


class ApproveForm(KeyedForm):
    reason = TextAreaField(lazy_text("Comment"), description=lazy_text("Stored with the entries."))


class RejectForm(KeyedForm):
    reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("The technician reads it."),
    )


FORMS: dict[str, type[KeyedForm]] = {"approve": ApproveForm, "reject": RejectForm}


@pages.get("")
def entries() -> str | Response:
    filters = query_filters("state", "q", "technician", "customer", "order")
    chosen: dict[str, Any] = {"state": "submitted", **filters}
    chosen.setdefault("order", ORDERS.get(chosen["state"], "started_at"))
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_all_work(tx, **chosen, **at))
            with in_language("en"):
                return csv_response("work-entries", CSV_HEADER, [_row(one) for one in rows])
        page = list_all_work(tx, **chosen, **counted_page())
    return render_template(
        "service_requests/work_approval.html",
        page=page,
        filters=filters,
        state_shown=chosen["state"],
        order=chosen["order"],
        states=STATES,
        may_decide=actor().role in SUPERVISORS,
    )


@pages.route("/approve", methods=["GET", "POST"])
def approve() -> tuple[str, int] | Response:
    """Approve the chosen entries, after showing what that changes."""
    return _decide("approve")


@pages.route("/reject", methods=["GET", "POST"])
def reject() -> tuple[str, int] | Response:
    """Reject the chosen entries, after showing what that changes."""
    return _decide("reject")


@pages.post("/approve/preview")
def preview_approval() -> str:
    return _preview("approve")


@pages.post("/reject/preview")
def preview_rejection() -> str:
    return _preview("reject")


def _decide(decision: Decision) -> tuple[str, int] | Response:
    form, chosen = FORMS[decision](), _chosen()
    if not chosen:
        flash(gettext("Select at least one entry."), "warning")
        return redirect(url_for("work_approval.entries"))
    if form.validate_on_submit():
        command = form.command(DecideEntries, {"ids": chosen, "reason": form["reason"].data})
        if command and attempt_once(form, lambda tx: ",".join(USE_CASES[decision](tx, command)), command):
            flash(_done(decision, len(chosen)), "success")
            return redirect(url_for("work_approval.entries"))
    return _page(decision, form, chosen), 422 if form.has_errors else 200


def _preview(decision: Decision) -> str:
    """What the decision would change, as a fragment or in the page."""
    form, chosen = FORMS[decision](), _chosen()

    def use_case() -> Callable[[Transaction], object] | None:
        command = form.command(DecideEntries, {"ids": chosen})
        return (lambda tx: USE_CASES[decision](tx, command)) if command else None

    effect = preview_effect(decision, form, use_case)
    return effect_response(effect, lambda: _page(decision, form, chosen, effect))


def _chosen() -> list[str]:
    """The ids of the entries that were selected, each once."""
    return list(dict.fromkeys(request.values.getlist("entry")))


def _page(decision: Decision, form: KeyedForm, chosen: list[str], effect: EffectPreview | None = None) -> str:
    with desk().read(actor()) as tx:
        tx.require(*SUPERVISORS)
        listed = [read_listed_work(tx, one) for one in chosen[:MOST_DECIDED_AT_ONCE]]
    return render_template(
        "service_requests/work_decide.html",
        form=form,
        decision=decision,
        entries=listed,
        effect=effect,
        total=sum(one.entry.worked_minutes for one in listed),
    )


def _done(decision: Decision, count: int) -> str:
    if decision == "approve":
        return ngettext("%(num)s entry approved.", "%(num)s entries approved.", count)
    return ngettext("%(num)s entry rejected.", "%(num)s entries rejected.", count)


def _row(one: ListedWorkView) -> list[Any]:
    entry: WorkEntryView = one.entry
    return [
        entry.started_at.isoformat(),
        one.service_request_number,
        one.subject,
        one.customer_name,
        entry.technician_name,
        entry.state,
        minutes_text(entry.worked_minutes).replace(",", ""),
        minutes_text(entry.chargeable_minutes).replace(",", ""),
        allocation_text(entry.allocations) if entry.allocations else "",
        entry.note,
        entry.decided_by,
        entry.decision_reason,
        "true" if entry.billable else "false",
        entry.not_billable_reason,
    ]
