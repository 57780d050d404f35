"""Erasing a customer, with its preview; legal holds; and the proofs of those who were erased."""

from functools import partial

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired

from web.languages import gettext, lazy_text
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.layout.listing import all_rows, counted_page, csv_response, wants_csv
from web.pages.wording.people import held_group
from workflows.commands.people import EraseCustomer, SetLegalHold
from workflows.core.transaction import Transaction
from workflows.people.erasing import erase_customer, list_erasures, preview_erasure
from workflows.people.legal_holds import find_legal_hold, lift_legal_hold, set_legal_hold
from workflows.register import get_customer

CSV_HEADER = ["number", "customer", "erased_at", "erased_by", "reason", "rows"]
REQUIRED = lazy_text("This field is required.")

pages = Blueprint("erasure", __name__)


class EraseForm(KeyedForm):
    name = StringField(
        lazy_text("Name of the customer"),
        [InputRequired(REQUIRED)],
        description=lazy_text("Type it to confirm: this cannot be undone."),
    )
    reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(REQUIRED)],
        description=lazy_text(
            "It is stored with the proof, so leave out the name and anything about the person."
        ),
    )


class HoldForm(KeyedForm):
    # another name than in the form beside it: errors are shown by name
    hold_reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(REQUIRED)],
        description=lazy_text("Such as the number of the case, and who asked for it."),
    )
    pointer_fields = {"/reason": "hold_reason"}  # noqa: RUF012 -- as the base class declares it


class LiftForm(KeyedForm):
    """The button by which a legal hold is lifted."""


@pages.get("/erasures")
def erasures() -> str | Response:
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_erasures(tx, **at))
            table = [
                [
                    one.number,
                    one.customer,
                    one.erased_at.isoformat(),
                    one.erased_by,
                    one.reason,
                    sum(one.rows.values()),
                ]
                for one in rows
            ]
            return csv_response("erasures", CSV_HEADER, table)
        page = list_erasures(tx, **counted_page())
    return render_template("register/erasures.html", page=page)


@pages.get("/customers/<customer_id>/erasure")
def show(customer_id: str) -> str:
    return _page(customer_id, EraseForm(formdata=None), HoldForm(formdata=None))


@pages.post("/customers/<customer_id>/erasure")
def erase(customer_id: str) -> tuple[str, int] | Response:
    require_role("administrator")
    form = EraseForm()
    values = {"name": form.name.data, "reason": form.reason.data}
    command = form.checked_command(EraseCustomer, values) if form.validate_on_submit() else None

    def use_case(tx: Transaction) -> str:
        assert command is not None, "it is run with a command only"
        return str(erase_customer(tx, customer_id, command).number)

    if command is None or attempt_once(form, use_case, command) is None:
        return _page(customer_id, form, HoldForm(formdata=None)), 422
    flash(gettext("The customer has been erased."), "success")
    return redirect(url_for("erasure.show", customer_id=customer_id))


@pages.post("/customers/<customer_id>/legal-hold")
def hold(customer_id: str) -> tuple[str, int] | Response:
    require_role("administrator")
    form = HoldForm()
    values = {"reason": form.hold_reason.data}
    command = form.checked_command(SetLegalHold, values) if form.validate_on_submit() else None

    def use_case(tx: Transaction) -> str:
        assert command is not None, "it is run with a command only"
        return set_legal_hold(tx, customer_id, command).id

    if command is None or attempt_once(form, use_case, command) is None:
        return _page(customer_id, EraseForm(formdata=None), form), 422
    flash(gettext("The legal hold is set."), "success")
    return redirect(url_for("erasure.show", customer_id=customer_id))


@pages.post("/customers/<customer_id>/legal-hold/lift")
def lift(customer_id: str) -> tuple[str, int] | Response:
    require_role("administrator")
    form = LiftForm()
    lifted = partial(_lift, customer_id=customer_id)
    if not form.validate_on_submit() or attempt_once(form, lifted) is None:
        return _page(customer_id, EraseForm(formdata=None), HoldForm(formdata=None), form), 422
    flash(gettext("The legal hold is lifted."), "success")
    return redirect(url_for("erasure.show", customer_id=customer_id))


def _lift(tx: Transaction, *, customer_id: str) -> str:
    return lift_legal_hold(tx, customer_id).id


def _page(customer_id: str, form: EraseForm, hold_form: HoldForm, lift_form: LiftForm | None = None) -> str:
    with desk().read(actor()) as tx:
        preview = preview_erasure(tx, customer_id)
        customer = get_customer(tx, customer_id)
        found = find_legal_hold(tx, customer_id)
    refused = next((one for one in (form, hold_form, lift_form) if one is not None and one.has_errors), form)
    return render_template(
        "register/customers/erasure.html",
        customer=customer,
        preview=preview,
        hold=found,
        form=form,
        hold_form=hold_form,
        lift_form=lift_form or LiftForm(formdata=None),
        refused=refused,
        held_group=held_group,
    )
