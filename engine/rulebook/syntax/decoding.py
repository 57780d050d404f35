"""From the bytes of a rule file to its text."""

from engine.rulebook.syntax.problems import TOP, FileReport, Place, Problem, RuleSetRefused

MOST_BYTES = 1024 * 1024
BYTE_ORDER_MARK = "\ufeff"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def decode_rule_file(path: str, raw: bytes, problems: list[Problem] | None = None) -> str:
    """The text of a rule file: UTF-8, at most 1 MiB; a byte order mark is dropped with a warning.

    Problems are added to `problems` where a list is given, and an unreadable file then reads as "".
    Raises: RuleSetRefused for an unreadable file where no list is given.
    """
    report = FileReport(path)
    text = _decoded(report, raw)
    if problems is not None:
        problems.extend(report.problems)
    elif report.has_errors:
        raise RuleSetRefused(tuple(report.problems))
    return text


def too_large(size_bytes: int) -> str:
    """What to say of a rule file above the size that is read."""
    return (
        f"The file has {size_bytes:,} bytes; a rule file may have {MOST_BYTES:,}. "
        "Remove what does not belong into it, or split its rules."
    )


def without_mark(report: FileReport, text: str) -> str:
    """The text without a byte order mark, which is warned of."""
    if not text.startswith(BYTE_ORDER_MARK):
        return text
    report.warning(TOP, "The file begins with a byte order mark. Save it as UTF-8 without one (BOM).")
    return text[1:]


def _decoded(report: FileReport, raw: bytes) -> str:
    if len(raw) > MOST_BYTES:
        report.error(TOP, too_large(len(raw)))
        return ""
    if raw.startswith(UTF_16_MARKS):
        report.error(TOP, "The file is saved as UTF-16. Save it as UTF-8.")
        return ""
    try:
        return without_mark(report, raw.decode("utf-8"))
    except UnicodeDecodeError as trouble:
        report.text = raw[: trouble.start].decode("utf-8")
        byte = raw[trouble.start]
        place = Place(len(report.text), "")
        report.error(place, f"Byte 0x{byte:02X} is not UTF-8. Save the file as UTF-8.")
        return ""
