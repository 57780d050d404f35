"""The values of a mapping file that describe its export: encoding, separators, missing values."""

import codecs
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email

from engine.errors import UnknownTimeZone
from engine.periods import zone_named
from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node, quoted
from engine.rulebook.syntax.typed_reader import read_list, read_text

SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


def read_encoding(report: FileReport, node: Node) -> str:
    """The name of a text encoding; UTF-8 with or without its byte order mark."""
    name = read_text(report, node, maximum=60)
    if name is None:
        return "utf-8-sig"
    try:
        found = codecs.lookup(name)
        is_text = getattr(found, "_is_text_encoding", True) and isinstance(b"".decode(name), str)
    except (LookupError, ValueError, UnicodeError):
        is_text = False
    if not is_text:
        report.error(
            node.place,
            f"{quoted(name)} is not a text encoding. Use utf-8, utf-16, latin-1, cp1252 or another name.",
        )
        return "utf-8-sig"
    # utf-8-sig removes a byte order mark, which would become part of the first column's name
    return "utf-8-sig" if codecs.lookup(name).name == "utf-8" else name


def read_separator(report: FileReport, node: Node) -> str:
    """One character, or a word for one."""
    text = node.value if node.value == "\t" else read_text(report, node, maximum=10)
    one = SEPARATORS.get(str(text), str(text)) if text is not None else ","
    if len(one) != 1 or one in '\r\n" ':
        words = ", ".join(f'"{word}"' for word in SEPARATORS)
        report.error(node.place, f"{quoted(one)} is not a separator. Write one character, or {words}.")
        return ","
    return one


def read_quote(report: FileReport, node: Node) -> str | None:
    """One character, or None for a file without quotation marks."""
    if node.value is None:
        return None
    text = read_text(report, node, maximum=10)
    if text is not None and (len(text) != 1 or text in "\r\n\t "):
        report.error(
            node.place, f"{quoted(text)} is not a quotation mark. Write one character, or null for none."
        )
    return text


def read_escape(report: FileReport, node: Node) -> str | None:
    """The character before a quotation mark that is text; None if such marks are doubled."""
    if node.value is None:
        return None
    text = read_text(report, node, maximum=10)
    if text is not None and (len(text) != 1 or text.isalnum() or text.isspace()):
        report.error(
            node.place, f'{quoted(text)} cannot escape. Write one character, such as "\\\\", or null.'
        )
        return None
    return text


def read_missing(report: FileReport, node: Node) -> frozenset[str]:
    """The texts that mean an unknown value."""
    marks = (read_text(report, one, maximum=100, minimum=0) for one in read_list(report, node, of="texts"))
    return frozenset(mark.strip() for mark in marks if mark is not None)


def read_zone(report: FileReport, node: Node) -> ZoneInfo | None:
    """A time zone by its IANA name; None for the provider's."""
    if node.value is None:
        return None
    name = read_text(report, node, maximum=100)
    if name is None:
        return None
    try:
        return zone_named(name)
    except UnknownTimeZone as unknown:
        report.error(node.place, str(unknown))
        return None


def read_domain(report: FileReport, node: Node) -> str:
    """The domain of the email addresses that are made from names."""
    name = read_text(report, node, maximum=200) or ""
    try:
        validate_email(f"someone@{name}", check_deliverability=False)
    except EmailNotValidError:
        report.error(
            node.place,
            f"{quoted(name)} cannot be the domain of an email address. "
            'Use one that receives no mail, such as "import.example".',
        )
    return name.lower()
