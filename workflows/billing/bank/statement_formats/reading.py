"""Which format a file has, and its statements."""

from workflows.billing.bank.statement_formats.camt053 import read_camt053
from workflows.billing.bank.statement_formats.csv_statement import read_csv_statement
from workflows.billing.bank.statement_formats.values import (
    MOST_BYTES,
    BankStatement,
    StatementTooLarge,
    UnreadableStatement,
)
from workflows.commands.bank_statements import CsvProfile
from workflows.languages.formats import number_text
from workflows.languages.texts import gettext, mark

_OTHER_FORMATS = {
    b"PK\x03\x04": (mark("a ZIP archive"), mark("Unpack it, and upload each file in it.")),
    b"\x1f\x8b": (mark("a compressed file"), mark("Unpack it first.")),
    b"%PDF": (mark("a PDF"), mark("Download the statement as camt.053 or CSV.")),
    b":20:": (mark("an MT940 statement"), mark("Download the statement as camt.053, which has replaced it.")),
    b"\xd0\xcf\x11\xe0": (mark("a spreadsheet"), mark("Save it as CSV.")),
}
_XML_STARTS = (b"<", b"\xff\xfe<", b"\xfe\xff\x00<", b"\x00<")


def read_statements(data: bytes, profile: CsvProfile | None = None) -> tuple[BankStatement, ...]:
    """The statements of a file: camt.053 if it is XML, otherwise CSV by the profile.

    Raises: UnreadableStatement and its kinds.
    """
    if len(data) > MOST_BYTES:
        raise StatementTooLarge(
            gettext("The file has more than %(most_bytes)s bytes.", most_bytes=number_text(MOST_BYTES)),
            remedy=gettext("Export fewer days at once."),
        )
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not data.strip():
        raise UnreadableStatement(
            gettext("The file is empty."), remedy=gettext("Download the statement from the bank again.")
        )
    for magic, (name, remedy) in _OTHER_FORMATS.items():
        if start.startswith(magic):
            raise UnreadableStatement(
                gettext("The file is %(name)s.", name=gettext(name)), remedy=gettext(remedy)
            )
    if start.startswith(_XML_STARTS):
        return read_camt053(data)
    if profile is None:
        raise UnreadableStatement(
            gettext("The file is not XML."),
            remedy=gettext("Upload a camt.053 file, or name the profile of a CSV file."),
        )
    return read_csv_statement(data, profile)
