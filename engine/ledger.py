"""Balanced, append-only movements of minutes, incidents and money.

The postings of every transaction sum to zero per unit. Corrections never update: a reversal mirrors its
transaction at the same effective instant, so that a balance as of any instant is the same as if the mistake
had not been made. Source: product.md section 8.

The movements of a grant, written as `owner account amount`:

    grant  600:   G sold -600      G available +600
    draw    90:   G available -90  G consumed +90
    hold     1:   G available -1   G held +1
    settle   1:   G held -1        G consumed +1
    release  1:   G held -1        G available +1
    hold     1:   G consumed -1    G held +1          (a closed request is reopened)
    hold    60:   G available -60  G held +60         (work that awaits approval; settled or released later)
    expire 510:   G available -510 G expired +510
    restore 20:   G expired -20   G available +20     (work before the expiry, recorded after it)
    withdraw 5:   G available -5  G sold +5
    carry_over 9: G available -9  G sold +9   R sold -9  R available +9    (G's month ends; R keeps its rest)
    borrow  7:    G sold -7       G consumed +7       (work before G's month begins)
    repay   7:    G available -7  G sold +7           (when it begins)
    carry   30:   E worked -30     H carried +30
    redate: the postings of an adjustment at the instant at which it belongs, and mirrored where it was
    draw 30 of the carried:  H carried -30  C carried_drawn +30, together with a draw from a grant
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.errors import DeskError

Account = Literal[
    "sold", "available", "held", "consumed", "expired",
    "worked", "carried", "carried_drawn", "ignored", "overage",
    "receivable", "cash", "customer_credit", "deferred_revenue", "revenue", "tax", "discount", "write_off",
]  # fmt: skip
Kind = Literal[
    "grant", "withdraw", "draw", "hold", "settle", "release", "expire", "restore",
    "carry", "draw_carried", "ignore", "overage", "reversal", "redate", "carry_over", "borrow", "repay",
    "invoice", "credit_note", "payment", "payment_back", "credit_used", "credit_given", "write_off",
    "recognize", "breakage",
]  # fmt: skip
MONEY_KINDS: tuple[Kind, ...] = (
    "invoice", "credit_note", "payment", "payment_back", "credit_used", "credit_given", "write_off",
    "recognize", "breakage",
)  # fmt: skip
"""Journals of money: the provider's books. They move no grant and are no lines of a statement."""

ExportFormat = Literal["csv", "datev"]
EXPORT_FORMATS: tuple[ExportFormat, ...] = ("csv", "datev")
"""The formats in which journals are handed over to an accounting program."""
GRANT_ACCOUNTS: tuple[Account, ...] = ("available", "held", "consumed", "expired")


class UnbalancedTransaction(DeskError):
    """The postings of a transaction do not sum to zero in each unit."""

    code = "unbalanced-transaction"


@dataclass(frozen=True, slots=True)
class Posting:
    """One leg: `amount` whole minutes, incidents or minor units of money, added to `owner`'s `account`.

    `unit` is minutes, incidents, or the currency of money (ISO 4217): each currency sums to zero by itself.
    """

    owner: str
    account: Account
    unit: str
    amount: int


@dataclass(frozen=True, slots=True)
class LedgerTransaction:
    """Postings that belong together, effective at one instant (aware UTC).

    `cause` names the record that caused it ("work_entry:…", "contract:…"); `key` prevents duplicates: the
    database accepts each key once.
    Raises: UnbalancedTransaction unless the postings sum to zero per unit.
    """

    kind: Kind
    effective_at: datetime
    postings: tuple[Posting, ...]
    cause: str
    why: str
    key: str | None = None
    reverses: str | None = None

    def __post_init__(self) -> None:
        check_balanced(self.postings)


@dataclass(frozen=True, slots=True)
class GrantBalance:
    """The balances of a grant in its unit: whole minutes, incidents or minor units of money.

    purchased = consumed + held + available + expired.
    """

    available: int = 0
    held: int = 0
    consumed: int = 0
    expired: int = 0

    @property
    def purchased(self) -> int:
        return self.available + self.held + self.consumed + self.expired

    def ended(self, *, is_over: bool) -> "GrantBalance":
        """The balance after the grant's end if `is_over`, whether or not the expiry has been posted yet."""
        if not is_over or not self.available:
            return self
        return GrantBalance(0, self.held, self.consumed, self.expired + self.available)


def check_balanced(postings: Sequence[Posting]) -> None:
    """Check that the amounts sum to zero per unit, in two legs or more, none of them zero.

    Raises: UnbalancedTransaction otherwise.
    Source: product.md section 8.
    """
    sums: dict[str, int] = defaultdict(int)
    for posting in postings:
        sums[posting.unit] += posting.amount
    if len(postings) < 2 or any(sums.values()) or not all(posting.amount for posting in postings):
        raise UnbalancedTransaction(
            f"The postings sum to {dict(sums)}; each unit must sum to zero, with two or more legs.",
            remedy="Report this as a defect of Coverdesk. Nothing was written.",
        )


def move(
    unit: str, amount: int, source: tuple[str, Account], target: tuple[str, Account]
) -> tuple[Posting, ...]:
    """Two legs that move `amount` (above zero), in a unit as of `Posting`, from one account to another."""
    return (
        Posting(source[0], source[1], unit, -amount),
        Posting(target[0], target[1], unit, amount),
    )


def mirrored(postings: Iterable[Posting]) -> tuple[Posting, ...]:
    """The postings with their amounts the other way round."""
    return tuple(Posting(one.owner, one.account, one.unit, -one.amount) for one in postings)


def reversal_of(
    transaction_id: str, original: LedgerTransaction, *, cause: str, why: str
) -> LedgerTransaction:
    """The mirror of a transaction, at the same effective instant. Its key allows one per original.

    What was held is released.
    """
    return LedgerTransaction(
        "release" if original.kind == "hold" else "reversal",
        original.effective_at,
        mirrored(original.postings),
        cause,
        why,
        key=f"reverse:{transaction_id}",
        reverses=transaction_id,
    )


def grant_balance(postings: Iterable[Posting]) -> GrantBalance:
    """Sum the postings to a grant's own accounts, in the grant's unit."""
    sums: dict[str, int] = dict.fromkeys(GRANT_ACCOUNTS, 0)
    for posting in postings:
        if posting.account in sums:
            sums[posting.account] += posting.amount
    return GrantBalance(**sums)
