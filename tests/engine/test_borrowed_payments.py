"""Cases taken from other systems: payments, credits of an unused part, recognition, bank matching.

The cases are in a separate folder; without it these tests are skipped.
"""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from engine.bank_matching import OpenInvoice, Receipt, match_receipts
from engine.errors import DeskError
from engine.invoice_document import EarlyPayment, TaxSubtotal
from engine.payments import (
    Allocation,
    CreditUse,
    CustomerCredit,
    PayableInvoice,
    allocate_credit_note,
    allocate_payment,
    plan_reversal,
    use_amount_of_credits,
    use_credits,
)
from engine.periods import zone_named
from engine.quantities import round_half_up
from engine.recognition import (
    deferred_minor,
    first_unused_day,
    recognized_steps,
    share_by_days,
    share_by_quantity,
    unused_part_minor,
)

Given = dict[str, Any]
CREDITED_BY_LINE = "lines"
"""Credit notes by line are totals of lines by tax rate: engine.invoicing, tested with the totals."""


def cases(folder: Path, group: str) -> list[Any]:
    every = json.loads((folder / "billing.json").read_text(encoding="utf-8"))["cases"]
    found = [case for case in every if case["group"] == group]
    assert found
    return found


def test_payments_agree(shared_cases: Path) -> None:
    for case in cases(shared_cases, "payment_allocation"):
        if case["expect"] == {"error": "refused"}:
            with pytest.raises(DeskError):
                Books().play(case["input"]["ops"])
        else:
            found, left = Books().play(case["input"]["ops"])
            # any other key is what each credit has left
            assert {key: found.get(key, left) for key in case["expect"]} == case["expect"], case["id"]


def test_credits_of_an_unused_part_agree(shared_cases: Path) -> None:
    for case in cases(shared_cases, "credit"):
        if case["input"]["mode"] != CREDITED_BY_LINE:
            found = credited(case["input"])
            assert {key: found[key] for key in case["expect"]} == case["expect"], case["id"]


def test_recognition_agrees(shared_cases: Path) -> None:
    for case in cases(shared_cases, "recognition"):
        assert recognized(case["input"]) == case["expect"], case["id"]


def test_bank_matching_agrees(shared_cases: Path) -> None:
    for case in cases(shared_cases, "bank_match"):
        assert matched(case["input"]) == case["expect"], case["id"]


# How each case is run


class Books:
    """A customer's invoices and credits as the operations of a case leave them."""

    def __init__(self) -> None:
        self.invoices: dict[str, PayableInvoice] = {}
        self.credits: dict[str, CustomerCredit] = {}
        self.allocations: dict[str, list[Allocation]] = {}
        self.discount = {"net": 0, "tax": 0}

    def play(self, ops: list[Given]) -> tuple[Given, dict[str, int]]:
        """What is open, what credit there is and what discount was given; and what each credit has left."""
        for op in ops:
            getattr(self, op["op"])(op)
        left = {key: one.left_minor for key, one in self.credits.items()}
        found = {
            "open": {key: one.open_minor for key, one in self.invoices.items()},
            "credit": sum(left.values()),
            "discount": self.discount,
        }
        return found, left

    def invoice(self, op: Given) -> None:
        terms = op.get("discount")
        self.invoices[op["id"]] = PayableInvoice(
            op["id"],
            op["total"],
            date.fromisoformat(op.get("date", "2026-01-01")),
            EarlyPayment(terms["days"], Decimal(terms["percent"])) if terms else None,
            tuple(TaxSubtotal("S", Decimal(one["rate"]), one["net"], 0) for one in op.get("bases", [])),
        )
        self.take(use_credits(op["total"], self.credits.values()), op["id"])

    def credit(self, op: Given) -> None:
        self.add_credit(op["id"], op["amount"])

    def credit_note(self, op: Given) -> None:
        plan = allocate_credit_note(op["amount"], self.invoices[op["invoice"]])
        self.settle(plan.allocations)
        self.add_credit(op["id"], plan.credit_minor)

    def pay(self, op: Given) -> None:
        named = op["invoice"] if isinstance(op["invoice"], list) else [op["invoice"]]
        received_on = date.fromisoformat(op.get("date", "2026-01-01"))
        plan = allocate_payment(op["amount"], received_on, [self.invoices[one] for one in named])
        self.settle(plan.allocations)
        self.allocations[op["id"]] = list(plan.allocations)
        self.add_credit(op["id"], plan.credit_minor)
        for one in plan.allocations:
            self.discount["net"] += sum(part.base_minor for part in one.discounts)
            self.discount["tax"] += sum(part.tax_minor for part in one.discounts)

    def reverse(self, op: Given) -> None:
        credit = self.credits.get(op["payment"])
        taken = plan_reversal(
            self.allocations[op["payment"]],
            credit_left_minor=credit.left_minor if credit else 0,
            amount_minor=op.get("amount"),
        )
        for one in taken.allocations:
            self.change(one.invoice, one.settled_minor)
        self.take([CreditUse(op["payment"], taken.credit_minor)] if taken.credit_minor else ())

    def payout(self, op: Given) -> None:
        self.take(use_amount_of_credits(op["amount"], list(self.credits.values())))

    def use_credit(self, op: Given) -> None:
        left = self.invoices[op["invoice"]].open_minor
        uses = use_amount_of_credits(op["amount"], list(self.credits.values()), open_minor=left)
        self.take(uses, op["invoice"])

    def settle(self, allocations: tuple[Allocation, ...]) -> None:
        for one in allocations:
            self.change(one.invoice, -one.settled_minor)

    def change(self, invoice: str, by_minor: int) -> None:
        old = self.invoices[invoice]
        changed = old.open_minor + by_minor
        self.invoices[invoice] = PayableInvoice(invoice, changed, old.issued_on, old.early_payment, old.taxes)

    def add_credit(self, credit: str, amount: int) -> None:
        if amount:
            since = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=len(self.credits))
            self.credits[credit] = CustomerCredit(credit, amount, since)

    def take(self, uses: Any, invoice: str = "") -> None:
        for one in uses:
            credit = self.credits[one.credit]
            self.credits[one.credit] = CustomerCredit(
                one.credit, credit.left_minor - one.amount_minor, credit.since_at
            )
            if invoice:
                self.change(invoice, -one.amount_minor)


def credited(given: Given) -> Given:
    if "ends" in given:
        ends = date.fromisoformat(given["ends"])
    else:
        ends = first_unused_day(
            datetime.fromisoformat(given["terminated_at"]), zone_named(given["time_zone"])
        )
    share = share_by_days(*map(date.fromisoformat, given["period"]), gone_by_until=ends)
    net = unused_part_minor(
        given["price"] - given.get("discount", 0), share, credited_minor=given.get("already_credited", 0)
    )
    tax = round_half_up(net * Fraction(given["rate"]) / 100)
    return {"net": net, "tax": tax, "total": net + tax}


def recognized(given: Given) -> Given:
    if given["basis"] == "days":
        from_on, until_on = map(date.fromisoformat, given["period"])
        shares = [
            share_by_days(from_on, until_on, gone_by_until=date.fromisoformat(day)) for day in given["until"]
        ]
    else:
        drawn, shares = Fraction(0), []
        for draw in given["draws"]:
            drawn += Fraction(draw)
            shares.append(share_by_quantity(drawn, Fraction(given["purchased"])))
    return {
        "amounts": list(recognized_steps(given["price"], shares)),
        "deferred": deferred_minor(given["price"], shares[-1]),
    }


def matched(given: Given) -> list[list[Any]]:
    invoices = [
        OpenInvoice(
            one["id"],
            one["number"],
            one["open"],
            one["currency"],
            one.get("payer", ""),
            one.get("iban", ""),
            one.get("reference", ""),
        )
        for one in given["invoices"]
    ]
    receipts: list[Receipt] = []
    pending: list[list[Any]] = []
    for entry in given["entries"]:
        details = entry.get("details") or [{}]
        for number, detail in enumerate(details, 1):
            one = {**entry, **detail}
            name = f"{entry['id']}.{number}" if len(details) > 1 else entry["id"]
            if one.get("status", "BOOK") != "BOOK":  # a statement's reader leaves those out
                pending.append([name, "none", []])
                continue
            receipts.append(
                Receipt(
                    name,
                    one["amount"],
                    one["currency"],
                    tuple(one.get("text", ())),
                    one.get("reference", ""),
                    one.get("payer", ""),
                    one.get("iban", ""),
                )
            )
    found = [[one.receipt, one.level, list(one.invoices)] for one in match_receipts(receipts, invoices)]
    return found + pending
