"""camt.053, the bank-to-customer statement of ISO 20022, in the versions 02 to 08, by local names.

Only booked entries count. A batch with an amount for each payment is so many entries; where an amount is
missing, a person has to split it. Sources: ISO 20022 camt.053.001.02, .04, .06 and .08.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from xml.etree.ElementTree import Element

from engine.errors import AbsurdDate
from engine.periods import check_date
from workflows.billing.bank.statement_formats.amounts import minor_units
from workflows.billing.bank.statement_formats.safe_xml import read_xml
from workflows.billing.bank.statement_formats.values import (
    MOST_ENTRIES,
    MOST_TEXTS,
    BankEntry,
    BankStatement,
    InvalidEntry,
    StatementTooLarge,
    UnreadableStatement,
    account_key,
    check_balances,
    plain_text,
    references_text,
)
from workflows.languages.formats import number_text
from workflows.languages.texts import gettext
from workflows.languages.words import and_text

MESSAGE = re.compile(r"(camt\.0\d\d)\.001\.(\d\d)$")
VERSIONS = range(2, 9)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)


def read_camt053(data: bytes) -> tuple[BankStatement, ...]:
    """The statements of a camt.053 file, in its order; one file may have several accounts.

    Raises: UnreadableStatement and its kinds.
    """
    reader = _Entries()
    namespace, root = read_xml(data, part="Ntry", take=reader.take)
    message = root.find("BkToCstmrStmt")
    if root.tag != "Document" or message is None:
        raise _not_camt053(namespace, root)
    version = MESSAGE.search(namespace)
    if namespace and (version is None or int(version[2]) not in VERSIONS):
        raise _not_camt053(namespace, root)
    statements = message.findall("Stmt")
    if not statements:
        raise UnreadableStatement(
            gettext("The file has no statement."), remedy=gettext("Download it from the bank again.")
        )
    name = version[0] if version else "camt.053"
    found = tuple(_statement(one, name, list(reader.of(one))) for one in statements)
    for one in found:
        check_balances(one)
    return found


class _Entries:
    """Collects the entries while the file is read. They stand in the statement as emptied elements."""

    def __init__(self) -> None:
        self._entries: dict[Element, list[BankEntry]] = {}
        self._count = 0

    def take(self, entry: Element) -> None:
        self._entries[entry] = found = _entries_of(entry, len(self._entries) + 1)
        self._count += len(found)
        if self._count > MOST_ENTRIES:
            raise StatementTooLarge(
                gettext(
                    "The file has more than %(most_entries)s entries.", most_entries=number_text(MOST_ENTRIES)
                ),
                remedy=gettext("Export fewer days at once."),
            )

    def of(self, statement: Element) -> Iterator[BankEntry]:
        for number, element in enumerate(statement.findall("Ntry"), 1):
            for one in self._entries[element]:
                detail = one.number.partition(".")[2]
                yield replace(one, number=f"{number}.{detail}" if detail else str(number))


def _statement(element: Element, name: str, entries: list[BankEntry]) -> BankStatement:
    account = _text(element, "Acct/Id/IBAN") or _text(element, "Acct/Id/Othr/Id")
    if not account:
        raise UnreadableStatement(gettext("The statement does not say whose account it is of (Acct/Id)."))
    currencies = dict.fromkeys(
        filter(
            None,
            (
                _text(element, "Acct/Ccy"),
                *(one.get("Ccy") for one in element.findall("Bal/Amt")),
                *(one.currency for one in entries),
            ),
        )
    )
    if len(currencies) > 1:
        raise InvalidEntry(
            gettext(
                "The statement of %(account)s has amounts in %(currencies)s.",
                account=account,
                currencies=and_text(currencies),
            ),
            remedy=gettext("A statement has entries in the currency of its account alone: ask the bank."),
        )
    currency = next(iter(currencies), "")
    return BankStatement(
        name,
        account_key(account),
        currency,
        _text(element, "Id") or _text(element, "ElctrncSeqNb"),
        tuple(entries),
        _day(_text(element, "FrToDt/FrDtTm") or _text(element, "FrToDt/FrDt")),
        _day(_text(element, "FrToDt/ToDtTm") or _text(element, "FrToDt/ToDt")),
        _balance(element, _OPENING),
        _balance(element, _CLOSING),
    )


def _balance(statement: Element, kinds: tuple[str, ...]) -> int | None:
    """The first balance of the first of these kinds; None if the statement, a page of several, has none."""
    for kind in kinds:
        for one in statement.findall("Bal"):
            if _text(one, "Tp/CdOrPrtry/Cd") == kind:
                return _signed(
                    one, gettext("The balance"), _amount(one.find("Amt"), gettext("The balance"))[0]
                )
    return None


def _entries_of(entry: Element, number: int) -> list[BankEntry]:
    """The entry or its details; nothing if it is not booked."""
    named = gettext("Entry %(number)s", number=number)
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts/Prtry") or _text(entry, "Sts")
    if not status:
        raise InvalidEntry(
            gettext("%(named)s has no status (Sts).", named=named),
            remedy=gettext("Download the statement again."),
        )
    if status != "BOOK":
        return []
    minor, currency = _amount(entry.find("Amt"), named)
    minor = _signed(entry, named, minor)
    booked_on = _day(_date_of(entry, "BookgDt") or _date_of(entry, "ValDt"))
    if booked_on is None:
        raise InvalidEntry(
            gettext("%(named)s has no valid booking date.", named=named),
            remedy=gettext("Download the statement again."),
        )
    whole = BankEntry(
        str(number),
        minor,
        currency,
        booked_on,
        bank_reference=references_text([_text(entry, "AcctSvcrRef")]),
        is_reversal=_text(entry, "RvslInd").lower() in ("true", "1"),
    )
    details = entry.findall("NtryDtls/TxDtls")
    if not details:
        batch = _number_in_batch(entry)
        return [replace(whole, texts=_texts(entry, entry), batch=batch if batch > 1 else 0)]
    if len(details) == 1:
        return [_detail(whole, entry, details[0])]
    amounts = [_detail_amount(one, whole) for one in details]
    if None in amounts or sum(filter(None, amounts)) != minor:
        return [_batch(whole, entry, details)]
    return [
        replace(_detail(whole, entry, one), number=f"{number}.{place}", amount_minor=amount or 0)
        for place, (one, amount) in enumerate(zip(details, amounts, strict=True), 1)
    ]


def _detail(whole: BankEntry, entry: Element, detail: Element) -> BankEntry:
    """An entry with what one of its details says. The parties keep their roles in a reversal."""
    credit = (whole.amount_minor > 0) != whole.is_reversal
    role = "Dbtr" if credit else "Cdtr"
    parties = f"RltdPties/{role}"
    name = next(
        filter(
            None,
            (
                _text(detail, f"RltdPties/{path}")
                for path in (
                    f"{role}/Nm",
                    f"{role}/Pty/Nm",
                    f"Ultmt{role}/Nm",
                    f"Ultmt{role}/Pty/Nm",
                )
            ),
        ),
        "",
    )
    return replace(
        whole,
        texts=_texts(detail, entry),
        reference=references_text(
            [
                *_all(detail, "RmtInf/Strd/CdtrRefInf/Ref"),
                *_all(detail, "RmtInf/Strd/RfrdDocInf/Nb"),
                _text(detail, "Refs/EndToEndId"),
            ]
        ),
        party=plain_text(name),
        party_iban=account_key(_text(detail, f"{parties}Acct/Id/IBAN"))[:34],
    )


def _batch(whole: BankEntry, entry: Element, details: list[Element]) -> BankEntry:
    """An entry of several payments whose amounts are not known, with the texts of all."""
    parts = [_detail(whole, entry, one) for one in details]
    texts = tuple(dict.fromkeys(text for one in parts for text in one.texts))[:MOST_TEXTS]
    return replace(
        whole,
        texts=texts,
        reference=references_text(one.reference for one in parts),
        batch=len(parts),
    )


def _detail_amount(detail: Element, whole: BankEntry) -> int | None:
    """The amount of one of several details in the account's currency, signed; None if it is not stated."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        element = detail.find(path)
        if element is not None and element.get("Ccy", whole.currency) == whole.currency:
            minor = minor_units((element.text or "").strip(), whole.currency)
            if minor is None:
                return None
            indicator = _text(detail, "CdtDbtInd")
            negative = indicator == "DBIT" if indicator else whole.amount_minor < 0
            return -minor if negative else minor
    return None


def _texts(detail: Element, entry: Element) -> tuple[str, ...]:
    """The remittance information; else what the bank adds to the detail, or to the entry."""
    found = _all(detail, "RmtInf/Ustrd") or _all(detail, "AddtlTxInf") or _all(entry, "AddtlNtryInf")
    return tuple(filter(None, map(plain_text, found)))[:MOST_TEXTS]


def _number_in_batch(entry: Element) -> int:
    numbers = [int(one) for one in _all(entry, "NtryDtls/Btch/NbOfTxs") if one.isascii() and one.isdigit()]
    return min(sum(numbers), 10**6)


def _amount(element: Element | None, named: str) -> tuple[int, str]:
    currency = "" if element is None else element.get("Ccy", "")
    text = "" if element is None else (element.text or "").strip()
    minor = minor_units(text, currency) if _CURRENCY.fullmatch(currency) else None
    if minor is None:
        shown = plain_text(f"{text} {currency}")[:60]
        raise InvalidEntry(
            gettext("%(named)s has no valid amount: %(shown)s.", named=named, shown=repr(shown)),
            remedy=gettext("Download the statement again."),
        )
    return minor, currency


def _signed(element: Element, named: str, minor: int) -> int:
    indicator = _text(element, "CdtDbtInd")
    if indicator not in ("CRDT", "DBIT"):
        raise InvalidEntry(
            gettext("%(named)s says neither credit nor debit (CdtDbtInd).", named=named),
            remedy=gettext("Download the statement again."),
        )
    return minor if indicator == "CRDT" else -minor


def _date_of(entry: Element, name: str) -> str:
    return _text(entry, f"{name}/Dt") or _text(entry, f"{name}/DtTm")


def _day(text: str) -> date | None:
    """The day of a date or of a time, as the bank states it; None if it is none."""
    try:
        return check_date(datetime.fromisoformat(text).date())
    except (ValueError, AbsurdDate):
        return _day_with_offset(text)


def _day_with_offset(text: str) -> date | None:
    # XML Schema allows an offset on a date: 2026-03-05Z, 2026-03-05+01:00
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)", text, re.ASCII)
    return _day(found[1]) if found else None


def _text(element: Element, path: str) -> str:
    return plain_text(element.findtext(path))


def _all(element: Element, path: str) -> list[str]:
    return [one.text or "" for one in element.findall(path)]


def _not_camt053(namespace: str, root: Element) -> UnreadableStatement:
    message = MESSAGE.search(namespace)
    if message is not None and message[1] == "camt.053":
        return UnreadableStatement(
            gettext("Version %(message)s of camt.053 is not read.", message=message[2]),
            remedy=gettext("Ask the bank for a version from 02 to 08."),
        )
    if message is not None and message[1] in ("camt.052", "camt.054"):
        return UnreadableStatement(
            gettext(
                "This is a %(message)s, a report within the day or of single bookings.", message=message[1]
            ),
            remedy=gettext("Upload the statement of the account at the end of the day, camt.053."),
        )
    shown = plain_text(root.tag)[:60]
    return UnreadableStatement(
        gettext("This XML file is not a bank statement: it begins with %(shown)s.", shown=shown),
        remedy=gettext("Upload a camt.053 file."),
    )
