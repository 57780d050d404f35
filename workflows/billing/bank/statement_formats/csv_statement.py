"""A bank statement as CSV, read by a profile: named columns, fixed signs, one form of dates, one encoding.

What does not fit the profile is refused with its line: a wrong amount is worse than none. Lines above the
headings are passed over. Lines at the end that have no day, such as a total or a balance, are no entries:
they are left out, and returned as text so that whoever uploads the file sees them.
"""

from collections.abc import Collection, Iterator
from datetime import date, datetime
from typing import NoReturn

from engine.errors import AbsurdDate
from engine.periods import check_date
from workflows.billing.bank.statement_formats.amounts import signed_minor_units
from workflows.billing.bank.statement_formats.values import (
    MOST_ENTRIES,
    BankEntry,
    BankStatement,
    InvalidEntry,
    StatementTooLarge,
    UnreadableStatement,
    account_key,
    plain_text,
    references_text,
)
from workflows.commands.bank_statements import CsvProfile
from workflows.importing.csv_rows import CsvReader, CsvRow
from workflows.languages.formats import number_text
from workflows.languages.texts import gettext
from workflows.languages.words import and_text

MOST_LINES_BEFORE = 30
"""How far down the headings may stand: many banks write the account and the period above them."""
MOST_LINES_AFTER = 10
"""How many lines at the end may be no entries; with more, the profile does not fit the file."""
LONGEST_LINE_SHOWN = 200


def read_csv_statement(data: bytes, profile: CsvProfile) -> tuple[BankStatement, ...]:
    """The statements of a CSV file, one for each account in it.

    It states no balances, so nothing shows that rows are missing at its end.
    Raises: UnreadableStatement and its kinds.
    """
    accounts: dict[str, list[BankEntry]] = {}
    last = _LinesAtEnd(accounts)
    for count, row in enumerate(_rows(_decoded(data, profile), profile), 1):
        if count > MOST_ENTRIES:
            raise StatementTooLarge(
                gettext(
                    "The file has more than %(most_entries)s entries.", most_entries=number_text(MOST_ENTRIES)
                ),
                remedy=gettext("Export fewer days at once."),
            )
        if last.takes(row):
            continue
        row.check_width()
        if row.is_booked:
            entries = accounts.setdefault(row.account, [])
            entries.append(row.entry(len(entries) + 1))
    if not accounts:
        raise UnreadableStatement(
            gettext("The file has no booked entry."),
            remedy=gettext("Export a period in which something was booked."),
        )
    final = next(reversed(accounts))  # what stands at the end of the file is shown with its last account
    return tuple(
        _statement(account, entries, last.texts if account == final else ())
        for account, entries in accounts.items()
    )


def _statement(account: str, entries: list[BankEntry], left_out: tuple[str, ...]) -> BankStatement:
    currencies = dict.fromkeys(one.currency for one in entries)
    if len(currencies) > 1:
        raise InvalidEntry(
            gettext(
                "The account %(account)s has amounts in %(currencies)s.",
                account=account,
                currencies=and_text(currencies),
            ),
            remedy=gettext("Export each currency's account by itself."),
        )
    days = [one.booked_on for one in entries]
    return BankStatement(
        "csv", account, next(iter(currencies)), "", tuple(entries), min(days), max(days), left_out=left_out
    )


def _decoded(data: bytes, profile: CsvProfile) -> str:
    encoding = "utf-8-sig" if profile.encoding == "utf-8" else profile.encoding
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableStatement(
            gettext(
                "The file is not in %(encoding)s, as the profile %(name)s says: byte %(start)s.",
                encoding=profile.encoding,
                name=profile.name,
                start=error.start,
            ),
            remedy=gettext("Set the profile's encoding to that of the file, often cp1252."),
        ) from None


class _LinesAtEnd:
    """Collects lines that are no entries, as long as nothing else follows and an entry came before."""

    def __init__(self, accounts: Collection[str]) -> None:
        self._accounts = accounts
        self._rows: list[_Row] = []

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(one.text for one in self._rows)

    def takes(self, row: "_Row") -> bool:
        """Whether the line is no entry. Raises: UnreadableStatement for an earlier one, if this is one."""
        if self._accounts and row.is_no_entry(self._accounts) and len(self._rows) < MOST_LINES_AFTER:
            self._rows.append(row)
            return True
        if self._rows:
            self._rows[0].refuse()
        return False


class _Row:
    """A line of the file, with its cells by heading."""

    def __init__(self, row: CsvRow, headings: list[str], profile: CsvProfile) -> None:
        # some banks end each line with a separator, but not that of the headings, or the other way round
        self._fields = _without_blanks(row.fields, len(headings))
        self._width = len(headings)
        self._cells = dict.fromkeys(headings, "") | dict(zip(headings, row.fields, strict=False))
        self._line = row.line
        self._profile = profile

    @property
    def text(self) -> str:
        """The line as it is shown to whoever uploaded it."""
        cells = filter(None, map(plain_text, self._fields))
        return f"{self._profile.delimiter.strip()} ".join(cells)[:LONGEST_LINE_SHOWN].strip()

    def is_no_entry(self, accounts: Collection[str]) -> bool:
        """Whether it has words or nothing in place of the day, and is no entry that breaks off.

        `accounts` are those of the entries so far. A day in another form than the profile's has digits alone.
        """
        columns = self._profile.columns
        day = self._cell(columns.booked_on)
        if any(one.isdigit() for one in day) and not any(one.isalpha() for one in day):
            return False
        if len(self._fields) == self._width:
            return columns.status is None or self.is_booked or not self._cell(columns.status)
        return columns.account is None or account_key(self._cell(columns.account)) not in accounts

    def check_width(self) -> None:
        """Raises: UnreadableStatement if it has not as many cells as the headings."""
        if len(self._fields) != self._width:
            raise UnreadableStatement(
                gettext(
                    "Line %(line)s has %(len)s cells, the headings %(len2)s.",
                    line=self._line,
                    len=len(self._fields),
                    len2=self._width,
                ),
                remedy=gettext("The file may end in the middle, or was edited: export it again."),
                line=self._line,
            )

    def refuse(self) -> NoReturn:
        """Raises: UnreadableStatement, since it is no entry and others follow."""
        self.check_width()
        raise self._no_day(self._cell(self._profile.columns.booked_on))

    @property
    def is_booked(self) -> bool:
        column = self._profile.columns.status
        return column is None or _word(self._cells[column]) in map(_word, self._profile.booked_words)

    @property
    def account(self) -> str:
        account = account_key(self._profile.account or self._cell(self._profile.columns.account))
        if not account:
            raise self._invalid(
                gettext("no account"), gettext("Export the file with the account of each entry.")
            )
        return account

    def entry(self, number: int) -> BankEntry:
        columns = self._profile.columns
        currency = (self._profile.currency or self._cell(columns.currency)).upper()
        return BankEntry(
            str(number),
            self._amount(currency),
            currency,
            self._day(self._cell(columns.booked_on)),
            tuple(filter(None, map(self._cell, columns.texts))),
            references_text(map(self._cell, columns.references)),
            self._cell(columns.party),
            account_key(self._cell(columns.party_iban))[:34],
            references_text([self._cell(columns.bank_reference)]),
        )

    def _cell(self, column: str | None) -> str:
        return plain_text(self._cells[column]) if column is not None else ""

    def _amount(self, currency: str) -> int:
        columns = self._profile.columns
        if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
            raise self._invalid(
                gettext("no currency: %(currency)s", currency=repr(currency[:20])),
                gettext("Name the column of the currency."),
            )
        if columns.amount is not None:
            minor = self._minor(columns.amount, currency)
            return self._directed(minor) if columns.direction is not None else minor
        credit = self._minor(columns.credit, currency) if self._cell(columns.credit) else 0
        debit = self._minor(columns.debit, currency) if self._cell(columns.debit) else 0
        if credit and debit:
            raise self._invalid(
                gettext("a credit and a debit"), gettext("Check the headings in the profile.")
            )
        return credit - abs(debit)

    def _directed(self, minor: int) -> int:
        said = _word(self._cell(self._profile.columns.direction))
        if minor < 0:
            raise self._invalid(
                gettext("an amount with a sign, and %(said)s beside it", said=repr(said[:20])),
                gettext("Where amounts have signs, leave the column of the direction out of the profile."),
            )
        if said in map(_word, self._profile.credit_words):
            return minor
        if said in map(_word, self._profile.debit_words):
            return -minor
        raise self._invalid(
            gettext("neither credit nor debit: %(said)s", said=repr(said[:20])),
            gettext("Add the word to those of credit or debit."),
        )

    def _minor(self, column: str | None, currency: str) -> int:
        text, profile = self._cell(column), self._profile
        minor = signed_minor_units(
            text, currency, decimal_sign=profile.decimal_sign, thousands_sign=profile.thousands_sign
        )
        if minor is None:
            raise self._invalid(
                gettext(
                    "an amount that is not written as the profile %(name)s says: %(text)s",
                    name=profile.name,
                    text=repr(text[:40]),
                ),
                gettext(
                    "There, %(decimal_sign)s is the decimal sign and %(thousands_sign)s separates thousands.",
                    decimal_sign=repr(profile.decimal_sign),
                    thousands_sign=repr(profile.thousands_sign or gettext("nothing")),
                ),
            )
        return minor

    def _day(self, text: str) -> date:
        try:
            return check_date(datetime.strptime(text, self._profile.date_form).date())  # noqa: DTZ007
        except (ValueError, AbsurdDate):
            raise self._no_day(text) from None

    def _no_day(self, text: str) -> InvalidEntry:
        return self._invalid(
            gettext(
                "no day in the form %(date_form)s: %(text)s",
                date_form=self._profile.date_form,
                text=repr(text[:20]),
            ),
            gettext("Set the form in the profile."),
        )

    def _invalid(self, what: str, remedy: str) -> InvalidEntry:
        return InvalidEntry(
            gettext("Line %(line)s has %(what)s.", line=self._line, what=what),
            remedy=remedy,
            line=self._line,
        )


def _rows(text: str, profile: CsvProfile) -> Iterator[_Row]:
    """The rows under the headings, but for blank ones."""
    needed = _needed(profile)
    headings: list[str] | None = None
    for place, row in enumerate(CsvReader(text, profile.delimiter, '"').rows(), 1):
        cells = [plain_text(cell) for cell in row.fields]
        if headings is None:
            if needed <= set(cells):
                headings = _without_blanks(_unique(cells, needed, row.line), 0)
            elif place >= MOST_LINES_BEFORE:
                break
            continue
        if row.problem is not None:
            raise UnreadableStatement(
                gettext("Line %(line)s: %(problem)s.", line=row.line, problem=row.problem),
                remedy=gettext("Export the file again."),
            )
        if not any(cells):
            continue
        yield _Row(row, headings, profile)
    if headings is None:
        raise UnreadableStatement(
            gettext(
                "No line has the headings of the profile %(name)s: %(sorted)s.",
                name=profile.name,
                sorted=", ".join(sorted(needed)),
            ),
            remedy=gettext("Choose the profile of this bank, or change its headings, delimiter or encoding."),
        )


def _needed(profile: CsvProfile) -> set[str]:
    columns = profile.columns.model_dump()
    named = [one for one in columns.values() if isinstance(one, str)]
    return {*named, *profile.columns.texts, *profile.columns.references}


def _unique(headings: list[str], needed: set[str], line: int) -> list[str]:
    twice = sorted(one for one in needed if headings.count(one) > 1)
    if twice:
        raise UnreadableStatement(
            gettext("Line %(line)s has the heading %(twice)s twice.", line=line, twice=twice[0]),
            remedy=gettext("Export the columns once each."),
            line=line,
        )
    return headings


def _without_blanks(cells: list[str], least: int) -> list[str]:
    """The cells without blank ones at the end, as long as there are more than `least`."""
    end = len(cells)
    while end > least and not plain_text(cells[end - 1]):
        end -= 1
    return cells[:end]


def _word(text: str) -> str:
    return plain_text(text).casefold()
