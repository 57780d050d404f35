"""The API route of payment links, where a provider of online payments is set up."""

from flask import request

from web.api.routing import RouteGroup
from workflows.billing.payments.payment_links import links
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.views.billing import PaymentLinkView

payment_links = RouteGroup("Payment links")


@payment_links.post("/invoices/{invoice_id}/payment-link")
def payment_link(desk: Desk, actor: Actor, invoice_id: str) -> PaymentLinkView:
    """Return the address at which what is open of an invoice is paid online, for whoever sees the invoice.

    The payment is recorded, and what it sold takes effect, when the provider sends its notice.
    """
    return links.payment_link(desk, actor, invoice_id, desk.base_url or request.url_root)
