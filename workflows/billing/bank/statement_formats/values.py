"""What a bank statement says, whatever its format, and why a file is refused.

Amounts are integers in minor units of the account's currency; credits are positive, debits negative. Days are
those that the bank states.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from engine.bank_matching import Receipt
from engine.errors import DeskError
from workflows.languages.formats import money_text
from workflows.languages.texts import gettext

MOST_BYTES = 15 * 1024 * 1024
MOST_ENTRIES = 50_000
MOST_TEXT = 500
"""Characters of one text; further ones are cut off. Banks give 140 at most."""
MOST_TEXTS = 60
_NO_REFERENCES = frozenset({"NOTPROVIDED", "NONREF", "NOT PROVIDED"})
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


class UnreadableStatement(DeskError):
    """A file that is not a bank statement in a format that is read."""

    code = "unreadable-statement"


class StatementTooLarge(UnreadableStatement):
    """A file that is larger, or has more entries, than is read at once."""

    code = "statement-too-large"


class StatementCutOff(UnreadableStatement):
    """A file that ends in the middle."""

    code = "statement-cut-off"


class StatementNotSafe(UnreadableStatement):
    """An XML file with a document type or entities, which no bank sends."""

    code = "statement-not-safe"


class InvalidEntry(UnreadableStatement):
    """An entry of a statement with a missing or wrong amount, day or currency."""

    code = "invalid-statement-entry"


class BalancesDiffer(UnreadableStatement):
    """A statement whose entries do not lead from its opening to its closing balance."""

    code = "statement-balances-differ"


@dataclass(frozen=True, slots=True)
class BankEntry:
    """A booked entry, or one detail of it: `number` is "3", or "3.2" for the second of several details.

    `texts` are the blocks of the remittance information, in order; `party` and `party_iban` who paid
    (or, of a debit, was paid). `batch` is how many payments are in an entry that a person has to split,
    otherwise 0; `is_reversal` whether it takes an earlier entry back: a returned payment, or one of ours that
    came back.
    """

    number: str
    amount_minor: int
    currency: str
    booked_on: date
    texts: tuple[str, ...] = ()
    reference: str = ""
    party: str = ""
    party_iban: str = ""
    bank_reference: str = ""
    is_reversal: bool = False
    batch: int = 0

    @property
    def is_receipt(self) -> bool:
        """Whether it may pay invoices."""
        return self.amount_minor > 0 and not self.is_reversal

    def receipt(self, name: str) -> Receipt:
        """The entry as it is matched, with the id `name`."""
        return Receipt(
            name,
            self.amount_minor if self.is_receipt else min(self.amount_minor, 0),
            self.currency,
            self.texts,
            self.reference,
            self.party,
            self.party_iban,
            self.booked_on,
        )


@dataclass(frozen=True, slots=True)
class BankStatement:
    """The booked entries of one account. `opening_minor` and `closing_minor` are None where not stated.

    `left_out` are lines at the end of the file that are no entries, such as a total.
    """

    format: str
    account: str
    currency: str
    statement_id: str
    entries: tuple[BankEntry, ...]
    from_on: date | None = None
    until_on: date | None = None
    opening_minor: int | None = None
    closing_minor: int | None = None
    left_out: tuple[str, ...] = ()


def check_balances(statement: BankStatement) -> None:
    """Refuse a statement whose balances and entries differ, where it states both balances.

    Raises: BalancesDiffer.
    """
    opening, closing = statement.opening_minor, statement.closing_minor
    if opening is None or closing is None:
        return
    booked = sum(one.amount_minor for one in statement.entries)
    if opening + booked != closing:
        raise BalancesDiffer(
            gettext(
                "Statement %(statement_id)s is not complete: its opening balance and entries give "
                "%(opening)s, its closing balance is %(closing)s.",
                statement_id=statement.statement_id,
                opening=money_text(opening + booked, statement.currency),
                closing=money_text(closing, statement.currency),
            ),
            remedy=gettext("Download the statement from the bank again."),
            opening_minor=opening,
            entries_minor=booked,
            closing_minor=closing,
        )


def entry_keys(statement: BankStatement) -> list[str]:
    """What identifies each entry in every statement of the account that has it, in the order of the entries.

    It is a hash of the account, day, amount and the bank's reference; without a reference, of the texts and
    the party. Entries that are alike in all of that are numbered, so that two equal payments of a day stay
    two.
    """
    seen: Counter[str] = Counter()
    keys = []
    for one in statement.entries:
        detail = one.number.partition(".")[2]
        said = (
            ("reference", one.bank_reference, detail)
            if one.bank_reference
            else ("text", *_solid((*one.texts, one.reference, one.party, one.party_iban)))
        )
        parts = (
            account_key(statement.account),
            str(one.booked_on),
            str(one.amount_minor),
            one.currency,
            *said,
        )
        content = "\x1f".join(parts)
        seen[content] += 1
        keys.append(hashlib.sha256(f"{content}\x1f{seen[content]}".encode()).hexdigest())
    return keys


def account_key(account: str) -> str:
    """An IBAN or another number of an account without blanks, in capitals."""
    return "".join(account.upper().split())


def plain_text(text: str | None) -> str:
    """A text of a statement on one line, without control characters, cut at `MOST_TEXT`."""
    return " ".join(_UNSTORABLE.sub(" ", text or "").split())[:MOST_TEXT]


def references_text(references: Iterable[str]) -> str:
    """Several references as one text; NOTPROVIDED and the like are none."""
    given = dict.fromkeys(filter(None, map(plain_text, references)))
    return " / ".join(one for one in given if one.upper() not in _NO_REFERENCES)[:MOST_TEXT]


def _solid(texts: Iterable[str]) -> list[str]:
    # banks cut texts at other places in other formats
    return ["".join(text.upper().split()) for text in texts]
