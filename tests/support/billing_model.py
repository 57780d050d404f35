"""A plain model of the money that customers owe: documents, payments and credit, by sums.

It uses none of the product's arithmetic. Each change is an amount on an account, in debit, with the instant
at which it belongs and the one at which it counts: they differ where a closed month is corrected. Amounts
are minor units; a party is who pays, by id.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor

Number = int | Decimal | Fraction
Rate = tuple[str, Decimal]
"""A category of tax and its percentage."""


def half_up(amount: Fraction) -> int:
    """The nearest whole number; of two, the one further from zero."""
    whole = floor(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


@dataclass
class Line:
    """A line by its terms; `credits` is the line that a credit note takes back."""

    id: str
    quantity: Decimal
    price: int
    percent: Decimal | None
    discount: int
    rate: Rate
    credits: str | None = None

    @property
    def net(self) -> int:
        gross = Fraction(self.quantity) * self.price
        if self.percent is not None:
            return half_up(gross * (100 - Fraction(self.percent)) / 100)
        return half_up(gross - self.discount)


@dataclass
class Settlement:
    """What settles a part of an invoice: kinds payment, credit, early, note and written_off."""

    kind: str
    amount: int
    source: str
    discounts: dict[Rate, tuple[int, int]] = field(default_factory=dict)


@dataclass
class Invoice:
    """An issued invoice with everything that has settled it; `written_off` is what is written off now."""

    id: str
    party: str
    currency: str
    issued_at: datetime
    issued_on: date
    lines: list[Line]
    taxes: dict[Rate, tuple[int, int]]
    early: tuple[int, Decimal] | None
    settled: list[Settlement] = field(default_factory=list)
    notes: list["Note"] = field(default_factory=list)
    written_off_at: datetime | None = None

    @property
    def total(self) -> int:
        return sum(base + tax for base, tax in self.taxes.values())

    @property
    def open(self) -> int:
        return self.total - sum(one.amount for one in self.settled)

    def sum_of(self, *kinds: str) -> int:
        return sum(one.amount for one in self.settled if one.kind in kinds)


@dataclass
class Note:
    """A credit note: what it took off the open amount, gave as credit, and took back of a discount."""

    id: str
    taxes: dict[Rate, tuple[int, int]]
    lines: list[Line]
    credit: int = 0
    discount: int = 0
    discounts: dict[Rate, tuple[int, int]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(base + tax for base, tax in self.taxes.values())


@dataclass
class Credit:
    """Credit of a customer, from a payment or a credit note, and what is left of it."""

    source: str
    party: str
    currency: str
    left: int
    since: datetime


@dataclass
class Payment:
    id: str
    party: str
    currency: str
    amount: int


@dataclass
class Move:
    """An amount on an account of a party in a currency; tax has the rate in its name."""

    account: str
    party: str
    currency: str
    amount: int
    belongs_at: datetime
    counts_at: datetime
    record: str


def taxes_of(parts: Iterable[tuple[Rate, int]]) -> dict[Rate, tuple[int, int]]:
    """Base and tax by rate: the bases are summed, and the tax is rounded once."""
    sums: dict[Rate, int] = defaultdict(int)
    for rate, net in parts:
        sums[rate] += net
    return {rate: (base, half_up(Fraction(base) * Fraction(rate[1]) / 100)) for rate, base in sums.items()}


class Books:
    """All documents and payments, and the accounts that follow from them."""

    def __init__(self) -> None:
        self.invoices: dict[str, Invoice] = {}
        self.payments: dict[str, Payment] = {}
        self.credits: list[Credit] = []
        self.moves: list[Move] = []
        self.closed_until: datetime | None = None

    # ------------------------------------------------------------------ reading

    def balances(self, until: datetime) -> dict[tuple[str, str], int]:
        """What each account has in debit before an instant, by account and currency."""
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for one in self.moves:
            if one.counts_at < until:
                sums[one.account, one.currency] += one.amount
        return {key: amount for key, amount in sums.items() if amount}

    def owed(self, until: datetime) -> dict[tuple[str, str], int]:
        """What each party owes before an instant, by party and currency."""
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for one in self.moves:
            if one.account == "receivable" and one.counts_at < until:
                sums[one.party, one.currency] += one.amount
        return {key: amount for key, amount in sums.items() if amount}

    def credit_of(self, party: str, currency: str) -> int:
        return sum(one.left for one in self.credits if (one.party, one.currency) == (party, currency))

    # ------------------------------------------------------------------ what happens

    def issue(self, one: Invoice) -> None:
        """An invoice is issued, and credit of its customer is used on it, the oldest first."""
        self.invoices[one.id] = one
        at = one.issued_at
        self._move("receivable", one, one.total, at)
        self._document(one, one.taxes, 1, at)
        mine = [
            credit
            for credit in self.credits
            if (credit.party, credit.currency) == (one.party, one.currency) and credit.since <= at
        ]
        for credit in sorted(mine, key=lambda credit: credit.since):
            self._use(credit, one, at)

    def credit_note(self, one: Invoice, note: Note, at: datetime) -> None:
        """A credit note takes off what is open; of what was paid, the rest becomes credit."""
        self._document(one, note.taxes, -1, at)
        earlier = min(sum(other.total for other in one.notes), one.total)
        is_all = sum(line.net for other in [*one.notes, note] for line in other.lines) == sum(
            line.net for line in one.lines
        )
        effective = one.total - earlier if is_all else min(note.total, one.total - earlier)
        taken = min(effective, one.open)
        paid = one.sum_of("payment", "credit") - sum(other.credit for other in one.notes)
        note.credit = min(effective - taken, max(paid, 0))
        note.discount = min(effective - taken - note.credit, one.sum_of("early"))
        if taken:
            one.settled.append(Settlement("note", taken, note.id))
        self._move("receivable", one, -taken, at)
        self._move("write_off", one, taken + note.credit + note.discount - note.total, at)
        one.notes.append(note)
        if note.credit:
            self._move("customer_credit", one, -note.credit, at)
            self.credits.append(Credit(note.id, one.party, one.currency, note.credit, at))
        if note.discount:
            note.discounts = _share(one, note.discount)
            self._discount(one, note.discounts, -1, at)

    def pay(
        self, payment_id: str, amount: int, received_on: date, received_at: datetime, ids: Sequence[str]
    ) -> None:
        """A payment for invoices in their order; what is too much becomes credit."""
        invoices = [self.invoices[one] for one in ids]
        offs = [one.written_off_at for one in invoices if one.written_off_at is not None]
        at = max([received_at, *(one.issued_at for one in invoices), *offs])
        written_off = {one.id: one.sum_of("written_off") for one in invoices}
        for one in invoices:
            if written_off[one.id]:
                self._write_off(one, -written_off[one.id], at)
        left, plan = amount, []
        for one in invoices:
            discounts = _early(one, received_on)
            reduced = one.open - sum(net + tax for net, tax in discounts.values())
            if not discounts or left < reduced:
                discounts, reduced = {}, one.open
            plan.append((one, min(left, reduced), discounts))
            left -= min(left, reduced)
        at = max(
            self._open_since(one, paid + sum(net + tax for net, tax in discounts.values()), at)
            for one, paid, discounts in plan
        )
        payment = Payment(payment_id, invoices[0].party, invoices[0].currency, amount)
        self.payments[payment_id] = payment
        for one, paid, discounts in plan:
            if paid:
                one.settled.append(Settlement("payment", paid, payment_id))
                self._move("receivable", one, -paid, at)
            if discounts:
                whole = sum(net + tax for net, tax in discounts.values())
                one.settled.append(Settlement("early", whole, payment_id, discounts))
                self._move("receivable", one, -whole, at)
                self._discount(one, discounts, 1, at)
        for one in invoices:
            if written_off[one.id] and one.open:
                self._write_off(one, min(one.open, written_off[one.id]), at)
        self._move("cash", payment, amount, at)
        self._move("customer_credit", payment, -left, at)
        if left:
            self.credits.append(Credit(payment_id, payment.party, payment.currency, left, at))

    def reverse(self, payment_id: str, at: datetime) -> None:
        """A payment is taken back: all that it settled is open again, also by its surplus."""
        payment = self.payments.pop(payment_id)
        self._move("cash", payment, -payment.amount, at)
        for credit in [one for one in self.credits if one.source == payment_id]:
            self._move("customer_credit", payment, credit.left, at)
            credit.left = 0
        opened: list[Invoice] = []
        for one in self.invoices.values():
            for settlement in [two for two in one.settled if two.source == payment_id]:
                one.settled.remove(settlement)
                self._move("receivable", one, settlement.amount, at)
                if settlement.kind == "early":
                    self._discount(one, settlement.discounts, -1, at)
                opened.append(one)
        for one in opened:
            self._settle_by_notes(one, at)

    def write_off(self, invoice_id: str, at: datetime) -> None:
        one = self.invoices[invoice_id]
        self._write_off(one, one.open, at)

    def take_write_off_back(self, invoice_id: str, at: datetime) -> None:
        one = self.invoices[invoice_id]
        self._write_off(one, -one.sum_of("written_off"), at)

    def close(self, ends_at: datetime) -> None:
        self.closed_until = ends_at

    def reopen(self, closed_until: datetime | None) -> None:
        """The last closed month is opened: what was counted after it moves back to where it belongs."""
        for one in self.moves:
            if one.counts_at == self.closed_until and one.belongs_at < one.counts_at:
                one.counts_at = max(one.belongs_at, closed_until or one.belongs_at)
        self.closed_until = closed_until

    # ------------------------------------------------------------------ helpers

    def _settle_by_notes(self, one: Invoice, at: datetime) -> None:
        """What credit notes took back of a discount or gave as credit settles the invoice instead."""
        if not one.sum_of("early"):
            for note in one.notes:
                self._discount(one, note.discounts, 1, at)
                self._move("receivable", one, -note.discount, at)
                if note.discount:
                    one.settled.append(Settlement("note", note.discount, note.id))
                note.discount, note.discounts = 0, {}
        notes = {note.id for note in one.notes}
        for credit in sorted(self.credits, key=lambda credit: credit.since):
            if credit.source in notes:
                self._use(credit, one, at)

    def _use(self, credit: Credit, one: Invoice, at: datetime) -> None:
        used = min(credit.left, one.open)
        if used:
            credit.left -= used
            one.settled.append(Settlement("credit", used, credit.source))
            self._move("customer_credit", one, used, at)
            self._move("receivable", one, -used, at)

    def _open_since(self, one: Invoice, amount: int, at: datetime) -> datetime:
        """The first instant from `at` on since when at least so much of an invoice has been open."""
        moves = [two for two in self.moves if two.account == "receivable" and two.record == one.id]
        instants = sorted({two.belongs_at for two in moves})
        for since, until in pairwise(instants):
            if until > at and sum(two.amount for two in moves if two.belongs_at <= since) < amount:
                at = until
        return at

    def _write_off(self, one: Invoice, amount: int, at: datetime) -> None:
        if amount < 0:
            one.settled = [two for two in one.settled if two.kind != "written_off"]
        else:
            one.settled.append(Settlement("written_off", amount, ""))
            one.written_off_at = at
        self._move("receivable", one, -amount, at)
        self._move("write_off", one, amount, at)

    def _document(self, one: Invoice, taxes: dict[Rate, tuple[int, int]], sign: int, at: datetime) -> None:
        self._move("income", one, -sign * sum(base for base, _ in taxes.values()), at)
        for rate, (_, tax) in taxes.items():
            self._move(_tax_account(rate), one, -sign * tax, at)

    def _discount(
        self, one: Invoice, discounts: dict[Rate, tuple[int, int]], sign: int, at: datetime
    ) -> None:
        self._move("discount", one, sign * sum(net for net, _ in discounts.values()), at)
        for rate, (_, tax) in discounts.items():
            self._move(_tax_account(rate), one, sign * tax, at)

    def _move(self, account: str, of: Invoice | Payment, amount: int, at: datetime) -> None:
        if amount:
            counts_at = max(at, self.closed_until or at)
            self.moves.append(Move(account, of.party, of.currency, amount, at, counts_at, of.id))


def _tax_account(rate: Rate) -> str:
    return f"tax {rate[0]}:{rate[1].normalize():f}"


def _early(one: Invoice, received_on: date) -> dict[Rate, tuple[int, int]]:
    """The discount for early payment, if it is in time and no more than what is open."""
    if (
        one.early is None
        or not one.open
        or one.sum_of("early")
        or received_on > one.issued_on + timedelta(days=one.early[0])
    ):
        return {}
    found = {}
    for rate, (base, _) in one.taxes.items():
        base -= sum(note.taxes.get(rate, (0, 0))[0] for note in one.notes)
        net = half_up(Fraction(base) * Fraction(one.early[1]) / 100)
        found[rate] = (net, half_up(Fraction(net) * Fraction(rate[1]) / 100))
    whole = sum(net + tax for net, tax in found.values())
    return found if 0 < whole <= one.open else {}


def _share(one: Invoice, amount: int) -> dict[Rate, tuple[int, int]]:
    """A part of the discounts given on an invoice, with its tax by rate."""
    discounts = [two.discounts for two in one.settled if two.kind == "early"]
    whole = sum(net + tax for some in discounts for net, tax in some.values())
    taxes = (
        {
            rate: half_up(Fraction(sum(some.get(rate, (0, 0))[1] for some in discounts) * amount, whole))
            for rate in {rate for some in discounts for rate in some}
        }
        if whole
        else {}
    )
    rates = [*taxes] or [("S", Decimal(0))]
    return {
        rate: ((amount - sum(taxes.values())) if place == 0 else 0, taxes.get(rate, 0))
        for place, rate in enumerate(rates)
    }
