"""Payment links, against a server with Stripe's API: paid, processed and opened once, or left to finance."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.api import ENVIRONMENT
from tests.support.billing import Billing, minor
from tests.support.local_stripe import SECRET_KEY, LocalStripe, running_stripe, signature
from tests.support.pages import Browser
from tests.support.sample_desk import SampleDesk
from web.environment import Environment
from workflows.billing.payments.payment_links.stripe_checkout import StripeCheckout
from workflows.store import tables as t

SECRET = "whsec_test_secret"
NOTICES = "/payment-notices/stripe"


@pytest.fixture(scope="module")
def stripe_server() -> Iterator[LocalStripe]:
    with running_stripe() as server:
        yield server


@pytest.fixture
def billing(sample: SampleDesk, stripe_server: LocalStripe) -> Billing:
    sample.desk.payments = StripeCheckout(SECRET_KEY, SECRET, stripe_server.base)
    return Billing(sample, payment_required=True)


def to_pay(billing: Billing) -> tuple[str, str, str]:
    """A request that waits for its contract to be paid: its id, the contract's, and the invoice's."""
    request = billing.sample.log()
    terms = {"type": "support_hours", "minutes": 60, "price": {"amount_minor": 24_000}}
    body = {**terms, "holder": {"customer": billing.sample.ann}}
    sold = billing.ask(billing.supervisor, "POST", "/contracts", body, 201)
    draft = billing.ask(billing.finance, "POST", "/sold-items/draft", {"customer": billing.sample.ann}, 201)
    return request, sold["id"], billing.issued(draft["id"])["id"]


def link(billing: Billing, invoice: str, client: Any = None, status: int = 200) -> Any:
    return billing.ask(client or billing.ann, "POST", f"/invoices/{invoice}/payment-link", None, status)


def session_of(billing: Billing, made: Any) -> str:
    rows = billing.sample.rows(t.payment_link, **({"id": made["id"]} if made["id"] else {}))
    return str(rows[0].session_id)


def notice(billing: Billing, made: Any, **changed: Any) -> bytes:
    """An event that a session was paid, as Stripe writes it."""
    session = {
        "id": session_of(billing, made),
        "object": "checkout.session",
        "client_reference_id": made["id"],
        "payment_status": "paid",
        "payment_intent": "pi_1",
        "amount_total": made["amount"]["amount_minor"],
        "currency": made["amount"]["currency"].lower(),
        "customer_details": {"name": "Ann", "email": None},
        **changed,
    }
    event = {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": session}}
    return json.dumps(event).encode()


def send(billing: Billing, body: bytes, *, secret: str = SECRET, age_seconds: int = 0) -> int:
    headers = {"Stripe-Signature": signature(body, secret, age_seconds=age_seconds)}
    client = billing.api.app.test_client()
    return client.post(NOTICES, data=body, headers=headers, content_type="application/json").status_code


def test_what_is_paid_online_opens_the_request(
    billing: Billing, stripe_server: LocalStripe, serve: Callable[..., str]
) -> None:
    """The server itself signs and sends the event, over HTTP."""
    request, contract, invoice = to_pay(billing)
    made = link(billing, invoice)
    assert minor(made, "amount") == (28_560,)
    assert link(billing, invoice, billing.finance) == made
    stripe_server.send_notices_to(serve(billing.api.app) + NOTICES, SECRET)
    stripe_server.pay(session_of(billing, made))
    deadline = time.monotonic() + 120
    while not billing.sample.rows(t.payment) and time.monotonic() < deadline:
        time.sleep(0.1)
    paid = billing.invoice(invoice)
    assert (paid["payment"], paid["delivery"]) == ("paid", "delivered")
    assert (billing.sample.contract(contract).state, billing.sample.request(request).state) == (
        "active",
        "open",
    )
    [payment] = billing.read("/payments")["items"]
    assert (payment["method"], payment["reference"][:3]) == ("card", "pi_")
    refused = link(billing, invoice, status=409)
    assert "Nothing of INV-2026-0001 is to be paid." in refused["detail"]
    assert send(billing, notice(billing, made)) == 204
    assert len(billing.sample.rows(t.payment)) == 1
    assert billing.read("/ledger/audit")["differences"] == []


def test_a_notice_is_taken_once_and_only_with_a_signature(billing: Billing) -> None:
    _, contract, invoice = to_pay(billing)
    made = link(billing, invoice)
    body = notice(billing, made)
    assert send(billing, body, secret="whsec_another") == 400
    assert send(billing, body, age_seconds=301) == 400
    assert send(billing, b"{}") == 400
    assert send(billing, b"\xff") == 400
    assert send(billing, notice(billing, made, payment_status="unpaid")) == 204
    assert send(billing, notice(billing, made, id="cs_unknown", client_reference_id=None)) == 204
    assert billing.sample.rows(t.payment) == []
    assert [send(billing, body) for _ in range(2)] == [204, 204]
    assert len(billing.sample.rows(t.payment)) == 1
    assert billing.sample.contract(contract).state == "active"


def test_another_amount_or_currency_is_left_to_finance(billing: Billing) -> None:
    _, contract, invoice = to_pay(billing)
    made = link(billing, invoice)
    assert send(billing, notice(billing, made, amount_total=28_000)) == 204
    assert send(billing, notice(billing, made)) == 204
    [entry] = billing.read("/bank-entries?state=undecided")["items"]
    assert (entry["state"], *minor(entry, "amount")) == ("offered", 28_000)
    assert entry["texts"] == ["INV-2026-0001: EUR 285.60 was asked"]
    finance = Browser(billing.sample, billing.sample.finance, billing.api.app)
    for path in ("/bank-statements", f"/bank-statements/{entry['statement']}"):
        assert "Online payments" in finance.open(path)
    with billing.sample.desk.write() as tx:
        tx.change(t.user_account, str(billing.sample.finance.id), language="de")
    assert "verlangt waren 285,60 EUR" in finance.open(f"/bank-entries/{entry['id']}")
    assert (billing.sample.rows(t.payment), billing.sample.contract(contract).state) == ([], "pending")
    body = {"invoices": [{"invoice": invoice}]}
    billing.ask(billing.finance, "POST", f"/bank-entries/{entry['id']}/assign", body)
    assert minor(billing.invoice(invoice), "open") == (560,)
    again = link(billing, invoice)
    assert minor(again, "amount") == (560,)
    assert send(billing, notice(billing, again, currency="usd")) == 204
    [other] = billing.read("/bank-entries?state=undecided")["items"]
    assert (other["state"], other["amount"]["currency"]) == ("left", "USD")


def test_only_whoever_sees_the_invoice_gets_a_link(billing: Billing) -> None:
    _, _, invoice = to_pay(billing)
    stranger = billing.api.client_of(
        billing.sample.person("customer", "Bob", customer=billing.sample.customer("Bob"))
    )
    link(billing, invoice, stranger, 404)
    link(billing, invoice, billing.api.technician, 403)
    draft = billing.draft()
    assert link(billing, draft["id"], billing.finance, 409)["state"] == "draft"
    assert link(billing, draft["id"], billing.ann, 404)["status"] == 404
    billing.sample.desk.payments = StripeCheckout(SECRET_KEY, SECRET, "http://127.0.0.1:9")
    assert link(billing, invoice, status=503)["type"].endswith("payment-provider-unavailable")


def test_the_page_of_an_invoice_leads_to_the_payment_page(billing: Billing) -> None:
    _, _, invoice = to_pay(billing)
    customer = Browser(
        billing.sample, billing.sample.person("customer", "Ann", customer=billing.sample.ann), billing.api.app
    )
    path = f"/invoices/{invoice}/pay-online"
    assert "Pay online" in customer.open(f"/invoices/{invoice}")
    form = customer.open(path)
    assert "€285.60 is open." in form
    shown = customer.send(form)
    assert "Go to the payment page" in shown
    technician = Browser(billing.sample, billing.sample.technician, billing.api.app)
    assert technician.open(path).status == 403
    body = notice(billing, {"id": "", "amount": {"amount_minor": 28_560, "currency": "EUR"}})
    assert send(billing, body) == 204
    assert "Pay online" not in customer.open(f"/invoices/{invoice}").text
    refused = customer.send(form)
    assert refused.status == 422
    assert "Nothing of INV-2026-0001 is to be paid." in refused
    assert "Make the payment page" not in customer.open(path).text


def test_without_both_secrets_nothing_is_paid_online(sample: SampleDesk) -> None:
    off = Billing(sample)
    invoice = off.issue()
    off.ask(off.finance, "POST", f"/invoices/{invoice['id']}/payment-link", status=404)
    assert off.api.app.test_client().post(NOTICES, data=b"{}").status_code == 404
    assert ENVIRONMENT.stripe_secret_key is None
    with pytest.raises(ValidationError, match="COVERDESK_STRIPE_WEBHOOK_SECRET"):
        Environment(stripe_secret_key="sk_test_12345")
