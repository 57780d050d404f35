"""One entry of a bank statement: accept what is offered, name the invoices by hand, or set it aside."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, TextAreaField
from wtforms.validators import InputRequired

from web.languages import Texts, gettext, lazy_text, mark_in
from web.pages.billing.bank_statements import ENTRY_CSV, entry_row
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.billing import entry_texts
from web.pages.wording.formats import read_money, typed_money
from workflows.billing.bank.entries import assign_entry, set_aside_entry
from workflows.billing.bank.queries import invoices_by_number, list_entries, read_entry
from workflows.billing.invoicing.actions import CASHIERS
from workflows.commands.bank_statements import AssignEntry, SetAside
from workflows.views.bank_statements import BankEntryView

ASSIGN, ASIDE = "assign_", "aside_"
VIEWS = Texts(
    {
        "undecided": mark_in("entries", "All"),
        "offered": mark_in("entries", "Offered"),
        "left": mark_in("entries", "Left"),
    }
)

pages = Blueprint("bank_entries", __name__, url_prefix="/bank-entries")


class AssignForm(KeyedForm):
    invoice = HiddenField()
    """The id of the one that was offered and accepted, instead of `invoices`."""
    invoices = TextAreaField(
        lazy_text("Invoices"),
        description=lazy_text(
            "One number per line, and after it the amount that goes there if you divide the entry: "
            "INV-2026-0001 119.00"
        ),
    )
    reason = TextAreaField(lazy_text("Comment"), description=lazy_text("Stored with the entry."))


class SetAsideForm(KeyedForm):
    reason = TextAreaField(lazy_text("Reason"), [InputRequired(lazy_text("This field is required."))])


@pages.get("")
def entries() -> str | Response:
    """What is to be decided, of all statements, the earliest first."""
    view = query_filters("view").get("view") or "undecided"
    order = query_filters("order").get("order") or "booked_on"
    filters: dict[str, Any] = {"state": view if view in VIEWS else "undecided", "order": order}
    filters |= query_filters("q")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = [
                [one.statement, *entry_row(one)] for one in all_rows(partial(list_entries, tx, **filters))
            ]
            return csv_response("bank-entries", ["statement", *ENTRY_CSV], rows)
        page = list_entries(tx, **filters, **counted_page())
    return render_template(
        "billing/bank_entries.html",
        page=page,
        view=view,
        views=VIEWS,
        filters=filters,
        order=order,
        entry_texts=entry_texts,
    )


@pages.get("/<bank_entry_id>")
def show(bank_entry_id: str) -> str:
    return _page(bank_entry_id)


@pages.post("/<bank_entry_id>/assign")
def assign(bank_entry_id: str) -> tuple[str, int] | Response:
    require_role(*CASHIERS)
    form = AssignForm(prefix=ASSIGN)
    with desk().read(actor()) as tx:
        entry = read_entry(tx, bank_entry_id)
    parts = _parts(form, entry) if form.validate_on_submit() else None
    command = form.command(AssignEntry, {"invoices": parts, "reason": form.reason.data}) if parts else None
    if command and attempt_once(form, lambda tx: assign_entry(tx, bank_entry_id, command), command):
        flash(gettext("The payment is recorded."), "success")
        return redirect(url_for("bank_statements.show", bank_statement_id=entry.statement))
    return _page(bank_entry_id, assign_form=form), 422


@pages.post("/<bank_entry_id>/set-aside")
def set_aside(bank_entry_id: str) -> tuple[str, int] | Response:
    require_role(*CASHIERS)
    form = SetAsideForm(prefix=ASIDE)
    if form.validate_on_submit():
        command = form.command(SetAside, {"reason": form.reason.data})
        if command and attempt_once(form, lambda tx: set_aside_entry(tx, bank_entry_id, command), command):
            flash(gettext("The entry is set aside."), "success")
            return redirect(url_for("bank_entries.show", bank_entry_id=bank_entry_id))
    return _page(bank_entry_id, aside_form=form), 422


def _page(
    bank_entry_id: str, *, assign_form: AssignForm | None = None, aside_form: SetAsideForm | None = None
) -> str:
    with desk().read(actor()) as tx:
        entry = read_entry(tx, bank_entry_id)
    if assign_form is None:
        assign_form = AssignForm(formdata=None, prefix=ASSIGN, data={"invoices": _proposed(entry)})
    return render_template(
        "billing/bank_entry.html",
        entry=entry,
        entry_texts=entry_texts,
        assign_form=assign_form,
        aside_form=aside_form or SetAsideForm(formdata=None, prefix=ASIDE),
    )


def _proposed(entry: BankEntryView) -> str:
    """The lines of what would be paid together; with the amounts where there are several payers."""
    if not entry.together:
        return ""
    divided = len({one.party_name for one in entry.candidates}) > 1
    return "\n".join(
        f"{one.number} {typed_money(one.open.amount_minor, one.open.currency)}" if divided else one.number
        for one in entry.candidates
    )


def _parts(form: AssignForm, entry: BankEntryView) -> list[dict[str, object]] | None:
    """The invoices that the form names; None, with errors at their field, if they cannot be read."""
    if form.invoice.data:
        return [{"invoice": form.invoice.data}]
    lines = [line.split(None, 1) for line in (form.invoices.data or "").splitlines() if line.strip()]
    if not lines:
        form.add_error("/invoices", gettext("Name at least one invoice."))
        return None
    with desk().read(actor()) as tx:
        found = invoices_by_number(tx, [line[0] for line in lines])
    parts = [_part(form, entry, line, found) for line in lines]
    return None if form.has_errors else parts


def _part(
    form: AssignForm, entry: BankEntryView, line: Sequence[str], found: dict[str, str]
) -> dict[str, object]:
    number, currency = line[0].upper(), entry.amount.currency
    if number not in found:
        form.add_error("/invoices", gettext("There is no invoice %(number)s.", number=line[0][:40]))
    part: dict[str, object] = {"invoice": found.get(number, "")}
    if len(line) > 1:
        amount = read_money(line[1], currency)
        if amount is None:
            wrong = gettext(
                "“%(text)s” is not an amount in %(currency)s.", text=line[1][:40], currency=currency
            )
            form.add_error("/invoices", wrong)
        part["amount"] = {"amount_minor": amount, "currency": currency}
    return part
