"""A desk that invoices, used through the API."""

from datetime import UTC, datetime
from typing import Any

from engine.journals import MONEY_ACCOUNTS
from tests.support.api import ApiClient, ApiClients
from tests.support.sample_desk import SampleDesk
from workflows.jobs.definitions import run_job

STANDARD = {"name": "Standard", "percent": "19", "category": "S", "reason": ""}
REDUCED = {"name": "Reduced", "percent": "7", "category": "S", "reason": ""}
EXEMPT = {"name": "Exempt", "percent": "0", "category": "E", "reason": "Exempt: training"}
REVERSE = {"name": "Reverse charge", "percent": "0", "category": "AE", "reason": "Reverse charge"}
RATES = [STANDARD, REDUCED, EXEMPT, REVERSE]
ACCOUNTING: dict[str, Any] = {
    "account_codes": [
        {"account": account, "code": f"{1000 + place}"} for place, account in enumerate(MONEY_ACCOUNTS)
    ],
    "datev_consultant": 1001,
    "datev_client": 7,
}
"""Settings with a number for each account, so that journals can be exported."""

BILLING_JOBS = ("bill_overage", "draft_renewals", "draft_sold_items")


class Billing:
    """The sample desk with invoices on, its API by role, and shortcuts that expect success."""

    def __init__(self, sample: SampleDesk, **settings: Any) -> None:
        self.sample = sample
        sample.set(**({"invoices": True, "tax_rates": RATES} | settings))
        self.api = ApiClients(sample)
        self.finance, self.supervisor = self.api.finance, self.api.supervisor
        self.ann = self.api.client_of(sample.person("customer", "Ann", customer=sample.ann))

    def ask(self, client: ApiClient, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = client.call(method, path, body)
        assert answer.status_code == status, answer.text
        return answer.json

    def read(self, path: str) -> Any:
        return self.ask(self.finance, "GET", path)

    def invoice(self, invoice_id: str) -> Any:
        return self.read(f"/invoices/{invoice_id}")

    def draft(self, *lines: dict[str, Any], **terms: Any) -> Any:
        """Write a draft for Ann, by default of one line of 100.00 at 19 percent."""
        party = {} if "org_unit" in terms else {"customer": self.sample.ann}
        body = {**party, "lines": list(lines or [line()]), **terms}
        return self.ask(self.finance, "POST", "/invoices", body, 201)

    def issue(self, *lines: dict[str, Any], **terms: Any) -> Any:
        """Write a draft and issue it."""
        return self.issued(self.draft(*lines, **terms)["id"])

    def issued(self, invoice_id: str) -> Any:
        return self.ask(self.finance, "POST", f"/invoices/{invoice_id}/issue")

    def pay(self, invoice_id: str, amount_minor: int, **more: Any) -> Any:
        body = {"amount": {"amount_minor": amount_minor}, "received_on": self.today, **more}
        return self.ask(self.finance, "POST", f"/invoices/{invoice_id}/payments", body, 201)

    def credit(self, invoice_id: str, *lines: dict[str, Any], reason: str = "Agreed") -> Any:
        body = {"reason": reason, **({"lines": list(lines)} if lines else {})}
        return self.ask(self.finance, "POST", f"/invoices/{invoice_id}/credit", body, 201)

    def process(self, invoice_id: str, status: int = 200) -> Any:
        return self.ask(self.finance, "POST", f"/invoices/{invoice_id}/process", status=status)

    def refused(self, client: ApiClient, path: str, body: Any, status: int) -> Any:
        return self.ask(client, "POST", path, body, status)

    def due(self, query: str = "") -> list[tuple[str, int, str]]:
        """What is due and on no invoice: its kind, amount in minor units and day."""
        found = self.read(f"/reports/due-not-raised{query}")["items"]
        return [(one["kind"], one["amount"]["amount_minor"], one["due_on"]) for one in found]

    def run_jobs(self) -> None:
        """Run the jobs of billing; nothing may be due and on no invoice afterwards."""
        for name in BILLING_JOBS:
            run_job(self.sample.desk, name)
        assert self.due() == []

    def move_to(self, month: int, day: int, hour: int = 0) -> None:
        """Set the clock to an instant of 2026 (UTC)."""
        clock = self.sample.clock
        at = datetime(2026, month, day, hour, tzinfo=UTC)
        clock.move(seconds=int((at - clock.now()).total_seconds()))

    @property
    def today(self) -> str:
        return self.sample.clock.now().date().isoformat()


def line(
    price_minor: int = 10_000, quantity: str = "1", rate: str = "Standard", **more: Any
) -> dict[str, Any]:
    """A line of an invoice as it is sent."""
    return {
        "description": "Support",
        "quantity": quantity,
        "unit_price": {"amount_minor": price_minor},
        "tax_rate": rate,
        **more,
    }


def minor(view: Any, *names: str) -> tuple[int, ...]:
    """Amounts of an invoice in minor units."""
    return tuple(view[name]["amount_minor"] for name in names)
