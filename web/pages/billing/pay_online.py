"""Paying an invoice online: a button, and the link to the provider's page. Only with a provider."""

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from engine.errors import DeskError
from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm, add_desk_error
from workflows.billing.invoicing.queries import read_invoice
from workflows.billing.payments.payment_links.links import is_payable, payment_link

pages = Blueprint("pay_online", __name__, url_prefix="/invoices/<invoice_id>/pay-online")


@pages.route("", methods=["GET", "POST"])
def pay(invoice_id: str) -> tuple[str, int] | Response:
    """What is to be paid, and after the button the link: a form may not lead to another site."""
    with desk().read(actor()) as tx:
        invoice = read_invoice(tx, invoice_id)
    form, link = ActionForm(), None
    if form.validate_on_submit():
        try:
            link = payment_link(desk(), actor(), invoice_id, desk().base_url or request.url_root)
        except DeskError as error:
            add_desk_error(form, error)
    page = render_template(
        "billing/pay_online.html",
        form=form,
        invoice=invoice,
        link=link,
        is_payable=is_payable(invoice.kind, invoice.state, invoice.open.amount_minor),
    )
    return page, 422 if form.has_errors else 200
