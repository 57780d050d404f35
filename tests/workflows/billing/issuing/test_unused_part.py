"""Crediting the unused part of a contract that is cancelled early: amounts, journals, once, and who may."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.support.billing import Billing
from tests.support.rate_cards import rate_card
from tests.support.sample_desk import SampleDesk
from tests.workflows.billing.journals.test_journals import balances
from tests.workflows.billing.journals.test_revenue import accounts, at, close, eur, invoice_sold, sell
from workflows.commands.contracts import TopUp
from workflows.commands.fields import MoneyGranted
from workflows.contracts.use_cases import top_up
from workflows.reports.audit import audit_desk


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def subscription(billing: Billing) -> str:
    """A year from 2 March for 365.00: a euro a day."""
    return sell(billing, "subscription", 36_500, starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1))


def cancel(billing: Billing, contract: str, status: int = 200, **body: Any) -> Any:
    given = {"reason": "Customer left", **body}
    return billing.ask(billing.finance, "POST", f"/contracts/{contract}/cancel", given, status)


def credit(billing: Billing, contract: str, status: int = 200) -> Any:
    path = f"/contracts/{contract}/credit-unused"
    return billing.ask(billing.finance, "POST", path, {"reason": "Unused"}, status)


def unused(billing: Billing, contract: str) -> list[int]:
    lines = billing.read(f"/contracts/{contract}/unused-part")["lines"]
    return [one["unused"]["amount_minor"] for one in lines]


def notes(billing: Billing) -> list[Any]:
    found = billing.read("/invoices?kind=credit_note&order=number")["items"]
    return [billing.invoice(one["id"]) for one in found]


def test_days_are_credited_with_their_tax_and_deferred_revenue_is_released(billing: Billing) -> None:
    contract = subscription(billing)
    at(billing, 3, 11)
    assert unused(billing, contract) == [35_500]
    cancel(billing, contract, credit_unused=True)
    [note] = notes(billing)
    [line] = note["lines"]
    assert (note["total"]["amount_minor"], note["tax"]["amount_minor"]) == (42_245, 6_745)
    assert (line["service_from"], line["service_to"]) == ("2026-03-12", "2027-03-01")
    assert note["corrects"]["number"] == "INV-2026-0001"
    assert accounts(billing) == (0, 1_000)
    assert balances(billing) == {"receivable": 1_190, "revenue": -1_000, "tax": -190}
    [posted] = billing.read("/ledger/transactions?kind=credit_note")["items"]
    moved = {one["account"]: one["amount"] for one in posted["postings"]}
    assert moved == {"receivable": -42_245, "deferred_revenue": 35_500, "tax": 6_745}
    assert billing.sample.see(audit_desk).ok


def test_it_is_credited_once(billing: Billing) -> None:
    contract = subscription(billing)
    credit(billing, contract, 409)
    at(billing, 3, 11)
    cancel(billing, contract)
    at(billing, 3, 20)
    assert unused(billing, contract) == [35_500]
    assert credit(billing, contract)["state"] == "cancelled"
    assert "left to be credited" in credit(billing, contract, 409)["detail"]
    assert unused(billing, contract) == []
    assert len(notes(billing)) == 1
    assert billing.read("/sold-items?state=open")["items"] == []


def test_what_was_credited_before_is_not_credited_again(billing: Billing) -> None:
    contract = subscription(billing)
    [sold] = billing.read(f"/sold-items?contract={contract}")["items"]
    [line] = billing.invoice(sold["invoice"])["lines"]
    billing.credit(sold["invoice"], {"line": line["id"], "amount": {"amount_minor": 500}})
    at(billing, 3, 11)
    cancel(billing, contract, credit_unused=True)
    assert [one["net"]["amount_minor"] for one in notes(billing)] == [500, 35_000]


def test_minutes_are_credited_and_top_ups_by_their_own(billing: Billing) -> None:
    contract = sell(billing, "support_hours", 60_000, minutes=600)
    billing.sample.do(top_up, contract, TopUp(minutes=100, price=eur(5_000)))
    invoice_sold(billing, contract)
    billing.sample.work(billing.sample.log(), 150)
    at(billing, 3, 11)
    assert unused(billing, contract) == [45_000, 5_000]
    cancel(billing, contract, credit_unused=True)
    assert [one["net"]["amount_minor"] for one in notes(billing)] == [45_000, 5_000]
    assert accounts(billing) == (0, 15_000)


def test_money_is_credited_by_what_is_left_of_it(billing: Billing) -> None:
    billing.sample.publish_rules(rate_cards__standard=rate_card(10_000))
    contract = sell(billing, "prepaid_amount", 90_000, money=MoneyGranted(amount_minor=100_000))
    billing.sample.work(billing.sample.log(), 60)
    at(billing, 3, 11)
    assert unused(billing, contract) == [81_000]


def test_a_discount_on_the_invoice_is_taken_back_in_proportion(billing: Billing) -> None:
    contract = billing.sample.sell("support_hours", price=eur(60_000), minutes=600)
    [item] = billing.read("/sold-items?state=open")["items"]
    body = {"customer": billing.sample.ann, "sold": [item["id"]], "tax_rate": "Standard"}
    draft = billing.ask(billing.finance, "POST", "/sold-items/draft", body, 201)
    less = {"discounts": [{"reason": "Loyal", "percent": "10"}]}
    billing.ask(billing.finance, "PATCH", f"/invoices/{draft['id']}", less)
    billing.issued(draft["id"])
    billing.sample.work(billing.sample.log(), 60)
    at(billing, 3, 11)
    cancel(billing, contract, credit_unused=True)
    [note] = notes(billing)
    assert note["net"]["amount_minor"] == 48_600
    assert accounts(billing) == (0, 5_400)


def test_a_paid_invoice_gives_the_customer_credit(billing: Billing) -> None:
    contract = subscription(billing)
    [sold] = billing.read(f"/sold-items?contract={contract}")["items"]
    billing.pay(sold["invoice"], 43_435)
    at(billing, 3, 11)
    path = f"/contracts/{contract}/cancel/preview"
    body = {"reason": "Left", "credit_unused": True}
    [effect] = billing.ask(billing.finance, "POST", path, body)["credit_notes"]
    assert effect["invoice_number"] == "INV-2026-0001"
    assert (effect["total"]["amount_minor"], effect["to_credit"]["amount_minor"]) == (42_245, 42_245)
    assert notes(billing) == []
    cancel(billing, contract, credit_unused=True)
    assert balances(billing) == {
        "cash": 43_435,
        "customer_credit": -42_245,
        "revenue": -1_000,
        "tax": -190,
    }


def test_what_a_closed_month_has_posted_as_breakage_is_taken_from_revenue(billing: Billing) -> None:
    contract = subscription(billing)
    at(billing, 3, 11)
    cancel(billing, contract)
    at(billing, 4, 2)
    close(billing, "2026-03")
    assert accounts(billing) == (0, 36_500)
    credit(billing, contract)
    assert accounts(billing) == (0, 1_000)
    assert accounts(billing, date(2026, 3, 31)) == (0, 36_500)
    assert billing.sample.see(audit_desk).ok


def test_a_later_end_is_credited_once_it_has_come(billing: Billing) -> None:
    contract = subscription(billing)
    refused = cancel(billing, contract, 422, effective_on="2026-03-12", credit_unused=True)
    assert refused["errors"][0]["pointer"] == "/credit_unused"
    cancel(billing, contract, effective_on="2026-03-12")
    credit(billing, contract, 409)
    billing.sample.clock.at = datetime(2026, 3, 20, 9, tzinfo=UTC)
    credit(billing, contract)
    [line] = notes(billing)[0]["lines"]
    assert (line["net"]["amount_minor"], line["service_from"]) == (35_500, "2026-03-12")


def test_a_contract_that_never_began_is_credited_wholly_and_not_sold_again(billing: Billing) -> None:
    contract = sell(billing, "subscription", 36_500, starts_on=date(2026, 6, 1), ends_on=date(2027, 5, 31))
    cancel(billing, contract, credit_unused=True)
    assert [one["net"]["amount_minor"] for one in notes(billing)] == [36_500]
    assert billing.read("/sold-items?state=open")["items"] == []
    assert balances(billing) == {}


def test_who_credits(billing: Billing) -> None:
    contract = subscription(billing)
    body = {"reason": "Left", "credit_unused": True}
    billing.refused(billing.supervisor, f"/contracts/{contract}/cancel", body, 403)
    billing.refused(billing.supervisor, f"/contracts/{contract}/credit-unused", {"reason": "Left"}, 403)
    billing.ask(billing.ann, "GET", f"/contracts/{contract}/unused-part", status=403)
