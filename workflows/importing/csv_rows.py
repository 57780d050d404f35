"""From the text of a CSV file to its rows. A broken quotation mark costs its own line and no other.

A cell is quoted only if its closing mark is followed by a separator, a line end or the end of the file, and
the marks in it are doubled (RFC 4180), or escaped where the mapping names the character for that. Where that
does not hold, the line is reported and reading continues with the next one. A quoted cell may have any number
of lines: in a row that fits the header, they never become rows of their own.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

NOT_CLOSED = "a quotation mark is not closed"
TEXT_FOLLOWS = "text follows a closing quotation mark; inside a cell, a quotation mark is written twice"
BACKSLASH = "\\"
BEHIND_A_BACKSLASH = (
    "text follows a quotation mark behind a backslash; inside a cell, the mark is written twice"
)
LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class CsvRow:
    """The cells of the row on the lines `line` to `last_line`, or the `problem` that makes it unreadable.

    `has_blanks` is whether blanks stand between a separator and a quotation mark.
    """

    line: int
    last_line: int
    fields: list[str]
    problem: str | None = None
    has_blanks: bool = False


class CsvReader:
    """Splits a text into rows. `quote` is None in a file whose quotation marks are text.

    Behind `escape`, a quotation mark, a separator, a line end or another `escape` is text. It is text itself
    before anything else.
    """

    def __init__(self, text: str, separator: str, quote: str | None, escape: str | None = None) -> None:
        self.text = text
        self.separator = separator
        self.quote = quote
        self.escape = escape
        between, blank = re.escape(separator), r"[ ]" if separator == "\t" else r"[ \t]"
        mark, escaping = re.escape(quote or ""), re.escape(escape or "")
        escaped = rf"{escaping}(?:\r\n|(?s:.)|\Z)" if escape is not None else r"(?!)"
        self.escaped = re.compile(rf"{escaping}(\r\n|[\r\n{between}{mark}{escaping}])") if escaping else None
        plain = rf"[^{between}\r\n{escaping}]*+"
        self.unquoted = re.compile(rf"{plain}(?:{escaped}{plain})*+" if escaping else plain)
        self.opening = re.compile(rf"{blank}*{mark}")
        # possessive: a pair of marks is never split, so each text is scanned once
        self.closed = (
            re.compile(rf"([^{mark}{escaping}]*+(?:(?:{mark}{mark}|{escaped})[^{mark}{escaping}]*+)*+){mark}")
            if mark
            else None
        )
        self.after = re.compile(rf"{blank}*(?={between}|[\r\n]|\Z)")

    def rows(self, fits: Callable[[CsvRow], bool] = lambda row: True) -> Iterator[CsvRow]:
        """Every row that is not an empty line, in order.

        A row of several lines that does not fit is one whose quotation mark is closed by a later row's.
        """
        at, line, end = 0, 1, len(self.text)
        while at < end:
            next_at, row = self._row_at(at, line)
            if row.last_line > line and not fits(row):
                next_at, row = self._line_end(at)[1], CsvRow(line, line, [], NOT_CLOSED)
            if row.fields != [""] or row.problem is not None:
                yield row
            at, line = next_at, row.last_line + 1

    def _row_at(self, at: int, line: int) -> tuple[int, CsvRow]:
        """The row that begins at a position, and the position after it."""
        stop, after = self._line_end(at)
        content = self.text[at:stop]
        is_plain = self.quote is None or self.quote not in content
        if is_plain and (self.escape is None or self.escape not in content):
            return after, CsvRow(line, line, content.split(self.separator))
        fields: list[str] = []
        has_blanks = False
        position = at
        while True:
            cell = self._quoted_cell(position, stop)
            if isinstance(cell, str):
                return after, CsvRow(line, line, [], cell)
            if cell is None:
                plain = self.unquoted.match(self.text, position)
                assert plain is not None  # it matches the empty text
                fields.append(plain[0] if self.escape is None else self._without_escapes(plain[0]))
                position = plain.end()
            else:
                value, position, had_blanks = cell
                fields.append(value)
                has_blanks = has_blanks or had_blanks
            if self.text[position : position + 1] != self.separator:
                break
            position += 1
        _, after = self._line_end(position)
        last = line + len(LINE_END.findall(self.text, at, position))
        return after, CsvRow(line, last, fields, has_blanks=has_blanks)

    def _quoted_cell(self, position: int, stop: int) -> tuple[str, int, bool] | str | None:
        """The quoted cell at a position: value, end, and whether blanks precede it.

        Instead of these, its problem; or None if it is not quoted. `stop` is the end of the row's first line.
        """
        opening = self.opening.match(self.text, position)
        if opening is None or self.closed is None or self.quote is None:
            return None
        had_blanks = opening.end() - position > 1
        closed = self.closed.match(self.text, opening.end())
        after = self.after.match(self.text, closed.end()) if closed is not None else None
        if closed is None or after is None:
            if had_blanks:
                return None  # without quotation marks, blanks are a part of the cell
            if closed is None or closed.end() > stop:
                return NOT_CLOSED
            has_backslash = self.escape is None and closed[1].endswith(BACKSLASH)
            return BEHIND_A_BACKSLASH if has_backslash else TEXT_FOLLOWS
        return self._without_escapes(closed[1], doubled=self.quote), after.end(), had_blanks

    def _without_escapes(self, text: str, *, doubled: str | None = None) -> str:
        """What a cell says: of two marks `doubled` one, and what is escaped."""
        if self.escape is None or self.escaped is None or self.escape not in text:
            return text.replace(doubled * 2, doubled) if doubled is not None else text
        pieces = self.escaped.split(text)
        if doubled is not None:
            pieces[::2] = [piece.replace(doubled * 2, doubled) for piece in pieces[::2]]
        return "".join(pieces)

    def _line_end(self, at: int) -> tuple[int, int]:
        """Where the line of a position ends, and where the next one begins."""
        found = LINE_END.search(self.text, at)
        return (found.start(), found.end()) if found is not None else (len(self.text), len(self.text))


def row_like_lines(row: CsvRow, separator: str, width: int) -> int:
    """How many lines inside the row's cells have as many cells as the header, which has `width`."""
    if row.last_line == row.line or width < 2:
        return 0
    inside = (line for field in row.fields for line in LINE_END.split(field)[1:])
    return sum(line.count(separator) == width - 1 for line in inside)
