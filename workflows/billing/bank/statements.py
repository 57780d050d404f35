"""Bank statements: an uploaded file is matched with the open invoices, and what is exact is recorded at once.

A file is read before anything is locked. Its entries are identified by their content (`entry_keys`): those
that came with an earlier file are left where they are. One upload at a time writes entries; then the payers
whose invoices are exactly matched are locked, and what is open of these is read again.
Source: product.md section 10.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select

from engine.bank_matching import Match, Receipt, match_and_claim
from engine.bank_statements import EntryState
from engine.periods import local_date
from workflows.billing.bank.open_invoices import Party, read_open_invoices
from workflows.billing.bank.statement_formats.reading import read_statements
from workflows.billing.bank.statement_formats.values import (
    BankEntry,
    BankStatement,
    UnreadableStatement,
    account_key,
    entry_keys,
)
from workflows.billing.invoicing.actions import CASHIERS
from workflows.billing.invoicing.parties import lock_party
from workflows.billing.payments.payable import in_parts
from workflows.billing.payments.use_cases import Received, record_receipt
from workflows.commands.bank_statements import CsvProfile
from workflows.core.errors import invalid
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.languages.words import or_text
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.store.triggers import BANK_STATEMENTS_LOCK

SUBJECT = "bank_statement"
LONGEST_NAME, LONGEST_REFERENCE = 200, 100
s, e = t.bank_statement, t.bank_entry


class OtherAccount(UnreadableStatement):
    """A statement of an account that is not the provider's."""

    code = "statement-of-another-account"


@dataclass(frozen=True, slots=True)
class _NewEntry:
    """An entry that no earlier file had. Its `name` orders the entries of the file."""

    id: str
    name: str
    key: str
    account: str
    entry: BankEntry

    @property
    def receipt(self) -> Receipt:
        return self.entry.receipt(self.name)


def import_statement(tx: Transaction, file_name: str, data: bytes, profile: str | None = None) -> str:
    """Store a bank statement, camt.053 or CSV by a profile of the settings, and match its entries.

    What is exact is recorded as payments, what is likely is offered, the rest is left. A file that was
    uploaded before adds nothing. Returns the id of the statement. It reads first.
    Raises:
        NotAllowed: the actor is not finance.
        InvalidInput: there is no such profile.
        UnreadableStatement: the file is no statement that is read, or one of another account.

    Source: product.md section 10.
    """
    tx.require(*CASHIERS)
    found_profile = _profile(tx.settings, profile)
    content_hash = hashlib.sha256(data).hexdigest()
    if (known := _uploaded(tx, content_hash)) is not None:
        tx.start_writing()  # the answer is stored under its key
        return known
    statements = read_statements(data, found_profile)
    tx.start_writing()
    _require_own_accounts(tx.settings, statements)
    if not tx.is_sqlite:
        tx.connection.execute(select(func.pg_advisory_xact_lock(BANK_STATEMENTS_LOCK)))
    if (known := _uploaded(tx, content_hash)) is not None:
        return known
    entries, known_count = _new_entries(tx, statements)
    statement_id = new_id()
    tx.add(
        s,
        id=statement_id,
        file_name=file_name[:LONGEST_NAME],
        content_hash=content_hash,
        format=statements[0].format,
        accounts=[_account(one) for one in statements],
        entry_count=len(entries) + known_count,
        known_count=known_count,
        uploaded_at=tx.now,
        uploaded_by=tx.actor.name,
    )
    matches, exact = _match(tx, entries)
    _store(tx, statement_id, entries, matches, exact)
    counted = {"entries": len(entries), "known": known_count, "matched": len(exact)}
    tx.audit(SUBJECT, statement_id, "uploaded", file=file_name[:LONGEST_NAME], **counted)
    return statement_id


def was_uploaded(tx: Transaction, data: bytes) -> bool:
    """Whether a file was taken in before, so that it adds nothing."""
    return _uploaded(tx, hashlib.sha256(data).hexdigest()) is not None


def own_accounts(settings: Settings) -> set[str]:
    """The provider's bank accounts."""
    return {account_key(one) for one in (settings.company.iban, *settings.bank_accounts) if one}


def _profile(settings: Settings, name: str | None) -> CsvProfile | None:
    if name is None:
        return None
    found = [one for one in settings.bank_csv_profiles if one.name.casefold() == name.strip().casefold()]
    if not found:
        names = ", ".join(one.name for one in settings.bank_csv_profiles)
        raise invalid(
            "/profile",
            gettext("There is no CSV profile %(name)s.", name=repr(name[:60])),
            gettext("Use %(names)s.", names=names)
            if names
            else gettext("Add one to the CSV profiles of banks in the settings."),
        )
    return found[0]


def _uploaded(tx: Transaction, content_hash: str) -> str | None:
    found: str | None = tx.connection.execute(select(s.c.id).where(s.c.content_hash == content_hash)).scalar()
    return found


def _require_own_accounts(settings: Settings, statements: Iterable[BankStatement]) -> None:
    """Raises: OtherAccount."""
    own = own_accounts(settings)
    for one in statements:
        if one.account not in own:
            accounts = or_text(sorted(own)) or gettext("none: the settings name no account yet")
            raise OtherAccount(
                gettext(
                    "The statement is of the account %(account)s, and yours is %(accounts)s.",
                    account=one.account,
                    accounts=accounts,
                ),
                remedy=gettext("Upload the statement of your own account, or add this one to the settings."),
                account=one.account,
            )


def _account(statement: BankStatement) -> dict[str, Any]:
    days = {"from_on": statement.from_on, "until_on": statement.until_on}
    return {
        "account": statement.account,
        "currency": statement.currency,
        "statement_id": statement.statement_id,
        **{name: str(day) if day is not None else None for name, day in days.items()},
        "opening_minor": statement.opening_minor,
        "closing_minor": statement.closing_minor,
        "left_out": list(statement.left_out),
    }


def _new_entries(tx: Transaction, statements: Sequence[BankStatement]) -> tuple[list[_NewEntry], int]:
    """The entries that no earlier file had, each once, and how many others there are."""
    by_key: dict[str, tuple[BankStatement, BankEntry]] = {}
    count = 0
    for statement in statements:
        for key, entry in zip(entry_keys(statement), statement.entries, strict=True):
            by_key.setdefault(key, (statement, entry))
            count += 1
    known: set[str] = set()
    for part in in_parts(by_key):
        known |= set(tx.connection.execute(select(e.c.entry_key).where(e.c.entry_key.in_(part))).scalars())
    new = [(key, *found) for key, found in by_key.items() if key not in known]
    entries = [
        _NewEntry(new_id(), f"{place:06d}", key, statement.account, entry)
        for place, (key, statement, entry) in enumerate(new, 1)
    ]
    return entries, count - len(entries)


# Matching


def _match(tx: Transaction, entries: Sequence[_NewEntry]) -> tuple[dict[str, Match], dict[str, Party]]:
    """How each receipt matches, by the name of its entry, and who pays those that are exact.

    The payers of the latter are locked, and then it is matched again: what is open of their invoices stays.
    """
    receipts = [one.receipt for one in entries if one.entry.is_receipt]
    if not receipts:
        return {}, {}
    batches = frozenset(one.name for one in entries if one.entry.batch)
    locked: set[Party] = set()
    while True:
        matches, exact = match_with_open_invoices(tx, receipts, batches)
        more = sorted(set(exact.values()) - locked)
        if not more:
            return matches, exact
        for party in more:
            lock_party(tx, *party)
        locked.update(more)


def match_with_open_invoices(
    tx: Transaction, receipts: Sequence[Receipt], batches: frozenset[str]
) -> tuple[dict[str, Match], dict[str, Party]]:
    """How each receipt matches what is open now, and who pays those that are to be recorded at once.

    `batches` are the receipts of several payments, whose parts are not known.
    """
    days = [one.booked_on for one in receipts if one.booked_on is not None]
    invoices, parties = read_open_invoices(
        tx,
        sorted({one.currency for one in receipts}),
        ibans=[one.iban for one in receipts],
        earliest_on=min(days),
    )

    def may_claim(match: Match) -> bool:
        # what several customers owe together, and a batch, is a person's to divide
        return match.receipt not in batches and len({parties[one] for one in match.invoices}) == 1

    matches, claims = match_and_claim(receipts, invoices, may_claim)
    exact = {one.receipt: parties[one.invoices[0]] for one in matches if one.receipt in claims}
    return {one.receipt: one for one in matches}, exact


# Storing


def _store(
    tx: Transaction,
    statement_id: str,
    entries: Sequence[_NewEntry],
    matches: dict[str, Match],
    exact: dict[str, Party],
) -> None:
    rows = []
    for position, one in enumerate(entries, 1):
        match = matches.get(one.name)
        state = _state(one, match, exact)
        decided = state == "matched"
        rows.append(
            {
                "id": one.id,
                "statement_id": statement_id,
                "position": position,
                "number": one.entry.number,
                "entry_key": one.key,
                "account": one.account,
                "currency": one.entry.currency,
                "amount_minor": one.entry.amount_minor,
                "booked_on": one.entry.booked_on,
                "texts": list(one.entry.texts),
                "reference": one.entry.reference,
                "party": one.entry.party,
                "party_iban": one.entry.party_iban,
                "bank_reference": one.entry.bank_reference,
                "is_reversal": one.entry.is_reversal,
                "batch": one.entry.batch,
                "state": state,
                "reason": match.reason if match is not None else "nothing",
                "candidates": list(match.invoices) if match is not None else [],
                "has_more": match is not None and match.more,
                "decided_at": tx.now if decided else None,
                "decided_by": tx.actor.name if decided else None,
                "decision_reason": None,
            }
        )
    tx.add_all(e, rows)
    for one in entries:
        if one.name in exact:
            payment = _record(tx, one, exact[one.name], matches[one.name].invoices)
            tx.add(t.bank_entry_payment, entry_id=one.id, payment_id=payment)


def _state(one: _NewEntry, match: Match | None, exact: dict[str, Party]) -> EntryState:
    if match is None:
        return "not_receipt"
    if one.name in exact:
        return "matched"
    return "offered" if match.invoices else "left"


def _record(tx: Transaction, one: _NewEntry, party: Party, invoices: Sequence[str]) -> str:
    entry = one.entry
    received = received_with(tx, entry.amount_minor, entry.booked_on, entry.texts, entry.reference)
    return record_receipt(tx, party, invoices, received)


def received_with(
    tx: Transaction, amount_minor: int, booked_on: date, texts: Sequence[str], reference: str
) -> Received:
    """An entry, or a part of one, as a payment that was received by today, with what the payer wrote."""
    day = min(booked_on, local_date(tx.now, tx.settings.zone))
    written = " ".join([*texts, reference]).strip()[:LONGEST_REFERENCE].strip()
    return Received(amount_minor, day, "transfer", written)
