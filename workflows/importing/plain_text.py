"""HTML of an export as plain text: markup is removed, and entities become their characters."""

import re
from html import unescape
from html.parser import HTMLParser

LINE_BREAKING = frozenset(
    {
        "br",
        "p",
        "div",
        "li",
        "ul",
        "ol",
        "tr",
        "table",
        "blockquote",
        "pre",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
    }
)
NOT_SHOWN = frozenset({"script", "style"})
MARKUP = (
    LINE_BREAKING
    | NOT_SHOWN
    | frozenset(
        "a abbr address article aside b big body caption center cite code col colgroup dd del details dl dt"
        " em figure font footer form head header hr html i img ins kbd label link main mark meta nav q s samp"
        " section small span strike strong sub summary sup tbody td tfoot th thead title tt u var wbr".split()
    )
)
"""What is removed; anything else in angle brackets, such as an email address, is text."""
ESCAPED_TAG = re.compile(r"&lt;/?[a-zA-Z](?:(?!&lt;)[^<>])*?&gt;", re.DOTALL)
ESCAPED_TWICE = re.compile(r"&amp;lt;/?[a-zA-Z](?:(?!&amp;lt;)[^<>])*?&amp;gt;", re.DOTALL)
BESIDE = frozenset({"td", "th"})
"""Cells of a row of a table: a blank is between them."""
DECLARATION = re.compile(r"<![^<>]*>")
"""Not shown by a browser. Python's parser raises an AssertionError for some, such as `<![x]>`."""
UNCLOSED = re.compile(r"<(?![^<>]*>)")
"""A bracket that no markup begins with: there is another one, or the end, before it is closed."""


def plain_text(text: str) -> str:
    """The text that a browser would show, line by line; markup that was escaped once more is read as well."""
    for escaped in (ESCAPED_TWICE, ESCAPED_TAG):
        if escaped.search(text):
            text = unescape(text)
    reader = _TextReader()
    # Python's parser looks for the end of each tag and comment up to the end of the text, so that unclosed
    # ones would take quadratic time (CPython 3.11).
    reader.feed(UNCLOSED.sub("&lt;", DECLARATION.sub("", _without_comments(text))))
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _without_comments(text: str) -> str:
    parts: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        parts.append(text[at:start])
        at = end + 3
    return "".join(parts) + text[at:]


class _TextReader(HTMLParser):
    """Collects the shown text in `parts`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in MARKUP:
            self.parts.append(self.get_starttag_text() or "")
        if tag in NOT_SHOWN:
            self.hidden += 1
        if tag in LINE_BREAKING:
            self._break_line()

    def handle_endtag(self, tag: str) -> None:
        if tag in NOT_SHOWN and self.hidden:
            self.hidden -= 1
        if tag not in MARKUP:
            self.parts.append(f"</{tag}>")
        if tag in LINE_BREAKING and tag != "br":
            self._break_line()
        if tag in BESIDE:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)

    def _break_line(self) -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append("\n")
