"""Drafts of invoices through the API: what they amount to, how they change, who may, and what is refused."""

from typing import Any

import pytest

from tests.support.billing import RATES, Billing, line, minor
from tests.support.sample_desk import SampleDesk
from workflows.store import tables as t


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def test_a_draft_has_lines_discounts_taxes_and_totals(billing: Billing) -> None:
    draft = billing.draft(
        line(3333),
        line(6667, rate="reduced", service_from="2026-03-01", service_to="2026-03-31"),
        discounts=[{"reason": "Loyal customer", "percent": "10"}],
        order_number="PO-7",
        note="Thank you",
    )
    assert (draft["number"], draft["state"], draft["payment"], draft["delivery"]) == (
        None,
        "draft",
        None,
        "undelivered",
    )
    assert minor(draft, "net", "tax", "total", "paid", "open") == (9000, 990, 9990, 0, 9990)
    assert [(one["percent"], *minor(one, "base", "tax")) for one in draft["taxes"]] == [
        ("7", 6000, 420),
        ("19", 3000, 570),
    ]
    assert [(one["reason"], one["percent"], *minor(one, "amount")) for one in draft["discounts"]] == [
        ("Loyal customer", "10", 1000)
    ]
    first, second = draft["lines"]
    assert (first["quantity"], first["unit"], first["tax_rate"], *minor(first, "net")) == (
        "1",
        "C62",
        "Standard",
        3333,
    )
    assert (second["tax_rate"], second["service_from"], second["service_to"]) == (
        "Reduced",
        "2026-03-01",
        "2026-03-31",
    )
    assert (draft["order_number"], draft["note"], draft["due_on"]) == ("PO-7", "Thank you", None)
    assert draft["allowed_actions"] == ["change", "issue", "void"]
    assert billing.invoice(draft["id"]) == draft


def test_amounts_off_and_quantities_are_exact(billing: Billing) -> None:
    draft = billing.draft(
        line(9900, "1.25", unit="HUR"),
        line(3333, "3", discount_percent="10"),
        line(1000, "3", discount={"amount_minor": 500}),
        discounts=[{"reason": "Round", "amount": {"amount_minor": 374}}],
    )
    assert [minor(one, "net", "discount") for one in draft["lines"]] == [
        (12375, 0),
        (8999, 1000),
        (2500, 500),
    ]
    assert minor(draft, "net", "tax", "total") == (23500, 4465, 27965)
    changed = billing.ask(billing.finance, "PATCH", f"/invoices/{draft['id']}", {"note": "x"})
    assert {**changed, "note": None, "version": 1, "lines": 0} == {**draft, "lines": 0}
    assert [minor(one, "net", "discount") for one in changed["lines"]] == [
        (12375, 0),
        (8999, 1000),
        (2500, 500),
    ]


@pytest.mark.parametrize(("currency", "total"), [("JPY", 11900), ("KWD", 11900)])
def test_other_currencies_are_in_their_minor_unit(billing: Billing, currency: str, total: int) -> None:
    draft = billing.draft(line(10000), currency=currency)
    assert draft["total"] == {"amount_minor": total, "currency": currency}


def test_a_draft_is_changed_as_a_whole_or_by_field(billing: Billing) -> None:
    draft = billing.draft(line(100), discounts=[{"reason": "Half", "percent": "50"}])
    path = f"/invoices/{draft['id']}"
    tag = billing.finance.get(path).headers["ETag"]
    changed = billing.ask(
        billing.supervisor,
        "PATCH",
        path,
        {"lines": [line(200), line(100)], "early_payment": {"days": 14, "percent": "2"}, "language": "de"},
    )
    assert minor(changed, "net") == (150,)
    assert (changed["language"], changed["early_payment"]) == (
        "de",
        {"days": 14, "percent": "2", "until": None},
    )
    assert billing.finance.patch(path, {"note": "late"}, If_Match=tag).status_code == 412
    cleared = billing.ask(billing.finance, "PATCH", path, {"discounts": [], "early_payment": None})
    assert minor(cleared, "net") == (300,)
    assert cleared["early_payment"] is None
    [before, after] = [row.action for row in billing.sample.rows(t.audit_event, subject_id=draft["id"])][:2]
    assert (before, after) == ("created", "changed")


def test_billing_details_are_used_on_drafts(billing: Billing) -> None:
    path = f"/customers/{billing.sample.ann}/billing"
    assert billing.read(path)["version"] == 0
    given = {"street": "Main St 1", "country": "de", "vat_id": "DE 136 695 976", "order_number": "PO-1"}
    changed = billing.ask(billing.finance, "PATCH", path, {**given, "language": "fr"})
    assert (changed["country"], changed["vat_id"], changed["version"]) == ("DE", "DE136695976", 1)
    draft = billing.draft()
    assert (draft["order_number"], draft["language"]) == ("PO-1", "fr")
    assert billing.draft(order_number="PO-2")["order_number"] == "PO-2"
    for wrong in ({"vat_id": "DE123456789"}, {"country": "Germany"}, {"email": "x"}, {"language": "xx"}):
        answer = billing.finance.patch(path, wrong)
        assert answer.status_code == 422, wrong
        assert f"/{next(iter(wrong))}" in answer.text
    again = billing.ask(billing.finance, "PATCH", path, {"vat_id": "", "order_number": None})
    assert (again["vat_id"], again["order_number"], again["street"]) == ("", "", "Main St 1")
    assert billing.finance.patch(path, {"city": "Bonn"}, If_Match='"1"').status_code == 412
    unit = billing.ask(
        billing.supervisor, "PATCH", f"/org-units/{billing.sample.site}/billing", {"city": "Bonn"}
    )
    assert unit["city"] == "Bonn"
    assert billing.api.technician.get(path).status_code == 403
    assert billing.ann.get(path).status_code == 403
    assert billing.finance.get("/customers/nobody/billing").status_code == 404


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"lines": []}, "/lines"),
    ({"lines": [line(quantity="-1")]}, "/lines/0/quantity"),
    ({"lines": [line(quantity="0")]}, "/lines/0/quantity"),
    ({"lines": [line(quantity="1e3")]}, "/lines/0/quantity"),
    ({"lines": [line(quantity="999999999", price_minor=10**12)]}, "/lines/0/quantity"),
    ({"lines": [line(price_minor=-1)]}, "/lines/0/unit_price/amount_minor"),
    ({"lines": [line(discount_percent="150")]}, "/lines/0/discount_percent"),
    ({"lines": [line(discount_percent="-1")]}, "/lines/0/discount_percent"),
    ({"lines": [line(discount={"amount_minor": 10001})]}, "/lines/0/discount"),
    ({"lines": [line(discount={"amount_minor": 1}, discount_percent="1")]}, "/lines/0"),
    ({"lines": [line(rate="nineteen")]}, "/lines/0/tax_rate"),
    ({"lines": [line(rate="19")]}, "/lines/0/tax_rate"),
    ({"lines": [line(service_to="2026-03-31")]}, "/lines/0"),
    ({"lines": [line(service_from="2026-04-01", service_to="2026-03-31")]}, "/lines/0"),
    ({"lines": [line(sold="nothing")]}, "/lines/0/sold"),
    ({"lines": [{**line(), "unit_price": {"amount_minor": 1, "currency": "USD"}}]}, "/lines/0/unit_price"),
    ({"discounts": [{"reason": "Much", "percent": "150"}]}, "/discounts/0/percent"),
    ({"discounts": [{"reason": "Much", "amount": {"amount_minor": 10001}}]}, "/discounts"),
    ({"discounts": [{"reason": "Twice", "percent": "60"}, {"reason": "x", "percent": "60"}]}, "/discounts"),
    ({"discounts": [{"reason": "Neither"}]}, "/discounts/0"),
    ({"customer": "nobody"}, "/customer"),
    ({"customer": None}, "/customer"),
    ({"org_unit": "nobody"}, "/customer"),
    ({"currency": "XXX"}, "/currency"),
    ({"early_payment": {"days": 14, "percent": "100"}}, "/early_payment/percent"),
    ({"due_on": "soon"}, "/due_on"),
]


def test_wrong_drafts_are_refused_by_field_and_nothing_is_stored(billing: Billing) -> None:
    body = {"customer": billing.sample.ann, "lines": [line()]}
    for wrong, pointer in WRONG:
        answer = billing.finance.post("/invoices", body | wrong)
        assert answer.status_code == 422, (wrong, answer.text)
        pointers = [one["pointer"] for one in answer.json["errors"]]  # type: ignore[index]
        assert any(one.startswith(pointer) for one in pointers), (wrong, pointers)
    assert billing.sample.rows(t.invoice) == billing.sample.rows(t.invoice_line) == []


def test_who_sees_and_writes_drafts(billing: Billing) -> None:
    draft = billing.draft()
    path = f"/invoices/{draft['id']}"
    body = {"customer": billing.sample.ann, "lines": [line()]}
    for client, statuses in (
        (billing.api.administrator, (201, 200, 200)),
        (billing.supervisor, (201, 200, 200)),
        (billing.api.technician, (403, 403, 403)),
        (billing.ann, (403, 404, 403)),
        (billing.api.nobody, (401, 401, 401)),
    ):
        answers = client.post("/invoices", body), client.get(path), client.patch(path, {"note": "x"})
        assert tuple(one.status_code for one in answers) == statuses
    assert billing.ask(billing.ann, "GET", "/invoices")["items"] == []
    assert billing.api.technician.get("/invoices").status_code == 403
    assert billing.finance.get("/invoices/nothing").status_code == 404


def test_invoices_are_listed_by_state_payment_customer_and_number(billing: Billing) -> None:
    draft = billing.draft()
    unit = billing.draft(org_unit=billing.sample.site)

    def listed(query: str) -> list[str]:
        return [one["id"] for one in billing.read(f"/invoices?{query}")["items"]]

    assert listed("") == [unit["id"], draft["id"]]
    assert listed("order=created_at") == [draft["id"], unit["id"]]
    assert listed(f"customer={billing.sample.ann}") == [draft["id"]]
    assert listed(f"org_unit={billing.sample.site}") == [unit["id"]]
    assert listed("state=issued") == listed("payment=unpaid") == listed("number=INV-2026-0001") == []
    number = billing.issued(draft["id"])["number"]
    assert listed(f"number={number.lower()}") == listed("payment=unpaid") == listed("state=issued")
    assert listed("state=issued") == [draft["id"]]
    assert listed("delivery=undelivered&kind=invoice") == [unit["id"], draft["id"]]
    for wrong in ("state=x", "payment=x", "order=x", "cursor=x", "nonsense=1"):
        assert billing.finance.get(f"/invoices?{wrong}").status_code == 422, wrong


def test_without_invoices_nothing_is_invoiced(billing: Billing) -> None:
    for off, words in (
        ({"invoices": False}, "Invoices are off"),
        ({"contracts": False}, "Contracts are off"),
    ):
        billing.sample.set(**({"invoices": True, "contracts": True} | off))
        refused = billing.refused(
            billing.finance, "/invoices", {"customer": billing.sample.ann, "lines": [line()]}, 409
        )
        assert words in refused["detail"]


def test_tax_rates_and_company_details_are_settings(billing: Billing) -> None:
    admin = billing.api.administrator
    company = {
        "vat_id": "DE 136695976",
        "iban": "DE89 3704 0044 0532 0130 00",
        "bic": "COBADEFFXXX",
        "country": "de",
    }
    stored = billing.ask(admin, "PATCH", "/settings", {"company": company, "tax_rates": RATES[:2]})
    assert stored["company"]["iban"] == "DE89370400440532013000"
    assert (stored["company"]["vat_id"], stored["company"]["country"]) == ("DE136695976", "DE")
    assert [one["name"] for one in stored["tax_rates"]] == ["Standard", "Reduced"]
    for wrong, pointer in (
        ({"tax_rates": []}, "/tax_rates"),
        ({"tax_rates": [{"name": "x", "percent": "nineteen"}]}, "/tax_rates/0/percent"),
        ({"tax_rates": [{"name": "x", "percent": "101"}]}, "/tax_rates/0/percent"),
        ({"tax_rates": [{"name": "x", "percent": "0"}]}, "/tax_rates/0"),
        ({"tax_rates": [{"name": "x", "percent": "19", "category": "E"}]}, "/tax_rates/0"),
        ({"tax_rates": [{"name": "x", "percent": "0", "category": "E"}]}, "/tax_rates/0"),
        ({"tax_rates": [RATES[0], {**RATES[1], "name": "standard"}]}, "/tax_rates"),
        ({"company": {"iban": "DE00"}}, "/company/iban"),
        ({"company": {"bic": "X"}}, "/company/bic"),
        ({"company": {"vat_id": "DE123456789"}}, "/company/vat_id"),
        ({"company": {"country": "Germany"}}, "/company/country"),
        ({"invoice_due_days": -1}, "/invoice_due_days"),
    ):
        answer = admin.patch("/settings", wrong)
        assert answer.status_code == 422, wrong
        assert pointer in [one["pointer"] for one in answer.json["errors"]], (wrong, answer.json)  # type: ignore[index]
