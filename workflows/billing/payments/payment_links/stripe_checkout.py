"""Payments by Stripe's hosted checkout and its signed notices.

The only module that imports `stripe`. A notice is accepted with a signature of the endpoint's secret that is
at most five minutes old by the machine's clock. Source: product.md section 10; Stripe's API (checkout).
"""

import json
from datetime import UTC, datetime
from typing import Any, Literal

import stripe
import structlog

from workflows.core.errors import StateForbids
from workflows.core.payment_provider import (
    Checkout,
    CheckoutRequest,
    NoticeRefused,
    PaymentNotice,
    ProviderUnavailable,
)
from workflows.languages.texts import gettext

log = structlog.get_logger()
TOLERANCE_SECONDS = 300
TIMEOUT_SECONDS = 20
OTHER_UNITS = ("ISK", "UGX")
"""Currencies that Stripe counts in other units than ISO 4217 does."""
THREE_DECIMALS = ("BHD", "JOD", "KWD", "OMR", "TND")
"""Currencies of which Stripe takes no third decimal."""
KINDS: dict[str, Literal["paid", "expired"]] = {
    "checkout.session.completed": "paid",
    "checkout.session.async_payment_succeeded": "paid",
    "checkout.session.expired": "expired",
}


class StripeCheckout:
    """Stripe as the provider of payments; `api_base` is the address of its API, for tests."""

    name = "stripe"

    def __init__(self, secret_key: str, webhook_secret: str, api_base: str | None = None) -> None:
        client = stripe.RequestsClient(timeout=TIMEOUT_SECONDS)
        bases: Any = {"api": api_base} if api_base is not None else {}
        self._client = stripe.StripeClient(
            secret_key, base_addresses=bases, http_client=client, max_network_retries=2
        )
        self._webhook_secret = webhook_secret

    def check(self, amount_minor: int, currency: str) -> None:
        """Check that Stripe takes such an amount. Raises: StateForbids."""
        if currency in OTHER_UNITS or (currency in THREE_DECIMALS and amount_minor % 10):
            raise StateForbids(
                gettext("This amount in %(currency)s cannot be paid online.", currency=currency),
                remedy=gettext("Pay it by bank transfer."),
                state="not_payable_online",
            )

    def create_checkout(self, request: CheckoutRequest) -> Checkout:
        """Make a page on which to pay, the same one for the same link. Raises: ProviderUnavailable."""
        params: dict[str, Any] = {
            "mode": "payment",
            "client_reference_id": request.link_id,
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": request.currency.lower(),
                        "unit_amount": request.amount_minor,
                        "product_data": {"name": request.description},
                    },
                }
            ],
            "locale": request.language,
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
        }
        if request.email:
            params["customer_email"] = request.email
        options: Any = {"idempotency_key": request.link_id}
        try:
            made = self._client.v1.checkout.sessions.create(params=params, options=options)  # type: ignore[arg-type,unused-ignore]
        except stripe.StripeError as error:
            # what it says may be about the key: for the operator, not for the customer
            log.error("payment provider", error=f"{type(error).__name__}: {error.user_message}")
            raise ProviderUnavailable(
                gettext("The payment page could not be made."),
                remedy=gettext("Try again later, or pay by bank transfer."),
            ) from error
        return Checkout(made.id, str(made.url), datetime.fromtimestamp(made.expires_at, UTC))

    def read_notice(self, body: bytes, signature: str) -> PaymentNotice | None:
        """What an event says of a session; None for other events. Raises: NoticeRefused."""
        try:
            stripe.WebhookSignature.verify_header(
                body.decode(), signature, self._webhook_secret, TOLERANCE_SECONDS
            )
            event = json.loads(body)
            kind = KINDS.get(event["type"])
            if kind is None:
                return None
            session = event["data"]["object"]
            if kind == "paid" and session["payment_status"] != "paid":
                return None  # a payment that takes days comes with another event
            payer = session.get("customer_details") or {}
            return PaymentNotice(
                event_id=str(event["id"]),
                kind=kind,
                session_id=str(session["id"]),
                link_id=session.get("client_reference_id"),
                amount_minor=int(session["amount_total"]),
                currency=str(session["currency"]).upper(),
                reference=str(session.get("payment_intent") or session["id"]),
                payer=str(payer.get("name") or payer.get("email") or ""),
            )
        except stripe.SignatureVerificationError as error:
            raise NoticeRefused(
                "The signature is wrong or too old.", remedy="Check the endpoint's secret."
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NoticeRefused("The notice cannot be read.", remedy="Send an event of checkout.") from error
