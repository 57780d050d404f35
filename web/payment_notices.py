"""Where a provider of online payments sends its signed notices. The route exists only where one is set up."""

from flask import Flask, Response, request

from web.api.request_parsing import read_raw_body
from workflows.billing.payment_links.links import take_notice
from workflows.core.desk import Desk

SIGNATURE_HEADERS = {"stripe": "Stripe-Signature"}


def register_payment_notices(app: Flask) -> None:
    """Register the route of the provider's notices."""
    desk: Desk = app.extensions["coverdesk"]
    if desk.payments is None:
        return
    header = SIGNATURE_HEADERS[desk.payments.name]

    def notices() -> Response:
        """Record the payment of a notice, once. A notice that is refused is 400; Stripe sends it again."""
        take_notice(desk, read_raw_body(), request.headers.get(header, ""))
        return Response(status=204)

    path = f"/payment-notices/{desk.payments.name}"
    app.add_url_rule(path, "payment_notices", notices, methods=["POST"])
