"""Where a provider of online payments sends its signed notices. The route exists only where one is set up."""

from flask import Flask, Response, current_app, request

from web.api.request_parsing import read_raw_body
from workflows.billing.payments.payment_links.links import take_notice
from workflows.core.desk import Desk

SIGNATURE_HEADERS = {"stripe": "Stripe-Signature"}


def register_payment_notices(app: Flask) -> None:
    """Register the route of the provider's notices."""
    payments = app.extensions["coverdesk"].payments
    if payments is None:
        return
    header = SIGNATURE_HEADERS[payments.name]

    def notices() -> Response:
        """Record the payment of a notice, once. A notice that is refused is 400; Stripe sends it again."""
        desk: Desk = current_app.extensions["coverdesk"]
        take_notice(desk, read_raw_body(), request.headers.get(header, ""))
        return Response(status=204)

    path = f"/payment-notices/{payments.name}"
    app.add_url_rule(path, "payment_notices", notices, methods=["POST"])
