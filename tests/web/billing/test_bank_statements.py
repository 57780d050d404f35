"""Bank statements by the API: what is exact is recorded at once, what is likely offered, the rest left."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.bank_statements import ACCOUNT, VERSIONS, Detail, Entry, camt
from tests.support.billing import Billing
from tests.support.sample_desk import SampleDesk

FURTHER = "DE89370400440532013000"
PROFILE: dict[str, Any] = {
    "name": "My bank",
    "date_form": "%d.%m.%Y",
    "thousands_sign": ".",
    "account": ACCOUNT,
    "currency": "EUR",
    "columns": {"booked_on": "Datum", "amount": "Betrag", "party": "Name", "texts": ["Zweck"]},
}


class Bank(Billing):
    """A desk that invoices and has a bank account."""

    def __init__(self, sample: SampleDesk, **settings: Any) -> None:
        super().__init__(sample, company={"iban": ACCOUNT}, **settings)
        self.day = self.today

    def entry(self, amount: str, *texts: str, payer: str = "", **more: Any) -> Entry:
        detail = Detail(None, texts, payer, more.pop("iban", ""))
        return Entry(amount, (detail,), booked_on=more.pop("day", self.day), **more)

    def upload(self, *entries: Entry, status: int = 201, **how: Any) -> Any:
        return self.send(camt(entries, **how).encode(), status=status)

    def send(
        self, data: bytes, *, status: int = 201, query: str = "", kind: str = "application/xml", **more: Any
    ) -> Any:
        answer = more.pop("client", self.finance).call(
            "POST", f"/bank-statements{query}", raw=data, content_type=kind, headers=more.pop("headers", None)
        )
        assert answer.status_code == status, answer.text
        return answer.json

    def open_minor(self, invoice: Any) -> int:
        found: int = self.invoice(invoice["id"])["open"]["amount_minor"]
        return found

    def payments(self) -> list[Any]:
        items: list[Any] = self.read("/payments")["items"]
        return items

    def assign(self, entry: Any, *invoices: Any, status: int = 200, amounts: tuple[int, ...] = ()) -> Any:
        parts: list[dict[str, Any]] = [{"invoice": one["id"]} for one in invoices]
        for part, amount in zip(parts, amounts, strict=False):
            part["amount"] = {"amount_minor": amount}
        path = f"/bank-entries/{entry['id']}/assign"
        return self.ask(self.finance, "POST", path, {"invoices": parts}, status)


@pytest.fixture
def bank(sample: SampleDesk) -> Bank:
    return Bank(sample)


def counts(statement: Any) -> dict[str, int]:
    return {state: number for state, number in statement["counts"].items() if number}


# Matching


@pytest.mark.parametrize("version", VERSIONS)
def test_a_named_invoice_with_its_amount_is_paid_at_once(bank: Bank, version: str) -> None:
    invoice = bank.issue()
    found = bank.upload(
        bank.entry("119.00", f"Rechnung {invoice['number'].lower()}", "danke", payer="Ann"), version=version
    )
    assert counts(found) == {"matched": 1}
    (entry,) = found["matched"]
    assert (entry["state"], entry["reason"], entry["decided_by"]) == (
        "matched",
        "named_and_amount",
        bank.sample.finance.name,
    )
    paid = bank.invoice(invoice["id"])
    assert (paid["payment"], paid["open"]["amount_minor"]) == ("paid", 0)
    (payment,) = bank.payments()
    assert entry["payments"] == [payment["id"]]
    assert (payment["method"], payment["received_on"], payment["reference"]) == (
        "transfer",
        bank.day,
        f"Rechnung {invoice['number'].lower()} danke",
    )


def test_what_is_likely_is_offered_and_the_rest_is_left(bank: Bank) -> None:
    first, second = bank.issue(), bank.issue()
    found = bank.upload(
        bank.entry("100.00", first["number"], payer="Somebody"),
        bank.entry("119.00", "Support", payer="ANN"),
        bank.entry("119.00", "Support", payer="Somebody"),
        bank.entry("238.00", "All of it", payer="Ann"),
        bank.entry("7.00", "Cheers"),
        bank.entry("-50.00", "Rent"),
        bank.entry("-119.00", first["number"], reversal=True),
    )
    assert counts(found) == {"offered": 4, "left": 1, "not_receipt": 2}
    both = sorted([first["number"], second["number"]])
    assert [
        (one["reason"], [candidate["number"] for candidate in one["candidates"]], one["together"])
        for one in found["offered"]
    ] == [
        ("named", [first["number"]], True),
        ("payer_and_amount", both, False),
        ("amount", both, False),
        ("payer_and_sum", both, True),
    ]
    assert bank.payments() == []
    assert bank.open_minor(first) == 11_900


def test_two_invoices_of_a_customer_are_paid_by_one_entry(bank: Bank) -> None:
    first, second = bank.issue(), bank.issue()
    found = bank.upload(bank.entry("238.00", f"{first['number']}, {second['number']}"))
    assert counts(found) == {"matched": 1}
    (payment,) = bank.payments()
    assert sorted(one["number"] for one in payment["invoices"]) == [first["number"], second["number"]]
    assert bank.open_minor(first) == bank.open_minor(second) == 0


def test_two_invoices_of_two_customers_are_offered(bank: Bank) -> None:
    own = bank.issue()
    other = bank.issued(
        bank.ask(
            bank.finance,
            "POST",
            "/invoices",
            {"org_unit": bank.sample.parent, "lines": own_lines()},
            201,
        )["id"]
    )
    found = bank.upload(bank.entry("238.00", f"{own['number']} {other['number']}"))
    assert counts(found) == {"offered": 1}
    refused = bank.assign(found["offered"][0], own, other, status=422)
    assert "several customers" in refused["detail"]
    entry = bank.assign(found["offered"][0], own, other, amounts=(11_900, 11_900))
    assert len(entry["payments"]) == 2
    assert bank.open_minor(own) == bank.open_minor(other) == 0


def own_lines() -> list[dict[str, Any]]:
    return [
        {
            "description": "Support",
            "quantity": "1",
            "unit_price": {"amount_minor": 10_000},
            "tax_rate": "Standard",
        }
    ]


def test_the_second_receipt_for_an_invoice_is_a_persons(bank: Bank) -> None:
    invoice = bank.issue()
    twice = [bank.entry("119.00", invoice["number"], bank_reference=f"B-{one}") for one in (1, 2)]
    found = bank.upload(*twice)
    assert counts(found) == {"matched": 1, "offered": 1}
    entry = bank.assign(found["offered"][0], invoice)
    (second,) = [one for one in bank.payments() if one["id"] in entry["payments"]]
    assert (second["invoices"], second["credit"]["amount_minor"]) == ([], 11_900)


def test_a_receipt_in_time_takes_the_discount_for_early_payment(bank: Bank) -> None:
    terms = {"early_payment": {"days": 14, "percent": "2.00"}}
    invoice = bank.issue(**terms)
    found = bank.upload(bank.entry("116.62", invoice["number"]))
    assert counts(found) == {"matched": 1}
    assert bank.open_minor(invoice) == 0
    late = bank.issue(**terms)
    bank.sample.clock.move(days=15)
    bank.day = bank.today
    assert counts(bank.upload(bank.entry("116.62", late["number"]))) == {"offered": 1}


def test_a_payer_is_recognized_by_the_account_that_paid_before(bank: Bank) -> None:
    first = bank.issue()
    bank.upload(bank.entry("119.00", first["number"], payer="Ann's bookkeeper", iban=FURTHER))
    bank.issue()
    found = bank.upload(bank.entry("119.00", "Support", payer="Someone", iban=FURTHER, bank_reference="B"))
    assert [one["reason"] for one in found["offered"]] == ["payer_and_amount"]


def test_a_batch_without_amounts_is_offered_and_split_by_a_person(bank: Bank) -> None:
    first, second = bank.issue(), bank.issue()
    batch = Entry(
        "238.00", (Detail(None, (first["number"],)), Detail(None, (second["number"],))), booked_on=bank.day
    )
    found = bank.upload(batch)
    assert counts(found) == {"offered": 1}
    (entry,) = found["offered"]
    assert (entry["batch"], entry["together"], len(entry["candidates"])) == (2, True, 2)
    assert bank.assign(entry, first, second)["state"] == "assigned"
    assert bank.open_minor(first) == bank.open_minor(second) == 0


def test_an_order_number_names_its_invoice_unless_it_is_short(bank: Bank) -> None:
    bank.issue(order_number="PO-4711")
    bank.issue(line_of(20_000), order_number="2026")
    found = bank.upload(
        bank.entry("119.00", "your po 4711"), bank.entry("238.00", "Invoice of 4 May 2026", payer="Somebody")
    )
    assert (counts(found), found["offered"][0]["reason"]) == ({"matched": 1, "offered": 1}, "amount")


def test_an_entry_of_tomorrow_is_received_today(bank: Bank) -> None:
    """Some banks book the entries of a weekend on the Monday after it."""
    invoice = bank.issue()
    day = (bank.sample.clock.now()).replace(year=2027).date().isoformat()
    bank.upload(bank.entry("119.00", invoice["number"], day=day))
    assert [one["received_on"] for one in bank.payments()] == [bank.day]


# Twice


def test_the_same_file_twice_adds_nothing(bank: Bank) -> None:
    invoice = bank.issue()
    bank.issue()
    entries = (bank.entry("119.00", invoice["number"]), bank.entry("119.00", "Support"))
    first = bank.upload(*entries)
    assert bank.upload(*entries) == first
    for _ in range(2):
        again = bank.send(camt(entries).encode(), headers={"Idempotency-Key": "another"})
        assert again == first
    assert len(bank.read("/bank-statements")["items"]) == 1
    assert len(bank.payments()) == 1


def test_an_overlapping_file_adds_what_is_new(bank: Bank) -> None:
    invoice = bank.issue()
    old, new = bank.entry("119.00", invoice["number"]), bank.entry("5.00", "Tip")
    bank.upload(old, new, bank.entry("5.00", "Tip"))
    further = bank.entry("6.00", "Another")
    found = bank.upload(new, old, new, further, statement_id="S-2")
    assert (found["entry_count"], found["known_count"], counts(found)) == (4, 3, {"left": 1})
    assert len(bank.payments()) == 1
    entries = bank.read(f"/bank-statements/{found['id']}/entries")["items"]
    assert [one["amount"]["amount_minor"] for one in entries] == [600]


def test_a_key_gives_the_first_answer_and_belongs_to_the_file(bank: Bank) -> None:
    data = camt([bank.entry("5.00", "Tip")]).encode()
    first = bank.send(data, headers={"Idempotency-Key": "k"})
    form, boundary = multipart(data)
    again = bank.send(
        form, kind=f"multipart/form-data; boundary={boundary}", headers={"Idempotency-Key": "k"}
    )
    assert again == first
    other = camt([bank.entry("6.00", "Tip")]).encode()
    assert bank.send(other, headers={"Idempotency-Key": "k"}, status=422)["type"].endswith(
        "idempotency-key-reused"
    )


def multipart(data: bytes, field: str = "file") -> tuple[bytes, str]:
    boundary = "part7"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="May.xml"\r\n\r\n'
    return head.encode() + data + f"\r\n--{boundary}--\r\n".encode(), boundary


def test_a_form_with_the_file(bank: Bank) -> None:
    form, boundary = multipart(camt([bank.entry("5.00", "Tip")]).encode())
    kind = f"multipart/form-data; boundary={boundary}"
    assert bank.send(form, kind=kind)["file_name"] == "May.xml"
    form, boundary = multipart(b"x", field="other")
    assert "not one file" in bank.send(form, kind=kind, status=400)["detail"]
    assert "not a form" in bank.send(form, kind="multipart/form-data", status=400)["detail"]


# CSV


def test_a_csv_file_by_a_profile(sample: SampleDesk) -> None:
    bank = Bank(sample, bank_csv_profiles=[PROFILE])
    invoice = bank.issue(line_of(200_000))
    day = bank.sample.clock.now().strftime("%d.%m.%Y")
    data = f"Datum;Name;Zweck;Betrag\n{day};Ann;{invoice['number']};2.380,00\n{day};Shop;Rent;-50,00\n"
    found = bank.send(data.encode(), query="?profile=my%20bank&file_name=May.csv", kind="text/csv")
    assert (found["format"], found["file_name"], counts(found)) == (
        "csv",
        "May.csv",
        {"matched": 1, "not_receipt": 1},
    )
    assert "not XML" in bank.send(data.encode() + b"\n", kind="text/csv", status=422)["detail"]
    refused = bank.send(data.encode(), query="?profile=Other", kind="text/csv", status=422)
    assert (refused["errors"][0]["pointer"], "Use My bank" in refused["detail"]) == ("/profile", True)


def line_of(price_minor: int) -> dict[str, Any]:
    return own_lines()[0] | {"unit_price": {"amount_minor": price_minor}}


# Refused


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "unreadable-statement", "empty"),
        (camt([]).replace("</Document>", "").encode(), "statement-cut-off", "ends in the middle"),
        (
            camt([]).replace("<Document", "<!DOCTYPE Document><Document").encode(),
            "statement-not-safe",
            "entities",
        ),
        (
            camt([Entry("1.00")], opening="0.00", closing="2.00").encode(),
            "statement-balances-differ",
            "complete",
        ),
        (camt([], account=FURTHER).encode(), "statement-of-another-account", FURTHER),
        (camt([Entry("1,00")]).encode(), "invalid-statement-entry", "Entry 1"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(bank: Bank, data: bytes, code: str, words: str) -> None:
    problem = bank.send(data, status=422)
    assert (problem["type"].endswith(f"#{code}"), words in problem["detail"]) == (True, True), problem
    assert bank.read("/bank-statements")["items"] == []


def test_a_file_of_50_megabytes_is_refused(bank: Bank) -> None:
    assert "limit" in bank.send(b"<" * (50 * 1024 * 1024), status=413)["detail"]
    large = bank.send(b"<" * (15 * 1024 * 1024 + 1), status=422)
    assert large["type"].endswith("statement-too-large")


def test_other_media_types_are_refused(bank: Bank) -> None:
    assert "a file" in bank.send(b"{}", kind="application/json", status=415)["detail"]
    bank.send(b"<a/>", kind="application/x-www-form-urlencoded", status=415)


def test_further_accounts_are_named_in_the_settings(sample: SampleDesk) -> None:
    bank = Bank(sample, bank_accounts=[FURTHER])
    assert bank.upload(bank.entry("5.00"), account=FURTHER)["accounts"][0]["account"] == FURTHER
    sample.set(company={"iban": ""}, bank_accounts=[])
    assert "no account yet" in bank.upload(bank.entry("6.00"), status=422)["detail"]


# What people decide


def test_an_entry_is_assigned_with_its_surplus_as_credit(bank: Bank) -> None:
    invoice = bank.issue()
    (entry,) = bank.upload(bank.entry("120.00", "Thanks"))["left"]
    assert entry["allowed_actions"] == ["assign", "set-aside"]
    done = bank.assign(entry, invoice)
    assert (done["state"], done["decided_by"], done["allowed_actions"]) == (
        "assigned",
        bank.sample.finance.name,
        [],
    )
    assert [one["credit"]["amount_minor"] for one in bank.payments()] == [100]
    refused = bank.assign(entry, invoice, status=409)
    assert refused["payments"] == done["payments"]


def test_after_a_reversal_an_entry_is_assigned_anew(bank: Bank) -> None:
    wrong, right = bank.issue(), bank.issue()
    (entry,) = bank.upload(bank.entry("119.00", wrong["number"]))["matched"]
    reverse = f"/payments/{entry['payments'][0]}/reverse"
    bank.ask(bank.finance, "POST", reverse, {"reason": "Another invoice"})
    entry = bank.assign(entry, right)
    assert (bank.open_minor(wrong), bank.open_minor(right)) == (11_900, 0)
    assert (entry["state"], len(entry["payments"])) == ("assigned", 1)


def test_entries_are_searched_by_who_paid_and_what_they_wrote(bank: Bank) -> None:
    bank.upload(bank.entry("5.00", "Interest"), bank.entry("7.00", "Grüße, order 0815"))

    def found(q: str) -> list[int]:
        items = bank.read(f"/bank-entries?{urlencode({'q': q})}")["items"]
        return [one["amount"]["amount_minor"] for one in items]

    assert [found(word) for word in ("interest", "0815", "grüße", "nobody")] == [[500], [700], [700], []]


def test_an_entry_is_set_aside_and_still_assigned(bank: Bank) -> None:
    invoice = bank.issue()
    (entry,) = bank.upload(bank.entry("5.00", "Interest"))["left"]
    path = f"/bank-entries/{entry['id']}/set-aside"
    assert bank.ask(bank.finance, "POST", path, {}, 422)["errors"][0]["pointer"] == "/reason"
    aside = bank.ask(bank.finance, "POST", path, {"reason": "Interest of the bank"})
    assert (aside["state"], aside["decision_reason"]) == ("set_aside", "Interest of the bank")
    assert bank.read("/bank-entries?state=undecided")["items"] == []
    assert bank.assign(entry, invoice)["state"] == "assigned"


def test_what_cannot_be_assigned(bank: Bank) -> None:
    invoice, draft = bank.issue(), bank.draft()
    found = bank.upload(bank.entry("20.00", "Thanks"), bank.entry("-20.00", "Rent"))
    (left,) = found["left"]
    (debit,) = bank.read(f"/bank-statements/{found['id']}/entries?state=not_receipt")["items"]
    assert "not a receipt" in bank.assign(debit, invoice, status=409)["detail"]
    assert "draft" in bank.assign(left, draft, status=409)["detail"]
    assert bank.assign(left, {"id": "nothing"}, status=422)["errors"][0]["pointer"] == "/invoices/0/invoice"
    wrong_sum = bank.assign(left, invoice, amounts=(1_999,), status=422)
    assert "EUR 19.99, and the entry is EUR 20.00" in wrong_sum["detail"]
    assert bank.payments() == []
    bank.ask(bank.finance, "POST", "/bank-entries/nothing/assign", {"invoices": [{"invoice": "x"}]}, 404)


# Who


def test_finance_alone_uploads_and_decides(bank: Bank) -> None:
    bank.issue()
    data = camt([bank.entry("7.00", "Cheers")]).encode()
    (entry,) = bank.send(data)["left"]
    for client, reads in (
        (bank.api.administrator, 200),
        (bank.supervisor, 403),
        (bank.api.technician, 403),
        (bank.ann, 403),
        (bank.api.nobody, 401),
    ):
        writes = 401 if reads == 401 else 403
        bank.send(data + b" ", client=client, status=writes)
        for path in ("assign", "set-aside"):
            body = {"reason": "x"} if path == "set-aside" else {"invoices": [{"invoice": "x"}]}
            bank.ask(client, "POST", f"/bank-entries/{entry['id']}/{path}", body, writes)
        for path in (
            "/bank-statements",
            f"/bank-statements/{entry['statement']}",
            f"/bank-statements/{entry['statement']}/entries",
            "/bank-entries",
            f"/bank-entries/{entry['id']}",
        ):
            found = bank.ask(client, "GET", path, status=reads)
            if path.endswith(entry["id"]) and reads == 200:
                assert found["allowed_actions"] == []
    assert bank.ask(bank.finance, "GET", "/bank-statements/nothing", status=404)
    assert bank.ask(bank.finance, "GET", "/bank-statements/nothing/entries", status=404)


def test_entries_are_paged_by_day_amount_and_place(bank: Bank) -> None:
    days = [(2, "7.00"), (1, "9.00"), (1, "8.00")]
    found = bank.upload(*(bank.entry(amount, "Tip", day=f"2026-01-0{day}") for day, amount in days))
    for path, order, expected in (
        ("/bank-entries", "booked_on", [(900, 800), (700,)]),
        ("/bank-entries", "-amount", [(900, 800), (700,)]),
        (f"/bank-statements/{found['id']}/entries", "position", [(700, 900), (800,)]),
        (f"/bank-statements/{found['id']}/entries", "-booked_on", [(700, 800), (900,)]),
    ):
        first = bank.read(f"{path}?order={order}&limit=2")
        second = bank.read(f"{path}?order={order}&limit=2&cursor={first['next_cursor']}")
        amounts = [tuple(one["amount"]["amount_minor"] for one in page["items"]) for page in (first, second)]
        assert (amounts, second["next_cursor"]) == (expected, None), order
    broken = bank.read("/bank-entries?order=booked_on&limit=2")["next_cursor"]
    wrong = bank.ask(bank.finance, "GET", f"/bank-entries?order=-amount&cursor={broken}", status=422)
    assert wrong["errors"][0]["pointer"] == "/cursor"


def test_the_audit_trail_says_who(bank: Bank) -> None:
    invoice = bank.issue()
    (entry,) = bank.upload(bank.entry("7.00", "Cheers"))["left"]
    bank.assign(entry, invoice)
    found = [
        (row.subject_kind, row.action, row.actor)
        for row in bank.sample.rows(bank_audit())
        if row.subject_kind.startswith("bank_")
    ]
    assert sorted(found) == [
        ("bank_entry", "payments recorded", bank.sample.finance.name),
        ("bank_statement", "uploaded", bank.sample.finance.name),
    ]


def bank_audit() -> Any:
    from workflows.store import tables as t

    return t.audit_event
