"""A language for tests in which each translated text is in brackets, so that what is not translated shows."""

import gettext
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

from web import languages
from workflows.languages import texts
from workflows.languages.texts import SEPARATOR

OPEN, CLOSE = "⟦", "⟧"
SHOWN_ATTRIBUTES = ("title", "aria-label", "placeholder", "alt", "data-label", "aria-description")
NOT_TEXT = {"script", "style", "code", "kbd", "svg", "textarea", "time"}
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_SIGN = re.compile(r"[:;](?=\s|$)|[“”]")
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept|Oct|Nov|Dec)\b"
_DATE = rf"\b(?:\d{{1,2}} )?{_MONTH}(?: \d{{4}})?(?:, \d\d:\d\d(?: [A-Z]{{3,4}})?)?"


class PseudoTranslations(gettext.NullTranslations):
    """Puts each text in brackets."""

    def gettext(self, message: str) -> str:
        context, separator, text = message.rpartition(SEPARATOR)
        return f"{context}{separator}{OPEN}{text}{CLOSE}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"{OPEN}{msgid1 if n == 1 else msgid2}{CLOSE}"

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)


@contextmanager
def pseudo_language() -> Iterator[None]:
    """Show every page and raise every error in the pseudo-language."""
    pseudo = PseudoTranslations()
    before = texts.catalogue
    for module in (texts, languages):
        module.catalogue = lambda code: pseudo  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in (texts, languages):
            module.catalogue = before  # type: ignore[attr-defined]


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.texts.append("")
        if tag in NOT_TEXT:
            self._silent.append(tag)
        at = dict(attributes)
        self.texts += [value for name in SHOWN_ATTRIBUTES if (value := at.get(name))]
        if tag == "input" and at.get("type") in ("submit", "button"):
            self.texts.append(at.get("value") or "")
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.texts.append("")
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts[-1:] = [(self.texts[-1] if self.texts else "") + data]


def texts_of_data(data: Iterable[str]) -> re.Pattern[str]:
    """What finds data, such as names, within the texts of a page; dates and months as well."""
    longest_first = sorted(filter(str.strip, data), key=len, reverse=True)
    return re.compile("|".join([_DATE, *map(re.escape, longest_first)]))


def untranslated(html: str, data: re.Pattern[str]) -> list[str]:
    """The pieces of text of a page that are in no brackets and are no data.

    A colon, a semicolon and quotation marks are texts too: French has others.
    """
    reader = _Texts()
    reader.feed(html)
    left = []
    depth = 0
    outside = ""
    # brackets may span elements: a sentence with a link in it
    for text in reader.texts:
        for character in text:
            if character == OPEN:
                depth += 1
            elif character == CLOSE:
                depth = max(0, depth - 1)
                outside += " "
            elif depth == 0:
                outside += character
        outside += "\n"
    for piece in outside.split("\n"):
        piece = " ".join(data.sub(" ", piece).split())
        if _LETTERS.search(piece) or _SIGN.search(piece):
            left.append(piece)
    return left
