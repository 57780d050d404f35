"""Journals as a DATEV file: EXTF, Buchungsstapel, format version 13.

A file has one header, one line of column names, and a line for each amount that moves from one account to
another: positive, with S (debit) for its account. Days are written without their year (DDMM), so the days of
a file lie in one month. Text is in windows-1252, lines end with CR LF. Source: billing-facts.md.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from engine.errors import DeskError

ENCODING = "cp1252"
NUMBER_LENGTH, TEXT_LENGTH = 36, 60
MOST_DIGITS = 10
"""Of an amount, before the decimal comma."""
_NOT_IN_NUMBERS = re.compile(r"[^A-Za-z0-9$&%*+/-]", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
FORMULA_STARTS = ("=", "+", "-", "@")


class DatevForbids(DeskError):
    """What is to be exported cannot be written as a DATEV file; `values` says what it is."""

    code = "datev-forbids"


@dataclass(frozen=True, slots=True)
class DatevClient:
    """Whose books they are: numbers of the tax adviser and the client, and the digits of an account.

    `year_begins` is the month in which the financial year begins, 1 to 12.
    """

    consultant: int
    client: int
    account_length: int
    year_begins: int


class Movement(NamedTuple):
    """An amount in minor units, above zero, that moves from one account (credit) to another (debit)."""

    debit: str
    credit: str
    amount_minor: int


class DatevLine(NamedTuple):
    """A movement with its day, the number of its document, and a text."""

    movement: Movement
    on: date
    document: str
    text: str


def movements(legs: Iterable[tuple[str, int]]) -> tuple[Movement, ...]:
    """Legs by account, debits above zero, that sum to zero, as movements between two accounts each.

    Legs of one account are summed first; what sums to zero does not move. Debits are met by credits in their
    order, so n accounts take at most n − 1 movements.
    Example: receivable +119, revenue −100, tax −19 are 100 and 19 from receivable.
    """
    sums: dict[str, int] = {}
    for account, amount in legs:
        sums[account] = sums.get(account, 0) + amount
    debits = deque((account, amount) for account, amount in sums.items() if amount > 0)
    credits = deque((account, -amount) for account, amount in sums.items() if amount < 0)
    found = []
    while debits and credits:
        (debit, owed), (credit, given) = debits.popleft(), credits.popleft()
        amount = min(owed, given)
        found.append(Movement(debit, credit, amount))
        if owed > amount:
            debits.appendleft((debit, owed - amount))
        if given > amount:
            credits.appendleft((credit, given - amount))
    return tuple(found)


def datev_file(
    client: DatevClient,
    lines: Sequence[DatevLine],
    *,
    from_on: date,
    to_on: date,
    currency: str,
    made_at: datetime,
    title: str,
) -> bytes:
    """The file of a span of days, both inclusive, in one month; amounts are minor units with two decimals.

    `made_at` is written as it is given (local time).
    Raises: DatevForbids for an account of another length, or an amount that is too long.
    """
    year_begins_on = date(from_on.year - (from_on.month < client.year_begins), client.year_begins, 1)
    header = [""] * 31
    header[:5] = [_quoted("EXTF"), "700", "21", _quoted("Buchungsstapel"), "13"]
    header[5] = f"{made_at:%Y%m%d%H%M%S}{made_at.microsecond // 1000:03d}"
    header[7] = _quoted("CD")
    header[8] = _quoted("Coverdesk")
    header[10:14] = [
        str(client.consultant), str(client.client), f"{year_begins_on:%Y%m%d}", str(client.account_length)
    ]  # fmt: skip
    header[14:17] = [f"{from_on:%Y%m%d}", f"{to_on:%Y%m%d}", _quoted(title[:30])]
    header[18:22] = ["1", "0", "0", _quoted(currency)]
    rows = [header, list(COLUMNS), *(_row(client, one, currency) for one in lines)]
    return "".join(";".join(row) + "\r\n" for row in rows).encode(ENCODING)


def check_account(client: DatevClient, code: str) -> None:
    """Check that a code is an account of the client: its digits, or one more for a customer's account.

    Raises: DatevForbids.
    """
    if not re.fullmatch(r"[0-9]{4,9}", code, re.ASCII) or len(code) not in (
        client.account_length, client.account_length + 1,
    ):  # fmt: skip
        raise DatevForbids(
            f"{code!r} is not a DATEV account of {client.account_length} digits.",
            remedy="Correct the account, or the number of digits, in the settings.",
            account=code,
        )


def _row(client: DatevClient, line: DatevLine, currency: str) -> list[str]:
    debit, credit, amount_minor = line.movement
    check_account(client, debit)
    check_account(client, credit)
    whole, part = divmod(amount_minor, 100)
    if len(str(whole)) > MOST_DIGITS:
        raise DatevForbids(
            f"An amount of {line.document} is too large for DATEV.",
            remedy="Export this span as CSV.",
            amount_minor=amount_minor,
        )
    row = [""] * len(COLUMNS)
    row[:3] = [f"{whole},{part:02d}", _quoted("S"), _quoted(currency)]
    row[6:8] = [debit, credit]
    row[9:11] = [f"{line.on:%d%m}", _quoted(_NOT_IN_NUMBERS.sub("", line.document)[:NUMBER_LENGTH])]
    row[13] = _quoted(_written(line.text)[:TEXT_LENGTH])
    return row


def _written(text: str) -> str:
    """A text in the letters that the file has; no spreadsheet takes it for a formula."""
    text = " ".join(_CONTROLS.sub(" ", text).split())
    text = text.encode(ENCODING, "replace").decode(ENCODING)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _numbered(*names: str, count: int) -> list[str]:
    return [name.format(number) for number in range(1, count + 1) for name in names]


COLUMNS: tuple[str, ...] = (
    "Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "WKZ Umsatz", "Kurs", "Basis-Umsatz",
    "WKZ Basis-Umsatz", "Konto", "Gegenkonto (ohne BU-Schlüssel)", "BU-Schlüssel", "Belegdatum",
    "Belegfeld 1", "Belegfeld 2", "Skonto", "Buchungstext", "Postensperre", "Diverse Adressnummer",
    "Geschäftspartnerbank", "Sachverhalt", "Zinssperre", "Beleglink",
    *_numbered("Beleginfo - Art {}", "Beleginfo - Inhalt {}", count=8),
    "KOST1 - Kostenstelle", "KOST2 - Kostenstelle", "Kost-Menge", "EU-Land u. UStID (Bestimmung)",
    "EU-Steuersatz (Bestimmung)", "Abw. Versteuerungsart", "Sachverhalt L+L", "Funktionsergänzung L+L",
    "BU 49 Hauptfunktionstyp", "BU 49 Hauptfunktionsnummer", "BU 49 Funktionsergänzung",
    *_numbered("Zusatzinformation - Art {}", "Zusatzinformation- Inhalt {}", count=20),
    "Stück", "Gewicht", "Zahlweise", "Forderungsart", "Veranlagungsjahr", "Zugeordnete Fälligkeit",
    "Skontotyp", "Auftragsnummer", "Buchungstyp", "USt-Schlüssel (Anzahlungen)", "EU-Land (Anzahlungen)",
    "Sachverhalt L+L (Anzahlungen)", "EU-Steuersatz (Anzahlungen)", "Erlöskonto (Anzahlungen)",
    "Herkunft-Kz", "Buchungs GUID", "KOST-Datum", "SEPA-Mandatsreferenz", "Skontosperre",
    "Gesellschaftername", "Beteiligtennummer", "Identifikationsnummer", "Zeichnernummer",
    "Postensperre bis", "Bezeichnung SoBil-Sachverhalt", "Kennzeichen SoBil-Buchung", "Festschreibung",
    "Leistungsdatum", "Datum Zuord. Steuerperiode", "Fälligkeit", "Generalumkehr (GU)", "Steuersatz",
    "Land", "Abrechnungsreferenz", "BVV-Position", "EU-Land u. UStID (Ursprung)",
    "EU-Steuersatz (Ursprung)", "Abw. Skontokonto",
)  # fmt: skip
"""The names of the 125 columns, in their order."""
