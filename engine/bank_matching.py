"""Which open invoices a receipt on a bank statement pays: exactly, likely, or none.

A receipt names an invoice if its texts contain the number or the payment reference as a whole token; case
and separators do not count, and blocks of text are joined with and without a blank, since banks cut them
anywhere.

    exact     the invoices named, and their amount                    -> recorded as a payment
    likely    named with another amount; the amount from the payer;
              the sum of all that the payer owes; the amount alone    -> offered to a person
    none      nothing of that                                         -> left in a list

Each receipt is matched by itself, so the order of receipts and invoices changes nothing; `first_claims` then
finds those that are exact for the same invoice, and what they pay is not offered to the others. Amounts are
integers in minor units.
Source: product.md section 10.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Literal, NamedTuple

MatchLevel = Literal["exact", "likely", "none"]
MatchReason = Literal["named_and_amount", "named", "payer_and_amount", "payer_and_sum", "amount", "nothing"]

MOST_ALTERNATIVES = 20
"""How many invoices of the same amount are offered for one receipt, those of the lowest numbers."""
MOST_TOGETHER = 100
"""How many invoices one receipt pays at most. A reference that stands on more names none of them."""
_NO_REFERENCE = "NOTPROVIDED"
_TOKEN = re.compile(r"[^\W_]+")
_Party = tuple[str, str]
"""How a payer is recognized: ("iban", ...) or ("name", ...)."""
_ANYONE: _Party = ("", "")
_ById = dict[str, "OpenInvoice"]
NAMED = ("named", "named_and_amount")
"""The reasons of matches whose text names the invoices."""


class OpenInvoice(NamedTuple):
    """An issued invoice that is not paid yet. `payer` and `iban` are the customer's, empty if unknown.

    `reference` is a payment reference besides the number. Until `early_until`, that day included,
    `early_minor` settles the invoice too.
    """

    id: str
    number: str
    open_minor: int
    currency: str
    payer: str = ""
    iban: str = ""
    reference: str = ""
    early_minor: int | None = None
    early_until: date | None = None

    def due_minor(self, on: date | None) -> int:
        """What settles the invoice on a day: less where early payment is rewarded."""
        if self.early_minor is None or self.early_until is None or on is None or on > self.early_until:
            return self.open_minor
        return self.early_minor


@dataclass(frozen=True, slots=True)
class Receipt:
    """A booked credit, or one detail of it. `texts` are its blocks of text, in order; `amount_minor` may be
    negative, a debit, which pays nothing.
    """

    id: str
    amount_minor: int
    currency: str
    texts: tuple[str, ...] = ()
    reference: str = ""
    payer: str = ""
    iban: str = ""
    booked_on: date | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """What a receipt pays. The invoices are sorted by id.

    For `amount` and `payer_and_amount` they are alternatives, of which one is paid, otherwise all of them are
    paid together. `more` says that there are further alternatives.
    """

    receipt: str
    level: MatchLevel
    reason: MatchReason
    invoices: tuple[str, ...] = ()
    more: bool = False

    @property
    def together(self) -> bool:
        """Whether the receipt would pay all of the invoices, and not one of them."""
        return self.reason not in ("amount", "payer_and_amount")


def match_receipts(receipts: Iterable[Receipt], invoices: Iterable[OpenInvoice]) -> Iterator[Match]:
    """Match each receipt, in the order given. Time is linear in the two together.

    Source: product.md section 10.
    """
    index = InvoiceIndex(invoices)
    for receipt in receipts:
        yield index.match(receipt)


def first_claims(matches: Iterable[tuple[Receipt, Match]]) -> set[str]:
    """The receipts among exact matches that may be recorded: of those for one invoice, the earliest alone.

    By the day of booking, then the id. The others arrived a second time and are a person's to decide.
    """
    claimed: set[str] = set()
    first = set()
    exact = [(receipt, match) for receipt, match in matches if match.level == "exact"]
    for receipt, match in sorted(exact, key=lambda one: (one[0].booked_on or date.min, one[0].id)):
        if claimed.isdisjoint(match.invoices):
            claimed.update(match.invoices)
            first.add(receipt.id)
    return first


def match_and_claim(
    receipts: Sequence[Receipt],
    invoices: Iterable[OpenInvoice],
    may_claim: Callable[[Match], bool] = lambda match: True,
) -> tuple[list[Match], set[str]]:
    """Match receipts, and find those that are recorded at once: exact, first, and `may_claim` agrees.

    The others are not offered what these pay, unless they name it: then it was paid twice. Returns the
    matches in the order of the receipts, and the ids of those to record. Time is linear.
    """
    known = {one.id: one for one in invoices}
    index = InvoiceIndex(known.values())
    matches = [index.match(receipt) for receipt in receipts]
    pairs = zip(receipts, matches, strict=True)
    claims = first_claims((receipt, match) for receipt, match in pairs if may_claim(match))
    for match in matches:
        if match.receipt in claims:
            for invoice in match.invoices:
                index.remove(known[invoice])
    for place, receipt in enumerate(receipts):
        if matches[place].reason not in NAMED:
            matches[place] = index.match(receipt)
    return matches, claims


class InvoiceIndex:
    """Open invoices by name, by amount and by payer, in each currency."""

    def __init__(self, invoices: Iterable[OpenInvoice]) -> None:
        self._named: defaultdict[tuple[str, str], list[OpenInvoice]] = defaultdict(list)
        self._owed: defaultdict[tuple[str, _Party], _ById] = defaultdict(dict)
        self._sums: defaultdict[tuple[str, tuple[_Party, ...]], int] = defaultdict(int)
        self._of_amount: defaultdict[tuple[str, _Party, int], _ById] = defaultdict(dict)
        self._early: defaultdict[tuple[str, _Party, int], _ById] = defaultdict(dict)
        self._longest = 0
        self._known_parties: dict[tuple[str, str], tuple[_Party, ...]] = {}
        for one in sorted(invoices, key=lambda one: (one.number, one.id)):
            self._add(one)
        for key, rewarded in self._early.items():
            latest_first = sorted(
                rewarded.values(), key=lambda one: one.early_until or date.min, reverse=True
            )
            self._early[key] = {one.id: one for one in latest_first}

    def match(self, receipt: Receipt) -> Match:
        """What one receipt pays."""
        if receipt.amount_minor <= 0:
            return Match(receipt.id, "none", "nothing")
        parties = _parties(receipt.iban, receipt.payer)
        return (
            self._by_name(receipt)
            or self._by_amount(receipt, "payer_and_amount", parties)
            or self._by_sum(receipt, parties)
            or self._by_amount(receipt, "amount", (_ANYONE,))
            or Match(receipt.id, "none", "nothing")
        )

    def _add(self, one: OpenInvoice) -> None:
        names = [normal_name(one.number)]
        if one.reference and (reference := normal_name(one.reference)) != names[0]:
            names.append(reference)
        for name in filter(None, names):
            self._named[one.currency, name].append(one)
            self._longest = max(self._longest, len(name))
        parties = self._parties_of(one)
        for party in parties:
            self._owed[one.currency, party][one.id] = one
            self._sums[one.currency, (party,)] += one.open_minor
        if len(parties) > 1:
            self._sums[one.currency, parties] += one.open_minor
        for party in (_ANYONE, *parties):
            self._of_amount[one.currency, party, one.open_minor][one.id] = one
            if one.early_minor is not None:
                self._early[one.currency, party, one.early_minor][one.id] = one

    def remove(self, one: OpenInvoice) -> None:
        """Offer an invoice no more by its amount or its payer; it can still be named."""
        parties = self._parties_of(one)
        for party in parties:
            del self._owed[one.currency, party][one.id]
            self._sums[one.currency, (party,)] -= one.open_minor
        if len(parties) > 1:
            self._sums[one.currency, parties] -= one.open_minor
        for party in (_ANYONE, *parties):
            del self._of_amount[one.currency, party, one.open_minor][one.id]
            if one.early_minor is not None:
                del self._early[one.currency, party, one.early_minor][one.id]

    def _parties_of(self, one: OpenInvoice) -> tuple[_Party, ...]:
        # most payers have several invoices
        known = self._known_parties.get((one.iban, one.payer))
        if known is None:
            known = self._known_parties[one.iban, one.payer] = _parties(one.iban, one.payer)
        return known

    def _by_name(self, receipt: Receipt) -> Match | None:
        named: dict[str, OpenInvoice] = {}
        for name in names_in((*receipt.texts, receipt.reference), self._longest):
            found = self._named.get((receipt.currency, name), ())
            if len(found) <= MOST_TOGETHER:
                named.update((one.id, one) for one in found)
        if not named:
            return None
        due_minor = sum(one.due_minor(receipt.booked_on) for one in named.values())
        open_minor = sum(one.open_minor for one in named.values())
        if receipt.amount_minor in (open_minor, due_minor):
            return _match(receipt, "exact", "named_and_amount", named.values())
        return _match(receipt, "likely", "named", named.values())

    def _by_sum(self, receipt: Receipt, parties: tuple[_Party, ...]) -> Match | None:
        sums = self._sums
        sum_minor = sum(sums.get((receipt.currency, (party,)), 0) for party in parties)
        if len(parties) > 1:
            sum_minor -= sums.get((receipt.currency, parties), 0)
        if sum_minor != receipt.amount_minor:
            return None
        found = [self._owed.get((receipt.currency, party), {}) for party in parties]
        if max(map(len, found), default=0) > MOST_TOGETHER:
            return None
        owed = {one.id: one for one in chain.from_iterable(map(dict.values, found))}
        if not 1 < len(owed) <= MOST_TOGETHER:
            return None
        return _match(receipt, "likely", "payer_and_sum", owed.values())

    def _by_amount(self, receipt: Receipt, reason: MatchReason, parties: tuple[_Party, ...]) -> Match | None:
        alternatives: dict[str, OpenInvoice] = {}
        for party in parties:
            for one in self._of_that_amount(receipt, party):
                alternatives[one.id] = one
                if len(alternatives) > MOST_ALTERNATIVES:
                    first = list(alternatives.values())[:MOST_ALTERNATIVES]
                    return _match(receipt, "likely", reason, first, more=True)
        return _match(receipt, "likely", reason, alternatives.values()) if alternatives else None

    def _of_that_amount(self, receipt: Receipt, party: _Party) -> Iterator[OpenInvoice]:
        key = (receipt.currency, party, receipt.amount_minor)
        yield from self._of_amount.get(key, {}).values()
        # The latest days come first: the rest of the list has passed too.
        for one in self._early.get(key, {}).values():
            if one.due_minor(receipt.booked_on) != receipt.amount_minor:
                return
            yield one


def normal_name(text: str) -> str:
    """A number or reference without case and separators; NOTPROVIDED is none."""
    name = "".join(_TOKEN.findall(text.upper()))
    return "" if name == _NO_REFERENCE else name


def names_in(texts: Iterable[str], longest: int) -> set[str]:
    """Every run of whole tokens in the texts, up to `longest` characters, as `normal_name` writes it.

    Blocks of text are joined with a blank and without: a bank cuts them after so many characters.
    """
    blocks = [text for text in texts if text.strip() and text.strip().upper() != _NO_REFERENCE]
    names: set[str] = set()
    for between in (" ", ""):
        tokens = _TOKEN.findall(between.join(blocks).upper())
        for start in range(len(tokens)):
            name = ""
            for token in tokens[start : start + longest]:
                name += token
                if len(name) > longest:
                    break
                names.add(name)
    return names


def _parties(iban: str, payer: str) -> tuple[_Party, ...]:
    account, name = "".join(iban.upper().split()), " ".join(_TOKEN.findall(payer.casefold()))
    return tuple(party for party in (("iban", account), ("name", name)) if party[1])


def _match(
    receipt: Receipt,
    level: MatchLevel,
    reason: MatchReason,
    invoices: Iterable[OpenInvoice],
    *,
    more: bool = False,
) -> Match:
    return Match(receipt.id, level, reason, tuple(sorted(one.id for one in invoices)), more)
