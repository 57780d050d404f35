"""What a sentence that is put together must look like, whatever its parts are."""

import re

_FAULTS = {
    "an article that does not fit": r"\b[Aa] [aeiou]|\b[Aa]n [^aeiouAEIOU\W]",
    "a plural with 1": r"(?<![\d,.])1 (minutes|incidents|grants|items|requests|contracts|days|hours)\b",
    "a name of the program": r"\b\w+_\w+\b",
    "two spaces or a space before punctuation": r"  | [.,;:]",
    "an empty part": r"“”|''|\(\)|: ?[.;]|\bNone\b",
    "a missing noun": r"\b(has|have) none\b",
    "private wording": r"does not hold\b",
}


def faults_of(text: str) -> list[str]:
    """What is wrong with a text; empty for whole sentences."""
    found = [name for name, pattern in _FAULTS.items() if re.search(pattern, text)]
    if not re.match(r"[A-Z0-9“]", text):
        found.append("no capital at the beginning")
    if not text.endswith((".", "?", ".”")):
        found.append("no end")
    return found
