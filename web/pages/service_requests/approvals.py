"""Approvals of time beyond contracts: asking, the list, and the answer in the portal or recorded by staff."""

from functools import partial
from typing import Any, ClassVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import StringField, TextAreaField

from engine.approvals import APPROVAL_STATES, ApprovalAnswer
from web.languages import gettext, lazy_text
from web.pages.context import actor, desk
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.forms.fields import DurationField, MoneyField
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.service_requests.detail import AskForm, redirect_to_request, request_page
from web.pages.wording.formats import minutes_text, plain_money
from workflows.commands.approvals import AnswerApproval, AskApproval
from workflows.views import MoneyView
from workflows.views.approvals import ApprovalView
from workflows.work.approval_queries import list_approvals, read_approval
from workflows.work.overage_approvals import answer_approval, ask_approval

CSV_HEADER = [
    "asked_at", "service_request", "subject", "customer", "state", "minutes", "amount", "currency", "reason",
    "asked_by", "lapses_at", "answered_at", "answered_by", "way", "approved_minutes", "approved_amount",
    "used_minutes", "used_amount", "comment",
]  # fmt: skip
ANSWERS: dict[str, ApprovalAnswer] = {"approve": "approved", "decline": "declined"}

pages = Blueprint("approvals", __name__)


class AnswerForm(KeyedForm):
    """The answer; `minutes` or `money` approve less than was asked."""

    minutes = DurationField(
        lazy_text("Up to"), unit="minutes", description=lazy_text("Defaults to all that was asked for.")
    )
    amount = MoneyField(lazy_text("Up to"), description=lazy_text("Defaults to all that was asked for."))
    name = StringField(lazy_text("Who decided"), description=lazy_text("As the customer said."))
    comment = TextAreaField(lazy_text("Comment"))

    pointer_fields: ClassVar[dict[str, str]] = {"/amount/currency": "amount"}

    def values(self, approval: ApprovalView, answer: ApprovalAnswer) -> dict[str, Any]:
        """The values of the command; a limit counts only where something is approved."""
        values: dict[str, Any] = {"name": self.name.data, "comment": self.comment.data}
        if answer == "approved" and approval.minutes is not None:
            values["minutes"] = self.minutes.data
        elif answer == "approved":
            values["amount"] = self.amount.command_value
        return values


@pages.post("/requests/<service_request_id>/approvals")
def ask(service_request_id: str) -> tuple[str, int] | Response:
    """Ask the customer of a request."""
    form = AskForm(prefix="ask_")
    if form.validate_on_submit():
        values = {
            "minutes": form.minutes.data,
            "amount": form.amount.command_value,
            "reason": form.reason.data,
        }
        command = form.command(AskApproval, values)
        if command and attempt_once(form, lambda tx: ask_approval(tx, service_request_id, command), command):
            flash(gettext("The customer has been asked."), "success")
            return redirect_to_request(service_request_id)
    return request_page(service_request_id, ask=form), 422


@pages.get("/approvals")
def approvals() -> str | Response:
    filters = query_filters("q", "state", "customer", "service_request", "order")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_approvals(tx, **filters, **at))
            return csv_response("approvals", CSV_HEADER, [_row(one) for one in rows])
        page = list_approvals(tx, **filters, **counted_page())
    return render_template(
        "service_requests/approvals/index.html", page=page, filters=filters, states=APPROVAL_STATES
    )


@pages.get("/approvals/<approval_id>")
def show(approval_id: str) -> str:
    return _page(approval_id)


@pages.post("/approvals/<approval_id>/<answer>")
def decide(approval_id: str, answer: str) -> tuple[str, int] | Response:
    """Approve or decline."""
    if answer not in ANSWERS:
        raise NotFound
    form = AnswerForm()
    with desk().read(actor()) as tx:
        approval = read_approval(tx, approval_id)
    if form.validate_on_submit():
        command = form.command(AnswerApproval, form.values(approval, ANSWERS[answer]))
        address = request.remote_addr or ""
        use_case = partial(
            answer_approval,
            approval_id=approval_id,
            command=command or AnswerApproval(),
            answer=ANSWERS[answer],
            address=address,
        )
        if command and attempt_once(form, use_case, command):
            flash(answered_text(ANSWERS[answer]), "success")
            return redirect(url_for("approvals.show", approval_id=approval_id))
    return _page(approval_id, form), 422


def answered_text(answer: ApprovalAnswer) -> str:
    """What is said once it is answered."""
    if answer == "approved":
        return gettext("Approved. Thank you.")
    return gettext("Declined. Thank you.")


def _page(approval_id: str, form: AnswerForm | None = None) -> str:
    with desk().read(actor()) as tx:
        approval = read_approval(tx, approval_id)
    return render_template(
        "service_requests/approvals/show.html", approval=approval, form=form or AnswerForm(formdata=None)
    )


def _row(one: ApprovalView) -> list[Any]:
    money = one.amount
    return [
        one.asked_at.isoformat(),
        one.service_request_number,
        one.subject,
        one.customer_name,
        one.state,
        _minutes(one.minutes),
        _amount(money),
        money.currency if money else None,
        one.reason,
        one.asked_by,
        one.lapses_at.isoformat(),
        one.answered_at.isoformat() if one.answered_at else None,
        one.name,
        one.way,
        _minutes(one.approved_minutes),
        _amount(one.approved_amount),
        _minutes(one.used_minutes),
        _amount(one.used_amount),
        one.comment,
    ]


def _minutes(minutes: int | None) -> str | None:
    return None if minutes is None else minutes_text(minutes).replace(",", "")


def _amount(money: MoneyView | None) -> str | None:
    return None if money is None else plain_money(money.amount_minor, money.currency)
