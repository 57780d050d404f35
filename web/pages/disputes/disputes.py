"""Disputes: the list, one of them, objecting to a record, and deciding with a preview of the effect."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired

from engine.disputes import DISPUTE_KINDS, DisputeKind
from web.languages import Texts, gettext, lazy_text, mark_in
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import Explicit, KeyedForm, attempt_once
from web.pages.forms.effects import EffectPreview, effect_response, preview_effect
from web.pages.forms.fields import DurationField
from web.pages.layout.list_links import keep_list
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.disputes import KINDS, changed_text, subject_text
from web.pages.wording.formats import read_money
from workflows.commands.disputes import AcceptDispute, DeclineDispute, OpenDispute
from workflows.core.transaction import Transaction
from workflows.disputes.queries import list_disputes, preview_subject, read_dispute
from workflows.disputes.use_cases import DECIDERS, OPENERS, accept_dispute, decline_dispute, open_dispute
from workflows.views.disputes import DisputedView, DisputeView

VIEWS = Texts(
    {
        "open": mark_in("disputes", "Open"),
        "accepted": mark_in("disputes", "Accepted"),
        "declined": mark_in("disputes", "Declined"),
        "all": mark_in("disputes", "All"),
    }
)
CSV_HEADER = [
    "opened_at",
    "opened_by",
    "customer",
    "kind",
    "service_request",
    "contract",
    "invoice",
    "reason",
    "state",
    "decided_at",
    "decided_by",
    "decision_reason",
    "credit_note",
]
NOT_GIVEN = "Not given yet"
UseCase = Callable[[Transaction], str]
Decision = Literal["accept", "decline"]

pages = Blueprint("disputes", __name__, url_prefix="/disputes")
keep_list(pages, "dispute_id")


class ObjectForm(KeyedForm):
    reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("What is not right, and what would be?"),
    )


class DeclineForm(KeyedForm):
    reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("The customer reads it."),
    )

    def use_case(self, dispute: DisputeView) -> UseCase | None:
        command = self.command(DeclineDispute, {"reason": self.reason.data or NOT_GIVEN})
        return (lambda tx: decline_dispute(tx, dispute.id, command)) if command else None


class AcceptForm(KeyedForm):
    reason = TextAreaField(lazy_text("Reason"), description=lazy_text("The customer reads it."))

    def values(self, dispute: DisputeView) -> dict[str, Any] | None:
        """What of the subject stays, or is credited; None where it cannot be read."""
        return {}

    def use_case(self, dispute: DisputeView) -> UseCase | None:
        values = self.values(dispute)
        if values is None:
            return None
        command = self.command(AcceptDispute, {"reason": self.reason.data, **values})
        return (lambda tx: accept_dispute(tx, dispute.id, command)) if command else None


class AcceptWorkForm(AcceptForm):
    minutes = DurationField(lazy_text("Time that stays"), unit="minutes")

    def values(self, dispute: DisputeView) -> dict[str, Any] | None:
        minutes = self.minutes.data
        return {"minutes": Explicit(minutes)} if minutes is not None else {}


class AcceptLineForm(AcceptForm):
    pointer_fields: ClassVar[dict[str, str]] = {"/amount": "amount"}

    amount = StringField(lazy_text("Amount to credit, net"))

    def values(self, dispute: DisputeView) -> dict[str, Any] | None:
        text, net = (self.amount.data or "").strip(), dispute.subject.net
        if not text or net is None:
            return {}
        amount = read_money(text, net.currency)
        if amount is None:
            self.add_error(
                "/amount",
                gettext("“%(text)s” is not an amount in %(currency)s.", text=text, currency=net.currency),
            )
            return None
        return {"amount": {"amount_minor": amount, "currency": net.currency}}


@pages.get("")
def disputes() -> str | Response:
    filters = query_filters("view", "q", "kind", "customer", "contract", "invoice", "order")
    view = filters.get("view", "open" if actor().is_staff else "all")
    chosen: dict[str, Any] = {name: value for name, value in filters.items() if name != "view"}
    if view != "all":
        chosen["state"] = view
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_disputes(tx, **chosen, **at))
            return csv_response("disputes", CSV_HEADER, [_csv_row(one) for one in rows])
        page = list_disputes(tx, **chosen, **counted_page())
    return render_template(
        "disputes/index.html",
        page=page,
        filters=filters,
        view=view,
        views=VIEWS,
        kinds=KINDS,
        order=filters.get("order", "-opened_at"),
        subject_text=subject_text,
        may_decide=actor().role in DECIDERS,
    )


@pages.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | Response:
    """Object to the record that the query names."""
    require_role(*OPENERS)
    form = ObjectForm()
    kind, record_id = _named()
    given = {kind: record_id, "reason": form.reason.data}
    shown = form.command(OpenDispute, {**given, "reason": NOT_GIVEN})
    if shown is None:
        raise NotFound
    with desk().read(actor()) as tx:
        subject = preview_subject(tx, shown)
    if form.validate_on_submit():
        command = form.command(OpenDispute, given)
        made = attempt_once(form, lambda tx: open_dispute(tx, command), command) if command else None
        if made is not None:
            is_staff = actor().is_staff
            done = gettext("The dispute is open.") if is_staff else gettext("Your objection has been sent.")
            flash(done, "success")
            return redirect(url_for("disputes.show", dispute_id=made))
    return _new_page(form, kind, record_id, subject), 422 if form.has_errors else 200


@pages.get("/<dispute_id>")
def show(dispute_id: str) -> str:
    with desk().read(actor()) as tx:
        dispute = read_dispute(tx, dispute_id)
    return render_template(
        "disputes/show.html",
        dispute=dispute,
        kinds=KINDS,
        subject=subject_text(dispute.kind, dispute.subject),
        changed=changed_text(dispute),
    )


@pages.route("/<dispute_id>/accept", methods=["GET", "POST"])
def accept(dispute_id: str) -> tuple[str, int] | Response:
    """Show what the acceptance changes, and accept."""
    return _decide(dispute_id, "accept", gettext("The dispute is accepted."))


@pages.route("/<dispute_id>/decline", methods=["GET", "POST"])
def decline(dispute_id: str) -> tuple[str, int] | Response:
    """Decline a dispute."""
    return _decide(dispute_id, "decline", gettext("The dispute is declined."))


@pages.post("/<dispute_id>/accept/preview")
def preview(dispute_id: str) -> str:
    """What the acceptance would change, as a fragment or in the page."""
    dispute, form = _begin(dispute_id, "accept")
    effect = preview_effect("accept", form, lambda: form.use_case(dispute))
    return effect_response(effect, lambda: _decide_page(dispute, form, "accept", effect))


def _named() -> tuple[DisputeKind, str]:
    """The record that the query or the form names: its kind and its id. Raises: werkzeug's NotFound."""
    for kind in DISPUTE_KINDS:
        if request.values.get(kind):
            return kind, request.values[kind]
    raise NotFound


def _new_page(form: ObjectForm, kind: DisputeKind, record_id: str, subject: DisputedView) -> str:
    return render_template(
        "disputes/new.html",
        form=form,
        kind=KINDS[kind],
        named=(str(kind), record_id),
        subject=subject_text(kind, subject),
    )


def _decide(dispute_id: str, decision: Decision, done: str) -> tuple[str, int] | Response:
    dispute, form = _begin(dispute_id, decision)
    if form.validate_on_submit():
        use_case = form.use_case(dispute)
        if use_case is not None and attempt_once(form, use_case) is not None:
            flash(done, "success")
            return redirect(url_for("disputes.show", dispute_id=dispute_id))
    return _decide_page(dispute, form, decision), 422 if form.has_errors else 200


def _begin(dispute_id: str, decision: Decision) -> tuple[DisputeView, Any]:
    """The dispute, and the form of a decision. Raises: NotFound; NotAllowed."""
    with desk().read(actor()) as tx:
        dispute = read_dispute(tx, dispute_id)
    require_role(*DECIDERS)
    if decision == "decline":
        return dispute, DeclineForm()
    if dispute.kind == "invoice_line":
        return dispute, AcceptLineForm()
    return dispute, AcceptWorkForm() if dispute.work_entry is not None else AcceptForm()


def _decide_page(
    dispute: DisputeView, form: Any, decision: Decision, effect: EffectPreview | None = None
) -> str:
    return render_template(
        "disputes/decide.html",
        dispute=dispute,
        form=form,
        decision=decision,
        effect=effect,
        kind=KINDS[dispute.kind],
        subject=subject_text(dispute.kind, dispute.subject),
    )


def _csv_row(one: DisputeView) -> list[Any]:
    return [
        one.opened_at.isoformat(),
        one.opened_by,
        one.party_name,
        one.kind,
        one.service_request_number,
        one.contract_number,
        one.invoice_number,
        one.reason,
        one.state,
        one.decided_at.isoformat() if one.decided_at else None,
        one.decided_by,
        one.decision_reason,
        one.credit_note_number,
    ]
