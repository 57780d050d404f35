"""The email address in a cell of an export, which may hold several, or none that can be used."""

import re
from functools import lru_cache

from email_validator import validate_email

from workflows.commands.fields import no_encoded_words

IN_BRACKETS = re.compile(r"<([^<>]*)>")
BETWEEN = re.compile(r"[\s,;|/]+")
AROUND = "<>()[]\"'."
"""What may stand around an address in a text."""


@lru_cache(maxsize=50_000)
def usable_address(cell: str) -> tuple[str | None, str | None]:
    """The first usable address in a cell, if any, and a remark if that is not the whole cell."""
    if _is_usable(cell):
        return cell, None
    parts = IN_BRACKETS.findall(cell) or BETWEEN.split(cell)
    bare = (part.strip().removeprefix("mailto:").strip(AROUND) for part in parts)
    found = [part for part in bare if _is_usable(part)]
    shown = repr(cell[:100])
    if not found:
        return None, f"{shown} is not an email address that can be used"
    if len(parts) > 1:
        return found[0], f"of the email addresses {shown} only {found[0]} is used"
    return found[0], f"of {shown} only the email address {found[0]} is used"


def _is_usable(text: str) -> bool:
    try:
        no_encoded_words(validate_email(text, check_deliverability=False).normalized)
    except ValueError:
        return False
    return True
