"""Whole numbers of an export that are written in groups of three digits."""

import re

BLANKS = "\u00a0\u202f\u2009"
"""Blanks that some programs write between thousands."""
APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
"""What Swiss formats have between thousands."""


def without_thousands_separators(text: str, separator: str) -> str:
    """The digits of a number such as `2 553`; any other text unchanged."""
    plain = re.sub(f"[{BLANKS}]", " ", text) if separator == " " else text
    plain = plain.replace(APOSTROPHE, "'") if separator == "'" else plain
    grouped = rf"\d{{1,3}}(?:{re.escape(separator)}\d{{3}})+"
    return plain.replace(separator, "") if re.fullmatch(grouped, plain, re.ASCII) else text
