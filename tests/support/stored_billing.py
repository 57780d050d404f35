"""What is stored of a history of billing, and what must hold of it at each step."""

import csv
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis.stateful import (
    RuleBasedStateMachine,
)
from pydantic import ValidationError

from engine.errors import DeskError
from engine.periods import first_instant_of, local_date
from tests.support.billing_model import Books, Invoice, Line, Note, Rate, taxes_of
from tests.support.sample_desk import SampleDesk
from workflows.accounting_exports.queries import export_file
from workflows.accounting_exports.use_cases import export_journals
from workflows.billing.journals.accounts import (
    read_aged_receivables,
    read_deferred_revenue,
    read_trial_balance,
)
from workflows.commands.accounting_exports import NewAccountingExport
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

DAY = timedelta(days=1)


class StoredBilling(RuleBasedStateMachine):
    """The documents, payments and accounts of a desk as they are stored, compared with the model of them."""

    sample: SampleDesk
    books: Books
    parties: list[tuple[str, str]]
    contracts: list[str]
    notes_of: dict[str, str]
    """The invoices that credit notes correct."""
    exported: dict[tuple[str, str], int]
    """What was exported, by account and currency, in debit."""
    exported_ids: set[str]
    looked_at: dict[date, Any]
    """What the reports of days in closed months said."""
    checks: int

    def check(self) -> None:
        for one in self.books.invoices.values():
            [row] = self.sample.rows(t.invoice, id=one.id)
            assert row.open_minor == one.open >= 0, (row.number, row.open_minor, one.open)
        self.checks += 1
        for days in (0, (1, 9, 3, 31)[self.checks % 4]):
            self._check_day(self.today - days * DAY)
        credits: dict[tuple[str, str], int] = defaultdict(int)
        for row in self.sample.rows(t.customer_credit):
            credits[row.customer_id or row.org_unit_id, row.currency] += row.open_minor
            assert row.open_minor >= 0
        for (party, currency), found in credits.items():
            assert found == self.books.credit_of(party, currency)

    def _check_day(self, day: date) -> None:
        until = first_instant_of(day + DAY, self.zone)
        view = self._see(read_trial_balance, as_of=day)
        sums: dict[str, int] = defaultdict(int)
        found: dict[tuple[str, str], int] = defaultdict(int)
        for one in view.accounts:
            amount = one.debit.amount_minor - one.credit.amount_minor
            sums[one.debit.currency] += amount
            name = "income" if one.account in ("revenue", "deferred_revenue") else one.account
            found[name, one.debit.currency] += amount
        assert not any(sums.values()), (day, sums)
        expected: dict[tuple[str, str], int] = defaultdict(int)
        for (account, currency), amount in self.books.balances(until).items():
            expected["tax" if account.startswith("tax ") else account, currency] += amount
        found = {key: amount for key, amount in found.items() if amount}
        expected = {key: amount for key, amount in expected.items() if amount}
        assert found == expected, (day, found, expected)
        for (account, currency), amount in found.items():
            if account in ("receivable", "discount", "write_off"):
                # credit notes round their tax each by itself
                assert amount >= (-len(self.notes_of) if account == "write_off" else 0), (
                    day,
                    account,
                    currency,
                    amount,
                )
            if account == "customer_credit":
                assert amount <= 0, (day, account, currency, amount)
        aged = self._see(read_aged_receivables, as_of=day)
        by_party = {(one.party, one.total.currency): one.total.amount_minor for one in aged.items}
        assert by_party == self.books.owed(until), (day, by_party, self.books.owed(until))
        assert all(amount >= 0 for amount in by_party.values()), (day, by_party)
        for one in aged.items:
            ages = (one.not_due, one.days_1_to_30, one.days_31_to_60, one.days_61_to_90, one.days_over_90)
            assert all(age.amount_minor >= 0 for age in ages), (day, one)
            assert sum(age.amount_minor for age in ages) == one.total.amount_minor
        self._check_deferred(day, view)
        closed = self.books.closed_until
        if closed is not None and until <= closed:
            seen = (
                view.accounts,
                view.unposted,
                aged.items,
                self._see(read_deferred_revenue, as_of=day).items,
            )
            assert self.looked_at.setdefault(day, seen) == seen, day

    def _check_deferred(self, day: date, view: Any) -> None:
        deferred = self._see(read_deferred_revenue, as_of=day)
        closed = self.books.closed_until
        is_within_closed = closed is not None and first_instant_of(day + DAY, self.zone) < closed
        for one in deferred.items:
            amounts = (one.invoiced.amount_minor, one.recognized.amount_minor, one.deferred.amount_minor)
            # within a closed month, revenue stands at its end
            assert min(amounts) >= 0 or is_within_closed, (day, one)
            assert amounts[0] - amounts[1] == amounts[2]
        totals = {one.currency: one.amount_minor for one in deferred.totals}
        accounts = {
            one.debit.currency: one.credit.amount_minor - one.debit.amount_minor
            for one in view.accounts
            if one.account == "deferred_revenue"
        }
        # time that was worked in a month and is invoiced later is revenue before
        for currency in {*totals, *accounts}:
            before = self._invoiced_later(day, currency)
            assert totals.get(currency, 0) - before == accounts.get(currency, 0), (
                day,
                totals,
                accounts,
                before,
            )

    def _invoiced_later(self, day: date, currency: str) -> int:
        """What deferred revenue has in debit of parties: time that was worked, and is invoiced later."""
        until = first_instant_of(day + DAY, self.zone)
        parties = {one[1] for one in self.parties}
        rows = self.sample.rows(t.ledger_posting, account="deferred_revenue", unit=currency)
        return sum(row.amount for row in rows if row.owner in parties and row.effective_at < until)

    def _check_audit(self) -> None:
        found = self.sample.see(audit_desk)
        assert found.ok, found.differences

    def _check_numbers(self) -> None:
        numbers: dict[str, list[int]] = defaultdict(list)
        for row in self.sample.rows(t.invoice):
            if row.number is not None:
                series, _, number = row.number.rpartition("-")
                numbers[series].append(int(number))
        for series, found in numbers.items():
            assert sorted(found) == list(range(1, len(found) + 1)), (series, found)

    def _check_end(self) -> None:
        """Everything that ends has been recognized long after."""
        far = date(self.today.year + 6, 1, 1)
        view = self._see(read_deferred_revenue, as_of=far)
        for one in view.items:
            assert one.contract is not None, one
            row = self.sample.contract(one.contract)
            assert row.expires_at is None or row.state == "pending", (one, row)
        for contract in self.contracts:
            one_view = self._see(read_deferred_revenue, contract=contract)
            left = {one.currency: one.amount_minor for one in one_view.totals}
            for month in one_view.schedule:
                left[month.recognized.currency] -= month.recognized.amount_minor
                assert left[month.recognized.currency] == month.deferred.amount_minor, one_view
            row = self.sample.contract(contract)
            if row.expires_at is not None and row.state != "pending":
                assert not any(left.values()), (one_view, row)

    def _export(self, format: Any, to_on: date) -> None:
        made = self._finance(export_journals, NewAccountingExport(format=format, to_on=to_on))
        if format != "csv":
            return
        for export in made or ():
            content = self.sample.see_as(self.sample.finance, export_file, export).body
            ids = set()
            for row in csv.DictReader(content.decode().splitlines()):
                ids.add(row["transaction"])
                scale = {"JPY": 0, "KWD": 3}.get(row["currency"], 2)
                amount = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
                self.exported[row["account"], row["currency"]] += int(amount.scaleb(scale))
            assert not ids & self.exported_ids
            self.exported_ids |= ids

    def _check_exports(self) -> None:
        """What was exported in all are the balances, but for revenue that is not posted yet."""
        expected: dict[tuple[str, str], int] = defaultdict(int)
        until = first_instant_of(self.today + DAY, self.zone)
        for (account, currency), amount in self.books.balances(until).items():
            if account != "income":
                expected[account, currency] += amount
        found = {
            key: amount
            for key, amount in self.exported.items()
            if amount and key[0] not in ("revenue", "deferred_revenue")
        }
        assert found == {key: amount for key, amount in expected.items() if amount}
        view = self._see(read_trial_balance)
        unposted = {one.currency: one.amount_minor for one in view.unposted}
        for one in view.accounts:
            if one.account in ("revenue", "deferred_revenue"):
                amount = one.debit.amount_minor - one.credit.amount_minor
                due = unposted.get(one.debit.currency, 0)
                posted = amount + (due if one.account == "revenue" else -due)
                assert self.exported[one.account, one.debit.currency] == posted

    # ------------------------------------------------------------------ helpers

    @property
    def now(self) -> datetime:
        return self.sample.clock.now()

    @property
    def zone(self) -> Any:
        return self.sample.desk.config.settings.zone

    @property
    def today(self) -> date:
        return local_date(self.now, self.zone)

    @property
    def void_ids(self) -> set[str]:
        return {row.id for row in self.sample.rows(t.invoice, state="void")}

    def _catch_up(self) -> None:
        """Enter documents into the model that were issued since, in the order of their journals."""
        known = {*self.books.invoices, *self.notes_of}
        rows = [row for row in self.sample.rows(t.invoice) if row.number is not None and row.id not in known]
        journals = {
            row.idempotency_key.removeprefix("journal:"): row.id
            for row in self.sample.rows(t.ledger_transaction)
            if (row.idempotency_key or "").startswith("journal:")
        }
        for row in sorted(rows, key=lambda row: journals.get(row.id, "")):
            found = [self._model_line(one) for one in self.sample.rows(t.invoice_line, invoice_id=row.id)]
            parts: list[tuple[Rate, int]] = [(one.rate, one.net) for one in found]
            parts += [
                ((one.tax_category, one.tax_percent), -one.amount_minor)
                for one in self.sample.rows(t.invoice_discount, invoice_id=row.id)
            ]
            taxes = taxes_of(parts)
            if row.kind == "invoice":
                early = (
                    (row.early_payment_days, row.early_payment_percent) if row.early_payment_days else None
                )
                one = Invoice(
                    row.id, row.customer_id or row.org_unit_id, row.currency, row.issued_at, row.issued_on,
                    found, taxes, early,
                )  # fmt: skip
                self.books.issue(one)
                assert row.total_minor == one.total, row.number
            else:
                note = Note(row.id, taxes, found)
                self.notes_of[row.id] = row.corrects_id
                self.books.credit_note(self.books.invoices[row.corrects_id], note, row.issued_at)
                assert row.total_minor == note.total, row.number

    @staticmethod
    def _model_line(row: Any) -> Line:
        line = Line(row.id, row.quantity, row.unit_price_minor, row.discount_percent, row.discount_minor,
                    (row.tax_category, row.tax_percent), row.credits_line_id)  # fmt: skip
        assert line.net == row.net_minor
        return line

    def _see(self, query: Any, **given: Any) -> Any:
        return self.sample.see_as(self.sample.finance, query, **given)

    def _finance(self, use_case: Any, *given: Any) -> Any:
        return self._guarded(lambda: self.sample.do_as(self.sample.finance, use_case, *given))

    @staticmethod
    def _guarded(act: Callable[[], Any]) -> Any:
        """Do it unless the desk refuses."""
        try:
            return act()
        except (DeskError, ValidationError):
            return None
