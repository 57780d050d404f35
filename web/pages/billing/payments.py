"""Payments: the list, and taking one back."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import InputRequired

from web.languages import Texts, gettext, lazy_text, mark, mark_in
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.billing import PAYMENT_METHODS
from workflows.billing.invoicing.actions import CASHIERS
from workflows.billing.payments.queries import list_payments, read_payment
from workflows.billing.payments.use_cases import reverse_payment
from workflows.commands.billing import ReversePayment
from workflows.views.billing import PaymentView

VIEWS = Texts(
    {
        "": mark("All"),
        "recorded": mark_in("payments", "Recorded"),
        "reversed": mark_in("payments", "Reversed"),
    }
)
CSV_HEADER = [
    "received_on", "customer", "amount_minor", "currency", "method", "reference", "state", "invoices",
    "credit_minor", "recorded_by", "recorded_at",
]  # fmt: skip

pages = Blueprint("payments", __name__, url_prefix="/payments")


class ReverseForm(KeyedForm):
    reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("Stored with the payment."),
    )


@pages.get("")
def payments() -> str | Response:
    filters = query_filters("view", "q", "customer", "org_unit", "invoice", "order")
    view = filters.pop("view", "")
    chosen = {**filters, **({"state": view} if view in ("recorded", "reversed") else {})}
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_payments(tx, **chosen, **at))
            return csv_response("payments", CSV_HEADER, [_row(one) for one in rows])
        page = list_payments(tx, **chosen, **counted_page())
    return render_template(
        "billing/payments.html",
        page=page,
        view=view,
        views=VIEWS,
        methods=PAYMENT_METHODS,
        filters=filters,
        order=chosen.get("order", "-recorded_at"),
    )


@pages.get("/<payment_id>")
def show(payment_id: str) -> str:
    """A payment, with what it settled: a reversal opens that again."""
    return _page(payment_id, ReverseForm(formdata=None))


@pages.post("/<payment_id>/reverse")
def reverse(payment_id: str) -> tuple[str, int] | Response:
    require_role(*CASHIERS)
    form = ReverseForm()
    if form.validate_on_submit():
        command = form.command(ReversePayment, {"reason": form.reason.data})
        if command and attempt_once(form, lambda tx: reverse_payment(tx, payment_id, command), command):
            flash(gettext("The payment has been reversed."), "success")
            return redirect(url_for("payments.show", payment_id=payment_id))
    return _page(payment_id, form), 422


def _page(payment_id: str, form: ReverseForm) -> str:
    with desk().read(actor()) as tx:
        payment = read_payment(tx, payment_id)
    may_reverse = actor().role in CASHIERS and payment.state == "recorded"
    return render_template("billing/payment.html", payment=payment, form=form, may_reverse=may_reverse)


def _row(one: PaymentView) -> list[Any]:
    return [
        one.received_on,
        one.party_name,
        one.amount.amount_minor,
        one.amount.currency,
        one.method,
        one.reference,
        one.state,
        " ".join(dict.fromkeys(paid.number or "" for paid in one.invoices)),
        one.credit.amount_minor,
        one.recorded_by,
        one.recorded_at.isoformat(),
    ]
