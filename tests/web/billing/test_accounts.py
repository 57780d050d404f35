"""The accounts of money by page and API: as of a day, as CSV, and for whom."""

from typing import Any

import pytest

from tests.support.billing import Billing, line
from tests.support.web_clients import WebClients

PATHS = ("trial-balance", "deferred-revenue", "aged-receivables")
PAGES = ("trial-balance", "deferred-revenue", "receivables")


@pytest.fixture
def billing(web: WebClients) -> Billing:
    return Billing(web.sample)


def amounts(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name]["amount_minor"] for name in names) for row in rows]


def test_the_api_reads_the_accounts_as_of_a_day(billing: Billing) -> None:
    billing.issue(line(10_000))
    found = billing.read("/ledger/trial-balance")
    assert [one["account"] for one in found["accounts"]] == ["receivable", "revenue", "tax"]
    assert amounts(found["accounts"], "debit", "credit") == [(11_900, 0), (0, 10_000), (0, 1_900)]
    assert billing.read("/ledger/trial-balance?as_of=2026-03-01")["accounts"] == []
    owed = billing.read("/ledger/aged-receivables?as_of=2026-04-20")
    assert amounts(owed["items"], "total", "not_due", "days_31_to_60") == [(11_900, 0, 11_900)]
    assert billing.read("/ledger/deferred-revenue")["items"] == []


def test_a_deferred_contract_has_its_schedule_as_of_any_day(billing: Billing, web: WebClients) -> None:
    """By days of its period, month by month; what is deferred on a later day is what the schedule says."""
    contract = billing.sample.sell(
        "subscription", starts_on="2026-03-01", ends_on="2026-05-31", price={"amount_minor": 9_200}
    )
    draft = billing.ask(billing.finance, "POST", "/sold-items/draft", {"customer": billing.sample.ann}, 201)
    billing.issued(draft["id"])
    found = billing.read(f"/ledger/deferred-revenue?contract={contract}&as_of=2026-03-10")
    months = [(one["month"], *amounts([one], "recognized", "deferred")) for one in found["schedule"]]
    assert months == [("2026-03", (2_100, 6_100)), ("2026-04", (3_000, 3_100)), ("2026-05", (3_100, 0))]
    later = billing.read(f"/ledger/deferred-revenue?contract={contract}&as_of=2026-04-30")
    assert [one["amount_minor"] for one in later["totals"]] == [3_100]
    page = web.of_role("finance").open(f"/accounts/deferred-revenue?contract={contract}&as_of=2026-03-10")
    assert "2026-05 €31.00 €0.00" in page
    assert f"contract={contract}" in web.of_role("finance").open("/accounts/deferred-revenue").html


@pytest.mark.parametrize("path", PATHS)
def test_the_api_is_for_accountants_and_names_a_wrong_day(billing: Billing, path: str) -> None:
    for client in (billing.supervisor, billing.api.technician, billing.ann):
        assert client.get(f"/ledger/{path}").status_code == 403
    refused = billing.ask(billing.finance, "GET", f"/ledger/{path}?as_of=2026-02-30", status=422)
    assert [one["pointer"] for one in refused["errors"]] == ["/as_of"]


def test_the_pages_show_what_the_api_reads(billing: Billing, web: WebClients) -> None:
    billing.issue(line(10_000))
    finance = web.of_role("finance")
    page = finance.open("/accounts/trial-balance")
    for text in ("Receivables", "119.00", "Revenue", "100.00", "Tax", "19.00", "3 accounts"):
        assert text in page
    assert "Total EUR €119.00 €119.00" in page
    assert f'href="/ledger?account=receivable&amp;to={billing.today}"' in page.html
    cash = finance.open(f"/ledger?account=receivable&to={billing.today}")
    assert "1 transaction" in cash
    for none in ("account=cash", "to=2026-03-01", "from=2026-03-03"):
        assert "No matching transactions" in finance.open(f"/ledger?{none}")
    assert "No matching" not in finance.open(f"/ledger?from={billing.today}")
    assert finance.open("/ledger?from=yesterday").status == 422
    assert "Nothing posted by then" in finance.open("/accounts/trial-balance?as_of=2026-03-01")
    page = finance.open("/accounts/receivables?as_of=2026-04-20")
    assert "Ann" in page
    assert "31–60 days" in page
    assert "1 invoice" in finance.open(f"/invoices?view=open&customer={billing.sample.ann}")
    assert "Nothing is deferred" in finance.open("/accounts/deferred-revenue")


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_export_what_they_show_and_name_a_wrong_day(
    billing: Billing, web: WebClients, path: str
) -> None:
    billing.issue(line(10_000))
    finance = web.of_role("finance")
    csv = finance.open(f"/accounts/{path}?format=csv")
    assert csv.status == 200
    assert "_minor" in csv
    refused = finance.open(f"/accounts/{path}?as_of=tomorrow")
    assert refused.status == 422
    assert "is not a date" in refused
