"""How a bank writes its statements as CSV, and commands on their entries."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from workflows.commands.fields import (
    Code,
    Command,
    Id,
    MoneyGranted,
    Name,
    OneLine,
    Reason,
    no_control_characters,
)
from workflows.languages.texts import gettext

_SAMPLE = datetime(2026, 11, 23, tzinfo=UTC)
_DATE_FORM = re.compile(r"(?:%[dmYy]|[-./ ])+", re.ASCII)


def _whole_day(form: str) -> str:
    if not _DATE_FORM.fullmatch(form):
        raise ValueError(gettext("Write it with %d, %m and %Y or %y, such as %d.%m.%Y."))
    try:
        read = datetime.strptime(_SAMPLE.strftime(form), form)  # noqa: DTZ007
    except (ValueError, re.error):
        read = None
    if read is None or read.date() != _SAMPLE.date():
        raise ValueError(gettext("It needs the day, the month and the year once each, such as %d.%m.%Y."))
    return form


Column = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True), OneLine]
DateForm = Annotated[str, StringConstraints(max_length=20), AfterValidator(_whole_day)]


class CsvColumns(Command):
    """The headings of the columns. Amounts are in one column, or in one of credits and one of debits."""

    booked_on: Column
    amount: Column | None = None
    credit: Column | None = None
    debit: Column | None = None
    direction: Column | None = None
    """The column that says credit or debit of an amount without sign: see `credit_words`."""
    currency: Column | None = None
    account: Column | None = None
    party: Column | None = None
    party_iban: Column | None = None
    texts: Annotated[list[Column], Field(max_length=20)] = Field(default_factory=list)
    references: Annotated[list[Column], Field(max_length=10)] = Field(default_factory=list)
    bank_reference: Column | None = None
    status: Column | None = None
    """The column that says whether an entry is booked: see `booked_words`."""

    @model_validator(mode="after")
    def _amounts(self) -> Self:
        both = self.credit is not None and self.debit is not None
        if (self.credit is None) != (self.debit is None) or (self.amount is not None) == both:
            raise ValueError(gettext("Name the column of the amount, or those of credit and debit."))
        if both and self.direction is not None:
            raise ValueError(gettext("Columns of credit and debit need no column of the direction."))
        return self


class CsvProfile(Command):
    """How a bank writes a statement as CSV. Signs and forms are fixed, so that no amount is guessed."""

    name: Name
    encoding: Literal["utf-8", "cp1252", "iso-8859-15"] = "utf-8"
    delimiter: Literal[";", ",", "\t", "|"] = ";"
    decimal_sign: Literal[",", "."] = ","
    thousands_sign: Literal["", ".", ",", "'", " "] = ""
    date_form: DateForm = "%d.%m.%Y"
    account: Code | None = None
    """The account of every file, where no column names it."""
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    columns: CsvColumns
    credit_words: Annotated[list[Code], Field(max_length=10)] = Field(default_factory=list)
    debit_words: Annotated[list[Code], Field(max_length=10)] = Field(default_factory=list)
    booked_words: Annotated[list[Code], Field(max_length=10)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.decimal_sign == self.thousands_sign:
            raise ValueError(gettext("The decimal sign and the thousands sign must differ."))
        if (self.account is None) == (self.columns.account is None):
            raise ValueError(gettext("Give the account, or the column that names it."))
        if (self.currency is None) == (self.columns.currency is None):
            raise ValueError(gettext("Give the currency, or the column that names it."))
        if (self.columns.direction is None) == bool(self.credit_words or self.debit_words):
            raise ValueError(gettext("A column of the direction and words for credit and debit go together."))
        if self.columns.direction is not None and not (self.credit_words and self.debit_words):
            raise ValueError(gettext("Give words for credit and for debit."))
        if (self.columns.status is None) == bool(self.booked_words):
            raise ValueError(gettext("A column of the status and words for booked entries go together."))
        return self


class EntryPart(Command):
    """An invoice that an entry pays, and how much of the entry goes there."""

    invoice: Id
    amount: MoneyGranted | None = None


class AssignEntry(Command):
    """Record an entry as payments of invoices.

    Without amounts, it pays the invoices of one customer or org unit in their order, and the rest becomes
    credit. With amounts, which sum to that of the entry, each is a payment by itself: also a batch of several
    payers can be split that way.
    """

    invoices: Annotated[list[EntryPart], Field(min_length=1, max_length=100)]
    reason: Reason = ""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({one.invoice for one in self.invoices}) < len(self.invoices):
            raise ValueError(gettext("Name each invoice once."))
        if len({one.amount is None for one in self.invoices}) > 1:
            raise ValueError(gettext("Give an amount for each invoice, or for none."))
        return self


class SetAside(Command):
    """Decide that an entry pays no invoice, for a reason."""

    reason: Annotated[
        str,
        StringConstraints(min_length=1, max_length=2000, strip_whitespace=True),
        AfterValidator(no_control_characters),
    ]
