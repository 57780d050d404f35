"""A stateful server with Stripe's API, as a process: localstripe, with the checkout sessions that it lacks.

A session is stored like the server's other objects; paying one makes and confirms one of its payment intents,
and its events are signed and sent by its webhooks. `python -m tests.support.local_stripe PORT` runs it.
"""

import asyncio
import hashlib
import hmac
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

SECRET_KEY = "sk_test_12345"
WAIT_SECONDS = 90


class LocalStripe:
    """A running server; `base` is its address."""

    def __init__(self, base: str) -> None:
        self.base = base

    def call(self, method: str, path: str, **values: Any) -> Any:
        """Call the API as Stripe's clients do, by a form."""
        request = urllib.request.Request(
            f"{self.base}{path}", method=method, data=urlencode(values).encode() if method == "POST" else None
        )
        request.add_header("Authorization", f"Bearer {SECRET_KEY}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def send_notices_to(self, url: str, secret: str) -> None:
        """Send events to an address, signed with a secret."""
        self.call("POST", "/_config/webhooks/desk", url=url, secret=secret)

    def pay(self, session_id: str, **changed: Any) -> Any:
        """Pay a session with a card, as a customer does on its page."""
        return self.call("POST", f"/v1/checkout/sessions/{session_id}/pay", **changed)


def signature(body: bytes, secret: str, *, age_seconds: int = 0) -> str:
    """The header by which Stripe signs a notice."""
    at = int(time.time()) - age_seconds
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


@contextmanager
def running_stripe() -> Iterator[LocalStripe]:
    """Start a server of its own, and stop it afterwards."""
    # imported here: the server itself starts without it
    from tests.support.served import free_port

    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.support.local_stripe", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = LocalStripe(f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                server.call("GET", "/v1/events")
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait(10)


def main(port: int) -> None:
    """Run the server until it is ended."""
    from aiohttp import web
    from localstripe import server, webhooks
    from localstripe.errors import UserError
    from localstripe.resources import Event, PaymentIntent, PaymentMethod, StripeObject, random_id

    class CheckoutSession(StripeObject):  # type: ignore[misc]
        object = "checkout.session"
        _id_prefix = "cs_test_"

        def __init__(self, line_items: Any, success_url: str, **given: Any) -> None:
            super().__init__()
            [line] = line_items
            price = line["price_data"]
            self.amount_total = int(price["unit_amount"]) * int(line["quantity"])
            self.currency = price["currency"]
            self.client_reference_id = given.get("client_reference_id")
            self.customer_details = {"email": given.get("customer_email"), "name": None}
            self.mode = given["mode"]
            self.success_url = success_url
            self.expires_at = self.created + 24 * 60 * 60
            self.payment_intent: str | None = None
            self.payment_status, self.status = "unpaid", "open"
            self.url = f"http://127.0.0.1:{port}/pay/{self.id}"

        def _pay(self, amount_total: Any = None, currency: Any = None) -> None:
            if self.status != "open":
                raise UserError(400, "The session is not open.")
            self.amount_total = int(amount_total or self.amount_total)
            self.currency = currency or self.currency
            card = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2044", "cvc": "123"}
            method = PaymentMethod(type="card", card=card)
            intent = PaymentIntent._api_create(
                amount=self.amount_total, currency=self.currency, payment_method=method.id, confirm=True
            )
            self.payment_intent = intent.id
            self.payment_status, self.status = "paid", "complete"
            webhooks.schedule_webhook(Event("checkout.session.completed", self))

    # it would keep everything in a file for its next start
    server.store.dump_to_disk = lambda: None
    made: dict[str, Any] = {}

    async def create(request: Any) -> Any:
        key = request.headers.get("Idempotency-Key", random_id(8))
        if key not in made:
            made[key] = CheckoutSession(**await server.get_post_data(request))
        return server.json_response(made[key]._export())

    async def pay(request: Any) -> Any:
        session = CheckoutSession._api_retrieve(request.match_info["id"])
        session._pay(**(await server.get_post_data(request) or {}))
        return server.json_response(session._export())

    server.app.router.add_post("/v1/checkout/sessions", create)
    server.app.router.add_post("/v1/checkout/sessions/{id}/pay", pay)
    asyncio.set_event_loop(asyncio.new_event_loop())
    web.run_app(server.app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
