"""What was sold and is not invoiced yet: the list, a draft of it, and what is not to be invoiced."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, TextAreaField
from wtforms.validators import InputRequired

from web.languages import Texts, gettext, lazy_text, mark, mark_in
from web.pages.billing.effects import UseCase, invoice_effect
from web.pages.context import actor, desk, require_role, settings
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.forms.effects import REASON_PLACEHOLDER, EffectPreview, effect_response
from web.pages.forms.fields import select_options
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.billing import reason_text
from web.report_files import BILLED_WORK_CSV, csv_rows
from workflows.billing.invoicing.actions import ISSUERS
from workflows.billing.invoicing.queries import read_invoice
from workflows.billing.overage.credits import credit_overage
from workflows.billing.overage.queries import list_billed_work
from workflows.billing.sold.to_invoice import draft_sold, list_sold_items, read_sold_item, waive_sold
from workflows.commands.billing import CreditOverage, DraftSold, WaiveSold
from workflows.core.actors import OFFICE
from workflows.views.billing import InvoiceDetail, SoldItemView

VIEWS = Texts(
    {
        "open": mark("To invoice"),
        "invoiced": mark_in("sold items", "Invoiced"),
        "waived": mark("Not to be invoiced"),
    }
)
CSV_HEADER = [
    "sold_at", "kind", "contract", "service_request", "description", "customer", "amount_minor", "currency",
    "state", "reason",
]  # fmt: skip

pages = Blueprint("to_invoice", __name__, url_prefix="/to-invoice")


class DraftSoldForm(KeyedForm):
    tax_rate = SelectField(lazy_text("Tax"))


class WaiveForm(KeyedForm):
    reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("Stored with the contract."),
    )


class CreditForm(KeyedForm):
    reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("The customer reads it."),
    )

    def use_case(self, sold_item_id: str) -> UseCase | None:
        command = self.command(CreditOverage, {"reason": self.reason.data or REASON_PLACEHOLDER})
        return (lambda tx: credit_overage(tx, sold_item_id, command)) if command else None


@pages.get("")
def items() -> str | Response:
    return _page(_draft_form(None))


@pages.post("")
def draft() -> tuple[str, int] | Response:
    """Write a draft of all that is to be invoiced to a customer, or of the one item."""
    require_role(*OFFICE)
    form = _draft_form(request.form)
    values: dict[str, Any] = {"tax_rate": form.tax_rate.data or None}
    kind, _, party_id = request.form.get("party", "").partition(":")
    if kind in ("customer", "org_unit"):
        values[kind] = party_id
    if request.form.get("sold"):
        values["sold"] = [request.form["sold"]]
    command = form.checked_command(DraftSold, values)
    made = attempt_once(form, lambda tx: draft_sold(tx, command), command) if command else None
    if made is None:
        return str(_page(form)), 422
    flash(gettext("The draft has been written."), "success")
    return redirect(url_for("invoice.show", invoice_id=made))


@pages.route("/<sold_item_id>/waive", methods=["GET", "POST"])
def waive(sold_item_id: str) -> tuple[str, int] | Response:
    """Do not invoice what was sold, for a reason."""
    require_role(*ISSUERS)
    with desk().read(actor()) as tx:
        item = read_sold_item(tx, sold_item_id)
    form = WaiveForm()
    if form.validate_on_submit():
        command = form.command(WaiveSold, {"reason": form.reason.data})
        if command and attempt_once(form, lambda tx: waive_sold(tx, sold_item_id, command), command):
            flash(gettext("It is not to be invoiced."), "success")
            return redirect(url_for("to_invoice.items"))
    return render_template("billing/waive.html", item=item, form=form), 422 if form.has_errors else 200


@pages.route("/<sold_item_id>/credit", methods=["GET", "POST"])
def credit(sold_item_id: str) -> tuple[str, int] | Response:
    """Show the credit note of time that was billed too high, and issue it."""
    require_role(*ISSUERS)
    invoice, form = _billed_on(sold_item_id), _credit_form()
    if form.validate_on_submit():
        use_case = form.use_case(sold_item_id)
        note = attempt_once(form, use_case) if use_case is not None else None
        if note is not None:
            flash(gettext("The credit note has been issued."), "success")
            return redirect(url_for("invoice.show", invoice_id=note))
    return _credit_page(sold_item_id, invoice, form), 422 if form.has_errors else 200


@pages.post("/<sold_item_id>/credit/effect")
def credit_effect(sold_item_id: str) -> str:
    """The credit note, as a fragment or in the page; everything is rolled back."""
    require_role(*ISSUERS)
    invoice, form = _billed_on(sold_item_id), _credit_form()
    if invoice is None:
        effect = EffectPreview("credit", error=gettext("Nothing of this time was billed too high."))
    else:
        effect = invoice_effect("credit", form, invoice, lambda: form.use_case(sold_item_id))
    return effect_response(effect, lambda: _credit_page(sold_item_id, invoice, form, effect))


def _billed_on(sold_item_id: str) -> InvoiceDetail | None:
    """The invoice that has what was sold; None while it is on none. Raises: NotFound."""
    with desk().read(actor()) as tx:
        invoice = read_sold_item(tx, sold_item_id).invoice
        return read_invoice(tx, invoice) if invoice is not None else None


def _credit_form() -> CreditForm:
    return CreditForm(data={"reason": gettext("Less time than was billed")})


def _credit_page(
    sold_item_id: str, invoice: InvoiceDetail | None, form: CreditForm, effect: EffectPreview | None = None
) -> str:
    return render_template(
        "billing/credit_time.html", sold=sold_item_id, invoice=invoice, form=form, effect=effect
    )


@pages.get("/<sold_item_id>/work")
def work(sold_item_id: str) -> str | Response:
    """The work that time to be billed is made of."""
    order = query_filters("order").get("order", "worked_at")
    with desk().read(actor()) as tx:
        item = read_sold_item(tx, sold_item_id)
        if wants_csv():
            found = all_rows(lambda **at: list_billed_work(tx, sold_item_id, order=order, **at))
            return csv_response("work-billed", BILLED_WORK_CSV, list(csv_rows(BILLED_WORK_CSV, found)))
        page = list_billed_work(tx, sold_item_id, order=order, **counted_page())
    return render_template("billing/billed_work.html", item=item, page=page, order=order)


def _draft_form(sent: Any) -> DraftSoldForm:
    form = DraftSoldForm(formdata=sent)
    form.tax_rate.choices = select_options(
        [("", gettext("Tax as sold")), *((one.name, one.name) for one in settings().tax_rates)]
    )
    return form


def _page(form: DraftSoldForm) -> str | Response:
    filters = query_filters("view", "q", "customer", "org_unit", "contract", "kind", "order")
    view = filters.pop("view", "open")
    chosen = {**filters, **({"state": view} if view in VIEWS else {"state": "open"})}
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_sold_items(tx, **chosen, **at))
            return csv_response("to-invoice", CSV_HEADER, [_row(one) for one in rows])
        page = list_sold_items(tx, **chosen, **counted_page())
    return render_template(
        "billing/to_invoice.html",
        page=page,
        view=chosen["state"],
        views=VIEWS,
        reason_text=reason_text,
        filters=filters,
        form=form,
        order=chosen.get("order", "sold_at"),
        invoicing=settings().invoicing,
        may_waive=actor().role in ISSUERS,
    )


def _row(one: SoldItemView) -> list[Any]:
    return [
        one.sold_at.isoformat(),
        one.kind,
        one.contract_number,
        one.service_request_number,
        one.description,
        one.party_name,
        one.amount.amount_minor if one.amount else None,
        one.amount.currency if one.amount else None,
        one.state,
        one.waive_reason,
    ]
