"""Random histories of sales, invoices, payments and months, compared with a plain model at each step.

`COVERDESK_HISTORIES` is how many are tried, others at each run; without it the same few are tried each time.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    get_state_machine_test,
    initialize,
    invariant,
    rule,
)

from engine.accounting_periods import month_of, next_month
from engine.periods import first_instant_of
from tests.support.billing import ACCOUNTING, EXEMPT, REDUCED, REVERSE, STANDARD
from tests.support.billing_model import Books, Invoice
from tests.support.sample_desk import SampleDesk
from tests.support.stored_billing import StoredBilling
from workflows.accounting_periods.use_cases import close_period, last_closed, reopen_period
from workflows.billing.invoicing.drafts import change_invoice, create_invoice
from workflows.billing.issuing.credit_notes import credit_invoice
from workflows.billing.issuing.processing import process_invoice
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.billing.issuing.voiding import void_invoice
from workflows.billing.overage.due_not_raised import all_due
from workflows.billing.payments.use_cases import Received, record_payment, record_receipt, reverse_payment
from workflows.billing.payments.write_offs import reverse_write_off, write_off_invoice
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.billing import (
    ChangeInvoice,
    CreditInvoice,
    NewInvoice,
    NewPayment,
    ReversePayment,
    ReverseWriteOff,
    VoidInvoice,
    WriteOff,
)
from workflows.jobs.definitions import JOBS, next_due, run_job
from workflows.store import tables as t

GIVEN = os.environ.get("COVERDESK_HISTORIES")
STEPS = 30
DAY = timedelta(days=1)
RATES = [STANDARD, REDUCED, EXEMPT, REVERSE]
NAMES = [one["name"] for one in RATES]
CURRENCIES = ("EUR", "JPY", "KWD")
UNUSED_JOBS = {
    *("send_password_links", "deliver_outbox", "deliver_webhooks", "pick_up_rules", "take_up_replays"),
    *("clean_up", "sla_alerts", "exhaustion_alerts", "contract_alerts", "take_checkpoint"),
}

amounts = st.integers(1, 40_000)
places = st.integers(0, 1_000)
shares = st.sampled_from([1, 10, 33, 50, 97, 98, 100, 100, 100, 130])
lines = st.lists(
    st.tuples(
        amounts,
        st.sampled_from(["1", "3", "0.5", "1.25"]),
        st.sampled_from(NAMES),
        st.sampled_from([None, None, None, "percent", "amount"]),
        st.sampled_from([None, None, None, (0, 30), (-10, 45), (40, 400)]),
    ),
    min_size=1,
    max_size=3,
)


class MoneyHistories(StoredBilling):
    """Documents and payments of two customers and an org unit, of a desk of their own."""

    new_sample: Callable[[], SampleDesk]

    @initialize(
        zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland"]),
        payment_required=st.booleans(),
        hour=st.sampled_from([0, 9, 23]),
        currency=st.sampled_from(["EUR", "EUR", "EUR", "JPY", "KWD"]),
        bills=st.booleans(),
        fee=st.booleans(),
    )
    def begin(
        self,
        zone: str = "UTC",
        payment_required: bool = False,
        hour: int = 9,
        currency: str = "EUR",
        bills: bool = True,
        fee: bool = True,
    ) -> None:
        self.books, self.checks = Books(), 0
        self.sample = type(self).new_sample()
        sample = self.sample
        sample.clock.at = sample.clock.at.replace(hour=hour, minute=17)
        levels = [{"days": 7, "fee_minor": 500}, {"days": 14, "fee_minor": 0}] if fee else []
        sample.set(
            invoices=True,
            tax_rates=RATES,
            time_zone=zone,
            payment_required=payment_required,
            currency=currency,
            renewal_lead_days=20,
            dunning_levels=levels,
            time_expired_contract="bill" if bills else "ignore",
            default_overage_rate_minor=9_000,
            cascade=True,
            **ACCOUNTING,
        )
        self.bob = sample.customer("Bob", sample.site)
        self.parties = [("customer", sample.ann), ("customer", self.bob), ("org_unit", sample.site)]
        self.currency = currency
        self.drafts: list[str] = []
        self.payments: list[str] = []
        self.contracts: list[str] = []
        self.requests: list[str] = []
        self.entries: list[str] = []
        self.sales: list[str] = []
        self.notes_of: dict[str, str] = {}
        self.exported: dict[tuple[str, str], int] = defaultdict(int)
        self.exported_ids: set[str] = set()
        self.looked_at: dict[date, Any] = {}

    # ------------------------------------------------------------------ documents

    @rule(
        party=places,
        given=lines,
        currency=st.sampled_from([None, None, None, *CURRENCIES]),
        discount=st.sampled_from([None, None, ("percent", 10), ("percent", 33), ("amount", 77)]),
        early=st.booleans(),
        issue=st.sampled_from([True, True, True, False]),
    )
    def write_draft(
        self, party: int, given: Any, currency: Any, discount: Any, early: bool, issue: bool
    ) -> None:
        kind, party_id = self.parties[party % 3]
        body = {
            kind: party_id,
            "lines": [self._line(one) for one in given],
            "discounts": self._discounts(discount),
            **({"currency": currency} if currency else {}),
            **({"early_payment": {"days": 10, "percent": "2"}} if early else {}),
        }
        draft = self._finance(create_invoice, NewInvoice.model_validate(body))
        if draft and issue:
            self._finance(issue_invoice, draft)

    @rule(place=places, given=lines)
    def change_draft(self, place: int, given: Any) -> None:
        drafts = self._drafts()
        if drafts:
            row = drafts[place % len(drafts)]
            if not self.sample.rows(t.sold_item, invoice_id=row.id):
                body = {"lines": [self._line(one) for one in given]}
                self._finance(change_invoice, row.id, ChangeInvoice.model_validate(body))

    @rule(place=places)
    def issue(self, place: int) -> None:
        drafts = self._drafts()
        if drafts:
            self._finance(issue_invoice, drafts[place % len(drafts)].id)

    @rule()
    def issue_all(self) -> None:
        for draft in self._drafts():
            self._finance(issue_invoice, draft.id)

    @rule(place=places, of_draft=st.booleans())
    def void(self, place: int, of_draft: bool) -> None:
        among = [one.id for one in self._drafts()] if of_draft else [*self.books.invoices]
        if among:
            self._finance(void_invoice, among[place % len(among)], VoidInvoice(reason="Wrong"))

    @rule(
        place=places, line=places, how=st.sampled_from(["all", "line", "amount", "quantity"]), amount=amounts
    )
    def credit(self, place: int, line: int, how: str, amount: int) -> None:
        one = self._invoice(place)
        if one is None:
            return
        body: dict[str, Any] = {"reason": "Agreed"}
        if how != "all":
            of = one.lines[line % len(one.lines)]
            body["lines"] = [{"line": of.id}]
            if how == "amount":
                body["lines"][0]["amount"] = {"amount_minor": 1 + amount % max(of.net, 1)}
            if how == "quantity":
                body["lines"][0]["quantity"] = "0.5"
        self._finance(credit_invoice, one.id, CreditInvoice.model_validate(body))

    @rule(place=places)
    def process(self, place: int) -> None:
        one = self._invoice(place)
        if one is not None:
            self._finance(process_invoice, one.id)

    # ------------------------------------------------------------------ payments

    @rule(place=places, share=shares, days=st.sampled_from([0, 0, 0, 1, 5, 20, 40]))
    def pay(self, place: int, share: int, days: int) -> None:
        one = self._invoice(place)
        if one is None:
            return
        whole = one.open or one.total
        amount = max(whole * share // 100, 1)
        day = self.today - days * DAY
        body = NewPayment.model_validate({"amount": {"amount_minor": amount}, "received_on": day})
        payment = self._finance(record_payment, one.id, body)
        if payment:
            self._paid(payment, amount, day, [one.id])

    @rule(place=places, share=shares, count=st.integers(2, 3))
    def pay_several(self, place: int, share: int, count: int) -> None:
        first = self._invoice(place)
        if first is None:
            return
        key = (first.party, first.currency)
        several = [
            one.id
            for one in self.books.invoices.values()
            if (one.party, one.currency) == key and one.id not in self.void_ids
        ][-count:]
        if not several:
            return
        amount = max(sum(self.books.invoices[one].open for one in several) * share // 100, 1)
        party = next(one for one in self.parties if one[1] == first.party)
        received = Received(amount, self.today, "transfer", None)
        payment = self._finance(record_receipt, party, several, received)
        if payment:
            self._paid(payment, amount, self.today, several)

    @rule(place=places)
    def reverse(self, place: int) -> None:
        if self.payments:
            payment = self.payments.pop(place % len(self.payments))
            if self._finance(reverse_payment, payment, ReversePayment(reason="Bounced")):
                self.books.reverse(payment, self.now)

    @rule(place=places, days=st.sampled_from([0, 2, 9]), between=st.booleans())
    def bounce(self, place: int, days: int, between: bool) -> None:
        """An invoice is paid, perhaps credited, and the payment is taken back some days later."""
        before = len(self.payments)
        self.pay(place, 100, 0)
        self.sample.clock.at += days * DAY
        if between:
            self.credit(place, 0, "line", 1)
        if len(self.payments) > before:
            self._catch_up()
            self.reverse(len(self.payments) - 1)

    @rule(place=places)
    def write_off(self, place: int) -> None:
        one = self._invoice(place)
        if one is not None and self._finance(write_off_invoice, one.id, WriteOff(reason="Bankrupt")):
            self.books.write_off(one.id, self.now)

    @rule(place=places)
    def take_write_off_back(self, place: int) -> None:
        off = [one.id for one in self.books.invoices.values() if one.sum_of("written_off")]
        if off:
            invoice = off[place % len(off)]
            if self._finance(reverse_write_off, invoice, ReverseWriteOff(reason="After all")):
                self.books.take_write_off_back(invoice, self.now)

    # ------------------------------------------------------------------ time

    @rule(
        hours=st.sampled_from([1, 5, 24, 7 * 24, 20 * 24, 33 * 24]),
        jobs=st.sampled_from(["late", "in time", ""]),
    )
    def wait(self, hours: int, jobs: str) -> None:
        until = self.now + timedelta(hours=hours)
        for _ in range(60):
            due = self.sample.see(next_due) if jobs == "in time" else None
            if due is None or due > until:
                break
            self.sample.clock.at = max(due, self.now)
            self._run_jobs()
            self._catch_up()
            if self.sample.see(next_due) == due:
                break
        self.sample.clock.at = until
        if jobs:
            self.run_jobs()

    @rule()
    def run_jobs(self) -> None:
        self._run_jobs()
        left = [one for one in self.sample.see(all_due) if one.kind != "credit"]
        assert left == [], left

    @rule()
    def close(self) -> None:
        """Close every month that is over."""
        last = self.sample.see(last_closed)
        first = next_month(date.fromisoformat(f"{last.month}-01")) if last else date(2026, 3, 1)
        while first < self.today.replace(day=1):
            done = self._finance(close_period, month_of(first), ChangePeriod(reason="Month end"))
            if done is None:
                break
            first = next_month(first)
        self._sync_closed()

    @rule()
    def reopen(self) -> None:
        last = self.sample.see(last_closed)
        if last is not None:
            self.sample.do_as(
                self.sample.finance, reopen_period, last.month, ChangePeriod(reason="Too early")
            )
            self.sample.desk.refresh()
            now_last = self.sample.see(last_closed)
            self.books.reopen(now_last.ends_at if now_last else None)
            self.looked_at.clear()

    @rule(format=st.sampled_from(["csv", "csv", "datev"]), days=st.sampled_from([0, 5, 30]))
    def export(self, format: str, days: int) -> None:
        self._export(format, self.today - days * DAY)

    # ------------------------------------------------------------------ what must hold

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "sample"):
            return
        self._catch_up()
        self.check()

    def teardown(self) -> None:
        if not hasattr(self, "sample"):
            return
        try:
            self._catch_up()
            self._check_audit()
            self._check_numbers()
            self._export("csv", self.today)
            self._check_exports()
            self._check_end()
        finally:
            self.sample.close()

    # ------------------------------------------------------------------ helpers

    def _line(self, given: Any) -> dict[str, Any]:
        price, quantity, rate, discount, span = given
        body: dict[str, Any] = {
            "description": "Support",
            "quantity": quantity,
            "tax_rate": rate,
            "unit_price": {"amount_minor": price},
        }
        if discount == "percent":
            body["discount_percent"] = "12.5"
        if discount == "amount":
            body["discount"] = {"amount_minor": price // 4}
        if span is not None:
            body["service_from"] = self.today + span[0] * DAY
            body["service_to"] = self.today + span[1] * DAY
        return body

    def _paid(self, payment: str, amount: int, day: date, invoices: Sequence[str]) -> None:
        self._catch_up()
        self.books.pay(payment, amount, day, first_instant_of(day, self.zone), invoices)
        self.payments.append(payment)

    def _sync_closed(self) -> None:
        last = self.sample.see(last_closed)
        if last is not None:
            self.books.close(last.ends_at)

    def _run_jobs(self) -> None:
        for name in JOBS:
            if name not in UNUSED_JOBS:
                run_job(self.sample.desk, name)

    def _drafts(self) -> list[Any]:
        return sorted(self.sample.rows(t.invoice, state="draft"), key=lambda row: row.id)

    def _invoice(self, place: int) -> Invoice | None:
        among = [*self.books.invoices.values()]
        return among[-1 - place % min(len(among), 5)] if among else None

    def _try(self, use_case: Any, *given: Any) -> Any:
        return self._guarded(lambda: self.sample.do(use_case, *given))

    @staticmethod
    def _discounts(given: tuple[str, int] | None) -> list[dict[str, Any]]:
        if given is None:
            return []
        kind, value = given
        return [{"reason": "Agreed", kind: {"amount_minor": value} if kind == "amount" else str(value)}]


def try_histories(machine: type[MoneyHistories], of_all: int, *, few: int) -> None:
    """Try some histories: a share of those that are asked for, else a few, the same each time."""
    run = get_state_machine_test(
        machine,
        settings=settings(
            max_examples=max(int(GIVEN) // of_all, 1) if GIVEN else few,
            stateful_step_count=STEPS,
            deadline=None,
            phases=(Phase.generate, Phase.explain),
            suppress_health_check=list(HealthCheck),
        ),
    )
    (run if GIVEN else seed(few)(run))()
