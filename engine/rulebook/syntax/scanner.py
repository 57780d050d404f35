"""JSON with a place for everything: each value, each key, each mistake.

The standard parser stops at the first mistake, takes NaN, and lets a second key of the same name win in
silence. This one goes on behind the mistakes people make (a missing comma, one too many, a comment, single
quotes), so that one look shows them all.
"""

from dataclasses import dataclass, field
from re import Match
from re import compile as regex
from typing import NoReturn

from engine.rulebook.syntax.problems import FileReport, Place

MOST_LEVELS = 64
MOST_DIGITS = 19

BLANK = regex(r"[ \t\r\n]*")
COMMENT = regex(r"//[^\r\n]*|/\*[\s\S]*?(?:\*/|\Z)|#[^\r\n]*")
NUMBER = regex(r"-?([0-9]+)(\.[0-9]+)?([eE][+-]?[0-9]+)?(?![\w.])")
WORD = regex(r"[\w.$+-]+")
PLAIN_TEXT = {quote: regex(rf"[^{quote}\\\x00-\x1f]*") for quote in "\"'"}
FOUR_HEX = regex(r"[0-9A-Fa-f]{4}")
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
MEANT = {"True": "true", "False": "false", "None": "null", "nil": "null", "undefined": "null"}


class Broken:
    """Stands for a value that could not be read; its problem has been told already."""


BROKEN = Broken()


@dataclass(slots=True, eq=False)
class Node:
    """A JSON value and where it stands. An object keeps the offsets of its keys as well."""

    value: "dict[str, Node] | list[Node] | str | int | float | bool | Broken | None"
    start: int
    parent: "Node | None" = None
    step: str | int = ""
    key_starts: dict[str, int] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return Place(self.start, self._pointer())

    def key_place(self, key: str) -> Place:
        return Place(self.key_starts.get(key, self.start), self._pointer() + _step(key))

    def _pointer(self) -> str:
        # Built when asked for: kept in every node, pointers would cost more than the values.
        steps: list[str] = []
        node = self
        while node.parent is not None:
            steps.append(_step(node.step))
            node = node.parent
        return "".join(reversed(steps))


class Unreadable(Exception):
    """The text makes no sense from here on; its problem has been told already."""


def scan(report: FileReport) -> Node | None:
    """Read the report's text; None where it breaks off. All mistakes go to the report."""
    try:
        scanner = _Scanner(report)
        root = scanner.value(None, "", 1)
        scanner.nothing_more(root)
    except Unreadable:
        return None
    return root


class _Scanner:
    def __init__(self, report: FileReport) -> None:
        self.report = report
        self.text = report.text
        self.at = 0

    def value(self, parent: Node | None, step: str | int, level: int) -> Node:
        node = Node(None, self.at, parent, step)
        self._skip_blank(node)
        node.start = self.at
        head = self._head()
        if level > MOST_LEVELS:
            self._stop(node, f"Nested deeper than {MOST_LEVELS} levels. Write it flatter.")
        if head == "{":
            self._object(node, level)
        elif head == "[":
            self._array(node, level)
        elif head == '"' or head == "'":
            node.value = self._string(node)
        elif head == "":
            self._stop(
                node, "The file ends where a value should be. Write the value, and close what is open."
            )
        else:
            node.value = self._number_or_word(node)
        return node

    def nothing_more(self, root: Node) -> None:
        self._skip_blank(root)
        if self.at < len(self.text):
            self._stop(
                root, "The JSON value is complete before this. Remove what follows, or a bracket too many."
            )

    def _object(self, node: Node, level: int) -> None:
        members: dict[str, Node] = {}
        node.value = members
        self.at += 1
        is_first = True
        while self._another(node, "}", is_first=is_first):
            is_first = False
            key_start = self.at
            key = self._key(node)
            self._skip_blank(node)
            if self._head() == ":":
                self.at += 1
            else:
                self._mend(node, f"A colon is missing after {quoted(key)}.")
            member = self.value(node, key, level + 1)
            if key in members:
                line, _ = self.report.line_and_column(node.key_starts[key])
                self.report.error(
                    Place(key_start, member.place.pointer),
                    f"{quoted(key)} appears twice, first on line {line}. Keep one of them.",
                )
                continue
            members[key] = member
            node.key_starts[key] = key_start

    def _array(self, node: Node, level: int) -> None:
        elements: list[Node] = []
        node.value = elements
        self.at += 1
        while self._another(node, "]", is_first=not elements):
            elements.append(self.value(node, len(elements), level + 1))

    def _another(self, node: Node, end: str, *, is_first: bool) -> bool:
        """Whether a further member follows; takes the comma before it, or the closing bracket."""
        self._skip_blank(node)
        if self._head() == end:
            self.at += 1
            return False
        comma = self.at
        if self._head() == ",":
            self._commas(node, end, is_first=is_first)
            if self._head() == end:
                self.report.error(Place(comma, node.place.pointer), f"A comma right before {end}. Remove it.")
                self.at += 1
                return False
        elif not is_first and self._head() not in ("", "]", "}", ":"):
            self._mend(node, "A comma is missing before this.")
        if self._head() == "":
            self._stop(node, f"The file ends too early. Add the missing {end} at its end.")
        if self._head() in "]}:":
            self._stop(node, f"{self._head()} does not fit here. Close what is open with {end} first.")
        return True

    def _commas(self, node: Node, end: str, *, is_first: bool) -> None:
        allowed = 0 if is_first else 1
        while self._head() == ",":
            if allowed == 0:
                self._mend(node, "A comma too many. Remove it.")
            allowed = 0
            self.at += 1
            self._skip_blank(node)

    def _key(self, node: Node) -> str:
        start = self.at
        if self._head() in "\"'":
            key = self._string(node)
            return key if isinstance(key, str) else f"unreadable key at {start}"
        word = WORD.match(self.text, start)
        if word is None:
            self._stop(node, "A key in double quotes is expected here.")
        self._mend(node, f"A key needs double quotes: {quoted(word.group())}.")
        self.at = word.end()
        return word.group()

    def _string(self, node: Node) -> str | Broken:
        start = self.at
        quote = self.text[start]
        if quote == "'":
            self._mend(node, "Text stands in double quotes in JSON, not in single ones.")
        self.at += 1
        parts: list[str] = []
        is_sound = True
        while self._head() != quote:
            run = PLAIN_TEXT[quote].match(self.text, self.at)
            if run is not None and run.group():
                parts.append(run.group())
                self.at = run.end()
            elif self._head() == "\\":
                is_sound = self._escape(node, parts) and is_sound
            elif self._head() in ("", "\n", "\r"):
                self.at = start
                self._stop(node, f"This text is not closed on its line. Add the missing {quote} to it.")
            else:
                self._mend(node, "A control character inside text. Write \\t for a tab, or remove it.")
                self.at += 1
                is_sound = False
        self.at += 1
        text = "".join(parts)
        if is_sound and not _is_sound(text):
            message = "Text holds a control character or half of a surrogate pair. Remove it."
            self.report.error(Place(start, node.place.pointer), message)
            is_sound = False
        return text if is_sound else BROKEN

    def _escape(self, node: Node, parts: list[str]) -> bool:
        """Take one escape into `parts`; False where it is none."""
        letter = self.text[self.at + 1 : self.at + 2]
        if letter == "u" and (high := FOUR_HEX.match(self.text, self.at + 2)):
            unit = int(high.group(), 16)
            self.at += 6
            if 0xD800 <= unit < 0xDC00 and self.text.startswith("\\u", self.at):
                low = FOUR_HEX.match(self.text, self.at + 2)
                if low is not None and 0xDC00 <= int(low.group(), 16) < 0xE000:
                    unit = 0x10000 + ((unit - 0xD800) << 10) + (int(low.group(), 16) - 0xDC00)
                    self.at += 6
            parts.append(chr(unit))
            return True
        if letter in ESCAPES:
            parts.append(ESCAPES[letter])
            self.at += 2
            return True
        self._mend(node, "An unknown escape in text. Write \\\\ for a backslash.")
        self.at += 1
        return False

    def _number_or_word(self, node: Node) -> int | float | bool | Broken | None:
        number = NUMBER.match(self.text, self.at)
        if number is not None:
            self.at = number.end()
            return self._number(node, number.group(), number.group(1))
        word = WORD.match(self.text, self.at)
        if word is None:
            self._stop(
                node, f"{quoted(self._head())} is no JSON value. Write text in double quotes, or a number."
            )
        self.at = word.end()
        name = word.group()
        if name in WORDS:
            return WORDS[name]
        shown = shortened(name)
        if name in MEANT:
            remedy = f"is no JSON value. Write {MEANT[name]}."
        elif name.lstrip("+-").lower() in ("nan", "infinity", "inf"):
            remedy = "is no number of JSON. Write a whole number."
        elif name.lstrip("+-.")[:1].isdigit():
            remedy = "is no number of JSON. Write it like 90 or -90."
        else:
            remedy = "is no JSON value. Put text into double quotes."
        self.report.error(node.place, f"{shown} {remedy}")
        return BROKEN

    def _number(self, node: Node, written: str, digits: str) -> int | float | Broken:
        if len(digits) > 1 and digits[0] == "0":
            self.report.error(node.place, "A number does not begin with 0. Remove the leading zeros.")
            return BROKEN
        if len(digits) > MOST_DIGITS:
            self.report.error(node.place, f"A number of more than {MOST_DIGITS} digits. Write a smaller one.")
            return BROKEN
        if written.lstrip("-").isdigit():
            return int(written)
        value = float(written)
        if value in (float("inf"), float("-inf")):
            self.report.error(node.place, "This number is too large to be held. Write a smaller one.")
            return BROKEN
        return value

    def _head(self) -> str:
        return self.text[self.at : self.at + 1]

    def _skip_blank(self, node: Node) -> None:
        self._skip(BLANK.match(self.text, self.at))
        while comment := COMMENT.match(self.text, self.at):
            self._mend(node, 'JSON has no comments. Remove it; a "why" or a "description" can say it.')
            self.at = comment.end()
            self._skip(BLANK.match(self.text, self.at))

    def _skip(self, found: Match[str] | None) -> None:
        self.at = found.end() if found else self.at

    def _mend(self, node: Node, message: str) -> None:
        """Tell a mistake at the present place, behind which reading goes on."""
        self.report.error(Place(self.at, node.place.pointer), message)

    def _stop(self, node: Node, message: str) -> NoReturn:
        self._mend(node, message)
        raise Unreadable


def quoted(name: str) -> str:
    """A name from a file as it stands in a message: in quotes, and not endless."""
    return f'"{shortened(name)}"'


def shortened(text: str, most: int = 60) -> str:
    shown = "".join(char if char.isprintable() else "?" for char in text[: most + 1])
    return shown if len(shown) <= most else f"{shown[:most]}…"


def _step(step: str | int) -> str:
    # A key of a megabyte is cut: the place is told by line and column as well.
    return f"/{step}" if isinstance(step, int) else "/" + step[:200].replace("~", "~0").replace("/", "~1")


def _is_sound(text: str) -> bool:
    return not any(
        "\ud800" <= char <= "\udfff" or (char < " " and char not in "\n\t") or char == "\x7f" for char in text
    )
