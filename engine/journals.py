"""Journals of money: what an issued invoice, a payment and the passing of time move between accounts.

A debit is above zero, a credit below. All amounts are whole minor units of one currency, which is the unit of
the postings; every journal sums to zero. Written as `owner account amount`:

    invoice  119:  K receivable +119   C deferred_revenue -100   S:19 tax -19
    payment  130:  K cash +130         K receivable -119         K customer_credit -11
    credit     9:  K customer_credit +9          K receivable -9           (used on the next invoice)
    discount   2:  K cash +98  K discount +2     K receivable -100         (paid early)
    revenue   40:  C deferred_revenue +40        C revenue -40
    time worked in an earlier month, invoiced now:
             100:  K receivable +119   K deferred_revenue -100   S:19 tax -19
                   K deferred_revenue +100       K revenue -100       (in the month worked)
    credit note:   C deferred_revenue +60  S:19 tax +11   K receivable -71
    of what was paid:  K receivable +71    K customer_credit -71
    write-off:     K write_off +119    K receivable -119

Source: product.md section 10 (Journals).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.invoicing import divided
from engine.ledger import Account, Posting, check_balanced

MONEY_ACCOUNTS: tuple[Account, ...] = (
    "receivable", "cash", "customer_credit", "deferred_revenue", "revenue", "tax", "discount", "write_off",
)  # fmt: skip
"""The accounts of money journals, in the order of a trial balance."""


@dataclass(frozen=True, slots=True)
class RatedAmount:
    """A net amount in minor units, taxed at `rate` percent in a category of EN 16931."""

    net_minor: int
    category: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class SoldPart:
    """What a line sold, net of all discounts, in minor units.

    `owner` is the contract that it sold, else the customer. What is `deferred` is revenue at another instant:
    it is delivered later, or was in an earlier month.
    """

    owner: str
    net_minor: int
    deferred: bool


def discounted_nets(lines: Sequence[RatedAmount], discounts: Iterable[RatedAmount]) -> list[int]:
    """Each line's net amount less its share of the discounts on the document, in minor units.

    A discount of a category and rate is divided among the lines of that category and rate, by their amounts.
    One without such a line, or where they sum to zero, falls on the first line of the document.
    """
    nets = [line.net_minor for line in lines]
    for discount in discounts:
        places = [
            place
            for place, line in enumerate(lines)
            if (line.category, line.rate) == (discount.category, discount.rate)
        ]
        weights = [lines[place].net_minor for place in places]
        if not sum(weights):
            places, weights = [0], [1]
        for place, share in zip(places, divided(discount.net_minor, weights), strict=True):
            nets[place] -= share
    return nets


def invoice_journal(
    customer: str, currency: str, parts: Iterable[SoldPart], taxes: Mapping[str, int]
) -> tuple[Posting, ...]:
    """The postings of an issued invoice; `taxes` are minor units by the code of their rate.

    Empty for an invoice of zero.
    """
    credits = [(part.owner, _account_of(part), -part.net_minor) for part in parts] + [
        (code, "tax", -tax) for code, tax in taxes.items()
    ]
    return _postings(currency, [(customer, "receivable", -sum(amount for _, _, amount in credits)), *credits])


def credit_note_journal(
    customer: str,
    currency: str,
    parts: Iterable[SoldPart],
    taxes: Mapping[str, int],
    *,
    deferred: Mapping[str, int],
) -> tuple[Posting, ...]:
    """The postings of a credit note, whose amounts are what is credited, in minor units.

    A part that was deferred takes back what is still deferred of its owner (`deferred`, minor units), and
    then what was recognized.
    """
    left = dict(deferred)
    debits: list[tuple[str, Account, int]] = []
    for part in parts:
        from_deferred = min(part.net_minor, max(left.get(part.owner, 0), 0)) if part.deferred else 0
        left[part.owner] = left.get(part.owner, 0) - from_deferred
        debits.append((part.owner, "deferred_revenue", from_deferred))
        debits.append((part.owner, "revenue", part.net_minor - from_deferred))
    debits += [(code, "tax", tax) for code, tax in taxes.items()]
    return _postings(currency, [(customer, "receivable", -sum(amount for _, _, amount in debits)), *debits])


def payment_journal(
    customer: str,
    currency: str,
    *,
    received_minor: int,
    paid_minor: int,
    discount_minor: int = 0,
    discount_taxes: Mapping[str, int] | None = None,
) -> tuple[Posting, ...]:
    """The postings of a payment: `paid_minor` is what it pays of invoices, the rest is customer credit.

    A discount for early payment of `discount_minor` settles as much more of the invoice; `discount_taxes` is
    the tax in it, by the code of its rate. All in minor units.
    """
    taxes = discount_taxes or {}
    return _postings(
        currency,
        [
            (customer, "receivable", -paid_minor - discount_minor),
            (customer, "cash", received_minor),
            (customer, "customer_credit", paid_minor - received_minor),
            (customer, "discount", discount_minor - sum(taxes.values())),
            *((code, "tax", tax) for code, tax in taxes.items()),
        ],
    )


def credit_given_journal(
    customer: str,
    currency: str,
    *,
    credit_minor: int,
    discount_minor: int = 0,
    discount_taxes: Mapping[str, int] | None = None,
) -> tuple[Posting, ...]:
    """The postings of what a credit note takes back of what had been settled, in minor units.

    What was paid becomes customer credit; a discount for early payment is no longer one, with its tax.
    """
    taxes = discount_taxes or {}
    return _postings(
        currency,
        [
            (customer, "receivable", credit_minor + discount_minor),
            (customer, "customer_credit", -credit_minor),
            (customer, "discount", sum(taxes.values()) - discount_minor),
            *((code, "tax", -tax) for code, tax in taxes.items()),
        ],
    )


def credit_used_journal(customer: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """The postings of customer credit that pays an invoice, in minor units."""
    return _postings(
        currency, [(customer, "receivable", -amount_minor), (customer, "customer_credit", amount_minor)]
    )


def write_off_journal(customer: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """The postings of a write-off, with its tax, in minor units; below zero, it is taken back."""
    return _postings(
        currency, [(customer, "write_off", amount_minor), (customer, "receivable", -amount_minor)]
    )


def recognition_journal(owner: str, currency: str, amount_minor: int) -> tuple[Posting, ...]:
    """The postings of revenue recognized, in minor units; below zero, it is taken back.

    `owner` is what was sold or, of time worked before it was invoiced, the customer.
    """
    return _postings(currency, [(owner, "deferred_revenue", amount_minor), (owner, "revenue", -amount_minor)])


def _account_of(part: SoldPart) -> Account:
    return "deferred_revenue" if part.deferred else "revenue"


def _postings(currency: str, movements: Iterable[tuple[str, Account, int]]) -> tuple[Posting, ...]:
    """One posting for each owner and account that anything moves on, in the order in which they come.

    Raises: UnbalancedTransaction unless they sum to zero.
    """
    sums: dict[tuple[str, Account], int] = {}
    for owner, account, amount in movements:
        sums[owner, account] = sums.get((owner, account), 0) + amount
    postings = tuple(
        Posting(owner, account, currency, amount) for (owner, account), amount in sums.items() if amount
    )
    if postings:
        check_balanced(postings)
    return postings
