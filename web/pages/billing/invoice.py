"""One invoice or credit note, and what can be done with it: each effect is shown before it happens."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from engine.invoices import PAYMENT_METHODS
from engine.periods import local_date
from web.languages import gettext, lazy_text, mark, mark_in
from web.pages.billing.draft import changed_since, details_of
from web.pages.billing.effects import invoice_effect
from web.pages.context import actor, desk, now, require_role, settings, zone
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.forms.effects import REASON_PLACEHOLDER, EffectPreview, effect_response
from web.pages.forms.fields import DayField, select_options
from web.pages.layout.list_links import keep_list
from web.pages.wording.billing import (
    ALLOCATIONS,
    E_INVOICE_NAMES,
    INVOICE_STANDINGS,
    percent_text,
    reason_text,
    reminder_text,
)
from web.pages.wording.billing import PAYMENT_METHODS as PAYMENT_METHOD_NAMES
from web.pages.wording.formats import decimal_text, read_money, typed_money
from workflows.administration.logo import has_logo
from workflows.billing.documents.files import DocumentFile, cii_file, pdf_file, ubl_file
from workflows.billing.invoicing.actions import CASHIERS, ISSUERS
from workflows.billing.invoicing.checks import confirm_invoice
from workflows.billing.invoicing.queries import read_invoice
from workflows.billing.issuing.credit_notes import credit_invoice
from workflows.billing.issuing.processing import process_invoice
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.billing.issuing.voiding import void_invoice
from workflows.billing.payments.payment_links.links import is_payable
from workflows.billing.payments.use_cases import record_payment
from workflows.billing.payments.write_offs import reverse_write_off, write_off_invoice
from workflows.billing.reminders.dunning_pause import pause_dunning, resume_dunning
from workflows.commands.billing import (
    ConfirmInvoice,
    CreditInvoice,
    NewPayment,
    PauseDunning,
    ReverseWriteOff,
    VoidInvoice,
    WriteOff,
)
from workflows.core.actors import OFFICE, Role
from workflows.core.transaction import Transaction
from workflows.disputes.queries import latest_disputes
from workflows.views.billing import InvoiceDetail

REQUIRED = lazy_text("This field is required.")
UseCase = Callable[[Transaction], str]

pages = Blueprint("invoice", __name__, url_prefix="/invoices/<invoice_id>")
keep_list(pages, "invoice_id")


class IssueForm(KeyedForm):
    def use_case(self, invoice: InvoiceDetail) -> UseCase | None:
        return lambda tx: issue_invoice(tx, invoice.id)


class ConfirmForm(KeyedForm):
    reason = TextAreaField(
        lazy_text("Reason"), [InputRequired(REQUIRED)], description=lazy_text("Stored with the invoice.")
    )

    def use_case(self, invoice: InvoiceDetail) -> UseCase | None:
        command = self.command(ConfirmInvoice, {"reason": self.reason.data or REASON_PLACEHOLDER})
        return (lambda tx: confirm_invoice(tx, invoice.id, command)) if command else None


class ProcessForm(KeyedForm):
    def use_case(self, invoice: InvoiceDetail) -> UseCase | None:
        return lambda tx: process_invoice(tx, invoice.id)


class VoidForm(KeyedForm):
    reason = TextAreaField(
        lazy_text("Reason"), [InputRequired(REQUIRED)], description=lazy_text("Stored with the invoice.")
    )

    def use_case(self, invoice: InvoiceDetail) -> UseCase | None:
        command = self.command(VoidInvoice, {"reason": self.reason.data or REASON_PLACEHOLDER})
        return (lambda tx: void_invoice(tx, invoice.id, command)) if command else None


class CreditForm(KeyedForm):
    """A credit note of all that is left, or of amounts by line, which add a field each."""

    reason = TextAreaField(
        lazy_text("Reason"), [InputRequired(REQUIRED)], description=lazy_text("The customer reads it.")
    )

    def use_case(self, invoice: InvoiceDetail) -> UseCase | None:
        lines = []
        for number, line in enumerate(invoice.lines):
            text = (self[f"line{number}"].data or "").strip()
            amount = read_money(text, invoice.currency) if text else None
            if text and amount is None:
                self.add_error(f"/line{number}", _not_an_amount(text, invoice.currency))
            elif amount is not None:
                lines.append({"line": line.id, "amount": {"amount_minor": amount}})
        if self.has_errors:
            return None
        given = {"reason": self.reason.data or REASON_PLACEHOLDER, "lines": lines}
        command = self.command(CreditInvoice, given)
        return (lambda tx: credit_invoice(tx, invoice.id, command)) if command else None


class PauseForm(KeyedForm):
    pointer_fields: ClassVar[dict[str, str]] = {"/until": "until", "/reason": "reason"}

    until = DayField(
        lazy_text("Last day"),
        validators=[InputRequired(REQUIRED)],
        description=lazy_text("Reminders go on the day after it."),
    )
    reason = TextAreaField(
        lazy_text("Reason"), [InputRequired(REQUIRED)], description=lazy_text("Only staff read it.")
    )

    def use_case(self, invoice: InvoiceDetail) -> UseCase | None:
        given = {"until": self.until.text, "reason": self.reason.data or REASON_PLACEHOLDER}
        command = self.command(PauseDunning, given)
        return (lambda tx: pause_dunning(tx, invoice.id, command)) if command else None


class WriteOffForm(KeyedForm):
    reason = TextAreaField(
        lazy_text("Reason"), [InputRequired(REQUIRED)], description=lazy_text("Only staff read it.")
    )

    def use_case(self, invoice: InvoiceDetail) -> UseCase | None:
        command = self.command(WriteOff, {"reason": self.reason.data or REASON_PLACEHOLDER})
        return (lambda tx: write_off_invoice(tx, invoice.id, command)) if command else None


class ReverseWriteOffForm(KeyedForm):
    reason = TextAreaField(
        lazy_text("Reason"), [InputRequired(REQUIRED)], description=lazy_text("Stored with the invoice.")
    )

    def use_case(self, invoice: InvoiceDetail) -> UseCase | None:
        command = self.command(ReverseWriteOff, {"reason": self.reason.data or REASON_PLACEHOLDER})
        return (lambda tx: reverse_write_off(tx, invoice.id, command)) if command else None


class ResumeForm(KeyedForm):
    def use_case(self, invoice: InvoiceDetail) -> UseCase | None:
        return lambda tx: resume_dunning(tx, invoice.id)


class PaymentForm(KeyedForm):
    pointer_fields: ClassVar[dict[str, str]] = {"/amount": "amount", "/received_on": "received_on"}

    amount = StringField(lazy_text("Amount"), [InputRequired(REQUIRED)])
    received_on = DayField(lazy_text("Received on"), validators=[InputRequired(REQUIRED)])
    method = SelectField(
        lazy_text("Method"),
        choices=lambda: select_options((one, PAYMENT_METHOD_NAMES[one]) for one in PAYMENT_METHODS),
    )
    reference = StringField(lazy_text("Reference"), description=lazy_text("As on the bank statement."))

    def use_case(self, invoice: InvoiceDetail) -> UseCase | None:
        amount = read_money(self.amount.data or "", invoice.currency)
        if amount is None:
            self.add_error("/amount", _not_an_amount(self.amount.data or "", invoice.currency))
            return None
        values = {
            "amount": {"amount_minor": amount, "currency": invoice.currency},
            "received_on": self.received_on.text,
            "method": self.method.data,
            "reference": self.reference.data,
        }
        command = self.command(NewPayment, values)
        return (lambda tx: record_payment(tx, invoice.id, command)) if command else None


ACTIONS: dict[str, tuple[str, str, tuple[Role, ...]]] = {
    "confirm": (mark("Confirm"), mark("Confirmed. It can be issued now."), CASHIERS),
    "issue": (mark("Issue"), mark("Issued."), ISSUERS),
    "pay": (mark("Record a payment"), mark("Payment recorded."), CASHIERS),
    "process": (mark("Process"), mark("Processed."), OFFICE),
    "credit": (mark("Credit"), mark("Credit note issued."), ISSUERS),
    "void": (mark_in("action", "Void"), mark("Voided."), OFFICE),
    "write_off": (mark("Write off"), mark("Written off."), ISSUERS),
    "reverse_write_off": (mark("Reverse the write-off"), mark("The write-off has been reversed."), ISSUERS),
    "pause": (mark("Pause reminders"), mark("Reminders are paused."), ISSUERS),
    "resume": (mark("Resume reminders"), mark("Reminders go on."), ISSUERS),
}
"""The actions with their label, what is said when they are done (in English), and who may."""


@pages.get("")
def show(invoice_id: str) -> str:
    with desk().read(actor()) as tx:
        invoice = read_invoice(tx, invoice_id)
        logo = has_logo(tx)
        disputes = latest_disputes(tx, "invoice_line", [one.id for one in invoice.lines])
        is_changeable = "change" in invoice.allowed_actions
        changed = changed_since(invoice, details_of(tx, invoice)) if is_changeable else []
    return render_template(
        "billing/invoice.html",
        invoice=invoice,
        logo=logo,
        disputes=disputes,
        changed=changed,
        pays_online=desk().payments is not None
        and is_payable(invoice.kind, invoice.state, invoice.open.amount_minor),
        company=settings().company.name,
        reminder_text=reminder_text,
        allocations=ALLOCATIONS,
        decimal=decimal_text,
        percent=percent_text,
        reason_text=reason_text,
        e_invoices=E_INVOICE_NAMES.get(invoice.e_invoice_profile or ""),
        actions={name: gettext(one[0]) for name, one in ACTIONS.items() if name in invoice.allowed_actions},
    )


@pages.get("/document.pdf")
def pdf(invoice_id: str) -> Response:
    """What was issued, as PDF."""
    return _download(pdf_file, invoice_id)


@pages.get("/e-invoice.xml")
def cii(invoice_id: str) -> Response:
    """The e-invoice in CII."""
    return _download(cii_file, invoice_id)


@pages.get("/e-invoice.ubl.xml")
def ubl(invoice_id: str) -> Response:
    """The e-invoice in UBL."""
    return _download(ubl_file, invoice_id)


@pages.route("/<action>", methods=["GET", "POST"])
def act(invoice_id: str, action: str) -> tuple[str, int] | Response:
    """Show what an action does, and do it."""
    invoice, form = _begin(invoice_id, action)
    if form.validate_on_submit():
        use_case = form.use_case(invoice)
        done = attempt_once(form, use_case) if use_case is not None else None
        if done is not None:
            flash(gettext(ACTIONS[action][1]), "success")
            return redirect(url_for("invoice.show", invoice_id=done if action == "credit" else invoice_id))
    return _page(action, form, invoice), 422 if form.has_errors else 200


@pages.post("/<action>/effect")
def preview(invoice_id: str, action: str) -> str:
    """What an action would change, as a fragment or in the page; everything is rolled back."""
    invoice, form = _begin(invoice_id, action)
    effect = invoice_effect(action, form, invoice, partial(form.use_case, invoice))
    return effect_response(effect, lambda: _page(action, form, invoice, effect))


def _download(read: Callable[[Transaction, str], DocumentFile], invoice_id: str) -> Response:
    with desk().read(actor()) as tx:
        found = read(tx, invoice_id)
    response = Response(found.body, mimetype=found.content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{found.name}"'
    return response


def _begin(invoice_id: str, action: str) -> tuple[InvoiceDetail, Any]:
    """The invoice, and the form of an action. Raises: NotFound; NotAllowed."""
    if action not in ACTIONS:
        raise NotFound
    with desk().read(actor()) as tx:
        invoice = read_invoice(tx, invoice_id)
    require_role(*ACTIONS[action][2])
    return invoice, _form(action, invoice)


def _form(action: str, invoice: InvoiceDetail) -> KeyedForm:
    if action == "pay":
        shown = {
            "amount": typed_money(invoice.open.amount_minor, invoice.currency),
            "received_on": local_date(now(), zone()),
        }
        form = PaymentForm(data=shown)
        form.amount.label.text = gettext("Amount (%(currency)s)", currency=invoice.currency)
        return form
    if action == "credit":
        fields = {
            f"line{number}": StringField(
                gettext("%(line)s (net, %(currency)s)", line=one.description[:60], currency=invoice.currency)
            )
            for number, one in enumerate(invoice.lines)
        }
        made: type[CreditForm] = type("CreditByLineForm", (CreditForm,), fields)
        return made()
    return FORMS[action]()


FORMS: dict[str, type[KeyedForm]] = {
    "confirm": ConfirmForm,
    "issue": IssueForm,
    "process": ProcessForm,
    "void": VoidForm,
    "write_off": WriteOffForm,
    "reverse_write_off": ReverseWriteOffForm,
    "pause": PauseForm,
    "resume": ResumeForm,
}
"""The forms of actions that do not depend on the invoice."""


def _not_an_amount(text: str, currency: str) -> str:
    return gettext("“%(text)s” is not an amount in %(currency)s.", text=text, currency=currency)


def _page(action: str, form: Any, invoice: InvoiceDetail, effect: EffectPreview | None = None) -> str:
    return render_template(
        "billing/act.html",
        invoice=invoice,
        action=action,
        label=gettext(ACTIONS[action][0]),
        standings=INVOICE_STANDINGS,
        possible=action in invoice.allowed_actions,
        form=form,
        effect=effect,
        lines=[form[f"line{number}"] for number in range(len(invoice.lines))] if action == "credit" else [],
    )
