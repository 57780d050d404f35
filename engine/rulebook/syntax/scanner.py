"""A JSON parser that records the position of each value, key and mistake.

The standard parser stops at the first mistake, accepts NaN, and silently lets a duplicate key win. This one
continues after common mistakes (a missing or extra comma, a comment, single quotes), so that one run reports
all of them.
"""

from dataclasses import dataclass, field
from re import Match
from re import compile as regex
from typing import NoReturn

from engine.rulebook.syntax.problems import FileReport, Place

MAX_LEVELS = 64
MAX_DIGITS = 19

BLANK = regex(r"[ \t\r\n]*")
COMMENT = regex(r"//[^\r\n]*|/\*[\s\S]*?(?:\*/|\Z)|#[^\r\n]*")
NUMBER = regex(r"-?([0-9]+)(\.[0-9]+)?([eE][+-]?[0-9]+)?(?![\w.])")
WORD = regex(r"[\w.$+-]+")
PLAIN_TEXT = {quote: regex(rf"[^{quote}\\\x00-\x1f]*") for quote in "\"'"}
FOUR_HEX = regex(r"[0-9A-Fa-f]{4}")
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
REPLACEMENTS = {"True": "true", "False": "false", "None": "null", "nil": "null", "undefined": "null"}


class UnreadableValue:
    """A value that could not be read; its problem has already been reported."""


UNREADABLE = UnreadableValue()


@dataclass(slots=True, eq=False)
class Node:
    """A JSON value with its position; an object also has the offsets of its keys."""

    value: "dict[str, Node] | list[Node] | str | int | float | bool | UnreadableValue | None"
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
        # Built on demand: stored in every node, pointers would take more memory than the values.
        steps: list[str] = []
        node = self
        while node.parent is not None:
            steps.append(_step(node.step))
            node = node.parent
        return "".join(reversed(steps))


class ScanStopped(Exception):
    """The rest of the text cannot be parsed; the problem has already been reported."""


def scan(report: FileReport) -> Node | None:
    """Parse the report's text. Returns None if it cannot be parsed to the end; mistakes go to the report."""
    try:
        scanner = _Scanner(report)
        root = scanner.value(None, "", 1)
        scanner.expect_end(root)
    except ScanStopped:
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
        head = self._peek()
        if level > MAX_LEVELS:
            self._fail(node, f"Nested deeper than {MAX_LEVELS} levels. Flatten it.")
        if head == "{":
            self._object(node, level)
        elif head == "[":
            self._array(node, level)
        elif head == '"' or head == "'":
            node.value = self._string(node)
        elif head == "":
            self._fail(
                node,
                "The file ends where a value is expected. Add the value and the missing closing brackets.",
            )
        else:
            node.value = self._number_or_word(node)
        return node

    def expect_end(self, root: Node) -> None:
        self._skip_blank(root)
        if self.at < len(self.text):
            self._fail(root, "The JSON value ends before this. Remove the rest, or an extra closing bracket.")

    def _object(self, node: Node, level: int) -> None:
        members: dict[str, Node] = {}
        node.value = members
        self.at += 1
        is_first = True
        while self._has_next(node, "}", is_first=is_first):
            is_first = False
            key_start = self.at
            key = self._key(node)
            self._skip_blank(node)
            if self._peek() == ":":
                self.at += 1
            else:
                self._report_error(node, f"A colon is missing after {quoted(key)}.")
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
        while self._has_next(node, "]", is_first=not elements):
            elements.append(self.value(node, len(elements), level + 1))

    def _has_next(self, node: Node, end: str, *, is_first: bool) -> bool:
        """Whether another member follows; consumes the comma before it, or the closing bracket."""
        self._skip_blank(node)
        if self._peek() == end:
            self.at += 1
            return False
        comma = self.at
        if self._peek() == ",":
            self._commas(node, end, is_first=is_first)
            if self._peek() == end:
                self.report.error(
                    Place(comma, node.place.pointer), f"There is a comma right before {end}. Remove it."
                )
                self.at += 1
                return False
        elif not is_first and self._peek() not in ("", "]", "}", ":"):
            self._report_error(node, "A comma is missing before this.")
        if self._peek() == "":
            self._fail(node, f"The file ends too early. Add the missing {end} at its end.")
        if self._peek() in "]}:":
            self._fail(node, f"{self._peek()} is not expected here. Add the missing {end} first.")
        return True

    def _commas(self, node: Node, end: str, *, is_first: bool) -> None:
        allowed = 0 if is_first else 1
        while self._peek() == ",":
            if allowed == 0:
                self._report_error(node, "There is an extra comma. Remove it.")
            allowed = 0
            self.at += 1
            self._skip_blank(node)

    def _key(self, node: Node) -> str:
        start = self.at
        if self._peek() in "\"'":
            key = self._string(node)
            return key if isinstance(key, str) else f"unreadable key at {start}"
        word = WORD.match(self.text, start)
        if word is None:
            self._fail(node, "A key in double quotes is expected here.")
        self._report_error(node, f"A key needs double quotes: {quoted(word.group())}.")
        self.at = word.end()
        return word.group()

    def _string(self, node: Node) -> str | UnreadableValue:
        start = self.at
        quote = self.text[start]
        if quote == "'":
            self._report_error(node, "JSON text needs double quotes, not single quotes.")
        self.at += 1
        parts: list[str] = []
        is_valid = True
        while self._peek() != quote:
            run = PLAIN_TEXT[quote].match(self.text, self.at)
            if run is not None and run.group():
                parts.append(run.group())
                self.at = run.end()
            elif self._peek() == "\\":
                is_valid = self._escape(node, parts) and is_valid
            elif self._peek() in ("", "\n", "\r"):
                self.at = start
                self._fail(node, f"This text is not closed on the same line. Add the missing {quote} to it.")
            else:
                self._report_error(
                    node, "The text contains a control character. Write \\t for a tab, or remove it."
                )
                self.at += 1
                is_valid = False
        self.at += 1
        text = "".join(parts)
        if is_valid and not _is_valid_text(text):
            message = "The text contains a control character or an unpaired surrogate. Remove it."
            self.report.error(Place(start, node.place.pointer), message)
            is_valid = False
        return text if is_valid else UNREADABLE

    def _escape(self, node: Node, parts: list[str]) -> bool:
        """Append one decoded escape sequence to `parts`; False if it is invalid."""
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
        self._report_error(node, "Unknown escape sequence. Write \\\\ for a backslash.")
        self.at += 1
        return False

    def _number_or_word(self, node: Node) -> int | float | bool | UnreadableValue | None:
        number = NUMBER.match(self.text, self.at)
        if number is not None:
            self.at = number.end()
            return self._number(node, number.group(), number.group(1))
        word = WORD.match(self.text, self.at)
        if word is None:
            self._fail(
                node, f"{quoted(self._peek())} is not a JSON value. Write text in double quotes, or a number."
            )
        self.at = word.end()
        name = word.group()
        if name in LITERALS:
            return LITERALS[name]
        shown = shortened(name)
        if name in REPLACEMENTS:
            remedy = f"is not a JSON value. Write {REPLACEMENTS[name]}."
        elif name.lstrip("+-").lower() in ("nan", "infinity", "inf"):
            remedy = "is not a JSON number. Write a whole number."
        elif name.lstrip("+-.")[:1].isdigit():
            remedy = "is not a JSON number. Write it like 90 or -90."
        else:
            remedy = "is not a JSON value. Put text in double quotes."
        self.report.error(node.place, f"{shown} {remedy}")
        return UNREADABLE

    def _number(self, node: Node, written: str, digits: str) -> int | float | UnreadableValue:
        if len(digits) > 1 and digits[0] == "0":
            self.report.error(node.place, "A number must not start with 0. Remove the leading zeros.")
            return UNREADABLE
        if len(digits) > MAX_DIGITS:
            self.report.error(
                node.place, f"The number has more than {MAX_DIGITS} digits. Write a smaller one."
            )
            return UNREADABLE
        if written.lstrip("-").isdigit():
            return int(written)
        value = float(written)
        if value in (float("inf"), float("-inf")):
            self.report.error(node.place, "The number is too large. Write a smaller one.")
            return UNREADABLE
        return value

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _skip_blank(self, node: Node) -> None:
        self._skip(BLANK.match(self.text, self.at))
        while comment := COMMENT.match(self.text, self.at):
            self._report_error(
                node, 'JSON has no comments. Remove it, or move it to a "why" or "description".'
            )
            self.at = comment.end()
            self._skip(BLANK.match(self.text, self.at))

    def _skip(self, found: Match[str] | None) -> None:
        self.at = found.end() if found else self.at

    def _report_error(self, node: Node, message: str) -> None:
        """Report a mistake at the current position and continue."""
        self.report.error(Place(self.at, node.place.pointer), message)

    def _fail(self, node: Node, message: str) -> NoReturn:
        self._report_error(node, message)
        raise ScanStopped


def quoted(name: str) -> str:
    """A name from a file for use in a message: in quotes, shortened if long."""
    return f'"{shortened(name)}"'


def shortened(text: str, maximum: int = 60) -> str:
    shown = "".join(char if char.isprintable() else "?" for char in text[: maximum + 1])
    return shown if len(shown) <= maximum else f"{shown[:maximum]}…"


def _step(step: str | int) -> str:
    # Long keys are cut: line and column identify the position as well.
    return f"/{step}" if isinstance(step, int) else "/" + step[:200].replace("~", "~0").replace("/", "~1")


def _is_valid_text(text: str) -> bool:
    return not any(
        "\ud800" <= char <= "\udfff" or (char < " " and char not in "\n\t") or char == "\x7f" for char in text
    )
