"""Decodes the bytes of a rule file to text."""

from engine.rulebook.syntax.problems import TOP, FileReport, Place, Problem, RuleSetRefused

MAX_BYTES = 1024 * 1024
BYTE_ORDER_MARK = "\ufeff"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def decode_rule_file(path: str, raw: bytes, problems: list[Problem] | None = None) -> str:
    """The text of a rule file: UTF-8, at most 1 MiB; a byte order mark is removed with a warning.

    If a list is given, problems are appended to it, and an unreadable file is returned as "".
    Raises: RuleSetRefused for an unreadable file if no list is given.
    """
    report = FileReport(path)
    text = _decoded(report, raw)
    if problems is not None:
        problems.extend(report.problems)
    elif report.has_errors:
        raise RuleSetRefused(tuple(report.problems))
    return text


def too_large(size_bytes: int) -> str:
    """The message for a rule file that is larger than the limit."""
    return (
        f"The file has {size_bytes:,} bytes; a rule file may have {MAX_BYTES:,}. "
        "Remove what does not belong in it, or split its rules."
    )


def strip_byte_order_mark(report: FileReport, text: str) -> str:
    """The text without a byte order mark; reports a warning if there is one."""
    if not text.startswith(BYTE_ORDER_MARK):
        return text
    report.warning(TOP, "The file starts with a byte order mark (BOM). Save it as UTF-8 without one.")
    return text[1:]


def _decoded(report: FileReport, raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        report.error(TOP, too_large(len(raw)))
        return ""
    if raw.startswith(UTF_16_MARKS):
        report.error(TOP, "The file is saved as UTF-16. Save it as UTF-8.")
        return ""
    try:
        return strip_byte_order_mark(report, raw.decode("utf-8"))
    except UnicodeDecodeError as trouble:
        report.text = raw[: trouble.start].decode("utf-8")
        byte = raw[trouble.start]
        place = Place(len(report.text), "")
        report.error(place, f"Byte 0x{byte:02X} is not UTF-8. Save the file as UTF-8.")
        return ""
